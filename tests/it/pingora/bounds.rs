//! What clients may take: each limit ends what it is for, at its time, and harms nobody else.
//!
//! Where a test needs some time to pass, it watches a client run into a limit.

mod h2;
mod numbers;

use std::{
    thread,
    time::{Duration, Instant},
};

use retort::host::pingora::{Bound, Options};

use super::IF_EMPTY;
use crate::support::{Client, Gate, PATIENCE, Proxy, Upstream};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The limit under test; all others are far away.
const SHORT: Duration = Duration::from_millis(400);

/// How much later than that it may be, on a machine that has other things to do.
const LATE: Duration = Duration::from_secs(8);

/// Between the bytes of a slow client.
const PAUSE: Duration = Duration::from_millis(20);

const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";

/// Takes the time of what ends at the limit.
fn at_the_limit<T>(what: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = what();
    let elapsed = start.elapsed();
    assert!(elapsed >= SHORT - PAUSE && elapsed < SHORT + LATE, "{elapsed:?}");
    result
}

/// Waits until something is so that nobody tells of.
fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// A proxy with limits that nobody reaches, but for those that are set.
fn proxy(upstream: &Upstream, adjust: impl FnOnce(&mut Options)) -> Proxy {
    Proxy::with(IF_EMPTY, &[upstream.address()], |options| {
        let times = &mut options.timeouts;
        for time in [&mut times.head, &mut times.keep_alive, &mut times.client_body, &mut times.client_write]
        {
            *time = PATIENCE * 2;
        }
        options.limits.client_rate = 0;
        adjust(options);
    })
}

/// Whether this is a whole answer with that status, by a rule, and the last on its connection.
fn is_last_answer(bytes: &[u8], status: u16) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.starts_with(&format!("HTTP/1.1 {status} "))
        && text.contains("\r\nConnection: close\r\n")
        && text.ends_with(&format!("\r\n\r\nstatus {status}"))
}

fn used(proxy: &Proxy) -> Client {
    let mut client = proxy.connect();
    assert_eq!(client.get("/", "").text(), "ok");
    client
}

#[test]
fn the_head_of_a_request_is_late() {
    let upstream = Upstream::answering(OK);
    let proxy = proxy(&upstream, |options| options.timeouts.head = SHORT);
    let mut other = used(&proxy);
    for connect in [Proxy::connect, used] {
        let mut client = connect(&proxy);
        let half = at_the_limit(|| {
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n");
            client.rest()
        });
        assert!(is_last_answer(&half, 408), "{half:?}");
        assert_eq!(other.get("/", "").text(), "ok");

        let mut client = connect(&proxy);
        let dripping = [&b"GET / HTTP/1.1\r\nHost: "[..], &[b'a'; 2000]].concat();
        let answer = at_the_limit(|| client.drip(&dripping, PAUSE));
        // What comes after the end is answered with a reset, which can overtake the answer.
        assert!(answer.is_empty() || is_last_answer(&answer, 408), "{answer:?}");
    }
    let mut silent = proxy.connect();
    assert_eq!(at_the_limit(|| silent.rest()), b"", "nothing was asked");
    assert_eq!(proxy.counters.reached(Bound::Head), 5);
    assert_eq!(other.get("/", "").text(), "ok", "idling is no matter of this limit");
    until("only one is left", || proxy.counters.open() == 1);
}

