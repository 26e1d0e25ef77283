//! Wires that fail. Whatever happens on the way to the upstream, a client gets a whole response of
//! the upstream, a whole message, or a response that visibly breaks off: never one that seems
//! whole and is not. And an upstream never gets a request that seems whole and is not.

use std::time::Duration;

use super::{ALWAYS, IF_EMPTY};
use crate::support::{Client, Fault, FaultKind, Proxy, Response, Towards, Upstream, Wire};

const RESPONSES: [&str; 3] = [
    "HTTP/1.1 500 Oops\r\nContent-Length: 12\r\n\r\nhello, world",
    "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n",
    "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
];

/// Faults that end something.
const ENDS: [FaultKind; 3] = [FaultKind::Cut, FaultKind::Reset, FaultKind::HalfClose];

/// Reads up to the final response; `None` where none came.
fn last_response(client: &mut Client, method: &str) -> Option<Response> {
    loop {
        let response = client.response(method)?;
        if response.status() >= 200 {
            return Some(response);
        }
    }
}

/// What the client got, in a word: `whole`, `message` or `cut`.
fn outcome(response: Option<&Response>, rules: &str) -> &'static str {
    let Some(response) = response.filter(|response| response.complete) else { return "cut" };
    let message = |status: u16| match rules {
        "" => format!("{status} Bad Gateway"),
        _ => format!("status {status}"),
    };
    match (response.status(), response.text()) {
        (500, "hello, world") if rules != ALWAYS => "whole",
        (404, "") if rules.is_empty() => "whole",
        (status @ (404 | 500), text) if !rules.is_empty() && text == message(status) => "message",
        (502, text) if text == message(502) => "message",
        _ => panic!("neither the upstream's nor a message: {response:?}"),
    }
}

#[test]
fn the_way_back_from_the_upstream_ends_anywhere() {
    for (bytes, rules) in RESPONSES.iter().flat_map(|bytes| [(bytes, ""), (bytes, IF_EMPTY), (bytes, ALWAYS)])
    {
        let upstream = Upstream::answering(*bytes);
        for kind in ENDS {
            let wire =
                Wire::to(upstream.address(), move |after| Fault { towards: Towards::Client, after, kind });
            let proxy = Proxy::with(rules, &[wire.address()], |_| {});
            let mut outcomes = Vec::new();
            for _ in 0..bytes.len() {
                let mut client = proxy.connect();
                client.request("GET", "/", "");
                outcomes.push(outcome(last_response(&mut client, "GET").as_ref(), rules));
            }
            let what = format!("{bytes:?} {rules} {kind:?} {outcomes:?}");
            assert_eq!(outcomes[0], "message", "{what}");
            let head = bytes.find("\r\n\r\n").unwrap();
            assert!(outcomes[..head].iter().all(|outcome| *outcome == "message"), "{what}");
            if rules == ALWAYS {
                assert!(outcomes.iter().all(|outcome| *outcome == "message"), "{what}");
            }
            if rules.is_empty() && !bytes.contains(" 103 ") {
                assert_eq!(outcomes[bytes.len() - 3], "cut", "{what}");
            }
        }
    }
}

#[test]
fn an_end_by_close_is_no_end_by_reset() {
    let bytes = "HTTP/1.1 500 Oops\r\n\r\nhello, world";
    let upstream = Upstream::answering_once(bytes);
    let head = bytes.len() - 12;
    let wire = Wire::to(upstream.address(), move |index| Fault {
        towards: Towards::Client,
        after: head + 1 + index,
        kind: FaultKind::Reset,
    });
    let proxy = Proxy::with("", &[wire.address()], |_| {});
    for _ in 0..11 {
        let mut client = proxy.connect();
        client.request("GET", "/", "");
        let response = client.response("GET");
        let cut = response.as_ref().is_none_or(|response| !response.complete || response.status() == 502);
        assert!(cut, "{response:?}");
    }
}

#[test]
fn the_way_to_the_upstream_ends_anywhere() {
    let upstream = Upstream::answering(RESPONSES[0]);
    for kind in ENDS {
        let wire = Wire::to(upstream.address(), move |after| Fault { towards: Towards::Server, after, kind });
        let proxy = Proxy::with(IF_EMPTY, &[wire.address()], |_| {});
        for after in 0..150 {
            let mut client = proxy.connect();
            client.request("POST", "/", "Content-Length: 5\r\nConnection: close\r\n");
            client.send(b"hello");
            let response = last_response(&mut client, "POST");
            let outcome = outcome(response.as_ref(), IF_EMPTY);
            assert_eq!(outcome, "message", "{kind:?} after {after} bytes: {response:?}");
        }
    }
    assert_eq!(upstream.requests().len(), 0, "requests that were not whole");
}

#[test]
fn a_client_that_breaks_off_anywhere() {
    let requests = [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ];
    let upstream = Upstream::answering(RESPONSES[0]);
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    for (request, kind) in requests.iter().flat_map(|request| ENDS.map(|kind| (request, kind))) {
        let wire = Wire::to(proxy.address(), move |after| Fault { towards: Towards::Server, after, kind });
        for after in 0..request.len() {
            let mut client = Client::connect(wire.address());
            let _ = client.try_send(request.as_bytes());
            let rest = client.rest();
            let rest = String::from_utf8_lossy(&rest);
            assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400 "), "{kind:?} after {after}: {rest}");
        }
    }
    assert_eq!(upstream.requests().len(), 0, "requests that were not whole");
    assert_eq!(proxy.connect().get("/", "").text(), "hello, world", "and nobody else is harmed");
}

