//! Clients of HTTP/2 without TLS.

use super::{ALWAYS, IF_EMPTY};
use crate::support::{Gate, H2Client, H2End, Proxy, Upstream};

fn proxy(rules: &str, upstream: &Upstream) -> Proxy {
    Proxy::with(rules, &[upstream.address()], |options| options.h2c = true)
}

#[test]
fn empty_responses_get_a_message() {
    let responses = [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    for bytes in responses {
        let upstream = Upstream::answering(bytes);
        let proxy = proxy(IF_EMPTY, &upstream);
        let mut client = H2Client::connect(proxy.address());
        for _ in 0..3 {
            let id = client.request("GET", "/");
            let response = client.response(id);
            assert_eq!(
                (response.status, &*response.body, response.end),
                (404, &b"status 404"[..], H2End::Data)
            );
        }
        assert_eq!(upstream.accepted(), 1, "{bytes:?}");
    }
}

#[test]
fn content_passes() {
    let upstream =
        Upstream::answering("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let proxy = proxy(IF_EMPTY, &upstream);
    let mut client = H2Client::connect(proxy.address());
    for _ in 0..2 {
        let id = client.request("GET", "/");
        let response = client.response(id);
        assert_eq!((response.status, &*response.body), (500, &b"hello"[..]));
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn the_first_byte_lets_the_head_go() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        connection.request();
        connection.send("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        opened.wait();
        connection.send("0\r\n\r\n");
    });
    let proxy = proxy(IF_EMPTY, &upstream);
    let mut client = H2Client::connect(proxy.address());
    let id = client.request("GET", "/");
    assert_eq!(client.status(id), 500);
    gate.open();
    assert_eq!(client.response(id).body, b"hello");
}

#[test]
fn head_requests_get_no_content() {
    let upstream = Upstream::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let proxy = proxy(ALWAYS, &upstream);
    let mut client = H2Client::connect(proxy.address());
    for _ in 0..2 {
        let id = client.request("HEAD", "/");
        let response = client.response(id);
        assert_eq!((response.status, &*response.body, response.end), (404, &b""[..], H2End::Headers));
    }
}

#[test]
fn large_content_is_replaced_and_the_upstream_connection_kept() {
    let body = "x".repeat(60_000);
    let upstream = Upstream::answering(format!("HTTP/1.1 500 Oops\r\nContent-Length: 60000\r\n\r\n{body}"));
    let proxy = proxy(ALWAYS, &upstream);
    let mut client = H2Client::connect(proxy.address());
    for _ in 0..3 {
        let id = client.request("GET", "/");
        assert_eq!(client.response(id).body, b"status 500");
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn an_upstream_that_dies_before_the_first_byte_is_a_bad_gateway() {
    let upstream = Upstream::answering_once("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n");
    let proxy = proxy(IF_EMPTY, &upstream);
    let mut client = H2Client::connect(proxy.address());
    for _ in 0..2 {
        let id = client.request("GET", "/");
        let response = client.response(id);
        assert_eq!((&*response.body, response.end), (&b"status 502"[..], H2End::Data));
    }
}

#[test]
fn a_cut_is_a_reset() {
    let upstream = Upstream::answering_once("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    let proxy = proxy(IF_EMPTY, &upstream);
    let mut client = H2Client::connect(proxy.address());
    for _ in 0..2 {
        let id = client.request("GET", "/");
        let response = client.response(id);
        assert_eq!((response.status, response.end), (200, H2End::Reset));
    }
}

#[test]
fn others_may_speak_http_1_1() {
    let upstream = Upstream::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let proxy = proxy(IF_EMPTY, &upstream);
    assert_eq!(proxy.connect().get("/", "").text(), "status 404");
}
