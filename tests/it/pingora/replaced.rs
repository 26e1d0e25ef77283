//! Messages in place of content.

use std::time::Duration;

use super::ALWAYS;
use crate::support::{Framing, Gate, Proxy, Upstream};

#[test]
fn what_described_the_old_content_goes_and_the_rest_stays() {
    let upstream = Upstream::answering(
        "HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nETag: \"a\"\r\n\
         Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nAccept-Ranges: bytes\r\nContent-MD5: a\r\nDigest: a\r\n\
         Content-Language: de\r\nContent-Location: /x\r\nContent-Disposition: inline\r\nTrailer: X-T\r\n\
         Transfer-Encoding: chunked\r\nWWW-Authenticate: Basic\r\nRetry-After: 5\r\nSet-Cookie: a=1\r\n\
         Set-Cookie: b=2\r\nLocation: /y\r\nX-Other: z\r\n\r\n3\r\n\x1f\x10\x08\r\n0\r\nX-T: 1\r\n\r\n",
    );
    let proxy = Proxy::start(ALWAYS, &upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "");
        assert_eq!(response.status_line, "HTTP/1.1 500 Oops");
        let mut fields: Vec<_> = response.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        fields.retain(|(name, _)| *name != "Date");
        fields.sort_unstable();
        let expected = [
            ("Connection", "keep-alive"),
            ("Content-Length", "10"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Location", "/y"),
            ("Retry-After", "5"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("WWW-Authenticate", "Basic"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Other", "z"),
        ];
        assert_eq!(fields, expected);
        assert_eq!(response.text(), "status 500");
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn the_message_does_not_wait_for_the_old_content() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\nabcde");
            opened.wait();
            connection.send("fghij");
        }
    });
    let proxy = Proxy::with(ALWAYS, &[upstream.address()], |options| {
        options.timeouts.drain = Duration::from_secs(20);
    });
    let mut client = proxy.connect();
    assert_eq!(client.get("/", "").text(), "status 500");
    gate.open();
    assert_eq!(client.get("/", "").text(), "status 500");
    assert_eq!(upstream.accepted(), 1, "the rest was read, and the connection kept");
}

#[test]
fn endless_content_is_cut_and_the_client_does_not_notice() {
    let upstream = Upstream::start(|connection| {
        connection.request();
        connection.send("HTTP/1.1 500 Oops\r\n\r\n");
        while connection.send([b'x'; 8192]) {}
    });
    let proxy = Proxy::start(ALWAYS, &upstream);
    let mut client = proxy.connect();
    for _ in 0..3 {
        let response = client.get("/", "");
        assert_eq!((response.text(), response.field("Connection")), ("status 500", Some("keep-alive")));
    }
    assert_eq!(upstream.accepted(), 3);
}

#[test]
fn content_that_never_comes_is_not_waited_for_long() {
    let upstream = Upstream::start(|connection| {
        connection.request();
        connection.send("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\nabcde");
        connection.wait_for_end();
    });
    let proxy = Proxy::with(ALWAYS, &[upstream.address()], |options| {
        options.timeouts.drain = Duration::from_millis(10);
    });
    let mut client = proxy.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/", "").text(), "status 500");
    }
    assert_eq!(upstream.accepted(), 3);
}

#[test]
fn a_broken_upstream_does_not_break_the_message() {
    let responses = [
        "HTTP/1.1 500 Oops\r\nContent-Length: 50\r\n\r\nabcde",
        "HTTP/1.1 500 Oops\r\nContent-Length: 50\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.0 500 Oops\r\n\r\n",
    ];
    for bytes in responses {
        let upstream = Upstream::answering_once(bytes);
        let proxy = Proxy::start(ALWAYS, &upstream);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let response = client.get("/", "");
            assert_eq!((response.status(), response.text()), (500, "status 500"), "{bytes:?}");
            assert_eq!(response.status_line, "HTTP/1.1 500 Oops");
        }
    }
}

