//! An upstream that sends any bytes, to a proxy whose rules hold responses back, read them, replace
//! them and let themselves be steered by them. Whatever it is, the client gets responses that are
//! well-formed, or break off visibly; and nothing panics.
//!
//! The first two bytes of an input say after how many of the others the upstream pauses to think.

#![no_main]

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, LazyLock, Mutex},
    thread,
    time::Duration,
};

use libfuzzer_sys::fuzz_target;
use retort::{
    config::{self, href::Disk},
    host::{
        live::Live,
        pingora::{Options, Server},
    },
};

const RULES: &str = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="steered" code-regex="200"><meta/></status-code>
  <status-code id="replaced" code-regex="4\d\d" overwrite="ALWAYS">
    <header name="X-Reason">%M %{X}o</header>
    <message media-type="*/*" content-type="application/json">{"b":"%{body}x","e":"%{body:/a/0}x","x":"%{X}o","n":"%B"}</message>
  </status-code>
  <status-code id="empty" code-regex="5\d\d"><message>%s %M</message></status-code>
  <status-code id="unlike" code-regex="3\d\d" overwrite="IF_NOT_ACCEPTABLE"><message>%{Location}o</message></status-code>
</response-messaging>"#;

/// What the upstream sends, and where it pauses.
static SENT: Mutex<(Vec<u8>, usize)> = Mutex::new((Vec::new(), 0));

static PROXY: LazyLock<SocketAddr> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let upstream = listener.local_addr().expect("an address");
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(stream)));
    let parsed = config::parse(RULES.as_bytes(), Path::new("rules.xml"), &mut Disk::default());
    let rules = parsed.expect("rules").0;
    let url = format!("http://{upstream}").parse().expect("a URL");
    let mut options = Options::new(vec!["127.0.0.1:0".parse().expect("an address")], vec![url]);
    options.threads = 1;
    options.timeouts.read = Duration::from_secs(5);
    let server = Server::bind(options, Arc::new(Live::new(rules))).expect("a server");
    let address = server.addresses()[0];
    thread::spawn(move || server.run());
    address
});

fuzz_target!(|bytes: &[u8]| {
    let Some((pause, bytes)) = bytes.split_at_checked(2) else { return };
    let pause = usize::from(u16::from_be_bytes([pause[0], pause[1]])) % (bytes.len() + 1);
    *SENT.lock().expect("a lock") = (bytes.to_vec(), pause);
    let mut client = TcpStream::connect(*PROXY).expect("a connection");
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    client
        .write_all(b"GET /a HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nConnection: close\r\n\r\n")
        .expect("a request that was sent");
    let mut received = Vec::new();
    client.read_to_end(&mut received).expect("an end");
    check(&received);
});

/// Sends it to whoever asks.
fn serve(mut stream: TcpStream) {
    let mut head = [0; 2048];
    if !matches!(stream.read(&mut head), Ok(1..)) {
        return;
    }
    let (bytes, pause) = SENT.lock().expect("a lock").clone();
    let (first, second) = bytes.split_at(pause);
    let _ = stream.set_nodelay(true);
    // That the proxy has heard enough is no mistake.
    let _ = stream.write_all(first).and_then(|()| {
        thread::yield_now();
        stream.write_all(second)
    });
    let _ = stream.shutdown(Shutdown::Write);
    // Closing it with bytes unread would be a reset.
    while matches!(stream.read(&mut head), Ok(1..)) {}
}

/// Reads responses up to the final one, and asserts that nothing stands behind it.
fn check(mut received: &[u8]) {
    loop {
        let Some(end) = find(received, b"\r\n\r\n") else {
            // It breaks off, or there was none.
            return;
        };
        let (head, rest) = received.split_at(end + 4);
        let (status, framing) = read_head(&head[..end]);
        if (100..200).contains(&status) {
            assert_ne!(status, 101, "nobody asked for a tunnel");
            received = rest;
            continue;
        }
        match framing {
            _ if matches!(status, 204 | 304) => assert!(rest.is_empty()),
            Framing::Length(length) => assert!(rest.len() <= length, "more than Content-Length says"),
            Framing::Chunked => check_chunks(rest),
            Framing::Close => {}
        }
        return;
    }
}

enum Framing {
    Length(usize),
    Chunked,
    Close,
}

fn read_head(head: &[u8]) -> (u16, Framing) {
    let said = head.escape_ascii().to_string();
    assert!(!head.contains(&0), "{said}");
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.next().unwrap_or_default();
    assert!(line.starts_with(b"HTTP/1.1 ") && line.len() >= 12, "{said}");
    let status = str::from_utf8(&line[9..12]).ok().and_then(|status| status.parse().ok());
    let (mut length, mut chunked) = (None, false);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or_else(|| panic!("no field: {said}"));
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        assert!(!line.contains(&b'\r') && !name.is_empty() && !name.contains(&b' '), "{said}");
        if name.eq_ignore_ascii_case(b"content-length") {
            let value = str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            assert!(length.replace(value.unwrap_or_else(|| panic!("no length: {said}"))).is_none(), "{said}");
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            assert!(value.eq_ignore_ascii_case(b"chunked") && !chunked, "{said}");
            chunked = true;
        }
    }
    let framing = match (length, chunked) {
        (None, true) => Framing::Chunked,
        (Some(length), false) => Framing::Length(length),
        (None, false) => Framing::Close,
        (Some(_), true) => panic!("two ends: {said}"),
    };
    (status.unwrap_or_else(|| panic!("no status: {said}")), framing)
}

fn check_chunks(mut rest: &[u8]) {
    while let Some(end) = find(rest, b"\r\n") {
        let size = str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.unwrap_or_else(|| panic!("no size: {}", rest.escape_ascii()));
        rest = &rest[end + 2..];
        if size == 0 {
            let end = find(rest, b"\r\n").expect("an end");
            assert!(end > 0 || rest.len() == 2, "more than the chunks: {}", rest.escape_ascii());
            return;
        }
        let Some((_, after)) = rest.split_at_checked(size) else { return };
        let Some(after) = after.strip_prefix(b"\r\n") else {
            return assert!(after.len() < 2, "no end of a chunk");
        };
        rest = after;
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
