//! Beginning and end.

use std::{
    net::TcpStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use retort::{
    Rules,
    host::{
        live::Live,
        pingora::{Options, Server},
    },
};

use super::IF_EMPTY;
use crate::support::{Gate, PATIENCE, Proxy, Upstream};

const EMPTY: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_port_in_use_is_named() {
    let upstream = Upstream::answering(EMPTY);
    let taken = upstream.address();
    let live = Arc::new(Live::new(Rules::default()));
    let error = Server::bind(Options::new(vec![taken], Vec::new()), live).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {taken}: ")), "{error}");
}

#[test]
fn an_idle_proxy_stops_although_connections_are_open() {
    let upstream = Upstream::answering(EMPTY);
    for h2c in [false, true] {
        let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| options.h2c = h2c);
        let mut used = proxy.connect();
        assert_eq!(used.get("/", "").text(), "status 404");
        let mut unused = proxy.connect();
        proxy.handle().stop();
        assert_eq!(proxy.join().cut, 0);
        assert_eq!((used.rest(), unused.rest()), (vec![], vec![]));
    }
}

#[test]
fn requests_in_flight_are_served_to_their_end() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        connection.request();
        connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
        opened.wait();
        connection.send(EMPTY);
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let (address, handle) = (proxy.address(), proxy.handle());
    let mut client = proxy.connect();
    client.request("GET", "/", "");
    assert_eq!(client.response("GET").unwrap().status(), 103);
    let mut idle = proxy.connect();
    handle.stop();
    assert_eq!(idle.rest(), b"");
    let start = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(start.elapsed() < PATIENCE, "connections are still accepted");
        thread::yield_now();
    }
    gate.open();
    assert_eq!(client.response("GET").unwrap().text(), "status 404");
    assert_eq!(client.rest(), b"");
    assert_eq!(proxy.join().cut, 0);
}

#[test]
fn the_time_for_that_has_an_end() {
    for now in [false, true] {
        let upstream = Upstream::start(|connection| {
            connection.request();
            connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
            connection.wait_for_end();
        });
        let proxy = Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
            options.timeouts.shutdown =
                if now { options.timeouts.shutdown } else { Duration::from_millis(50) };
        });
        let mut client = proxy.connect();
        client.request("GET", "/", "");
        assert_eq!(client.response("GET").unwrap().status(), 103);
        proxy.handle().stop();
        if now {
            proxy.handle().stop_now();
        }
        assert_eq!(proxy.join().cut, 1);
        assert_eq!(client.rest(), b"");
    }
}
