//! What upstreams send.

use std::sync::Arc;

use serde::Deserialize;

use super::{Connection, Named, all, load, same};
use crate::support::{Bytes, Client, Proxy, Response, Upstream};

/// What an upstream sends, and what the client sees of it: of a proxy without rules, and of one
/// whose rule has a message for everything.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    /// Where it is written that it must be so, or why it should.
    #[serde(rename = "why")]
    _why: String,
    #[serde(default = "get")]
    method: String,
    /// Further field lines of the request.
    #[serde(default)]
    fields: Bytes,
    send: Bytes,
    then: Then,
    client: Seen,
    /// Default: the same statuses, but `status ` and the last one as a whole message.
    ruled: Option<Seen>,
}

/// What the upstream does with the connection.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Then {
    Stay,
    Close,
}

/// What the client sees.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    /// The status of each response, interim ones included; of the last one:
    status: Vec<u16>,
    #[serde(default)]
    body: Bytes,
    /// Whether it visibly breaks off.
    #[serde(default)]
    cut: bool,
    /// Fields that it has.
    #[serde(default)]
    has: Vec<String>,
    /// Names of fields that it has not.
    #[serde(default)]
    lacks: Vec<String>,
    #[serde(default = "kept")]
    connection: Connection,
}

impl Named for Vector {
    fn name(&mut self) -> &mut String {
        &mut self.name
    }
}

impl Vector {
    fn ruled(&self) -> Seen {
        self.ruled.clone().unwrap_or_else(|| Seen {
            status: self.client.status.clone(),
            body: Bytes(format!("status {}", self.client.status.last().unwrap()).into_bytes()),
            cut: false,
            has: Vec::new(),
            lacks: Vec::new(),
            connection: Connection::Kept,
        })
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter";

const ALWAYS: &str = r#"<status-code id="always" code-regex="\d\d\d" overwrite="ALWAYS"><message>status %s</message></status-code>"#;

#[test]
fn responses() {
    let vectors: Arc<[Vector]> = load::<Vector>("responses").into();
    assert!(vectors.len() > 40, "there are {} vectors", vectors.len());
    let scripts = Arc::clone(&vectors);
    let upstream = Upstream::start(move |connection| {
        while let Some(request) = connection.request() {
            let path = request.line().split(' ').nth(1).unwrap();
            let Ok(number) = path.trim_start_matches('/').parse::<usize>() else {
                connection.send(OK);
                continue;
            };
            let vector = &scripts[number];
            connection.send(&vector.send.0);
            if vector.then == Then::Close {
                return;
            }
        }
    });
    let (plain, ruled) = (Proxy::start("", &upstream), Proxy::start(ALWAYS, &upstream));
    let mut runs = Vec::new();
    for (number, vector) in vectors.iter().enumerate() {
        let cases = [
            (&plain, vector.client.clone(), "", "after"),
            (&ruled, vector.ruled(), " (ruled)", "status 200"),
        ];
        for (proxy, seen, how, after) in cases {
            runs.push((
                format!("{}{how}", vector.name),
                (vector.clone(), number, seen, proxy.connect(), after),
            ));
        }
    }
    all(runs, |(vector, number, seen, mut client, after)| {
        client.request(&vector.method, &format!("/{number}"), str::from_utf8(&vector.fields.0).unwrap());
        seen.compare(&vector.method, &mut client, after)
    });
}

impl Seen {
    fn compare(&self, method: &str, client: &mut Client, after: &str) -> Result<(), String> {
        let mut responses = Vec::new();
        while responses.len() < self.status.len() {
            let Some(response) = client.response(method) else { break };
            responses.push(response);
        }
        let statuses: Vec<_> = responses.iter().map(Response::status).collect();
        same("the status", &statuses, &self.status).map_err(|e| format!("{e}\n{responses:?}"))?;
        // RFC 9110 §2.5: whatever the upstream speaks.
        let own = responses.iter().all(|response| response.status_line.starts_with("HTTP/1.1 "));
        same("that all are of HTTP/1.1", &own, &true)?;
        let last = responses.last().unwrap();
        same("that it was cut off", &!last.complete, &self.cut)?;
        // How far it came before the cut is a matter of packets.
        if !self.cut || !self.body.0.starts_with(&last.body) {
            same("the content", &Bytes(last.body.clone()), &self.body)?;
        }
        let lines: Vec<_> = last.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let missing: Vec<_> = self.has.iter().filter(|field| !lines.contains(field)).collect();
        let odd =
            self.lacks.iter().filter(|name| last.fields.iter().any(|(it, _)| it.eq_ignore_ascii_case(name)));
        let odd: Vec<_> = odd.collect();
        if !missing.is_empty() || !odd.is_empty() {
            return Err(format!("  {missing:?} are missing, {odd:?} are not, in {last:?}"));
        }
        match self.connection {
            // What the upstream sent too much must not become the answer to another request.
            Connection::Kept if !self.cut => {
                same("the next response", &client.get("/after", "").text(), &after)
            }
            _ => same("the rest", &Bytes(client.rest()), &Bytes::default()),
        }
    }
}

fn get() -> String {
    "GET".to_owned()
}

fn kept() -> Connection {
    Connection::Kept
}
