//! Responses that the proxy makes itself.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use super::IF_EMPTY;
use crate::support::{Framing, Proxy, Response, Upstream, access};

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn assert_made_up(response: &Response) {
    assert!(response.field("Server").is_none(), "{response:?}");
    assert!(response.field("Date").is_some(), "{response:?}");
    assert_eq!(response.field("Cache-Control"), Some("no-store"));
    assert_eq!(response.field("Connection"), Some("keep-alive"));
}

#[test]
fn a_generic_message_in_a_form_that_the_client_accepts() {
    let proxy = Proxy::with("", &[nobody()], |_| {});
    let mut client = proxy.connect();
    let json = (r#"{"title":"Bad Gateway","status":502}"#, "application/problem+json");
    let html = (
        r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1></html>"#,
        "text/html; charset=utf-8",
    );
    let text = ("502 Bad Gateway", "text/plain; charset=utf-8");
    let cases = [
        ("application/json", json),
        ("application/problem+json", json),
        ("application/*", json),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", html),
        ("*/*", text),
        ("image/png", text),
        ("text/plain", text),
    ];
    for (accept, (body, content_type)) in cases {
        let response = client.get("/", &format!("Accept: {accept}\r\n"));
        assert_eq!(response.status_line, "HTTP/1.1 502 Bad Gateway");
        assert_eq!((response.text(), response.field("Content-Type")), (body, Some(content_type)), "{accept}");
        assert_eq!(response.field("Vary"), Some("Accept"));
        assert_made_up(&response);
    }
}

#[test]
fn the_connection_goes_on() {
    let proxy = Proxy::with(IF_EMPTY, &[nobody()], |_| {});
    let mut client = proxy.connect();
    assert_eq!(client.get("/", "").text(), "status 502");
    client.request("HEAD", "/", "");
    let head = client.response("HEAD").unwrap();
    assert_eq!(head.field("Content-Length"), Some("10"));
    client.request("POST", "/", "Content-Length: 3\r\n");
    client.send(b"abc");
    assert_made_up(&client.response("POST").unwrap());
    assert_eq!(client.get("/", "Accept: application/json\r\n").text(), r#"{"status":502}"#);
    assert_eq!(client.get("/", "Connection: close\r\n").field("Connection"), Some("close"));
    assert_eq!(client.rest(), b"");
}

#[test]
fn an_upload_that_is_not_read_closes_the_connection() {
    let proxy = Proxy::with(IF_EMPTY, &[nobody()], |_| {});
    let mut client = proxy.connect();
    client.request("POST", "/", "Content-Length: 3\r\nExpect: 100-continue\r\n");
    let response = client.response("POST").unwrap();
    assert_eq!((response.text(), response.field("Connection")), ("status 502", Some("close")));
    assert_eq!(client.rest(), b"");
}

#[test]
fn an_upstream_that_hangs_up() {
    let garbage = [
        "",
        "HTTP/1.1 2",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    ];
    for bytes in garbage {
        let upstream = Upstream::answering_once(bytes);
        let proxy = Proxy::start(IF_EMPTY, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let response = client.get("/", "");
            assert_eq!((response.status(), response.text()), (502, "status 502"), "{bytes:?}");
            assert_made_up(&response);
        }
    }
}

#[test]
fn an_upstream_that_is_silent() {
    let log = access();
    let upstream = Upstream::start(|connection| connection.wait_for_end());
    let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
        options.timeouts.read = Duration::from_millis(50);
    });
    let mut client = proxy.connect();
    let response = client.get("/", "X-Request-Id: silent\r\n");
    assert_eq!((response.status(), response.text()), (504, "status 504"));
    assert_made_up(&response);
    assert_eq!(log("silent")["cause"], "read-timeout");
}

#[test]
fn an_upstream_that_accepts_nothing() {
    let log = access();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let entered = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    drop(entered);
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
    }
    let proxy = Proxy::with(IF_EMPTY, &[address], |options| {
        options.timeouts.connect = Duration::from_millis(50);
    });
    let response = proxy.connect().get("/", "X-Request-Id: full\r\n");
    assert_eq!((response.status(), response.text()), (504, "status 504"));
    assert_eq!(log("full")["cause"], "connect-timeout");
}

