//! The recent decisions, the history, and what it costs to keep them.

use std::time::Duration;

use allocation_counter::measure;
use retort::{
    exchange::Cause,
    host::{
        live::Live,
        telemetry::{Action, Class, Decided, Finished, Telemetry},
    },
};

use super::{EMPTY, Watched};
use crate::support::{Upstream, rules, until};

#[test]
fn the_last_decisions_are_told_without_secrets() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::start(&upstream);
    let mut client = watched.proxy.connect();
    client.get("/first?token=secret", "Authorization: secret\r\nX-Request-Id: one\r\n");
    client.get("/second", "X-Request-Id: two\r\n");
    let answers = || watched.proxy.telemetry.totals().answers;
    until("two decisions", || answers().of(Class::ClientError) == 2);
    let recent = watched.proxy.telemetry.recent();
    let [second, first] = &recent.decisions[..] else { panic!("{recent:?}") };
    assert_eq!((&*first.path, &*first.id, &*second.path, &*second.id), ("/first", "one", "/second", "two"));
    assert_eq!((&*first.method, first.upstream_status, first.status), ("GET", Some(404), Some(404)));
    assert_eq!((first.action, first.reason), (Action::Replace, "body-empty"));
    assert_eq!((first.rule.as_deref(), first.message, first.generation), (Some("gone"), Some(0), 1));
    assert!(!format!("{recent:?}").contains("secret"));

    let history = watched.proxy.telemetry.history();
    let answers = history.slots.last().unwrap().0;
    assert_eq!((answers.replaced(Class::ClientError), answers.passed(Class::ClientError)), (2, 0));
}

#[test]
fn responses_that_no_rule_is_for_are_no_decisions() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let watched = Watched::start(&upstream);
    watched.proxy.connect().get("/", "");
    until("it is counted", || watched.proxy.telemetry.totals().answers.of(Class::Success) == 1);
    assert!(watched.proxy.telemetry.recent().decisions.is_empty());
}

#[test]
fn recording_allocates_nothing() {
    let live = Live::new(rules(super::IF_EMPTY));
    let snapshot = live.snapshot();
    let id = snapshot.rules.iter().next().unwrap().id();
    let decided = Decided { action: Action::Replace, reason: "body-empty", rule: Some(id), message: Some(0) };
    let finished = Finished {
        snapshot: &snapshot,
        id: "84ee282c-5e9f-4b49-9c20-368a947421ad",
        method: "GET",
        path: "/some/path",
        status: Some(404),
        upstream_status: Some(404),
        decided: Some(decided),
        cause: Some(Cause::Reset),
        took: Duration::from_millis(3),
        upstream_took: Some(Duration::from_millis(2)),
        sent: 292,
        received: 0,
    };
    let telemetry = Telemetry::new();
    // The list of recent decisions takes its room once.
    (0..300).for_each(|_| telemetry.record(&finished));
    let counted = measure(|| (0..1000).for_each(|_| telemetry.record(&finished)));
    assert_eq!(counted.count_total, 0, "{counted:?}");
    assert_eq!(snapshot.tallies.of("gone").replaced, 1300);
}
