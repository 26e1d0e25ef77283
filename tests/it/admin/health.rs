//! Whether the process is well, and whether it is ready.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    time::Duration,
};

use retort::host::pingora::{HealthCheck, Options, Probe};

use super::{EMPTY, Watched};
use crate::support::{Mortal, Upstream, until};

fn ready(watched: &Watched) -> (u16, String) {
    let answer = watched.get("/readyz");
    (answer.status(), answer.text().trim_end().to_owned())
}

fn until_it_is(watched: &Watched, status: u16, said: &str) {
    until(said, || ready(watched) == (status, said.to_owned()));
}

/// A proxy that checks this upstream all the time.
fn checking(upstream: &Mortal) -> Watched {
    let adjust = |options: &mut Options| {
        let probe = Probe::Http("/up".parse().unwrap());
        let often = Duration::from_millis(10);
        options.balancing.health_check =
            Some(HealthCheck { interval: often, down: 1, up: 1, ..HealthCheck::new(probe) });
    };
    Watched::with(&[upstream.address], adjust, None)
}

#[test]
fn it_is_not_ready_before_a_health_check_has_found_an_upstream_well() {
    let (asked, was_asked) = mpsc::channel();
    let (answer, to_answer) = mpsc::channel();
    let to_answer = Mutex::new(to_answer);
    let upstream = Mortal::with("a", [127, 0, 9, 4], move |_| {
        let _ = asked.send(());
        Some(to_answer.lock().unwrap().recv().unwrap_or(200))
    });
    let watched = checking(&upstream);
    was_asked.recv().unwrap();
    until_it_is(&watched, 503, "starting: no upstream can be used");
    answer.send(503).unwrap();
    was_asked.recv().unwrap();
    assert_eq!(ready(&watched), (503, "starting: no upstream can be used".to_owned()));
    drop(answer);
    until_it_is(&watched, 200, "ready");
}

#[test]
fn it_is_ready_while_a_health_check_finds_an_upstream_well() {
    let status = Arc::new(AtomicU16::new(503));
    let said = Arc::clone(&status);
    let upstream = Mortal::with("a", [127, 0, 9, 1], move |_| Some(said.load(Ordering::SeqCst)));
    let watched = checking(&upstream);
    until_it_is(&watched, 503, "starting: no upstream can be used");
    assert_eq!(watched.get("/livez").status(), 200);
    assert_eq!(watched.metric("retort_ready"), Some(0.0));
    status.store(200, Ordering::SeqCst);
    until_it_is(&watched, 200, "ready");
    assert_eq!(watched.metric("retort_ready"), Some(1.0));
    status.store(500, Ordering::SeqCst);
    until_it_is(&watched, 503, "no upstream is healthy");
    status.store(200, Ordering::SeqCst);
    until_it_is(&watched, 200, "ready");
}

#[test]
fn an_upstream_that_merely_fails_leaves_it_ready() {
    let nobody: SocketAddr = "127.0.9.2:1".parse().unwrap();
    let watched = Watched::with(&[nobody], |_| {}, None);
    until_it_is(&watched, 200, "ready");
    assert_eq!(watched.proxy.connect().get("/x", "").status(), 502);
    assert_eq!(ready(&watched), (200, "ready".to_owned()), "it is the one that can tell clients");
    let address = "{upstream=\"http://127.0.9.2:1\",address=\"127.0.9.2:1\"}";
    assert_eq!(watched.metric(&format!("retort_upstream_ejections_total{address}")), Some(1.0));
    assert_eq!(watched.metric(&format!("retort_upstream_healthy{address}")), Some(0.0));
    assert_eq!(watched.metric("retort_upstream_errors_total{kind=\"connect-refused\"}"), Some(1.0));
}

#[test]
fn at_the_end_it_is_not_ready_at_once() {
    let upstream = Upstream::answering(EMPTY);
    let lame_duck = |options: &mut Options| {
        options.life.lame_duck = Duration::from_secs(3600);
    };
    let watched = Watched::with(&[upstream.address()], lame_duck, None);
    let mut client = watched.proxy.connect();
    client.get("/x", "");
    until_it_is(&watched, 200, "ready");
    watched.proxy.handle().stop();
    until_it_is(&watched, 503, "draining");
    assert_eq!(watched.get("/livez").status(), 200);
}

#[test]
fn nothing_is_ready_before_there_are_rules_and_upstreams() {
    let watched = Watched::with(&[], |_| {}, None);
    // Without an upstream there is nobody to be ready for.
    until_it_is(&watched, 503, "starting: no upstream can be used");
}
