//! `retort ext-proc`, asked as Envoy asks.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
};

use super::{
    folder, retort, run,
    running::{Running, request},
};
use crate::support::{H2Client, H2End, H2Response, until};

/// A running processor.
struct ExtProc {
    running: Running,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl ExtProc {
    fn start(more: &[&str]) -> Self {
        let folder = folder();
        let mut command = retort();
        command.current_dir(&folder).args(["ext-proc", "--rules", "rules.xml", "--listen", "127.0.0.1:0"]);
        command.args(["--color", "never", "--lame-duck-time", "0"]);
        Self::started(Running::start(command.args(more)), folder)
    }

    fn started(mut running: Running, folder: tempfile::TempDir) -> Self {
        let on = running.stderr.after("listening for Envoy on=\"");
        let address = on.trim_end().trim_end_matches('"').parse().unwrap();
        Self { running, address, folder }
    }

    /// One with an admin listener; and where that is.
    fn watched(more: &[&str]) -> (Self, SocketAddr) {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        (Self::start(&[&["--admin", &free.to_string()], more].concat()), free)
    }

    fn end(self) {
        self.running.signal("TERM");
        assert_eq!(self.running.end().code(), Some(0));
    }
}

/// An HTTP request that Envoy handles: what it says of it, on a connection of its own.
struct Exchange {
    client: H2Client,
    stream: u32,
}

/// The numbers of the parts in a message of Envoy's.
const REQUEST_HEAD: u8 = 2;
const RESPONSE_HEAD: u8 = 3;

impl Exchange {
    /// Tells of a request from 10.0.0.7.
    fn begin(address: SocketAddr, method: &str, target: &str) -> Self {
        let mut client = H2Client::connect(address);
        let call = [("content-type", "application/grpc"), ("te", "trailers")];
        let stream = client.post_with("/envoy.service.ext_proc.v3.ExternalProcessor/Process", &call);
        let fields = [
            (":method", method),
            (":path", target),
            (":authority", "example.org"),
            (":scheme", "http"),
            ("x-request-id", "id-1"),
        ];
        let mut exchange = Self { client, stream };
        exchange.tell([head(REQUEST_HEAD, &fields, true), attribute("source.address", "10.0.0.7:4711")]);
        exchange
    }

    /// Tells of the response, and returns all that was answered.
    fn end(mut self, fields: &[(&str, &str)], is_all: bool, details: &str) -> String {
        let details = attribute("response.code_details", details);
        self.tell([head(RESPONSE_HEAD, fields, is_all), details]);
        let H2Response { status, end, body, .. } = self.client.response(self.stream);
        assert_eq!((status, end), (200, H2End::Headers), "the stream is ended by trailers");
        String::from_utf8_lossy(&body).into_owned()
    }

    /// Goes away once the request was heard of.
    fn hang_up(mut self) {
        self.client.content(self.stream);
    }

    fn tell(&mut self, parts: [Vec<u8>; 2]) {
        let message = parts.concat();
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        self.client.data(self.stream, &[&[0][..], &length, &message].concat());
    }
}

fn head(part: u8, fields: &[(&str, &str)], is_all: bool) -> Vec<u8> {
    let line = |(name, value): &(&str, &str)| {
        field(1, &[field(1, name.as_bytes()), field(3, value.as_bytes())].concat())
    };
    let lines: Vec<_> = fields.iter().flat_map(line).collect();
    field(part, &[field(1, &lines), vec![3 << 3, u8::from(is_all)]].concat())
}

/// An attribute, as the filter of the shipped configuration tells it.
fn attribute(name: &str, text: &str) -> Vec<u8> {
    let entry = |name: &str, value: &[u8]| [field(1, name.as_bytes()), field(2, value)].concat();
    let value = field(3, text.as_bytes());
    field(9, &entry("envoy.filters.http.ext_proc", &field(1, &entry(name, &value))))
}

/// A field of Protocol Buffers that is a string, bytes, or a message.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    let [low, high] = [length & 0x7f | 0x80, length >> 7].map(|seven| u8::try_from(seven).unwrap());
    [&[number << 3 | 2, low, high][..], value].concat()
}

fn get(address: SocketAddr, path: &str) -> String {
    request(address, &format!("GET {path} HTTP/1.1\r\n"))
}

