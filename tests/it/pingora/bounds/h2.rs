//! HTTP/2: before it begins, on a connection, and on a stream.

use retort::host::pingora::Bound;

use super::{OK, SHORT, at_the_limit, proxy, until};
use crate::support::{Gate, H2Client, H2End, Upstream};

#[test]
fn a_connection_says_too_little_to_tell_what_it_speaks() {
    let upstream = Upstream::answering(OK);
    let proxy = proxy(&upstream, |options| {
        options.h2c = true;
        options.timeouts.head = SHORT;
    });
    for start in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
        let mut client = proxy.connect();
        assert_eq!(at_the_limit(|| (client.send(start.as_bytes()), client.rest()).1), b"", "{start:?}");
    }
    assert_eq!(proxy.counters.reached(Bound::Head), 3);
    let mut short = proxy.connect();
    short.send(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(short.response("GET").unwrap().text(), "ok", "18 bytes can be a request");
    let mut dripping = proxy.connect();
    let answer = dripping.drip(b"PUT / HTTP/1.0\r\n\r\n", super::PAUSE / 20);
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{answer:?}");
}

#[test]
fn a_connection_is_idle() {
    let upstream = Upstream::answering(OK);
    let proxy = proxy(&upstream, |options| {
        options.h2c = true;
        options.timeouts.head = SHORT / 8;
        options.timeouts.keep_alive = SHORT;
    });
    let mut unused = H2Client::connect(proxy.address());
    at_the_limit(|| unused.rest());
    let mut used = H2Client::connect(proxy.address());
    at_the_limit(|| {
        let id = used.request("GET", "/");
        assert_eq!(used.response(id).body, b"ok");
        used.rest()
    });
    assert_eq!(proxy.counters.reached(Bound::Idle), 2);
    until("all are closed", || proxy.counters.open() == 0);
}

#[test]
fn content_is_late() {
    let upstream = Upstream::answering(OK);
    let proxy = proxy(&upstream, |options| {
        options.h2c = true;
        options.timeouts.client_body = SHORT;
    });
    let mut client = H2Client::connect(proxy.address());
    let slow = client.post("/slow");
    client.data(slow, b"abc");
    let response = at_the_limit(|| client.response(slow));
    assert_eq!((response.status, &*response.body), (408, &b"status 408"[..]));
    assert_eq!(proxy.counters.reached(Bound::Body), 1);
    let id = client.request("GET", "/");
    assert_eq!(client.response(id).body, b"ok", "the other streams go on");
}

#[test]
fn a_conversation_takes_its_time() {
    let upstream = Upstream::start(|connection| {
        let head = connection.head();
        if head.line().contains("/talk") {
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        }
        if head.line().contains("/late") {
            connection.wait_for_end();
        }
        // A chunk of two bytes.
        connection.bytes("2\r\nhi\r\n".len());
        connection.send(if head.line().contains("/talk") { "hi" } else { OK });
        connection.wait_for_end();
    });
    let proxy = proxy(&upstream, |options| {
        options.h2c = true;
        options.timeouts.client_body = SHORT;
    });
    let mut client = H2Client::connect(proxy.address());
    let talk = client.post("/talk");
    assert_eq!(client.status(talk), 200);
    let grpc = client.post_with("/grpc", &[("content-type", "application/grpc")]);
    let late = client.post("/late");
    assert_eq!(at_the_limit(|| client.response(late)).status, 408);
    client.data(talk, b"hi");
    assert_eq!(client.response(talk).body, b"hi");
    client.data(grpc, b"hi");
    assert_eq!(client.response(grpc).body, b"ok");
}

#[test]
fn a_connection_serves_so_many_requests() {
    let upstream = Upstream::answering(OK);
    let proxy = proxy(&upstream, |options| {
        options.h2c = true;
        options.limits.requests_per_connection = 2;
    });
    let mut client = H2Client::connect(proxy.address());
    for _ in 0..2 {
        let id = client.request("GET", "/");
        assert_eq!(client.response(id).body, b"ok");
    }
    client.rest();
    assert_eq!(proxy.counters.reached(Bound::ConnectionRequests), 1);
    until("it is closed", || proxy.counters.open() == 0);
}

#[test]
fn streams_are_limited() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        while connection.request().is_some() {
            opened.wait();
            connection.send(OK);
        }
    });
    let proxy = proxy(&upstream, |options| {
        options.h2c = true;
        options.limits.h2_streams = 1;
    });
    let mut client = H2Client::connect(proxy.address());
    let first = client.request("GET", "/");
    until("the first is there", || upstream.requests().len() == 1);
    let second = client.request("GET", "/");
    assert_eq!(client.response(second).end, H2End::Reset);
    gate.open();
    assert_eq!(client.response(first).body, b"ok");
}
