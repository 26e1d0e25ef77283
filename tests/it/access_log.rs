//! The access log, in real files.

use std::{
    collections::HashSet,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use proptest::prelude::*;
use regex::Regex;
use retort::{
    exchange::{error_request::Forwarded, record::Record},
    host::access_log::{AccessLog, Counts, Format, Overflow, Target},
    template::{End, Expose, Sent, Subject},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Gate, H2Client, Proxy, Upstream, until};

const IF_EMPTY: &str = r#"
  <status-code id="empty" code-regex="[45]\d\d"><message>status %s</message></status-code>
  <status-code id="post" code-regex="200" method="POST"><message>posted</message></status-code>"#;

/// A log in a folder of its own.
struct Bench {
    folder: TempDir,
    log: AccessLog,
}

impl Bench {
    fn new(format: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path().join("log"), format);
        Self { folder, log }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The lines, once there are so many.
    fn lines(&self, count: usize) -> Vec<String> {
        until("all lines are written", || self.log.counts().written >= count as u64);
        let text = fs::read_to_string(self.path()).unwrap();
        assert!(text.ends_with('\n'), "{text:?}");
        let lines: Vec<_> = text.split_terminator('\n').map(str::to_owned).collect();
        assert_eq!(lines.len(), count, "{lines:#?}");
        lines
    }

    fn objects(&self, count: usize) -> Vec<Value> {
        self.lines(count).iter().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

fn open(path: PathBuf, format: &str) -> AccessLog {
    let (format, warnings) = Format::parse(format, &Expose::default()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    AccessLog::start(Target::File(path), format, Overflow::Drop).unwrap()
}

#[test]
fn combined_is_that_of_apache() {
    let bench = Bench::new("combined");
    let upstream = Upstream::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
        options.access_log = Some(bench.log.clone());
    });
    let mut client = proxy.connect();
    client.get("/a?b=c", "Referer: http://r/\"x\"\r\nUser-Agent: a\\b \u{e9}\tc\r\nX-PP-User: al ice\r\n");
    client.request("HEAD", "/", "");
    client.response("HEAD");
    let lines = bench.lines(2);
    let time =
        r"\[\d{2}/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\]";
    for (line, expected) in lines.iter().zip([
        r#"127\.0\.0\.1 - al\\x20ice TIME "GET /a\?b=c HTTP/1\.1" 404 10 "http://r/\\"x\\"" "a\\\\b \\xc3\\xa9\\tc""#,
        r#"127\.0\.0\.1 - - TIME "HEAD / HTTP/1\.1" 404 - "-" "-""#,
    ]) {
        let expected = format!("^{}$", expected.replace("TIME", time));
        assert!(Regex::new(&expected).unwrap().is_match(line), "{line}");
    }
}

#[test]
fn every_response_is_told_of_once() {
    let bench = Bench::new("json");
    let upstream = Upstream::start(|connection| {
        while let Some(request) = connection.request() {
            let response = match request.line().split(' ').nth(1).unwrap() {
                "/empty" => "404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "/full" => "404 Not Found\r\nContent-Length: 4\r\n\r\nfull",
                "/fine" => "200 OK\r\nContent-Length: 2\r\n\r\nok",
                "/cut" => {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
                    return;
                }
                _ => return,
            };
            connection.send(format!("HTTP/1.1 {response}"));
        }
    });
    let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
        options.access_log = Some(bench.log.clone());
        options.h2c = true;
        options.strictness.max_fields = 9;
    });
    // Path and what is told of it: status, that of the upstream, bytes, decision, reason, rule, cause, cut.
    let cases = [
        ("/empty", json!([404, 404, 10, "replace", "body-empty", "empty", null, false])),
        ("/full", json!([404, 404, 4, "keep", "body-present", "empty", null, false])),
        ("/fine", json!([200, 200, 2, "keep", "condition", null, null, false])),
        ("/dead", json!([502, null, 10, "replace", "body-empty", "empty", "reset", false])),
        ("/cut", json!([200, 200, 5, "keep", "condition", null, "reset", true])),
    ];
    let told = |object: &Value| {
        let names = ["status", "status_upstream", "bytes", "decision", "reason", "rule", "cause", "cut"];
        Value::Array(names.iter().map(|name| object[name].clone()).collect())
    };
    let mut count = 0;
    for (path, expected) in &cases {
        count += 1;
        proxy.connect().get(path, &format!("X-Request-Id: id{path}\r\nUser-Agent: test\r\n"));
        let object = bench.objects(count).pop().unwrap();
        assert_eq!((&object["path"], &object["id"]), (&json!(path), &json!(format!("id{path}"))));
        assert_eq!(told(&object), *expected, "{object}");
        assert_eq!((&object["method"], &object["user_agent"]), (&json!("GET"), &json!("test")));
        assert_eq!((&object["protocol"], &object["host"]), (&json!("HTTP/1.1"), &json!("example.org")));
        assert_eq!(object["client"], "127.0.0.1");
        assert!(chrono::DateTime::parse_from_rfc3339(object["ts"].as_str().unwrap()).is_ok());
        assert!(object["duration_us"].as_u64().is_some());
    }
    // What is answered before there is a request, or because of what it is.
    let refused = [("GET / HTTP/1.1\r\nno field\r\n\r\n".to_owned(), 400), (fields(10), 431)];
    for (request, status) in refused {
        count += 1;
        let mut client = proxy.connect();
        client.send(request.as_bytes());
        assert_eq!(client.response("GET").unwrap().status(), status);
        let object = bench.objects(count).pop().unwrap();
        assert_eq!(
            (&object["status"], &object["cause"]),
            (&json!(status), &json!("bad-request")),
            "{object}"
        );
        let method = if status == 400 { Value::Null } else { json!("GET") };
        assert_eq!(object["method"], method, "{object}");
    }
    let mut client = H2Client::connect(proxy.address());
    let id = client.request("GET", "/empty");
    assert_eq!(client.response(id).status, 404);
    let object = bench.objects(count + 1).pop().unwrap();
    assert_eq!((told(&object), &object["protocol"]), (cases[0].1.clone(), &json!("HTTP/2.0")));
}

