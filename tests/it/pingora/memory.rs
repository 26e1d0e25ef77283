//! What held content costs, in a process of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Barrier,
    thread,
};

use crate::support::{Client, Upstream};

/// Errors on `/told` are told by a message that shows them; the others are only read.
const RULES: &str = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="told" code-regex="500" overwrite="ALWAYS" path="/told"><message>%{body}x</message></status-code>
  <status-code id="read" code-regex="500"><meta/></status-code>
</response-messaging>"#;

const KIB: usize = 1024;

/// What a request may cost: 64 KiB that are held, a chunk more, twice that for a moment while they
/// are joined and read, and Pingora's own buffers on both sides.
const EACH: usize = 512 * KIB;

/// `retort serve`, stopped when it is dropped.
struct Serve {
    child: Child,
    address: SocketAddr,
}

impl Serve {
    fn start(upstream: &Upstream) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().join("rules.xml");
        fs::write(&rules, RULES).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_retort"));
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--threads",
            "2",
            "--log-format",
            "json",
            "--rules",
        ]);
        command.arg(rules).args(["--upstream", &format!("http://{}", upstream.address())]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let listening = log.find_map(|line| Some(line.split_once(r#""on":""#)?.1.to_owned())).unwrap();
        thread::spawn(move || log.for_each(drop));
        let address = listening.split('"').next().unwrap().parse().unwrap();
        Self { child, address }
    }

    /// The most memory that it ever had.
    fn peak(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * KIB
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends so many requests at once, all answered by an error with so much content, and looks at
/// what that cost.
fn hold(requests: usize, length: usize) {
    let body = vec![b'x'; length];
    // All are held, and not yet to the limit, before any goes on.
    let all_begun = Barrier::new(requests);
    let upstream = Upstream::start(move |connection| {
        connection.request();
        connection.send(format!(
            "HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ));
        let (first, rest) = body.split_at(60 * KIB);
        connection.send(first);
        all_begun.wait();
        connection.send(rest);
        connection.wait_for_end();
    });
    let serve = Serve::start(&upstream);
    let before = serve.peak();
    let mut clients: Vec<_> = (0..requests).map(|_| Client::connect(serve.address)).collect();
    let is_told = |index: usize| !index.is_multiple_of(10);
    for (index, client) in clients.iter_mut().enumerate() {
        client.request("GET", if is_told(index) { "/told" } else { "/read" }, "");
    }
    for (index, client) in clients.iter_mut().enumerate() {
        let response = client.response("GET").unwrap();
        let expected = if is_told(index) { 64 * KIB } else { length };
        assert_eq!((response.body.len(), response.complete), (expected, true));
    }
    let cost = serve.peak() - before;
    assert!(cost < requests * EACH, "{requests} requests of {length} bytes cost {cost} bytes");
    println!("{requests} requests of {length} bytes cost {} KiB each", cost / requests / KIB);
}

#[test]
fn held_content_is_bounded() {
    hold(200, 2 * KIB * KIB);
}

/// Needs 2000 file descriptors, and moves a gigabyte.
#[test]
#[ignore = "takes a while"]
fn a_thousand_errors_of_ten_megabytes() {
    hold(1000, 10_000_000);
}
