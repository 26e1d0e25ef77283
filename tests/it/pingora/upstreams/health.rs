//! Upstreams that are asked whether they are well.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use retort::host::pingora::{HealthCheck, Probe};

use super::{before, count, url};
use crate::support::{Mortal, Proxy, Upstream, access, until};

/// What there is to say where all are down.
const BUSY: &str = r#"
  <status-code id="down" code-regex="503" cause="no-upstream">
    <header name="Retry-After">7</header>
    <message>nobody is there</message>
  </status-code>"#;

/// A check for a path, many times a second.
fn asking(path: &str) -> HealthCheck {
    let probe = Probe::Http(path.parse().unwrap());
    HealthCheck { interval: Duration::from_millis(2), ..HealthCheck::new(probe) }
}

fn healthy(proxy: &Proxy) -> Vec<bool> {
    proxy.upstreams().iter().map(|upstream| upstream.healthy).collect()
}

#[test]
fn who_is_not_well_gets_no_requests() {
    let log = access();
    let says = [200, 200].map(|status| Arc::new(AtomicU16::new(status)));
    let origin = |name, host, says: &Arc<AtomicU16>| {
        let says = Arc::clone(says);
        Mortal::with(name, [127, 0, 6, host], move |request| {
            let is_check = request.line().starts_with("GET /healthz ");
            Some(if is_check { says.load(Ordering::SeqCst) } else { 200 })
        })
    };
    let origins = [origin("a", 1, &says[0]), origin("b", 2, &says[1])];
    let urls = [url(origins[0].address), url(origins[1].address)];
    let proxy = before(BUSY, &urls, |options| options.balancing.health_check = Some(asking("/healthz")));
    let mut client = proxy.connect();
    let mut answers = || super::answers(&mut client, "", 10);

    until("both are checked", || origins.iter().all(|origin| origin.served() > 3));
    let answered = answers();
    assert_eq!((count(&answered, "a"), count(&answered, "b")), (5, 5));
    let since = proxy.upstreams()[0].since;
    says[0].store(500, Ordering::SeqCst);
    until("one is down", || healthy(&proxy) == [false, true]);
    assert!(proxy.upstreams()[0].since > since);
    assert_eq!(count(&answers(), "b"), 10);

    says[1].store(404, Ordering::SeqCst);
    until("both are down", || healthy(&proxy) == [false, false]);
    let response = proxy.connect().get("/", "X-Request-Id: all-down\r\n");
    assert_eq!((response.status(), response.field("Retry-After")), (503, Some("7")));
    assert_eq!(response.text(), "nobody is there");
    assert_eq!(log("all-down")["cause"], "no-upstream");

    says.iter().for_each(|says| says.store(301, Ordering::SeqCst));
    until("both are back", || healthy(&proxy) == [true, true]);
    let answered = answers();
    assert_eq!((count(&answered, "a"), count(&answered, "b")), (5, 5));
}

#[test]
fn what_a_check_says_of_itself() {
    let upstream = Upstream::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let name = format!("http://localhost:{}", upstream.address().port());
    for (url, host, expected) in [
        (url(upstream.address()), None, upstream.address().to_string()),
        (url(upstream.address()), Some("app.example"), "app.example".to_owned()),
        (name.clone(), None, name.trim_start_matches("http://").to_owned()),
    ] {
        let seen = upstream.requests().len();
        let mut check = asking("/up?full=1");
        check.host = host.map(|host| host.parse().unwrap());
        let proxy = before("", &[url], |options| options.balancing.health_check = Some(check));
        until("it is checked", || upstream.requests().len() > seen + 1);
        let request = upstream.requests().pop().unwrap();
        assert_eq!(request.line(), "GET /up?full=1 HTTP/1.1");
        assert_eq!(request.all("Host"), [expected]);
        assert!(request.all("User-Agent")[0].starts_with("retort/"));
        drop(proxy);
    }
}

#[test]
fn a_check_that_fails_now_and_then_changes_nothing() {
    let checks = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&checks);
    let origin = Mortal::with("a", [127, 0, 7, 1], move |_| {
        let is_good = seen.fetch_add(1, Ordering::SeqCst).is_multiple_of(3);
        Some(if is_good { 200 } else { 500 })
    });
    let proxy = before("", &[url(origin.address)], |options| {
        options.balancing.health_check = Some(HealthCheck { down: 3, ..asking("/") });
    });
    let since = proxy.upstreams()[0].since;
    until("it is checked often", || {
        assert!(proxy.upstreams()[0].healthy);
        checks.load(Ordering::SeqCst) > 40
    });
    assert_eq!(proxy.upstreams()[0].since, since);
}

#[test]
fn a_check_that_nobody_answers_fails() {
    let silent = Upstream::start(|connection| connection.wait_for_end());
    let proxy = before("", &[url(silent.address())], |options| {
        let timeout = Duration::from_millis(20);
        options.balancing.health_check = Some(HealthCheck { timeout, ..asking("/") });
    });
    until("it is down", || healthy(&proxy) == [false]);
    assert_eq!(proxy.connect().get("/", "").status(), 503);
}

#[test]
fn connections_are_enough_for_some() {
    let mut origin = Mortal::with("a", [127, 0, 8, 1], |_| Some(500));
    let proxy = before("", &[url(origin.address)], |options| {
        options.balancing.health_check =
            Some(HealthCheck { interval: Duration::from_millis(2), ..HealthCheck::new(Probe::Tcp) });
    });
    assert_eq!(proxy.connect().get("/", "").text(), "a");
    origin.kill();
    until("it is down", || healthy(&proxy) == [false]);
    assert_eq!(proxy.connect().get("/", "").status(), 503);
    origin.restart();
    until("it is up", || healthy(&proxy) == [true]);
    assert_eq!(proxy.connect().get("/", "").text(), "a");
}
