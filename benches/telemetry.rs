//! What it costs to count a request, and to tell of all that was counted.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench that meets what it does not expect should stop"
)]

use std::{hint::black_box, path::Path, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use retort::{
    config::{self, href::Disk},
    host::{
        live::Live,
        telemetry::{Action, Decided, Finished, Telemetry},
    },
};

fn record(criterion: &mut Criterion) {
    let rules: String =
        (0..1000).map(|id| format!("<status-code id='rule-{id}' code-regex='404'/>")).collect();
    let namespace = "http://docs.openrepose.org/repose/response-messaging/v1.0";
    let xml = format!("<response-messaging xmlns='{namespace}'>{rules}</response-messaging>");
    let (rules, _) = config::parse(xml.as_bytes(), Path::new("rules.xml"), &mut Disk::default()).unwrap();
    let snapshot = Live::new(rules).snapshot();
    let rule = snapshot.rules.iter().next().unwrap().id();
    let decided =
        Decided { action: Action::Replace, reason: "body-empty", rule: Some(rule), message: Some(0) };
    let passed = Finished {
        snapshot: &snapshot,
        id: "84ee282c-5e9f-4b49-9c20-368a947421ad",
        method: "GET",
        path: "/some/path",
        status: Some(200),
        upstream_status: Some(200),
        decided: None,
        cause: None,
        took: Duration::from_millis(3),
        upstream_took: Some(Duration::from_millis(2)),
        sent: 292,
        received: 0,
    };
    let replaced = Finished { status: Some(404), decided: Some(decided), ..passed };
    let telemetry = Telemetry::new();
    let mut group = criterion.benchmark_group("record");
    group.bench_function("no rule", |bencher| bencher.iter(|| telemetry.record(black_box(&passed))));
    group.bench_function("one of 1000 rules", |bencher| {
        bencher.iter(|| telemetry.record(black_box(&replaced)))
    });
    group.bench_function("totals", |bencher| bencher.iter(|| black_box(telemetry.totals())));
    group.finish();
}

criterion_group!(benches, record);
criterion_main!(benches);
