//! The files of `tests/cases`. Every case is run by the core, by the command line and by the proxy,
//! which must agree.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use retort::{
    case::{Answer, CLOCK, Case, Decided, Framing, GENERATED_ID, Ruleset, Stage, Trial, Upstream as Conduct},
    exchange::{
        Cause,
        record::{Record, RecordedRequest, Server},
    },
    status::reason_phrase,
};
use serde_json::Value;

use crate::support::{Proxy, Upstream};

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no cases");
    paths.into_iter().map(|path| Case::load(&path).unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

pub(crate) fn check(case: &Case, trial: &Trial, answer: &Answer) {
    let mismatches = trial.expect.mismatches(answer);
    let place = format!("{}:{}: {}", case.source.path.display(), trial.line, trial.name);
    let lines: String = mismatches.iter().map(|mismatch| format!("\n  {mismatch}")).collect();
    assert!(mismatches.is_empty(), "{place}:{lines}\n{answer:?}");
}

#[test]
fn the_core_agrees() {
    for case in cases() {
        let (rules, warnings) = case.rules().unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert!(warnings.is_empty(), "{warnings}");
        for trial in &case.trials {
            check(&case, trial, &Answer::of(&rules, &trial.record));
        }
    }
}

#[test]
fn the_command_line_agrees() {
    for case in cases() {
        let directory = tempfile::tempdir().unwrap();
        let rules = lay_out(&case.rules, directory.path());
        for trial in &case.trials {
            let record = directory.path().join("exchange.json");
            fs::write(&record, trial.json.to_string()).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_retort"))
                .env_remove("RETORT_CONFORMANCE")
                .args(["explain", "--format", "json", "--rules"])
                .arg(&rules)
                .arg("--exchange")
                .arg(&record)
                .output()
                .unwrap();
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && complaint.is_empty(), "{}: {complaint}", trial.name);
            check(&case, trial, &explained(&serde_json::from_slice(&output.stdout).unwrap()));
        }
    }
}

/// Writes rules and message files into a directory, unless they are in one.
pub(crate) fn lay_out(rules: &Ruleset, directory: &Path) -> PathBuf {
    match rules {
        Ruleset::Inline { text, files, .. } => {
            for (name, text) in files {
                let path = directory.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            let path = directory.join("rules.xml");
            fs::write(&path, text).unwrap();
            path
        }
        Ruleset::File(path) => path.clone(),
        Ruleset::Any => panic!("a case without rules"),
    }
}

fn explained(answer: &Value) -> Answer {
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    Answer {
        decided: Some(Decided {
            decision: text("decision").unwrap(),
            reason: text("reason").unwrap(),
            rule: text("rule"),
            message: answer["message"].as_u64().map(|index| index as usize),
        }),
        status: answer["status"].as_u64().unwrap() as u16,
        headers: serde_json::from_value(answer["headers"].clone()).unwrap(),
        body: Some(text("body").unwrap_or_default()),
    }
}

#[test]
fn the_proxy_agrees() {
    for case in cases() {
        for trial in case.trials.iter().filter(|trial| trial.stage.live) {
            if let Some(why) = not_live(&trial.record) {
                panic!("{}:{}: it needs `live = false`: {why}", case.source.path.display(), trial.line);
            }
            let (rules, _) = case.rules().unwrap();
            let (upstream, address) = upstream(trial.stage, &trial.record);
            let proxy = Proxy::serving(rules, &[address], |options| {
                options.zone = trial.record.server.timezone;
                if trial.stage.upstream == Conduct::Silent {
                    options.timeouts.read = Duration::from_millis(50);
                }
            });
            let mut client = proxy.connect();
            client.send(request(&trial.record.request).as_bytes());
            let method = &trial.record.request.method;
            let response = client.response(method).unwrap();
            assert!(response.complete, "{}: {response:?}", trial.name);
            let answer = Answer {
                decided: None,
                status: response.status(),
                body: (method != "HEAD").then(|| response.text().to_owned()),
                headers: response.fields,
            };
            check(&case, trial, &answer);
            drop(upstream);
        }
    }
}

/// What keeps an exchange from taking place over sockets as it is recorded.
pub(crate) fn not_live(record: &Record) -> Option<&'static str> {
    let (server, request, response) = (&record.server, &record.request, &record.response);
    let usual = Server::default();
    let obstacles = [
        (record.clock != CLOCK.parse::<chrono::DateTime<chrono::Utc>>().unwrap(), "a clock"),
        (request.received_at.is_some() || request.elapsed_ms.is_some(), "times"),
        (request.generated_guid.as_deref() != Some(GENERATED_ID), "a generated id"),
        (
            server.local_addr != usual.local_addr || server.local_port != usual.local_port,
            "the proxy's address",
        ),
        (server.hostname != usual.hostname, "the machine's name"),
        (!matches!(&*request.protocol, "HTTP/1.0" | "HTTP/1.1"), "the protocol"),
        (request.scheme != "http", "the scheme"),
        (request.remote_addr != RecordedRequest::default().remote_addr, "the client's address"),
        (request.remote_host.is_some(), "the client's name"),
        (request.peer_addr.is_some() || request.peer_port.is_some(), "the peer's address"),
        (response.origin_port.is_some() || !response.upstream.is_empty(), "the upstream's address"),
    ];
    obstacles.into_iter().find_map(|(is_there, what)| is_there.then_some(what))
}