/// A request with so many fields.
fn fields(count: usize) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count))
}

#[test]
fn what_is_too_much_is_told_of_too() {
    let bench = Bench::new("%s %<s %{cause}x %X");
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
            opened.wait();
            connection.send("HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
        options.access_log = Some(bench.log.clone());
        options.limits.requests = 1;
    });
    let mut first = proxy.connect();
    first.request("GET", "/", "");
    assert_eq!(first.response("GET").unwrap().status(), 103);
    assert_eq!(proxy.connect().get("/", "").status(), 503);
    assert_eq!(bench.lines(1), ["503 - overload +"]);
    gate.open();
    assert_eq!(first.response("GET").unwrap().status(), 204);
    assert_eq!(bench.lines(2), ["503 - overload +", "204 204 - +"]);
}

#[test]
fn an_error_backend_tells_of_the_request_that_failed() {
    let bench = Bench::new("%m %U %<s %s %B %{rule}x");
    let backend = Proxy::error_backend(IF_EMPTY, Forwarded::Believed, |options| {
        options.access_log = Some(bench.log.clone());
    });
    backend.connect().get("/", "X-Code: 503\r\nX-Original-URI: /orders\r\nX-Original-Method: POST\r\n");
    backend.connect().get("/healthz", "");
    assert_eq!(bench.lines(2), ["POST /orders 503 503 10 empty", "GET /healthz - 200 2 -"]);
}

