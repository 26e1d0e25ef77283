//! Messages and rules that read the upstream's content.

use retort::exchange::content::MAX_CONTENT;

use crate::support::{
    Client, Framing, Gate, Proxy, Upstream,
    coding::{BROTLI, JSON, deflate, gzip, zlib, zstd},
};

/// What the upstream says, in brackets; `/plain` says nothing of it.
const BODY: &str = r#"
  <status-code id="plain" code-regex="5\d\d" overwrite="ALWAYS" path="/plain"><message>%s</message></status-code>
  <status-code id="json" code-regex="500" overwrite="ALWAYS">
    <message media-type="application/json" content-type="application/json">{"why":"%{body:/error/message}x"}</message>
    <message>[%{body}x]</message>
  </status-code>"#;

/// Nothing happens but that content is read, to see whether it has a meta object.
const READ: &str = r#"<status-code id="read" code-regex="\d\d\d"><meta/></status-code>"#;

fn response(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 500 Oops\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn chunked(fields: &str, body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 500 Oops\r\n{fields}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(size) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn why(client: &mut Client) -> String {
    let response = client.get("/", "Accept: application/json\r\n");
    assert_eq!((response.status(), response.framing), (500, Framing::Length));
    assert!(response.field("Content-Encoding").is_none());
    response.text().to_owned()
}

#[test]
fn codings_are_undone_and_connections_kept() {
    let codings = [
        ("", JSON.as_bytes().to_vec()),
        ("gzip", gzip(JSON.as_bytes())),
        ("deflate", zlib(JSON.as_bytes())),
        ("deflate", deflate(JSON.as_bytes())),
        ("br", BROTLI.to_vec()),
        ("zstd", zstd(JSON.as_bytes())),
        ("gzip, zstd", zstd(&gzip(JSON.as_bytes()))),
    ];
    for (coding, body) in codings {
        let fields = format!("Content-Type: application/json\r\nContent-Encoding: {coding}\r\n");
        for bytes in [response(&fields, &body), chunked(&fields, &body, 7), chunked(&fields, &body, 1000)] {
            let upstream = Upstream::answering(bytes);
            let proxy = Proxy::start(BODY, &upstream);
            let mut client = proxy.connect();
            for _ in 0..2 {
                assert_eq!(why(&mut client), r#"{"why":"no luck"}"#, "{coding}");
                assert_eq!(client.get("/", "").text(), format!("[{JSON}]"), "{coding}");
            }
            assert_eq!(upstream.accepted(), 1, "{coding}");
        }
    }
}

#[test]
fn pieces_of_a_byte_make_a_whole() {
    let bytes = chunked("Content-Encoding: gzip\r\n", &gzip(JSON.as_bytes()), 1);
    let upstream = Upstream::start(move |connection| {
        while connection.request().is_some() {
            bytes.iter().for_each(|byte| _ = connection.send([*byte]));
        }
    });
    let proxy = Proxy::start(BODY, &upstream);
    let mut client = proxy.connect();
    for _ in 0..3 {
        assert_eq!(why(&mut client), r#"{"why":"no luck"}"#);
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn who_does_not_ask_does_not_wait() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\nhello");
            opened.wait();
            connection.send("world");
        }
    });
    let proxy = Proxy::with(BODY, &[upstream.address()], |options| {
        options.timeouts.drain = crate::support::PATIENCE;
    });
    let mut client = proxy.connect();
    assert_eq!(client.get("/plain", "").text(), "500");
    client.request("GET", "/", "");
    gate.open();
    assert_eq!(client.response("GET").unwrap().text(), "[helloworld]");
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn of_more_than_the_limit_the_first_part_is_told() {
    let body = "x".repeat(200_000);
    let cases = [
        response("", body.as_bytes()),
        chunked("", body.as_bytes(), 5000),
        response("Content-Encoding: gzip\r\n", &gzip(body.as_bytes())),
    ];
    for bytes in cases {
        let upstream = Upstream::answering(bytes);
        let proxy = Proxy::start(BODY, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let response = client.get("/", "");
            assert!(response.text() == format!("[{}]", "x".repeat(MAX_CONTENT)), "{}", response.body.len());
            assert_eq!(response.field("Connection"), Some("keep-alive"));
        }
        let proxy = Proxy::with(BODY, &[upstream.address()], |options| options.limits.content = 10);
        let short = proxy.connect().get("/", "");
        assert!(short.text().len() <= 12, "{short:?}");
    }
}

#[test]
fn the_message_goes_out_as_soon_as_the_limit_is_reached() {
    let upstream = Upstream::start(|connection| {
        connection.request();
        connection.send("HTTP/1.1 500 Oops\r\nContent-Length: 10000000\r\n\r\n");
        connection.send("x".repeat(70_000));
        connection.wait_for_end();
    });
    let proxy = Proxy::start(BODY, &upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        assert_eq!(client.get("/", "").body.len(), MAX_CONTENT + 2);
    }
}

#[test]
fn what_never_ends_and_what_never_comes_is_not_waited_for() {
    let upstream = Upstream::start(|connection| {
        while let Some(request) = connection.request() {
            let kind = if request.method() == "HEAD" { "text/plain" } else { "text/event-stream" };
            connection
                .send(format!("HTTP/1.1 500 Oops\r\nContent-Type: {kind}\r\nContent-Length: 9\r\n\r\n"));
            if request.method() != "HEAD" {
                return connection.wait_for_end();
            }
        }
    });
    let proxy = Proxy::start(BODY, &upstream);
    let mut client = proxy.connect();
    client.request("HEAD", "/", "");
    let head = client.response("HEAD").unwrap();
    assert_eq!((head.status(), head.field("Content-Length")), (500, None));
    assert_eq!(client.get("/", "").text(), "[]");
    let proxy = Proxy::start(READ, &upstream);
    let mut client = proxy.connect();
    client.request("GET", "/", "");
    assert!(client.until("\r\n\r\n").contains("event-stream"));
}

#[test]
fn what_broke_off_is_told_as_far_as_it_came() {
    let responses = [
        "HTTP/1.1 500 Oops\r\nContent-Length: 50\r\n\r\nabcde",
        "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nnonsense\r\n",
    ];
    for bytes in responses {
        let upstream = Upstream::answering_once(bytes);
        let proxy = Proxy::start(BODY, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            assert_eq!(client.get("/", "").text(), "[abcde]", "{bytes:?}");
        }
    }
}

#[test]
fn what_broke_off_and_is_kept_is_still_cut() {
    let head = "HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\n";
    let responses = [
        format!("{head}Content-Length: 50\r\n\r\n{{\"meta\""),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n7\r\n{{\"meta\"\r\n"),
    ];
    for bytes in responses {
        let upstream = Upstream::answering_once(bytes.clone());
        let proxy = Proxy::start(READ, &upstream);
        let passed = proxy.connect().get("/", "");
        assert_eq!((passed.status(), passed.text(), passed.complete), (500, "{\"meta\"", false), "{bytes:?}");
    }
    let upstream = Upstream::answering_once(format!("{head}Content-Length: 50\r\n\r\n"));
    let proxy = Proxy::start("", &upstream);
    proxy.live.replace(crate::support::rules(READ));
    let response = proxy.connect().get("/", "");
    assert_eq!((response.status(), response.text()), (502, "502 Bad Gateway"), "nothing was sent");
}

#[test]
fn what_is_read_and_kept_passes_as_it_is() {
    for length in [1, 60_000, 65_536, 65_537, 1_000_000] {
        let body = noise(length);
        let fields = "Content-Type: application/json\r\nX-Odd_name: a  b\r\nETag: \"a\"\r\n";
        let cases =
            [(response(fields, &body), Framing::Length), (chunked(fields, &body, 4096), Framing::Chunked)];
        for (bytes, framing) in cases {
            let upstream = Upstream::answering(bytes);
            let proxy = Proxy::start(READ, &upstream);
            let mut client = proxy.connect();
            for _ in 0..2 {
                let response = client.get("/", "");
                assert_eq!((response.status_line.as_str(), response.framing), ("HTTP/1.1 500 Oops", framing));
                assert!(response.complete && response.body == body, "{length} {framing:?}");
                assert!(response.fields.contains(&("X-Odd_name".to_owned(), "a  b".to_owned())));
                assert_eq!(response.field("ETag"), Some("\"a\""));
            }
            assert_eq!(upstream.accepted(), 1);
        }
    }
}

#[test]
fn what_is_read_and_kept_streams_once_the_limit_is_reached() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        connection.request();
        connection
            .send("HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n");
        connection.send("x".repeat(70_000));
        opened.wait();
        connection.send("y".repeat(30_000));
        connection.wait_for_end();
    });
    let proxy = Proxy::start(READ, &upstream);
    let mut client = proxy.connect();
    client.request("GET", "/", "");
    client.until("\r\n\r\n");
    assert_eq!(client.bytes(70_000), "x".repeat(70_000).as_bytes());
    gate.open();
    assert_eq!(client.bytes(30_000), "y".repeat(30_000).as_bytes());
}