#[test]
fn no_upstream_at_all() {
    let log = access();
    let proxy = Proxy::with("", &[], |_| {});
    let response = proxy.connect().get("/", "X-Request-Id: nobody\r\n");
    assert_eq!((response.status(), response.text()), (503, "503 Service Unavailable"));
    assert_eq!(log("nobody")["cause"], "no-upstream");
}

#[test]
fn a_name_without_an_address() {
    let log = access();
    let proxy = Proxy::with(IF_EMPTY, &[], |options| {
        options.upstreams = vec!["http://nobody.invalid:80".parse().unwrap()];
    });
    let mut client = proxy.connect();
    let response = client.get("/", "X-Request-Id: nameless\r\n");
    assert_eq!((response.status(), response.text()), (502, "status 502"));
    assert_eq!(log("nameless")["cause"], "dns");
}

#[test]
fn a_name_with_several_addresses() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let port = upstream.address().port();
    let proxy = Proxy::with("", &[], |options| {
        options.upstreams = vec![format!("http://localhost:{port}").parse().unwrap()];
    });
    let mut client = proxy.connect();
    for _ in 0..4 {
        assert_eq!(client.get("/", "").text(), "ok");
    }
}

#[test]
fn another_upstream_steps_in() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::with("", &[nobody(), upstream.address(), nobody()], |_| {});
    let mut client = proxy.connect();
    for _ in 0..6 {
        client.request("POST", "/", "Content-Length: 3\r\n");
        client.send(b"abc");
        assert_eq!(client.response("POST").unwrap().text(), "ok");
    }
    assert!(upstream.requests().iter().all(|request| request.body == b"abc"));
    assert_eq!(upstream.requests().len(), 6);
}

#[test]
fn a_request_without_a_host() {
    let log = access();
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let rules = r#"<status-code id="bad" code-regex="400"><message>bad</message></status-code>"#;
    for (rules, text) in [("", "400 Bad Request"), (rules, "bad")] {
        let proxy = Proxy::start(rules, &upstream);
        let mut client = proxy.connect();
        client.send(b"GET / HTTP/1.1\r\nX-Request-Id: hostless\r\n\r\n");
        let response = client.response("GET").unwrap();
        assert_eq!((response.status(), response.text()), (400, text));
        assert_eq!(response.field("Connection"), Some("close"));
        assert_eq!(client.rest(), b"");
        assert_eq!(log("hostless")["cause"], "bad-request");
    }
    assert_eq!(upstream.accepted(), 0);
}

#[test]
fn a_switch_of_protocols_that_nobody_asked_for() {
    let upstream = Upstream::answering_once(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    );
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let response = proxy.connect().get("/", "");
    assert_eq!((response.status(), response.text()), (502, "status 502"));
    assert_eq!(response.framing, Framing::Length);
}

#[test]
fn requests_that_cannot_be_read() {
    let requests = [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\na",
    ];
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (rules, text) in [("", "400 Bad Request"), (IF_EMPTY, "status 400")] {
        let proxy = Proxy::start(rules, &upstream);
        for request in requests {
            let mut client = proxy.connect();
            client.send(request.as_bytes());
            let response = client.response("GET").unwrap();
            assert_eq!((response.status(), response.text()), (400, text), "{request:?}");
            assert_eq!((response.field("Connection"), response.field("Server")), (Some("close"), None));
            assert_eq!(client.rest(), b"", "{request:?}");
        }
    }
    assert_eq!(upstream.accepted(), 0);
}

#[test]
fn tunnels() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    client.send(b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nAccept: application/json\r\n\r\nGET / HTTP/1.1\r\n");
    let response = client.response("GET").unwrap();
    assert_eq!((response.status(), response.text()), (405, r#"{"status":405}"#));
    assert_eq!(response.field("Connection"), Some("close"));
    assert_eq!(client.rest(), b"");
    assert_eq!(upstream.accepted(), 0);
}

#[test]
fn requests_that_take_their_time() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
        options.timeouts.head = Duration::from_millis(100);
    });
    let mut client = proxy.connect();
    client.send(b"GET / HT");
    assert_eq!(client.rest(), b"");
    let mut client = proxy.connect();
    assert_eq!(client.get("/", "").text(), "ok");
    client.send(b"GET / HT");
    assert_eq!(client.rest(), b"");
}
