//! The files of `tests/cases`: rules, exchanges, and what must come of them. Every case is run by
//! the core, by the command line and by the proxy, which must agree.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use retort::{
    Reply,
    config::{self, Loaded},
    exchange::{Fields, record::Record, request_id, user},
};
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Proxy, Upstream};

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The rules file.
    rules: String,
    /// Message files beside it.
    #[serde(default)]
    files: BTreeMap<String, String>,
    exchange: Vec<Expectation>,
}

/// One exchange and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    /// A record as `retort explain --exchange` reads it.
    record: Value,
    /// How the upstream tells the end of its body to the proxy.
    #[serde(default)]
    framing: Framing,
    /// `false` where the record holds what cannot be arranged over a socket, such as a clock.
    #[serde(default = "yes")]
    live: bool,
    expect: Expect,
}

/// How an upstream tells the end of its body.
#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Framing {
    /// By a Content-Length, unless the record has one.
    #[default]
    Length,
    /// In chunks.
    Chunked,
    /// By closing the connection.
    Close,
}

/// What must come of an exchange. What is left out is not looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    decision: String,
    reason: String,
    rule: Option<String>,
    message: Option<usize>,
    status: Option<u16>,
    /// Fields that must be there once, with this value.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Fields that must not be there.
    #[serde(default)]
    absent: Vec<String>,
    body: Option<String>,
}

/// What came of an exchange.
#[derive(Debug)]
struct Answer {
    /// Decision, reason, rule and message, where they can be seen.
    decided: Option<(String, String, Option<String>, Option<usize>)>,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn yes() -> bool {
    true
}

fn cases() -> Vec<(String, Case)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no cases");
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let case = toml::from_str(&fs::read_to_string(&path).unwrap());
        (name.clone(), case.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    paths.into_iter().map(read).collect()
}

impl Case {
    /// Writes the rules and message files into a directory.
    fn lay_out(&self, directory: &Path) -> PathBuf {
        for (name, text) in &self.files {
            let path = directory.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let path = directory.join("rules.xml");
        fs::write(&path, &self.rules).unwrap();
        path
    }
}

impl Expect {
    fn check(&self, name: &str, answer: &Answer, head: bool) {
        if let Some((decision, reason, rule, message)) = &answer.decided {
            assert_eq!((decision, reason), (&self.decision, &self.reason), "{name}");
            assert_eq!((rule, message), (&self.rule, &self.message), "{name}");
        }
        if let Some(status) = self.status {
            assert_eq!(answer.status, status, "{name}: {answer:?}");
        }
        for (field, want) in &self.headers {
            let lines = answer.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(field));
            let got: Vec<&String> = lines.map(|(_, value)| value).collect();
            assert_eq!(got, [want], "{name}: {field} in {answer:?}");
        }
        for field in &self.absent {
            let there = answer.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(field));
            assert!(!there, "{name}: {field} in {answer:?}");
        }
        if let Some(body) = self.body.as_deref().filter(|_| !head) {
            assert_eq!(answer.body, body, "{name}");
        }
    }
}

#[test]
fn the_core_agrees() {
    for (name, case) in cases() {
        let directory = tempfile::tempdir().unwrap();
        let loaded = config::load(&case.lay_out(directory.path()));
        let Loaded { rules, warnings, .. } =
            loaded.unwrap_or_else(|refused| panic!("{name}: {}", refused.diagnostics));
        assert!(warnings.is_empty(), "{name}: {warnings}");
        for (index, exchange) in case.exchange.iter().enumerate() {
            let record: Record = serde_json::from_value(exchange.record.clone())
                .unwrap_or_else(|error| panic!("{name}[{index}]: {error}"));
            let unknown =
                [&record.unknown, &record.request.unknown, &record.response.unknown, &record.server.unknown];
            assert!(unknown.iter().all(|keys| keys.is_empty()), "{name}[{index}]: {unknown:?}");
            exchange.expect.check(&format!("{name}[{index}]"), &decided(&rules, &record), false);
        }
    }
}

