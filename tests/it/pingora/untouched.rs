//! Responses that no rule may touch, or that none is for.

use super::{ALWAYS, IF_EMPTY};
use crate::support::{Framing, Gate, Proxy, Response, Upstream};

/// The fields but those that Pingora writes itself.
fn fields(response: &Response) -> Vec<(&str, &str)> {
    let own = ["Date", "Connection"];
    let fields = response.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    fields.filter(|(name, _)| !own.contains(name)).collect()
}

#[test]
fn a_response_without_a_rule_passes_as_it_is() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 Quite Fine\r\nX-Odd_name: a  b\r\nset-cookie: a=1\r\nETag: \"x\"\r\nSet-Cookie: b=2\r\n\
         Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\n\x00\x01\x02\x03\x04",
    );
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    for _ in 0..3 {
        let response = client.get("/", "");
        assert_eq!(response.status_line, "HTTP/1.1 200 Quite Fine");
        assert_eq!(response.body, [0, 1, 2, 3, 4]);
        let expected = [
            ("X-Odd_name", "a  b"),
            ("set-cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("ETag", "\"x\""),
            ("Content-Length", "5"),
            ("Content-Encoding", "gzip"),
        ];
        for line in expected {
            assert!(fields(&response).contains(&line), "{line:?} in {response:?}");
        }
        assert_eq!(fields(&response).len(), expected.len());
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn content_is_not_overwritten_if_empty() {
    let bodies: [(&str, &[u8]); 4] = [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n ", b" "),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\n\r\n\t", b"\r\n\t"),
        ("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n0\r\n\r\n", b" "),
        (
            "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n",
            b"abc",
        ),
    ];
    for (response, body) in bodies {
        let upstream = Upstream::answering(response);
        let proxy = Proxy::start(IF_EMPTY, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let passed = client.get("/", "");
            assert_eq!(passed.body, body, "{response:?}");
            assert!(passed.complete && passed.field("content-type").is_none(), "{passed:?}");
        }
        assert_eq!(upstream.accepted(), 1, "{response:?}");
    }
}

#[test]
fn content_that_ends_with_the_connection_passes() {
    let upstream = Upstream::answering_once("HTTP/1.0 500 Oops\r\nX-A: b\r\n\r\nwritten by hand");
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "");
        assert_eq!((response.text(), response.framing), ("written by hand", Framing::Chunked));
    }
}

#[test]
fn statuses_without_content_pass() {
    let heads = [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-0/2\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/grpc+proto\r\nContent-Length: 0\r\n\r\n",
    ];
    for head in heads {
        let upstream = Upstream::answering(head);
        let proxy = Proxy::start(ALWAYS, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let response = client.get("/", "");
            assert!(head.starts_with(&response.status_line), "{response:?}");
            assert!(response.field("x-content-type-options").is_none(), "{response:?}");
            assert!(response.field("transfer-encoding").is_none(), "{response:?}");
            assert_eq!(response.text(), head.split("\r\n\r\n").nth(1).unwrap(), "{response:?}");
        }
        assert_eq!(upstream.accepted(), 1, "{head:?}");
    }
}

#[test]
fn interim_responses_pass_before_the_final_one_is_held() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        connection.request();
        // The client sees the first lines of this write, so that the proxy has read the rest.
        connection
            .send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 404 Not Found\r\nTransfer-Enc");
        opened.wait();
        connection.send("oding: chunked\r\n\r\n0\r\n\r\n");
        connection.wait_for_end();
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    client.request("GET", "/", "");
    let hints = client.response("GET").unwrap();
    assert_eq!((hints.status(), hints.field("link")), (103, Some("</a.css>")));
    gate.open();
    let response = client.response("GET").unwrap();
    assert_eq!((response.status(), response.text()), (404, "status 404"));
}

#[test]
fn continue_passes() {
    let upstream = Upstream::start(|connection| {
        connection.head();
        connection.send("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(connection.bytes(3), b"abc");
        connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        connection.wait_for_end();
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    client.request("POST", "/", "Expect: 100-continue\r\nContent-Length: 3\r\n");
    assert_eq!(client.response("POST").unwrap().status(), 100);
    client.send(b"abc");
    assert_eq!(client.response("POST").unwrap().text(), "status 404");
}

#[test]
fn protocols_are_switched() {
    let upstream = Upstream::start(|connection| {
        let request = connection.head();
        assert_eq!(request.all("upgrade"), ["websocket"]);
        connection
            .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi");
        let bytes = connection.bytes(4);
        connection.send(bytes);
    });
    let proxy = Proxy::start(ALWAYS, &upstream);
    let mut client = proxy.connect();
    client.request("GET", "/", "Upgrade: websocket\r\nConnection: Upgrade\r\n");
    assert_eq!(client.response("GET").unwrap().status(), 101);
    assert_eq!(client.bytes(2), b"hi");
    client.send(b"echo");
    assert_eq!(client.bytes(4), b"echo");
}

#[test]
fn a_refused_upgrade_is_a_response_like_any_other() {
    let upstream = Upstream::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let response = proxy.connect().get("/", "Upgrade: websocket\r\nConnection: Upgrade\r\n");
    assert_eq!((response.status(), response.text()), (403, "status 403"));
}

#[test]
fn a_cut_is_passed_on_as_a_cut() {
    let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nnonsense\r\n",
        "HTTP/1.1 500 Oops\r\nContent-Length: 50\r\n\r\nabcde",
        "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
    ];
    for response in responses {
        let upstream = Upstream::answering_once(response);
        let proxy = Proxy::start(IF_EMPTY, &upstream);
        let mut client = proxy.connect();
        let passed = client.get("/", "");
        assert_eq!((passed.text(), passed.complete), ("abcde", false), "{response:?}");
    }
}

#[test]
fn nothing_waits_where_the_head_tells_that_there_is_content() {
    let heads = [
        "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    for head in heads {
        let gate = Gate::default();
        let opened = gate.clone();
        let upstream = Upstream::start(move |connection| {
            connection.request();
            connection.send(head);
            opened.wait();
        });
        let proxy = Proxy::start(IF_EMPTY, &upstream);
        let mut client = proxy.connect();
        client.request("GET", "/", "");
        let passed = client.until("\r\n\r\n");
        gate.open();
        assert_eq!(passed.lines().next(), head.lines().next());
    }
}