#[test]
fn nothing_comes_on_a_kept_connection() {
    let upstream = Upstream::answering(OK);
    for h2c in [false, true] {
        let proxy = proxy(&upstream, |options| {
            options.timeouts.keep_alive = SHORT;
            options.h2c = h2c;
        });
        let mut client = used(&proxy);
        assert_eq!(at_the_limit(|| client.rest()), b"");
        assert_eq!(proxy.counters.reached(Bound::Idle), 1);

        let mut slow = used(&proxy);
        let mut clock = used(&proxy);
        slow.send(b"GET / HT");
        assert_eq!(at_the_limit(|| clock.rest()), b"");
        slow.send(b"TP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(slow.response("GET").unwrap().text(), "ok", "it was not idle");
    }
}

#[test]
fn content_is_late() {
    let upstream = Upstream::answering(OK);
    let proxy = proxy(&upstream, |options| {
        options.timeouts.client_body = SHORT;
        options.limits.client_rate = 1000;
    });
    let chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n";
    for head in [POST, chunked] {
        let mut client = proxy.connect();
        let answer = at_the_limit(|| {
            client.send(head);
            client.send(b"abc");
            client.rest()
        });
        assert!(is_last_answer(&answer, 408), "{answer:?}");
    }
    let mut client = proxy.connect();
    client.send(POST);
    let answer = at_the_limit(|| client.drip(&[b'a'; 900], PAUSE));
    assert!(answer.is_empty() || is_last_answer(&answer, 408), "{answer:?}");
    assert_eq!(proxy.counters.reached(Bound::Body), 3);
    assert_eq!(used(&proxy).get("/", "").text(), "ok");
    until("all are closed", || proxy.counters.open() == 0);
}

#[test]
fn content_is_slow_but_not_late() {
    let upstream = Upstream::answering(OK);
    let proxy = proxy(&upstream, |options| options.timeouts.client_body = SHORT);
    let mut client = proxy.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 60\r\n\r\n");
    let start = Instant::now();
    let answer = client.drip(&[b'a'; 60], PAUSE);
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(b"ok"), "{answer:?}");
    assert!(start.elapsed() > SHORT * 2);
}

#[test]
fn the_upstream_is_late_not_the_client() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        let head = connection.head();
        if head.line().contains("/asks-first") {
            opened.wait();
            connection.send("HTTP/1.1 100 Continue\r\n\r\n");
        }
        if head.line().contains("/late") || head.line().contains("/asks-first") {
            connection.bytes(4);
            opened.wait();
            connection.send(OK);
        }
        connection.wait_for_end();
    });
    let proxy = proxy(&upstream, |options| options.timeouts.client_body = SHORT);
    let mut asking = proxy.connect();
    asking.request("POST", "/asks-first", "Content-Length: 4\r\nExpect: 100-continue\r\n");
    let mut waiting = proxy.connect();
    waiting.request("POST", "/late", "Content-Length: 4\r\n");
    waiting.send(b"body");

    let mut clock = proxy.connect();
    clock.send(POST);
    assert!(is_last_answer(&at_the_limit(|| clock.rest()), 408));
    gate.open();
    assert_eq!(waiting.response("POST").unwrap().text(), "ok");
    assert_eq!(asking.response("POST").unwrap().status(), 100);
    asking.send(b"body");
    assert_eq!(asking.response("POST").unwrap().text(), "ok");
    assert_eq!(proxy.counters.reached(Bound::Body), 1);
}

#[test]
fn a_conversation_takes_its_time() {
    let upstream = Upstream::start(move |connection| {
        let talks = connection.head().line().contains("/talk");
        if talks {
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nyo");
            let said = connection.bytes(2);
            connection.send(said);
        }
        connection.wait_for_end();
    });
    let proxy = proxy(&upstream, |options| options.timeouts.client_body = SHORT);
    let mut client = proxy.connect();
    client.request("POST", "/talk", "Content-Length: 2\r\n");
    assert!(client.until("\r\n\r\nyo").starts_with("HTTP/1.1 200 OK\r\n"));
    let mut clock = proxy.connect();
    clock.send(POST);
    assert!(is_last_answer(&at_the_limit(|| clock.rest()), 408));
    client.send(b"hi");
    assert_eq!(client.bytes(2), b"hi");
}

#[test]
fn what_nobody_needs_has_to_come_too() {
    let upstream = Upstream::start(|connection| {
        connection.head();
        connection.send(OK);
    });
    let proxy = proxy(&upstream, |options| {
        (options.timeouts.client_body, options.timeouts.read) = (SHORT, SHORT);
    });
    let mut client = proxy.connect();
    client.request("POST", "/", "Content-Length: 1000\r\n");
    assert_eq!(client.response("POST").unwrap().text(), "ok");
    assert_eq!(at_the_limit(|| client.rest()), b"");
    assert_eq!(proxy.counters.reached(Bound::Body), 1);
}

