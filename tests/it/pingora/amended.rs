//! Statuses and header fields that rules change, with or without the content.

use crate::support::{Framing, H2Client, H2End, Proxy, Response, Upstream};

const FIELDS: &str = r#"
  <status-code id="fields" code-regex="[45]\d\d" status="503">
    <header name="Retry-After" action="default">30</header>
    <header name="X-Set">%&lt;s to %s</header>
    <header name="Set-Cookie" action="add">c=3</header>
    <header name="Set-Cookie" action="add">d=%m</header>
    <header name="Server" action="remove"/>
    <message media-type="text/plain">gone</message>
  </status-code>"#;

fn all<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    let lines = response.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    lines.map(|(_, value)| value.as_str()).collect()
}

fn with_h2c(rules: &str, upstream: &Upstream) -> Proxy {
    Proxy::with(rules, &[upstream.address()], |options| options.h2c = true)
}

#[test]
fn content_stays_as_it_is_framing_included() {
    let head = "HTTP/1.1 404 Not Found\r\nServer: x\r\nX-Set: old\r\nx-set: older\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nETag: \"e\"\r\n";
    let cases = [
        (format!("{head}Content-Length: 5\r\n\r\nhello"), Framing::Length),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
            Framing::Chunked,
        ),
    ];
    for (bytes, framing) in cases {
        let upstream = Upstream::answering(bytes);
        let proxy = with_h2c(FIELDS, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let response = client.get("/", "");
            assert_eq!(response.status_line, "HTTP/1.1 503 Service Unavailable");
            assert_eq!((response.text(), response.framing, response.complete), ("hello", framing, true));
            assert_eq!(all(&response, "Set-Cookie"), ["a=1", "b=2", "c=3", "d=GET"]);
            assert_eq!(all(&response, "X-Set"), ["404 to 503"]);
            assert_eq!((response.field("Retry-After"), response.field("ETag")), (Some("30"), Some("\"e\"")));
            assert_eq!(response.field("Server"), None);
        }
        let mut client = H2Client::connect(proxy.address());
        for _ in 0..2 {
            let id = client.request("GET", "/");
            let response = client.response(id);
            assert_eq!((response.status, &*response.body), (503, &b"hello"[..]));
            assert_eq!(response.all("set-cookie"), ["a=1", "b=2", "c=3", "d=GET"]);
            assert_eq!(response.all("x-set"), ["404 to 503"]);
            assert_eq!((response.all("retry-after"), response.all("server")), (vec!["30"], vec![]));
        }
        assert_eq!(upstream.accepted(), 1);
    }
}

#[test]
fn messages_take_the_status_and_the_fields() {
    let responses = [
        "HTTP/1.1 404 Nope\r\nContent-Length: 0\r\nRetry-After: 9\r\n\r\n",
        "HTTP/1.1 404 Nope\r\nTransfer-Encoding: chunked\r\nRetry-After: 9\r\n\r\n0\r\n\r\n",
    ];
    for bytes in responses {
        let upstream = Upstream::answering(bytes);
        let proxy = with_h2c(FIELDS, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let response = client.get("/", "");
            assert_eq!(response.status_line, "HTTP/1.1 503 Service Unavailable");
            assert_eq!((response.text(), response.field("Retry-After")), ("gone", Some("9")));
            assert_eq!(all(&response, "Set-Cookie"), ["c=3", "d=GET"]);
        }
        let mut client = H2Client::connect(proxy.address());
        let id = client.request("GET", "/");
        let response = client.response(id);
        assert_eq!((response.status, &*response.body), (503, &b"gone"[..]));
        assert_eq!(response.all("set-cookie"), ["c=3", "d=GET"]);
        assert_eq!(upstream.accepted(), 1);
    }
}

