//! The steps of the end, each until the test says what is next.

use std::{
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use retort::host::{
    fault,
    readiness::{Readiness, State},
};

use super::IF_EMPTY;
use crate::support::{Gate, H2Client, H2End, PATIENCE, Proxy, Upstream, access};

const EMPTY: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
const EARLY: &str = "HTTP/1.1 103 Early Hints\r\n\r\n";

/// Longer than any test takes.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// A proxy that is a lame duck until it is told to accept no more.
fn patient(upstream: &Upstream, h2c: bool) -> Proxy {
    Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
        options.life.lame_duck = FOR_EVER;
        options.timeouts.shutdown = FOR_EVER;
        options.h2c = h2c;
    })
}

/// Waits until the proxy has come so far.
fn until(readiness: &Readiness, state: State) {
    let start = Instant::now();
    while readiness.report().state() != state {
        assert!(start.elapsed() < PATIENCE, "still {}", readiness.report());
        thread::yield_now();
    }
}

/// Answers `/slow` once the gate is open, and everything else at once.
fn upstream(gate: &Gate) -> Upstream {
    let opened = gate.clone();
    Upstream::start(move |connection| {
        while let Some(request) = connection.request() {
            if request.line().contains("/slow ") {
                connection.send(EARLY);
                opened.wait();
            }
            connection.send(EMPTY);
        }
    })
}

#[test]
fn it_is_ready_once_there_is_an_upstream() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    until(&proxy.readiness(), State::Ready);
    let lonely = Proxy::with(IF_EMPTY, &[], |_| {});
    assert!(lonely.connect().get("/", "").text().contains("503"), "it serves all the same");
    assert_eq!(lonely.readiness().report().to_string(), "starting: no upstream can be used");
}

#[test]
fn without_connections_it_stops_at_once() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = patient(&upstream, false);
    let readiness = proxy.readiness();
    proxy.handle().stop();
    assert_eq!(proxy.join().cut, 0);
    assert_eq!(readiness.report().state(), State::Draining);
}

#[test]
fn a_lame_duck_accepts_connections_for_one_response_each() {
    let gate = Gate::default();
    let upstream = upstream(&gate);
    let proxy = patient(&upstream, false);
    let (address, handle, readiness) = (proxy.address(), proxy.handle(), proxy.readiness());
    let mut slow = proxy.connect();
    slow.request("GET", "/slow", "");
    assert_eq!(slow.response("GET").unwrap().status(), 103);
    let mut idle = proxy.connect();
    assert_eq!(idle.get("/", "").field("Connection"), Some("keep-alive"));

    handle.stop();
    until(&readiness, State::Draining);
    for client in [&mut idle, &mut proxy.connect()] {
        let response = client.get("/", "");
        assert_eq!((response.text(), response.field("Connection")), ("status 404", Some("close")));
        assert_eq!(client.rest(), b"");
    }
    let mut waiting = proxy.connect();

    handle.stop_accepting();
    assert_eq!(waiting.rest(), b"", "it asked nothing, and is closed");
    while TcpStream::connect(address).is_ok() {}
    gate.open();
    let response = slow.response("GET").unwrap();
    assert_eq!((response.text(), response.field("Connection")), ("status 404", Some("close")));
    assert_eq!(proxy.join().cut, 0);
}

#[test]
fn streams_end_and_the_client_is_told_that_there_are_no_more() {
    let gate = Gate::default();
    let upstream = upstream(&gate);
    let proxy = patient(&upstream, true);
    let mut client = H2Client::connect(proxy.address());
    let slow = client.request("GET", "/slow");
    while upstream.requests().is_empty() {
        thread::yield_now();
    }
    proxy.handle().stop_accepting();
    // The first of two words of farewell: no stream is refused before the client has read it.
    client.until_goaway(1);
    let quick = client.request("GET", "/");
    assert_eq!(client.response(quick).status, 404);
    gate.open();
    let response = client.response(slow);
    assert_eq!((response.end, response.body), (H2End::Data, b"status 404".to_vec()));
    client.until_goaway(2);
    assert_eq!(proxy.join().cut, 0);
}

#[test]
fn a_panic_while_logging_costs_the_log_and_nothing_else() {
    let logged = access();
    let upstream = Upstream::answering(EMPTY);
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let before = fault::count();
    let mut client = proxy.connect();
    assert_eq!(client.get("/panic", "X-Request-Id: a-panic\r\n").text(), "status 404");
    assert_eq!(client.get("/", "X-Request-Id: no-panic\r\n").text(), "status 404");
    assert_eq!(logged("no-panic")["status"], "404");
    assert!(fault::count() > before);
}