#[test]
fn head_requests_get_the_head_that_get_would_get() {
    let upstream = Upstream::start(|connection| {
        while let Some(request) = connection.request() {
            let body = if request.method() == "HEAD" { "" } else { "hello" };
            connection.send(format!("HTTP/1.1 500 Oops\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n{body}"));
        }
    });
    let proxy = Proxy::start(ALWAYS, &upstream);
    let mut client = proxy.connect();
    client.request("HEAD", "/", "");
    let head = client.response("HEAD").unwrap();
    let mut get = client.get("/", "");
    assert_eq!(get.text(), "status 500");
    let same = |field: &(String, String)| field.0 != "Date";
    let fields = |all: &[(String, String)]| all.iter().filter(|it| same(it)).cloned().collect::<Vec<_>>();
    assert_eq!(fields(&head.fields), fields(&get.fields));
    get.fields.clear();
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn a_message_may_be_empty() {
    let upstream = Upstream::answering("HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello");
    let rules =
        r#"<status-code id="a" code-regex="500" overwrite="ALWAYS"><message> %q </message></status-code>"#;
    let proxy = Proxy::start(rules, &upstream);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "");
        assert_eq!((response.text(), response.field("Content-Length")), ("", Some("0")));
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn an_early_answer_to_an_upload() {
    let upstream = Upstream::start(|connection| {
        connection.head();
        connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
        connection.wait_for_end();
    });
    let proxy = Proxy::start(ALWAYS, &upstream);
    let mut client = proxy.connect();
    client.request("POST", "/", "Content-Length: 1000\r\n");
    client.send(b"abc");
    let response = client.response("POST").unwrap();
    assert_eq!((response.status(), response.text()), (413, "status 413"));
    assert_eq!(response.field("Connection"), Some("close"));
}

#[test]
fn templates_see_the_exchange() {
    let upstream = Upstream::answering("HTTP/1.1 500 Oh No\r\nContent-Length: 0\r\nX-A: b\r\n\r\n");
    let message = "%a|%h|%A|%m|%U|%q|%r|%H|%M|%s|%p|%u|%{x-a}o|%{User-Agent}i|%g";
    let rules = format!(r#"<status-code id="a" code-regex="500"><message>{message}</message></status-code>"#);
    let proxy = Proxy::start(&rules, &upstream);
    let response =
        proxy.connect().get("/p%20q?a=b", "X-Request-Id: id-1\r\nUser-Agent: me\r\nX-PP-User: al,bo\r\n");
    let port = upstream.address().port();
    let expected = format!(
        "127.0.0.1|127.0.0.1|127.0.0.1|GET|/p%20q|a=b|GET /p%20q?a=b HTTP/1.1|HTTP/1.1|Oh No|500|{port}|al|b|me|id-1"
    );
    assert_eq!(response.text(), expected);
    assert_eq!(response.framing, Framing::Length);
}

#[test]
fn templates_see_who_talked_to_whom() {
    let upstream = Upstream::answering("HTTP/1.1 500 Oh No\r\nContent-Length: 0\r\n\r\n");
    let message = "%{c}a|%v|%{remote}p|%{local}p|%{canonical}p|%{upstream}x|%{source}x|%{cause}x|%{trace-id}x|%{hostname}x";
    let rules = format!(r#"<status-code id="a" code-regex="5.."><message>{message}</message></status-code>"#);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let fields = format!("traceparent: 00-{trace}-b7ad6b7169203331-01\r\n");
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let seen = |proxy: &Proxy, from: &str| {
        let mut client = proxy.connect();
        let response = client.get("/", &fields);
        let (remote, local) = (client.address().port(), proxy.address().port());
        let expected = format!("127.0.0.1|example.org|{remote}|{local}|80|{from}|{trace}|{}", machine.trim());
        assert_eq!(response.text(), expected);
    };
    seen(&Proxy::start(&rules, &upstream), &format!("{}|upstream|", upstream.address()));
    seen(&Proxy::with(&rules, &[], |_| {}), "|proxy|no-upstream");
}
