//! Upstreams that steer their responses by a meta object.

use crate::support::{Framing, H2Client, H2End, Proxy, Response, Upstream, coding::gzip};

/// Every response may have one; errors that are not described get the rule's own message in XML.
const META: &str = r#"
  <status-code id="meta" code-regex="\d\d\d">
    <header name="X-Rule">%s</header>
    <meta/>
    <message media-type="application/xml" content-type="application/xml">&lt;e>%s&lt;/e></message>
  </status-code>"#;

const PLAIN: &str = r#"<status-code id="meta" code-regex="\d\d\d"><meta/></status-code>"#;

fn ok(json: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"a\"\r\nX-Kept: 1\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{json}", json.len())
}

fn all<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    let lines = response.fields.iter().filter(|(other, _)| other == name);
    lines.map(|(_, value)| value.as_str()).collect()
}

const REDIRECT: &str =
    r#"{"id":1,"meta":{"status":303,"header":{"Location":["/x"],"Set-Cookie":["a=1","b=2"]}},"z":[1.0]}"#;

#[test]
fn a_redirect_with_cookies() {
    let upstream = Upstream::answering(ok(REDIRECT));
    let proxy = Proxy::start(META, &upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "");
        assert_eq!(response.status_line, "HTTP/1.1 303 See Other");
        assert_eq!((response.text(), response.framing), (r#"{"id":1,"z":[1.0]}"#, Framing::Length));
        assert_eq!(all(&response, "Location"), ["/x"]);
        assert_eq!(all(&response, "Set-Cookie"), ["a=1", "b=2"]);
        assert_eq!((response.field("X-Kept"), response.field("ETag")), (Some("1"), None));
        assert_eq!(response.field("X-Rule"), Some("303"));
        assert_eq!(response.field("Content-Type"), Some("application/json"));
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn a_redirect_over_http_2() {
    let upstream = Upstream::answering(ok(REDIRECT));
    let proxy = Proxy::with(META, &[upstream.address()], |options| options.h2c = true);
    let mut client = H2Client::connect(proxy.address());
    for _ in 0..2 {
        let id = client.request("GET", "/");
        let response = client.response(id);
        assert_eq!((response.status, &*response.body), (303, &br#"{"id":1,"z":[1.0]}"#[..]));
        assert_eq!(response.all("location"), ["/x"]);
        assert_eq!(response.all("set-cookie"), ["a=1", "b=2"]);
        assert_eq!((response.all("content-length"), response.end), (vec!["18"], H2End::Data));
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn errors_that_are_described_and_errors_that_are_not() {
    let described = r#"{"meta":{"status":402},"error":{"code":"pay"},"data":1}"#;
    let bare = r#"{"meta":{"status":402},"data":1}"#;
    let cases = [
        (META, described, "", r#"{"code":"pay"}"#, "application/json"),
        (META, bare, "Accept: application/xml\r\n", "<e>402</e>", "application/xml"),
        (
            PLAIN,
            bare,
            "Accept: application/json\r\n",
            r#"{"title":"Payment Required","status":402}"#,
            "application/problem+json",
        ),
        (PLAIN, bare, "", "402 Payment Required", "text/plain; charset=utf-8"),
    ];
    for (rules, json, fields, text, content_type) in cases {
        let upstream = Upstream::answering(ok(json));
        let proxy = Proxy::start(rules, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let response = client.get("/", fields);
            assert_eq!(response.status_line, "HTTP/1.1 402 Payment Required");
            assert_eq!((response.text(), response.field("Content-Type")), (text, Some(content_type)));
        }
        assert_eq!(upstream.accepted(), 1);
    }
}

#[test]
fn what_no_meta_object_may_say_is_not_done() {
    let json = r#"{"meta":{"status":200,"header":{"Content-Length":["5"],"Connection":["close"],"Vary":["x"],
        "Access-Control-Allow-Origin":["*"],"Transfer-Encoding":["chunked"],"X-A":["a\r\nX-B: b"],"X-C":["c"]}}}"#;
    let upstream = Upstream::answering(ok(json));
    let proxy = Proxy::start(PLAIN, &upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "");
        assert_eq!((response.status(), response.text()), (200, "{}"));
        assert_eq!((response.field("Content-Length"), response.field("X-C")), (Some("2"), Some("c")));
        assert_eq!(response.field("Connection"), Some("keep-alive"));
        for name in ["Vary", "Access-Control-Allow-Origin", "X-A", "X-B"] {
            assert_eq!(response.field(name), None, "{name}");
        }
    }
}

#[test]
fn not_modified_has_no_content() {
    let upstream = Upstream::answering(ok(r#"{"meta":{"status":304},"data":1}"#));
    let proxy = Proxy::with(PLAIN, &[upstream.address()], |options| options.h2c = true);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "");
        assert_eq!((response.status_line.as_str(), response.text()), ("HTTP/1.1 304 Not Modified", ""));
        assert_eq!(response.field("Content-Length"), None);
    }
    let mut client = H2Client::connect(proxy.address());
    let id = client.request("GET", "/");
    let response = client.response(id);
    assert_eq!((response.status, response.end), (304, H2End::Headers));
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn a_meta_object_in_pieces_and_in_a_coding() {
    let body = gzip(REDIRECT.as_bytes());
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
    let upstream = Upstream::start(move |connection| {
        while connection.request().is_some() {
            connection.send(head);
            for byte in &body {
                connection.send([b"1\r\n", &[*byte][..], b"\r\n"].concat());
            }
            connection.send("0\r\n\r\n");
        }
    });
    let proxy = Proxy::start(PLAIN, &upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "");
        assert_eq!((response.status(), response.text()), (303, r#"{"id":1,"z":[1.0]}"#));
        assert_eq!(response.field("Content-Encoding"), None);
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn content_beyond_the_limit_is_not_steered() {
    let json = format!(r#"{{"pad":"{}","meta":{{"status":402}}}}"#, "x".repeat(70_000));
    let upstream = Upstream::answering(ok(&json));
    let proxy = Proxy::start(META, &upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "");
        assert_eq!((response.status(), response.text()), (200, &*json));
        assert_eq!((response.field("X-Rule"), response.field("ETag")), (Some("200"), Some("\"a\"")));
    }
    assert_eq!(upstream.accepted(), 1);
}