#[test]
fn rotation_loses_no_line_and_tears_none() {
    const CLIENTS: usize = 4;
    const ROTATIONS: usize = 20;
    let bench = Bench::new("%g %s \"%{User-agent}i\" end");
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::with("", &[upstream.address()], |options| {
        options.access_log = Some(bench.log.clone());
        options.threads = 2;
    });
    let stop = AtomicBool::new(false);
    let sent: Vec<String> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|index| {
                let (proxy, stop) = (&proxy, &stop);
                scope.spawn(move || {
                    let mut ids = Vec::new();
                    while !stop.load(Ordering::SeqCst) {
                        let mut client = proxy.connect();
                        for _ in 0..50 {
                            let id = format!("{index}-{}", ids.len());
                            let agent = "a".repeat(ids.len() % 200);
                            client.get("/", &format!("X-Request-Id: {id}\r\nUser-Agent: {agent}\r\n"));
                            ids.push(id);
                        }
                    }
                    ids
                })
            })
            .collect();
        for rotation in 0..ROTATIONS {
            let before = bench.log.counts().written;
            until("more is written", || bench.log.counts().written > before + 20);
            fs::rename(bench.path(), bench.folder.path().join(format!("log.{rotation}"))).unwrap();
            bench.log.reopen();
            until("there is a new file", || bench.path().exists());
        }
        stop.store(true, Ordering::SeqCst);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    drop(proxy);
    bench.log.close();
    assert_eq!(bench.log.counts(), Counts { written: sent.len() as u64, dropped: 0, lost: 0 });
    let files: Vec<_> = fs::read_dir(bench.folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), ROTATIONS + 1);
    let whole = Regex::new("^([0-9-]+) 200 \"(-|a+)\" end$").unwrap();
    let mut told = HashSet::new();
    for text in files.iter().map(|file| fs::read_to_string(file).unwrap()) {
        assert!(text.is_empty() || text.ends_with('\n'));
        for line in text.lines() {
            let id = &whole.captures(line).unwrap_or_else(|| panic!("{line:?}"))[1];
            assert!(told.insert(id.to_owned()), "{id} is told of twice");
        }
    }
    assert_eq!(told, sent.into_iter().collect());
}

#[test]
fn a_file_that_was_moved_away_or_removed_is_made_anew() {
    let bench = Bench::new("%U");
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy =
        Proxy::with("", &[upstream.address()], |options| options.access_log = Some(bench.log.clone()));
    let mut client = proxy.connect();
    client.get("/first", "");
    bench.lines(1);
    fs::rename(bench.path(), bench.folder.path().join("moved")).unwrap();
    until("a new file", || {
        client.get("/later", "");
        bench.path().exists()
    });
    fs::remove_file(bench.path()).unwrap();
    until("another one", || {
        client.get("/last", "");
        bench.path().exists()
    });
    drop(proxy);
    bench.log.close();
    let moved = fs::read_to_string(bench.folder.path().join("moved")).unwrap();
    assert!(moved.starts_with("/first\n"), "{moved}");
    assert!(fs::read_to_string(bench.path()).unwrap().ends_with("/last\n"));
}

#[test]
fn a_full_disk_stops_nothing() {
    let log = open("/dev/full".into(), "combined");
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::with("", &[upstream.address()], |options| options.access_log = Some(log.clone()));
    let mut client = proxy.connect();
    for _ in 0..20 {
        assert_eq!(client.get("/", "").text(), "ok");
    }
    until("all are lost", || log.counts() == Counts { written: 0, dropped: 0, lost: 20 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// The built-in object, too, is one line, and has what was sent in its place.
    #[test]
    fn nobody_can_forge_an_object(values in proptest::collection::vec(any::<[String; 5]>(), 50)) {
        let bench = Bench::new("json");
        for [path, query, user, agent, host] in &values {
            let record = json!({
                "request": {"uri": path, "query": query, "host": host, "headers": [["User-Agent", agent]]},
                "response": {"status": 404},
            });
            let record = Record::from_json(record.to_string().as_bytes()).unwrap();
            let exchange = record.exchange("id", Some(user));
            let sent = Sent {
                status: Some(404), upstream_status: None, bytes: Some(0), cause: None,
                decision: "keep", why: "no-rule", condition: None, end: End::Kept,
            };
            bench.log.write(&Subject { rule: user, sent: Some(sent), ..Subject::of(&exchange) });
        }
        let objects = bench.objects(values.len());
        for (object, [path, query, user, agent, _]) in objects.iter().zip(&values) {
            let expected = [path, query, user, user, agent].map(|text| if text.is_empty() { Value::Null } else { json!(text) });
            prop_assert_eq!(["path", "query", "user", "rule", "user_agent"].map(|name| object[name].clone()), expected);
            prop_assert_eq!(&object["cut"], &json!(false));
        }
        let text = fs::read_to_string(bench.path()).unwrap();
        let is_doubtful = |c: char| c.is_control() && c != '\n' || ['\u{2028}', '\u{202E}'].contains(&c);
        prop_assert!(!text.contains(is_doubtful));
    }
}