fn decided(rules: &retort::Rules, record: &Record) -> Answer {
    let id = record.request_id(&request_id::DEFAULT_HEADERS);
    let user = user::first(Fields::Lines(&record.request.headers), &user::DEFAULT_HEADER);
    let exchange = record.exchange(&id, user);
    let decision = rules.decide(&exchange, record.body());
    let mut lines = record.response.headers.clone();
    let mut body = record.response.body.clone().unwrap_or_default();
    let mut status = record.response.status;
    if let Some(reply) = Reply::of(&decision, &exchange) {
        reply.apply(&mut lines);
        status = reply.status;
        body = reply.body.map_or(body, |body| String::from_utf8(body.to_vec()).unwrap());
    }
    let headers = lines.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect();
    let rule = decision.rule().map(|rule| rule.id().to_string());
    Answer {
        decided: Some((decision.action().to_owned(), decision.reason().to_owned(), rule, decision.message())),
        status,
        headers,
        body,
    }
}

#[test]
fn the_command_line_agrees() {
    for (name, case) in cases() {
        let directory = tempfile::tempdir().unwrap();
        let rules = case.lay_out(directory.path());
        for (index, exchange) in case.exchange.iter().enumerate() {
            let name = format!("{name}[{index}]");
            let record = directory.path().join("exchange.json");
            fs::write(&record, exchange.record.to_string()).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_retort"))
                .env_remove("RETORT_CONFORMANCE")
                .args(["explain", "--format", "json", "--rules"])
                .arg(&rules)
                .arg("--exchange")
                .arg(&record)
                .output()
                .unwrap();
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && complaint.is_empty(), "{name}: {complaint}");
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
            let text = |key: &str| answer[key].as_str().map(str::to_owned);
            let answer = Answer {
                decided: Some((
                    text("decision").unwrap(),
                    text("reason").unwrap(),
                    text("rule"),
                    answer["message"].as_u64().map(|index| index as usize),
                )),
                status: answer["status"].as_u64().unwrap() as u16,
                headers: serde_json::from_value(answer["headers"].clone()).unwrap(),
                body: text("body").unwrap_or_default(),
            };
            exchange.expect.check(&name, &answer, false);
        }
    }
}

#[test]
fn the_proxy_agrees() {
    for (name, case) in cases() {
        let directory = tempfile::tempdir().unwrap();
        let rules = case.lay_out(directory.path());
        for (index, exchange) in case.exchange.iter().enumerate().filter(|(_, exchange)| exchange.live) {
            let record: Record = serde_json::from_value(exchange.record.clone()).unwrap();
            let loaded = config::load(&rules).unwrap();
            let upstream = exchange.framing.upstream(&record);
            let proxy = Proxy::serving(loaded.rules, &[upstream.address()], |_| {});
            let mut client = proxy.connect();
            let request = &record.request;
            let target = match &request.query {
                Some(query) => format!("{}?{query}", request.uri),
                None => request.uri.clone(),
            };
            client.request(&request.method, &target, &lines(&request.headers));
            let response = client.response(&request.method).unwrap();
            assert!(response.complete, "{name}[{index}]: {response:?}");
            let answer = Answer {
                decided: None,
                status: response.status(),
                body: response.text().to_owned(),
                headers: response.fields,
            };
            exchange.expect.check(&format!("{name}[{index}]"), &answer, request.method == "HEAD");
        }
    }
}

impl Framing {
    /// An upstream that gives the recorded response to every request.
    fn upstream(self, record: &Record) -> Upstream {
        let response = &record.response;
        let body = response.body.as_deref().unwrap_or_default();
        let reason = response.reason.as_deref().unwrap_or("Recorded");
        let head = format!("HTTP/1.1 {} {reason}\r\n{}", response.status, lines(&response.headers));
        let has_length = response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        match self {
            Framing::Length if has_length => Upstream::answering(format!("{head}\r\n{body}")),
            Framing::Length => {
                Upstream::answering(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
            }
            Framing::Chunked => {
                let chunk = match body.len() {
                    0 => String::new(),
                    length => format!("{length:x}\r\n{body}\r\n"),
                };
                let coded = "Transfer-Encoding: chunked";
                Upstream::answering(format!("{head}{coded}\r\n\r\n{chunk}0\r\n\r\n"))
            }
            Framing::Close => Upstream::answering_once(format!("{head}\r\n{body}")),
        }
    }
}

/// Field lines as they go over the wire.
fn lines(headers: &[(String, Vec<u8>)]) -> String {
    let line = |(name, value): &(String, Vec<u8>)| format!("{name}: {}\r\n", String::from_utf8_lossy(value));
    headers.iter().map(line).collect()
}
