//! Responses of which only their content, or its end, tells whether they are empty.

use super::{IF_EMPTY, LENGTH};
use crate::support::{Framing, Gate, Proxy, Upstream, rules};

#[test]
fn empty_responses_get_a_message_and_keep_both_connections() {
    let responses = [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n0\r\nX-T: 1\r\n\r\n",
    ];
    for bytes in responses {
        let upstream = Upstream::answering(bytes);
        let proxy = Proxy::start(IF_EMPTY, &upstream);
        let mut client = proxy.connect();
        for method in ["GET", "POST", "DELETE", "GET"] {
            client.request(method, "/", "Content-Length: 2\r\nAccept: application/json\r\n");
            client.send(b"{}");
            let response = client.response(method).unwrap();
            assert_eq!(response.status_line, "HTTP/1.1 404 Not Found");
            assert_eq!(response.text(), r#"{"status":404}"#, "{bytes:?}");
            assert_eq!(response.framing, Framing::Length);
            assert_eq!(response.field("Content-Type"), Some("application/problem+json"));
            assert_eq!(response.field("Vary"), Some("Accept"));
            assert_eq!(response.field("Connection"), Some("keep-alive"));
            assert!(response.field("Trailer").is_none());
        }
        assert_eq!(upstream.accepted(), 1, "{bytes:?}");
        assert_eq!(upstream.requests().len(), 4);
    }
}

#[test]
fn an_end_in_pieces_is_an_end() {
    let bytes = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let upstream = Upstream::start(move |connection| {
        while connection.request().is_some() {
            for byte in bytes.bytes() {
                connection.send([byte]);
            }
        }
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    for _ in 0..20 {
        assert_eq!(client.get("/", "").text(), "status 404");
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn the_end_of_the_connection_is_an_end() {
    for head in ["HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.0 404 Not Found\r\n\r\n"] {
        let upstream = Upstream::answering_once(head);
        let proxy = Proxy::start(IF_EMPTY, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let response = client.get("/", "");
            assert_eq!(response.status_line, "HTTP/1.1 404 Not Found");
            assert_eq!((response.text(), response.framing), ("status 404", Framing::Length));
        }
    }
}

#[test]
fn the_first_byte_lets_the_head_go() {
    let (first, second) = (Gate::default(), Gate::default());
    let (first_too, second_too) = (first.clone(), second.clone());
    let upstream = Upstream::start(move |connection| {
        connection.request();
        connection.send("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n");
        first_too.wait();
        connection.send("5\r\nhello\r\n");
        second_too.wait();
        connection.send("6\r\n world\r\n0\r\n\r\n");
        connection.wait_for_end();
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    client.request("GET", "/", "");
    first.open();
    let head = client.until("hello\r\n");
    assert!(head.starts_with("HTTP/1.1 503 Busy\r\n") && head.contains("X-A: b\r\n"), "{head}");
    second.open();
    assert_eq!(client.until("0\r\n\r\n"), "6\r\n world\r\n0\r\n\r\n");
}

#[test]
fn a_large_body_streams_through() {
    const CHUNK: usize = 64 * 1024;
    const CHUNKS: usize = 200;
    let upstream = Upstream::start(|connection| {
        connection.request();
        connection.send("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = [format!("{CHUNK:x}\r\n").into_bytes(), vec![b'x'; CHUNK], b"\r\n".to_vec()].concat();
        (0..CHUNKS).for_each(|_| assert!(connection.send(&chunk)));
        connection.send("0\r\n\r\n");
        connection.wait_for_end();
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let response = proxy.connect().get("/", "");
    assert_eq!(response.body.len(), CHUNK * CHUNKS);
    assert!(response.complete && response.body.iter().all(|&byte| byte == b'x'));
}

#[test]
fn an_upstream_that_dies_before_the_first_byte_is_a_bad_gateway() {
    let only_503 = r#"<status-code id="busy" code-regex="503"><message>busy</message></status-code>"#;
    for (rules, text) in [(IF_EMPTY, "status 502"), (only_503, "502 Bad Gateway")] {
        let upstream = Upstream::answering_once("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n");
        let proxy = Proxy::start(rules, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let response = client.get("/", "");
            assert_eq!((response.status(), response.text()), (502, text));
            assert_eq!(response.field("Connection"), Some("keep-alive"));
        }
    }
}

#[test]
fn head_requests() {
    let cases = [
        ("Content-Length: 0\r\n", Some("10"), "an empty GET is known"),
        ("Content-Length: 7\r\n", Some("7"), "so is one that is not"),
        ("", None, "and one of which nothing is known stays as it is"),
    ];
    for (field, length, why) in cases {
        let upstream = Upstream::start(move |connection| {
            while let Some(request) = connection.request() {
                let body = if request.method() == "HEAD" { "" } else { "Content-Length: 0\r\n" };
                let field = if request.method() == "HEAD" { field } else { body };
                connection.send(format!("HTTP/1.1 404 Not Found\r\n{field}\r\n"));
            }
        });
        let proxy = Proxy::start(IF_EMPTY, &upstream);
        let mut client = proxy.connect();
        client.request("HEAD", "/", "");
        let response = client.response("HEAD").unwrap();
        assert_eq!(response.field("Content-Length"), length, "{why}");
        assert_eq!(response.field("Content-Type").is_some(), length == Some("10"), "{why}");
        assert!(response.field("Transfer-Encoding").is_none(), "{why}");
        assert_eq!(client.get("/", "").text(), "status 404", "nothing was left over: {why}");
        assert_eq!(upstream.accepted(), 1, "{why}");
    }
}

#[test]
fn lengths_are_counted_where_they_are_not_declared() {
    let cases: [(&str, &str); 5] = [
        ("HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello", "5 bytes"),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "0 bytes"),
        (
            "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
            "11 bytes",
        ),
        ("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "0 bytes"),
        ("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n", "5 bytes"),
    ];
    for (bytes, text) in cases {
        let upstream = Upstream::answering(bytes);
        let proxy = Proxy::start(LENGTH, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            assert_eq!(client.get("/", "").text(), text, "{bytes:?}");
        }
    }
}

#[test]
fn counting_has_an_end() {
    let upstream = Upstream::start(|connection| {
        connection.request();
        connection.send("HTTP/1.1 500 Oops\r\n\r\n");
        while connection.send([b'x'; 8192]) {}
    });
    let proxy = Proxy::start(LENGTH, &upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        assert_eq!(client.get("/", "").text(), "0 bytes");
    }
}

#[test]
fn a_request_keeps_the_rules_it_began_with() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n");
            opened.wait();
            connection.send("0\r\n\r\n");
        }
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    client.request("GET", "/", "");
    assert_eq!(client.response("GET").unwrap().status(), 103);
    proxy.live.replace(rules(r#"<status-code id="n" code-regex="404"><message>new</message></status-code>"#));
    gate.open();
    assert_eq!(client.response("GET").unwrap().text(), "status 404");
    client.request("GET", "/", "");
    assert_eq!(client.response("GET").unwrap().status(), 103);
    assert_eq!(client.response("GET").unwrap().text(), "new");
}