/// The request as it goes over the wire.
pub(crate) fn request(request: &RecordedRequest) -> String {
    let RecordedRequest { method, uri, protocol, .. } = request;
    let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let port = request.host_port.map(|port| format!(":{port}")).unwrap_or_default();
    let host = match has(&request.headers, "host") {
        true => String::new(),
        false => format!("Host: {}{port}\r\n", request.host),
    };
    format!("{method} {uri}{query} {protocol}\r\n{host}{}\r\n", lines(&request.headers))
}

/// An upstream that does with every request as recorded, and its address.
pub(crate) fn upstream(stage: Stage, record: &Record) -> (Option<Upstream>, SocketAddr) {
    let (upstream, cause) = match stage.upstream {
        Conduct::Answers => (Some(answering(stage.framing, record)), None),
        Conduct::Refused => (None, Some(Cause::ConnectRefused)),
        Conduct::Cut => (Some(Upstream::answering_once("")), Some(Cause::Reset)),
        Conduct::Silent => (Some(Upstream::start(|it| it.wait_for_end())), Some(Cause::ReadTimeout)),
    };
    assert_eq!(record.response.cause, cause, "the cause that the record has, and that of {stage:?}");
    // Where there is none, an address at which nobody listens any more.
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = upstream.as_ref().map_or_else(free, Upstream::address);
    (upstream, address)
}

fn answering(framing: Framing, record: &Record) -> Upstream {
    let response = &record.response;
    let body = response.body.as_deref().unwrap_or_default();
    let reason = response.reason.as_deref().or(reason_phrase(response.status)).unwrap_or_default();
    let head = format!("HTTP/1.1 {} {reason}\r\n{}", response.status, lines(&response.headers));
    match framing {
        Framing::Length if has(&response.headers, "content-length") => {
            Upstream::answering(format!("{head}\r\n{body}"))
        }
        Framing::Length => Upstream::answering(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())),
        Framing::Chunked => {
            let chunk = match body.len() {
                0 => String::new(),
                length => format!("{length:x}\r\n{body}\r\n"),
            };
            Upstream::answering(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"))
        }
        Framing::None => Upstream::answering(format!("{head}\r\n")),
        Framing::Close => Upstream::answering_once(format!("{head}\r\n{body}")),
    }
}

fn has(headers: &[(String, Vec<u8>)], name: &str) -> bool {
    headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
}

/// Field lines as they go over the wire.
fn lines(headers: &[(String, Vec<u8>)]) -> String {
    let line = |(name, value): &(String, Vec<u8>)| format!("{name}: {}\r\n", String::from_utf8_lossy(value));
    headers.iter().map(line).collect()
}
