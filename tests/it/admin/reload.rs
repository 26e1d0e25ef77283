//! Reloading on demand, and asking meanwhile.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::Value;

use super::{EMPTY, Filed, document};
use crate::support::Upstream;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_reload_tells_what_came_of_it() {
    let upstream = Upstream::answering(EMPTY);
    let filed = Filed::start(&upstream);
    let reload = || filed.watched.ask("POST", "/reload", "");

    let unchanged = reload();
    let told = json(unchanged.text());
    assert_eq!(
        (unchanged.status(), &told["outcome"], &told["generation"]),
        (200, &"unchanged".into(), &1.into())
    );

    filed.write(&document("two"));
    let applied = reload();
    let told = json(applied.text());
    assert_eq!(
        (applied.status(), &told["outcome"], &told["generation"]),
        (200, &"applied".into(), &2.into())
    );
    assert_eq!(applied.field("Content-Type"), Some("application/json"));
    assert_eq!(filed.watched.proxy.connect().get("/", "").text(), "two");

    filed.write(&document("x").replace("regex", "regx"));
    let refused = reload();
    let told = json(refused.text());
    assert_eq!(
        (refused.status(), &told["outcome"], &told["generation"]),
        (422, &"refused".into(), &2.into())
    );
    let first = &told["diagnostics"][0];
    assert_eq!((&first["severity"], &first["line"]), (&"error".into(), &1.into()));
    assert!(told["rendered"].as_str().unwrap().contains("^^^^^^^^^"), "{told}");
    assert_eq!(filed.watched.proxy.connect().get("/", "").text(), "two");

    let status = json(filed.watched.get("/status").text());
    let rules = &status["rules"];
    assert_eq!((&rules["generation"], &rules["reloads"]["current"]), (&2.into(), &false.into()));
    assert_eq!((&rules["reloads"]["applied"], &rules["reloads"]["refused"]), (&1.into(), &1.into()));
    assert_eq!(rules["reloads"]["last"]["outcome"], "refused");
    assert_ne!(rules["hash"], rules["reloads"]["last"]["hash"]);
    assert_eq!(rules["file"], filed.file.to_str().unwrap());
    let metric = |sample| filed.watched.metric(sample);
    assert_eq!(metric("retort_config_last_reload_successful"), Some(0.0));
    assert_eq!(metric("retort_config_reloads_total{result=\"success\"}"), Some(1.0));
    assert_eq!(metric("retort_config_reloads_total{result=\"failure\"}"), Some(1.0));
    // Counts outlive the rules that they are about.
    assert_eq!(metric("retort_rule_matches_total{rule=\"two\"}"), Some(2.0));
}

#[test]
fn rules_change_while_everybody_asks() {
    let upstream = Upstream::answering(EMPTY);
    let filed = Filed::start(&upstream);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut asked = 0;
            while !done.load(Ordering::SeqCst) {
                let metrics = filed.watched.get("/metrics");
                assert!(metrics.status() == 200 && metrics.complete);
                let status = json(filed.watched.get("/status").text());
                assert_eq!(status["rules"]["rules"], 1);
                asked += 1;
            }
            asked
        });
        let mut client = filed.watched.proxy.connect();
        for number in 0..20 {
            let name = format!("rule-{number}");
            filed.write(&document(&name));
            assert_eq!(filed.watched.ask("POST", "/reload", "").status(), 200);
            assert_eq!(client.get("/", "").text(), name);
        }
        done.store(true, Ordering::SeqCst);
        assert!(asked.join().unwrap() > 0);
    });
    assert_eq!(filed.watched.metric("retort_config_generation"), Some(21.0));
    assert_eq!(filed.watched.metric("retort_rule_matches_total{rule=\"rule-7\"}"), Some(1.0));
}

#[test]
fn a_rules_file_that_is_gone_is_told_of() {
    let upstream = Upstream::answering(EMPTY);
    let filed = Filed::start(&upstream);
    fs::remove_file(&filed.file).unwrap();
    let refused = filed.watched.ask("POST", "/reload", "");
    assert_eq!((refused.status(), &json(refused.text())["outcome"]), (422, &"refused".into()));
    assert_eq!(filed.watched.proxy.connect().get("/", "").text(), "one");
}
