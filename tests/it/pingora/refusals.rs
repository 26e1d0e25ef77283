//! Requests that are refused for what they are, as far as more than their bytes matters.

use super::IF_EMPTY;
use crate::support::{H2Client, Proxy, Upstream, access};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_rule_has_the_message() {
    let log = access();
    let upstream = Upstream::answering(OK);
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let long = "a".repeat(20_000);
    let requests = [
        (400, "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n".to_owned()),
        (405, "TRACE / HTTP/1.1\r\n".to_owned()),
        (414, format!("GET /{long} HTTP/1.1\r\n")),
        (431, format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(100))),
        (501, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n".to_owned()),
    ];
    for (status, request) in requests {
        let id = format!("refused-{status}");
        let mut client = proxy.connect();
        let fields = format!("Host: a\r\nAccept: application/json\r\nX-Request-Id: {id}\r\n\r\n");
        client.send(format!("{request}{fields}").as_bytes());
        let response = client.response("GET").unwrap();
        assert_eq!((response.status(), response.text()), (status, &*format!(r#"{{"status":{status}}}"#)));
        assert_eq!(response.field("Connection"), Some("close"));
        assert_eq!(client.rest(), b"");
        assert_eq!(log(&id)["cause"], "bad-request");
    }
    assert_eq!(upstream.accepted(), 0);
}

#[test]
fn limits_are_settings() {
    let upstream = Upstream::answering(OK);
    let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
        options.strictness.max_fields = 3;
        options.strictness.max_head_bytes = 100;
        options.strictness.max_target_bytes = 10;
    });
    let sent = [("/", "X: a\r\nX: b\r\n", 200), ("/", "X: a\r\nX: b\r\nX: c\r\n", 431)];
    let large = format!("X: {}\r\n", "a".repeat(60));
    let long = [("/", &*large, 431), ("/123456789", "", 200), ("/1234567890", "", 414)];
    for (path, fields, status) in sent.into_iter().chain(long) {
        assert_eq!(proxy.connect().get(path, fields).status(), status, "{path} {fields}");
    }
}

#[test]
fn http_2() {
    let upstream = Upstream::answering(OK);
    let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| options.h2c = true);
    let mut client = H2Client::connect(proxy.address());
    let start = [(":scheme", "http"), (":path", "/")];
    let requests: [(&str, &[(&str, &str)]); 6] = [
        ("ok", &[(":method", "GET"), (":authority", "a")]),
        ("ok", &[(":method", "GET"), ("host", "a")]),
        ("", &[(":method", "GET")]),
        ("status 400", &[(":method", "GET"), ("host", "a\"><b")]),
        ("status 400", &[(":method", "GET"), (":authority", "a"), ("content_length", "5")]),
        ("status 405", &[(":method", "TRACE"), (":authority", "a")]),
    ];
    for (text, fields) in requests {
        let id = client.fields(&[&start, fields].concat());
        assert_eq!(String::from_utf8_lossy(&client.response(id).body), text, "{fields:?}");
    }
    assert_eq!(upstream.requests().len(), 2, "the connection goes on, the upstream hears nothing");
}
