//! What clients send.

use std::{
    io::{BufReader, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
    thread,
};

use serde::Deserialize;

use super::{Connection, Named, all, load, same};
use crate::support::{Bytes, Origin, PATIENCE, Proxy, Received, Response, dial};

/// What a client sends on a connection of its own, and what comes of it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    /// Where it is written that it must be so, or why it should.
    #[serde(rename = "why")]
    _why: String,
    send: Bytes,
    /// Whether the client says that this is all.
    #[serde(default)]
    half_close: bool,
    /// The method of the request, as far as the response depends on it.
    #[serde(default)]
    method: String,
    /// The status of each response, interim ones included.
    status: Vec<u16>,
    #[serde(default)]
    connection: Connection,
    /// The whole requests that reach the upstream, and no other.
    #[serde(default)]
    upstream: Vec<Forwarded>,
    /// The same where the proxy is lenient and this makes a difference.
    lenient: Option<Outcome>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    status: Vec<u16>,
    #[serde(default)]
    connection: Connection,
    #[serde(default)]
    upstream: Vec<Forwarded>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forwarded {
    /// The whole head but for the lines in which the proxy tells who asked.
    head: Bytes,
    #[serde(default)]
    body: Bytes,
}

impl Named for Vector {
    fn name(&mut self) -> &mut String {
        &mut self.name
    }
}

#[test]
fn requests() {
    let vectors = load::<Vector>("requests");
    assert!(vectors.len() > 100, "there are {} vectors", vectors.len());
    let origin = Origin::start();
    let proxy =
        |lenient| Proxy::with("", &[origin.address()], |options| options.strictness.lenient = lenient);
    let (strict, lenient) = (proxy(false), proxy(true));
    let mut clients =
        (1..).map(|number: u16| IpAddr::from([127, 9, number.to_be_bytes()[0], number.to_be_bytes()[1]]));
    let mut runs = Vec::new();
    for vector in vectors {
        let outcome = Outcome {
            status: vector.status.clone(),
            connection: vector.connection,
            upstream: vector.upstream.clone(),
        };
        let milder = vector.lenient.clone().unwrap_or_else(|| outcome.clone());
        for (proxy, outcome, how) in [(&strict, outcome, ""), (&lenient, milder, " (lenient)")] {
            let client = clients.next().unwrap();
            let stream = connect(client, proxy.address());
            runs.push((format!("{}{how}", vector.name), (vector.clone(), outcome, stream, client)));
        }
    }
    all(runs, |(vector, outcome, stream, client)| {
        converse(&vector, &outcome, stream)?;
        reached(&outcome, origin.from(Some(client)))
    });
    assert_eq!(origin.from(None), [], "requests that came from nobody");
}

/// Connects from an address of its own, by which the upstream knows it.
fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let stream = dial(from, to);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends what a vector says, and compares what comes back.
fn converse(vector: &Vector, outcome: &Outcome, stream: TcpStream) -> Result<(), String> {
    let mut writing = stream.try_clone().unwrap();
    let mut reading = BufReader::new(stream);
    thread::scope(|scope| {
        // That nobody reads the rest of what was refused is no mistake.
        scope.spawn(move || {
            let _ = writing.write_all(&vector.send.0);
            if vector.half_close {
                let _ = writing.shutdown(Shutdown::Write);
            }
        });
        let mut statuses = Vec::new();
        let mut closing = false;
        while outcome.connection != Connection::Kept || statuses.len() < outcome.status.len() {
            let Some(response) = Response::read(&mut reading, &vector.method) else { break };
            statuses.push(response.status());
            closing |= response.field("Connection") == Some("close");
            if !response.complete {
                return Err(format!("  cut: {response:?}"));
            }
        }
        same("the status", &statuses, &outcome.status)?;
        match outcome.connection {
            Connection::Kept if vector.half_close => same("the rest", &rest(&mut reading), &String::new()),
            Connection::Kept => {
                reading.get_mut().write_all(AFTER).unwrap();
                let after = Response::read(&mut reading, "GET").map(|response| response.status());
                same("the status of a request after it", &after, &Some(200))
            }
            Connection::Dropped => same("that the connection will close is said", &closing, &false),
            Connection::Closed => {
                let said = closing || statuses.is_empty() || vector.half_close;
                same("that the connection will close is said", &said, &true)
            }
        }
    })
}

/// A request that shows that a connection can be used.
const AFTER: &[u8] = b"GET /after HTTP/1.1\r\nHost: after\r\n\r\n";

fn rest(reading: &mut BufReader<TcpStream>) -> String {
    let mut rest = Vec::new();
    let _ = reading.read_to_end(&mut rest);
    rest.escape_ascii().to_string()
}

/// Compares what reached the upstream.
fn reached(outcome: &Outcome, mut received: Vec<Received>) -> Result<(), String> {
    received.retain(|request| request.whole && !request.head.starts_with(b"GET /after "));
    let received = received.iter().map(|it| (without_own_lines(&it.head), Bytes(it.body.clone())));
    let expected = outcome.upstream.iter().map(|it| (it.head.clone(), it.body.clone()));
    same("what the upstream got", &received.collect::<Vec<_>>(), &expected.collect::<Vec<_>>())
}

/// A head without the lines that say who asked, which differ from run to run.
fn without_own_lines(head: &[u8]) -> Bytes {
    let own = ["X-Forwarded-For: 127.", "X-Forwarded-Proto: http\r", "X-Forwarded-Host: ", "X-Request-Id: "];
    let is_own = |line: &&[u8]| own.iter().any(|own| line.starts_with(own.as_bytes()));
    Bytes(
        head.split_inclusive(|byte| *byte == b'\n').filter(|line| !is_own(line)).flatten().copied().collect(),
    )
}