#[test]
fn a_client_that_is_gone_anywhere() {
    let upstream = Upstream::answering(RESPONSES[1]);
    for rules in ["", ALWAYS] {
        let proxy = Proxy::start(rules, &upstream);
        for kind in ENDS {
            let wire =
                Wire::to(proxy.address(), move |after| Fault { towards: Towards::Client, after, kind });
            for _ in 0..100 {
                let mut client = Client::connect(wire.address());
                // The wire may be cut before.
                let _ = client.try_send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                client.rest();
            }
        }
        let after = proxy.connect().get("/", "");
        assert_eq!(outcome(Some(&after), rules), if rules.is_empty() { "whole" } else { "message" });
    }
}

#[test]
fn bytes_that_come_one_by_one() {
    let drip = |towards| move |_| Fault { towards, after: 0, kind: FaultKind::Drip };
    for (bytes, rules) in RESPONSES.iter().flat_map(|bytes| [(bytes, ""), (bytes, IF_EMPTY), (bytes, ALWAYS)])
    {
        let upstream = Upstream::answering(*bytes);
        for towards in [Towards::Client, Towards::Server] {
            let slow_upstream = Wire::to(upstream.address(), drip(towards));
            let proxy = Proxy::with(rules, &[slow_upstream.address()], |_| {});
            let slow_client = Wire::to(proxy.address(), drip(towards));
            let mut client = Client::connect(slow_client.address());
            for _ in 0..3 {
                client.request("POST", "/", "Transfer-Encoding: chunked\r\n");
                client.send(b"5\r\nhello\r\n0\r\n\r\n");
                let response = last_response(&mut client, "POST");
                let is_whole = rules.is_empty() || rules == IF_EMPTY && !bytes.contains("404");
                assert_eq!(outcome(response.as_ref(), rules), if is_whole { "whole" } else { "message" });
            }
        }
        assert!(upstream.requests().iter().all(|request| request.body == b"hello"));
        assert_eq!(upstream.accepted(), 2, "connections are kept however slow");
    }
}

#[test]
fn an_upstream_that_stalls() {
    let stall = |after| move |_| Fault { towards: Towards::Client, after, kind: FaultKind::Stall };
    let upstream = Upstream::answering(RESPONSES[0]);
    let response = |after, rules: &str| {
        let wire = Wire::to(upstream.address(), stall(after));
        let proxy = Proxy::with(rules, &[wire.address()], |options| {
            options.timeouts.read = Duration::from_millis(50);
        });
        let mut client = proxy.connect();
        client.request("GET", "/", "");
        client.response("GET")
    };
    let before_the_head = response(20, IF_EMPTY).unwrap();
    assert_eq!((before_the_head.status(), before_the_head.text()), (504, "status 504"));
    let before_the_content = response(RESPONSES[0].len() - 12, IF_EMPTY).unwrap();
    assert_eq!((before_the_content.status(), before_the_content.complete), (500, false));
    let amid_the_content = response(RESPONSES[0].len() - 5, IF_EMPTY).unwrap();
    assert_eq!((amid_the_content.text(), amid_the_content.complete), ("hello, ", false));
    let replaced = response(RESPONSES[0].len() - 5, ALWAYS).unwrap();
    assert_eq!((replaced.text(), replaced.complete), ("status 500", true));
}

#[test]
fn a_stall_that_passes() {
    let upstream = Upstream::answering(RESPONSES[1]);
    let after = RESPONSES[1].find("7\r\n").unwrap();
    let wire = Wire::to(upstream.address(), move |_| Fault {
        towards: Towards::Client,
        after,
        kind: FaultKind::Stall,
    });
    let proxy = Proxy::with(IF_EMPTY, &[wire.address()], |_| {});
    let mut client = proxy.connect();
    client.request("GET", "/", "");
    client.until("hello\r\n");
    wire.repair();
    assert!(client.until("\r\n0\r\n\r\n").contains(", world"));
    assert_eq!(client.get("/", "").text(), "hello, world");
}

#[test]
fn an_upstream_that_answers_before_it_has_read() {
    let answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig";
    let upstream = Upstream::start(move |connection| {
        connection.head();
        connection.send(answer);
        // Closed with content unread: a reset, which may overtake the answer.
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    for _ in 0..20 {
        let mut client = proxy.connect();
        client.request("POST", "/", "Content-Length: 1000000\r\n");
        let sent = client.try_send(&[b'x'; 1_000_000]);
        match client.response("POST").filter(|response| response.complete) {
            Some(response) if response.status() == 413 => assert_eq!(response.text(), "big"),
            Some(response) => assert_eq!((response.status(), response.text()), (502, "status 502")),
            None => assert!(sent.is_err() || client.rest().is_empty()),
        }
    }
}