#[test]
fn who_asks_first_has_to_send_then() {
    let upstream = Upstream::start(|connection| {
        connection.head();
        connection.send("HTTP/1.1 100 Continue\r\n\r\n");
        connection.wait_for_end();
    });
    let proxy = proxy(&upstream, |options| options.timeouts.client_body = SHORT);
    let mut client = proxy.connect();
    client.request("POST", "/", "Content-Length: 4\r\nExpect: 100-continue\r\n");
    assert_eq!(client.response("POST").unwrap().status(), 100);
    assert!(is_last_answer(&at_the_limit(|| client.rest()), 408));
}

/// Sends without an end, and opens the gate when nobody takes it any more.
fn endless(given_up: Gate) -> Upstream {
    Upstream::start(move |connection| {
        if !connection.request().is_some_and(|request| request.line().contains("/endless")) {
            connection.send(OK);
            return;
        }
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
        while connection.send([b'a'; 65_536]) {}
        given_up.open();
    })
}

#[test]
fn a_response_is_not_taken() {
    let given_up = Gate::default();
    let upstream = endless(given_up.clone());
    let proxy = proxy(&upstream, |options| options.timeouts.client_write = SHORT);
    let mut client = proxy.connect();
    at_the_limit(|| {
        client.request("GET", "/endless", "");
        assert_eq!(proxy.connect().get("/", "").text(), "ok", "others are served meanwhile");
        given_up.wait();
    });
    assert_eq!(proxy.counters.reached(Bound::Send), 1);
    until("all are closed", || proxy.counters.open() == 0);
}

#[test]
fn a_response_is_taken_slowly() {
    // At most 200 kB a second. The system takes more only after much of what it has is gone, which
    // takes longer than the limit.
    let sip = |client: &mut Client| {
        client.bytes(4096);
        thread::park_timeout(PAUSE);
    };
    for (rate, limit, slow) in [(10_000_000, SHORT, true), (1000, SHORT * 4, false)] {
        let given_up = Gate::default();
        let upstream = endless(given_up.clone());
        let proxy = proxy(&upstream, |options| {
            options.timeouts.client_write = limit;
            options.limits.client_rate = rate;
        });
        let mut client = proxy.connect();
        client.request("GET", "/endless", "");
        if slow {
            at_the_limit(|| {
                while proxy.counters.reached(Bound::Send) == 0 {
                    sip(&mut client)
                }
            });
            given_up.wait();
        } else {
            (0..300).for_each(|_| sip(&mut client));
            assert_eq!(proxy.counters.reached(Bound::Send), 0);
        }
    }
}

#[test]
fn an_upgraded_connection_takes_its_time() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        let switches = connection.head().line().contains("/switch");
        if switches {
            connection.send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            );
            opened.wait();
            let said = connection.bytes(4);
            connection.send(said);
        }
        connection.wait_for_end();
    });
    let proxy = proxy(&upstream, |options| {
        let times = &mut options.timeouts;
        (times.head, times.keep_alive, times.client_body) = (SHORT, SHORT, SHORT);
    });
    let mut client = proxy.connect();
    client.request("GET", "/switch", "Connection: upgrade\r\nUpgrade: websocket\r\n");
    assert_eq!(client.response("GET").unwrap().status(), 101);
    let mut clock = proxy.connect();
    assert_eq!(at_the_limit(|| clock.rest()), b"");
    gate.open();
    client.send(b"ping");
    assert_eq!(client.bytes(4), b"ping");
}

#[test]
fn hostile_connections_do_not_slow_others_down() {
    let upstream = Upstream::answering(OK);
    let proxy = proxy(&upstream, |options| {
        options.timeouts.head = SHORT * 2;
        options.timeouts.client_body = SHORT * 2;
    });
    let starts: [&[u8]; 4] = [b"", b"GET / HT", POST, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"];
    let mut hostile: Vec<_> = starts.iter().cycle().take(100).map(|start| (proxy.connect(), start)).collect();
    for (client, start) in &mut hostile {
        client.send(start);
    }
    until("all are there", || proxy.counters.open() == 100);
    let mut client = used(&proxy);
    let mut served = 0;
    while proxy.counters.open() > 1 {
        let start = Instant::now();
        assert_eq!(client.get("/", "").text(), "ok");
        assert!(start.elapsed() < LATE);
        served += 1;
    }
    assert!(served > 0);
    assert_eq!(proxy.counters.reached(Bound::Head), 75);
    assert_eq!(proxy.counters.reached(Bound::Body), 25);
}