#[test]
fn it_has_an_admin_listener() {
    let (ext_proc, admin) = ExtProc::watched(&["--debug-header"]);
    until("it is ready", || get(admin, "/readyz").starts_with("HTTP/1.1 200 "));

    let gone = Exchange::begin(ext_proc.address, "GET", "/a?b");
    until("it is connected", || get(admin, "/metrics").contains("\nretort_connections 1\n"));
    until("it is counted", || get(admin, "/metrics").contains("\nretort_active_requests 1\n"));
    let told = gone.end(&[(":status", "410"), ("content-length", "0")], true, "via_upstream");
    assert!(told.contains("410 for GET /a") && told.contains(r#"replace;rule="gone";message="#), "{told}");
    let fine = Exchange::begin(ext_proc.address, "GET", "/");
    let told = fine.end(&[(":status", "200"), ("content-length", "7")], false, "via_upstream");
    assert!(told.contains("keep;reason=no-rule"), "{told}");
    let unread = Exchange::begin(ext_proc.address, "GET", "/");
    unread.end(&[(":status", "400")], false, "missing_host_header");

    until("all is told", || {
        get(admin, "/metrics").contains("\nretort_requests_total{status_class=\"4xx\"} 2\n")
    });
    let metrics = get(admin, "/metrics");
    for line in [
        "retort_requests_total{status_class=\"2xx\"} 1",
        "retort_requests_total{status_class=\"4xx\"} 2",
        "retort_requests_replaced_total{status_class=\"4xx\"} 2",
        "retort_rule_matches_total{rule=\"gone\"} 1",
        "retort_messages_total{rule=\"gone\",outcome=\"replaced\"} 1",
        "retort_refused_requests_total{kind=\"bad-request\"} 1",
        "retort_upstream_response_seconds_count 2",
        "retort_connections_accepted_total 3",
        "retort_ready 1",
        concat!("retort_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\",role=\"ext-proc\"} 1"),
    ] {
        assert!(metrics.contains(&format!("\n{line}\n")), "{line} is not in {metrics}");
    }
    let status = get(admin, "/status");
    assert!(status.contains("\"role\": \"ext-proc\""), "{status}");
    assert!(status.contains(&format!("\"address\": \"{}\"", ext_proc.address)), "{status}");
    let page = get(admin, "/");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("gone"), "{page}");

    fs::write(ext_proc.folder.path().join("rules.xml"), "<response-messaging/>").unwrap();
    assert!(request(admin, "POST /reload HTTP/1.1\r\n").starts_with("HTTP/1.1 200 "));
    let gone = Exchange::begin(ext_proc.address, "GET", "/");
    let told = gone.end(&[(":status", "410")], true, "via_upstream");
    assert!(told.contains("keep;reason=no-rule"), "{told}");
    ext_proc.end();
}

#[test]
fn it_has_an_access_log() {
    let format = "%a %r %s %<s %b %X %{decision}x %{cause}x";
    let log = ["--access-log", "access.log", "--access-log-format", format];
    let ext_proc = ExtProc::start(&log);
    let ask = |method, fields: &[(&str, &str)], is_all, details| {
        drop(Exchange::begin(ext_proc.address, method, "/a?b").end(fields, is_all, details));
    };
    ask("GET", &[(":status", "410")], true, "via_upstream");
    ask("HEAD", &[(":status", "503")], true, "via_upstream");
    ask("GET", &[(":status", "302"), ("content-length", "7")], false, "via_upstream");
    ask("GET", &[(":status", "302")], false, "via_upstream");
    ask("GET", &[(":status", "400")], false, "missing_host_header");
    let path = ext_proc.folder.path().join("access.log");
    Exchange::begin(ext_proc.address, "GET", "/a?b").hang_up();
    until("it is noticed", || fs::read_to_string(&path).is_ok_and(|log| log.lines().count() == 6));
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("access.log");
    fs::rename(&path, &kept).unwrap();
    ext_proc.end();
    let lines = fs::read_to_string(&kept).unwrap();
    let lines: Vec<_> = lines.lines().map(|line| line.replace("10.0.0.7 ", "")).collect();
    let expected = [
        "GET /a?b HTTP/1.1 410 410 14 + replace -",
        "HEAD /a?b HTTP/1.1 503 503 - + replace -",
        "GET /a?b HTTP/1.1 302 302 7 + keep -",
        "GET /a?b HTTP/1.1 302 302 - + keep -",
        "GET /a?b HTTP/1.1 400 - 18 + replace bad-request",
        "GET /a?b HTTP/1.1 - - - X keep -",
    ];
    assert_eq!(lines, expected.map(str::to_owned));
}

#[test]
fn lines_of_the_access_log_are_written_before_the_end() {
    let ext_proc = ExtProc::start(&["--access-log", "stdout"]);
    let gone = Exchange::begin(ext_proc.address, "GET", "/a?b");
    gone.end(&[(":status", "410")], true, "via_upstream");
    ext_proc.running.signal("TERM");
    let mut running = ext_proc.running;
    let line = format!("{{{}", running.stdout.after("{"));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let told = ["id", "client", "rule", "decision"].map(|key| line[key].as_str().unwrap());
    assert_eq!(told, ["id-1", "10.0.0.7", "gone", "replace"]);
    assert_eq!((&line["status_upstream"], &line["cut"]), (&410.into(), &false.into()));
    assert_eq!(running.end().code(), Some(0));
}

#[test]
fn it_runs_by_its_file_alone() {
    let folder = folder();
    let settings = "rules = \"rules.xml\"\nlisten = [\"127.0.0.1:0\"]\nhold-time = \"2s\"\n\
                    [life-cycle]\nlame-duck-time = 0\n[log]\naccess-log = \"stdout\"\n";
    fs::write(folder.path().join("retort.toml"), settings).unwrap();
    let command = || {
        let mut command = retort();
        command.current_dir(&folder).args(["ext-proc", "--color", "never", "--config", "retort.toml"]);
        command
    };
    let checked = run(retort().current_dir(&folder).args(["check", "--config", "retort.toml"]));
    assert_eq!((checked.code, checked.stdout.ends_with("ok: 5 settings\n")), (Some(0), true), "{checked:?}");
    let printed = run(command().arg("--print-settings")).stdout;
    assert!(printed.contains("\nhold-time = \"2s\"  # retort.toml:3\n"), "{printed}");
    let running = Running::start(&mut command());
    let ext_proc = ExtProc::started(running, folder);
    let gone = Exchange::begin(ext_proc.address, "GET", "/a");
    let told = gone.end(&[(":status", "410")], true, "via_upstream");
    assert!(told.contains("410 for GET /a"), "{told}");
    ext_proc.end();
}
