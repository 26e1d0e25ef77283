//! What becomes of connections, on both sides.

use super::{ALWAYS, IF_EMPTY};
use crate::support::{Framing, Gate, Proxy, Upstream};

const EMPTY: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn many_requests_need_two_connections() {
    let upstream = Upstream::start(|connection| {
        let responses = [
            EMPTY,
            OK,
            "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        ];
        for response in responses.iter().cycle() {
            if connection.request().is_none() {
                return;
            }
            connection.send(response);
        }
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    for round in 0..100 {
        for text in ["status 404", "ok", "status 503", "a"] {
            assert_eq!(client.get("/", "").text(), text, "round {round}");
        }
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn clients_of_http_1_0_get_no_chunks() {
    let cases = [
        (EMPTY, "status 404", Framing::Length),
        (
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "status 404",
            Framing::Length,
        ),
        (
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "ok",
            Framing::Close,
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok", Framing::Close),
        (OK, "ok", Framing::Length),
    ];
    for (bytes, text, framing) in cases {
        let upstream = Upstream::answering(bytes);
        let proxy = Proxy::start(IF_EMPTY, &upstream);
        for fields in ["", "Host: a\r\nConnection: keep-alive\r\n"] {
            let mut client = proxy.connect();
            client.send(format!("GET / HTTP/1.0\r\n{fields}\r\n").as_bytes());
            let response = client.response("GET").unwrap();
            assert_eq!((response.text(), response.framing), (text, framing), "{bytes:?} {fields:?}");
            let kept = bytes.contains("Content-Length") && !fields.is_empty();
            assert_eq!(response.field("Connection"), Some(if kept { "keep-alive" } else { "close" }));
            if !kept {
                assert_eq!(client.rest(), b"", "the connection is closed");
            }
        }
    }
}

#[test]
fn a_half_closed_client_is_answered() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        connection.request();
        connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
        opened.wait();
        connection.send(EMPTY);
        connection.wait_for_end();
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    client.request("GET", "/", "");
    client.half_close();
    assert_eq!(client.response("GET").unwrap().status(), 103);
    gate.open();
    assert_eq!(client.response("GET").unwrap().text(), "status 404");
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_client_may_ask_to_close() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    let response = client.get("/", "Connection: close\r\n");
    assert_eq!((response.text(), response.field("Connection")), ("status 404", Some("close")));
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_connection_serves_so_many_requests() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
        options.limits.requests_per_connection = 2;
    });
    let mut client = proxy.connect();
    let mut served = 1;
    while client.get("/", "").field("Connection") == Some("keep-alive") {
        served += 1;
    }
    assert_eq!(client.rest(), b"");
    assert_eq!(served, 2);
}

#[test]
fn requests_may_be_sent_ahead() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        while let Some(request) = connection.request() {
            if request.line().contains("/2") {
                connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
                opened.wait();
            }
            connection.send(EMPTY);
        }
    });
    let rules = r#"<status-code id="a" code-regex="404"><message>%U</message></status-code>"#;
    let proxy = Proxy::start(rules, &upstream);
    let mut client = proxy.connect();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send([get("/1"), get("/2")].concat().as_bytes());
    assert_eq!(client.response("GET").unwrap().text(), "/1");
    assert_eq!(client.response("GET").unwrap().status(), 103);
    client.send(get("/3").as_bytes());
    gate.open();
    assert_eq!(client.response("GET").unwrap().text(), "/2");
    assert_eq!(client.response("GET").unwrap().text(), "/3");
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn a_stale_connection_costs_a_get_nothing_and_a_post_one_try() {
    for method in ["GET", "POST"] {
        let upstream = Upstream::start(|connection| {
            connection.request();
            connection.send(OK);
            if connection.index == 0 {
                // Read, but never answered: the proxy cannot know how far it came.
                connection.request();
                return;
            }
            connection.wait_for_end();
        });
        let proxy = Proxy::start(IF_EMPTY, &upstream);
        let mut client = proxy.connect();
        assert_eq!(client.get("/", "").text(), "ok");
        client.request(method, "/again", "Content-Length: 1\r\n");
        client.send(b"x");
        let response = client.response(method).unwrap();
        let seen = upstream.requests().iter().filter(|it| it.line().contains("/again")).count();
        match method {
            "GET" => assert_eq!((response.text(), seen), ("ok", 2)),
            _ => assert_eq!((response.text(), seen), ("status 502", 1)),
        }
    }
}

#[test]
fn a_connection_closed_while_idle_is_not_used() {
    let closed = Gate::default();
    let done = closed.clone();
    let upstream = Upstream::start(move |connection| {
        connection.request();
        connection.send(OK);
        if connection.index == 0 {
            connection.half_close();
            connection.wait_for_end();
            done.open();
            return;
        }
        connection.wait_for_end();
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    assert_eq!(client.get("/", "").text(), "ok");
    closed.wait();
    client.request("POST", "/", "Content-Length: 1\r\n");
    client.send(b"x");
    assert_eq!(client.response("POST").unwrap().text(), "ok");
}

#[test]
fn a_client_that_leaves_harms_nobody() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        while let Some(request) = connection.request() {
            if request.line().contains("/left") {
                opened.wait();
            }
            connection.send(EMPTY);
        }
    });
    let proxy = Proxy::start(ALWAYS, &upstream);
    let mut leaving = proxy.connect();
    leaving.request("GET", "/left", "");
    drop(leaving);
    gate.open();
    assert_eq!(proxy.connect().get("/", "").text(), "status 404");
}
