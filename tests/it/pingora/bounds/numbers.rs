//! How many connections and requests there may be at once.

use retort::host::pingora::Bound;

use super::{OK, is_last_answer, proxy, until, used};
use crate::support::{Gate, H2Client, Upstream};

#[test]
fn connections() {
    let upstream = Upstream::answering(OK);
    let proxy = proxy(&upstream, |options| {
        options.h2c = true;
        options.limits.connections = 1;
    });
    let mut first = used(&proxy);
    let mut refused = proxy.connect();
    let response = refused.get("/", "");
    assert_eq!((response.status(), response.text()), (503, "status 503"));
    assert_eq!((response.field("Retry-After"), response.field("Connection")), (Some("1"), Some("close")));
    assert_eq!(refused.rest(), b"");
    assert_eq!(upstream.accepted(), 1);
    let mut refused = H2Client::connect(proxy.address());
    let id = refused.request("GET", "/");
    let response = refused.response(id);
    assert_eq!((response.status, response.all("retry-after")), (503, vec!["1"]));
    refused.rest();
    assert_eq!(proxy.counters.reached(Bound::Connections), 2);

    until("those that were refused are gone", || proxy.counters.open() == 1);
    let mut told: Vec<_> = (0..16).map(|_| proxy.connect()).collect();
    until("all are there", || proxy.counters.open() == 17);
    assert_eq!(proxy.connect().rest(), b"", "too many to be told");
    assert_eq!(proxy.counters.reached(Bound::Refusals), 1);
    for client in &mut told {
        client.request("GET", "/", "");
        assert!(is_last_answer(&client.rest(), 503));
    }
    assert_eq!(first.get("/", "").text(), "ok");
    drop((first, told));
    until("all are gone", || proxy.counters.open() == 0);
    used(&proxy);
}

#[test]
fn requests() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::start(move |connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
            opened.wait();
            connection.send(OK);
        }
    });
    let proxy = proxy(&upstream, |options| options.limits.requests = 1);
    let mut first = proxy.connect();
    first.request("GET", "/", "");
    assert_eq!(first.response("GET").unwrap().status(), 103);
    let mut refused = proxy.connect();
    for _ in 0..2 {
        let response = refused.get("/", "");
        assert_eq!((response.status(), response.text()), (503, "status 503"));
        assert_eq!(
            (response.field("Retry-After"), response.field("Connection")),
            (Some("1"), Some("keep-alive"))
        );
    }
    assert_eq!(proxy.counters.reached(Bound::Requests), 2);
    gate.open();
    assert_eq!(first.response("GET").unwrap().text(), "ok");
    assert_eq!(refused.get("/", "").status(), 103);
    assert_eq!(refused.response("GET").unwrap().text(), "ok");
}