#[test]
fn statuses_without_content_get_one_that_has() {
    let message = r#"<message>was %&lt;s</message>"#;
    for (message, text) in [(message, "was "), ("", "")] {
        let rules = format!(
            r#"<status-code id="s" code-regex="20[45]|304" status="503"><header name="X-A">a</header>{message}</status-code>"#
        );
        let heads = [
            ("204", "HTTP/1.1 204 No Content\r\nETag: \"a\"\r\n\r\n"),
            ("205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\nETag: \"a\"\r\n\r\n"),
            ("304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: \"a\"\r\n\r\n"),
        ];
        for (status, head) in heads {
            let text = if text.is_empty() { String::new() } else { format!("{text}{status}") };
            let upstream = Upstream::answering(head);
            let proxy = with_h2c(&rules, &upstream);
            let mut client = proxy.connect();
            for _ in 0..2 {
                let response = client.get("/", "");
                assert_eq!(response.status_line, "HTTP/1.1 503 Service Unavailable");
                assert_eq!((response.text(), response.framing), (&*text, Framing::Length), "{head:?}");
                assert_eq!((response.field("X-A"), response.field("ETag")), (Some("a"), None));
                client.request("HEAD", "/", "");
                let response = client.response("HEAD").unwrap();
                assert_eq!(response.status(), 503);
                assert_eq!(response.field("Content-Length"), Some(&*text.len().to_string()), "{head:?}");
            }
            let mut client = H2Client::connect(proxy.address());
            for _ in 0..2 {
                let id = client.request("GET", "/");
                let response = client.response(id);
                let end = if text.is_empty() { H2End::Headers } else { H2End::Data };
                assert_eq!((response.status, response.body.len(), response.end), (503, text.len(), end));
            }
            assert_eq!(upstream.accepted(), 1, "{head:?}");
        }
    }
}

#[test]
fn an_unregistered_status_has_no_phrase() {
    let upstream = Upstream::answering("HTTP/1.1 404 Nope\r\nContent-Length: 0\r\n\r\n");
    let rules = r#"<status-code id="s" code-regex="404" status="599"><message>%s</message></status-code>"#;
    let proxy = Proxy::start(rules, &upstream);
    let response = proxy.connect().get("/", "");
    assert_eq!((response.status_line.trim_end(), response.text()), ("HTTP/1.1 599", "599"));
}

#[test]
fn what_the_proxy_says_is_amended_and_not_left_empty() {
    let rules = r#"<status-code id="s" code-regex="502" source="proxy" cause="no-upstream" status="503">
        <header name="Retry-After">5</header></status-code>"#;
    let proxy = Proxy::with(rules, &[], |_| {});
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "");
        assert_eq!(response.status_line, "HTTP/1.1 503 Service Unavailable");
        assert_eq!((response.text(), response.field("Retry-After")), ("503 Service Unavailable", Some("5")));
    }
}

/// The same response, once with the field and once without; the difference is the field.
#[test]
fn an_upstream_may_opt_out() {
    let rules = r#"<status-code id="a" code-regex="[45]\d\d" overwrite="ALWAYS" status="418">
        <header name="X-A">a</header><message>message</message></status-code>"#;
    for status in ["200 Fine", "404 Nope"] {
        let respond = |field: &str| {
            format!(
                "HTTP/1.1 {status}\r\nX-Odd_name: a  b\r\n{field}set-cookie: a\r\nSet-Cookie: b\r\nContent-Length: 5\r\n\r\nhello"
            )
        };
        let plain = Upstream::answering(respond(""));
        let expected = Proxy::start("", &plain).connect().get("/", "");
        for field in ["X-Retort: leave\r\n", "x-retort:  LEAVE \r\n"] {
            let upstream = Upstream::answering(respond(field));
            let proxy = Proxy::start(rules, &upstream);
            let mut client = proxy.connect();
            for _ in 0..2 {
                let mut response = client.get("/", "");
                let date = expected.fields.iter().find(|(name, _)| name == "Date").unwrap();
                response
                    .fields
                    .iter_mut()
                    .filter(|(name, _)| name == "Date")
                    .for_each(|it| *it = date.clone());
                assert_eq!(response, expected, "{field:?}");
            }
            assert_eq!(upstream.accepted(), 1);
        }
    }
}

#[test]
fn only_the_word_and_the_name_opt_out() {
    let rules =
        r#"<status-code id="a" code-regex="404" overwrite="ALWAYS"><message>message</message></status-code>"#;
    let head = "HTTP/1.1 404 Nope\r\nX-Retort: other\r\nX-Mine: leave\r\nContent-Length: 5\r\n\r\nhello";
    let upstream = Upstream::answering(head);
    let response = Proxy::start(rules, &upstream).connect().get("/", "");
    assert_eq!(
        (response.text(), response.field("X-Retort"), response.field("X-Mine")),
        ("message", Some("other"), Some("leave"))
    );
    let mine = Proxy::with(rules, &[upstream.address()], |options| {
        options.opt_out_header = http::HeaderName::from_static("x-mine");
    });
    let response = mine.connect().get("/", "");
    assert_eq!(
        (response.text(), response.field("X-Retort"), response.field("X-Mine")),
        ("hello", Some("other"), None)
    );
}
