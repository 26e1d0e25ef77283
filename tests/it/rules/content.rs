//! What the content, its type and its language have to do with the decision.

use retort::{
    Body, Decision, Rules,
    accept::{Negotiation, Offer},
    exchange::{Cause, Source},
    media::TypeRange,
    rules::{Overwrite, Reason, StatusRule, Until, field::Action},
    status::StatusSet,
};
use serde_json::{Value, json};

use super::build::{content, field, message, pending, record, rule, spoken, text, typed};

fn rules(rule: StatusRule) -> Rules {
    Rules::new(vec![rule], Negotiation::default())
}

/// What is decided of a 503 of which nothing but the head is there, in short.
fn decide(rule: StatusRule, request: Value, content_type: Option<&str>, body: Body) -> String {
    let headers: Vec<[&str; 2]> = content_type.iter().map(|value| ["Content-Type", *value]).collect();
    let record = record(json!({"request": request, "response": {"status": 503, "headers": headers}}));
    let rules = rules(rule);
    let decision = rules.decide(&pending(&record), body);
    let message = decision.message().map_or("-".to_owned(), |index| index.to_string());
    format!("{} {message} {}", decision.action(), decision.reason())
}

#[test]
fn content_that_the_client_does_not_accept_is_replaced() {
    let if_not = || rule("r", "503", Overwrite::IfNotAcceptable, &[Offer::Any]);
    let accept = |accept: &str| json!({"headers": [["Accept", accept]]});
    let replaced = "replace 0 body-not-acceptable";
    let cases = [
        ("application/json", Some("text/html"), replaced),
        ("application/json", Some("application/json; charset=utf-8"), "keep 0 body-present"),
        ("text/*;q=0.5, text/html;q=0", Some("text/html"), replaced),
        ("*/*, text/html;q=0", Some("TEXT/HTML"), replaced),
        ("*/*;q=0.1", Some("text/html"), "keep 0 body-present"),
        ("application/json", None, "keep 0 body-present"),
        ("application/json", Some("junk"), "keep 0 body-present"),
    ];
    for (accepted, content_type, expected) in cases {
        assert_eq!(decide(if_not(), accept(accepted), content_type, Body::Present), expected, "{accepted}");
    }
    let unknown = |content_type| decide(if_not(), accept("application/json"), content_type, Body::Unknown);
    assert_eq!(unknown(Some("text/html")), replaced, "no need to wait");
    assert_eq!(unknown(Some("application/json")), "wait 0 body-unknown");
    let absent = decide(if_not(), accept("application/json"), Some("text/html"), Body::Absent);
    assert_eq!(absent, "replace 0 body-empty");

    // The exact reading is about messages; whether content is acceptable is not.
    let exact = Rules::new(vec![if_not()], Negotiation::Exact);
    let json = record(json!({
        "request": accept("text/*"),
        "response": {"status": 503, "headers": [["Content-Type", "text/html"]]},
    }));
    assert_eq!(exact.decide(&pending(&json), Body::Present).reason(), "body-present");
}

#[test]
fn content_of_kept_types_is_never_overwritten() {
    let kept = |overwrite| {
        let types = ["application/json", "image/*"].map(|range| TypeRange::parse(range).unwrap());
        rule("r", "503", overwrite, &[Offer::Any]).keeping(types.to_vec())
    };
    let html = || json!({"headers": [["Accept", "text/html"]]});
    for overwrite in [Overwrite::Always, Overwrite::IfNotAcceptable, Overwrite::IfEmpty] {
        for content_type in ["application/json;charset=utf-8", "Image/PNG"] {
            let decide = |body| decide(kept(overwrite), html(), Some(content_type), body);
            assert_eq!(decide(Body::Present), "keep 0 type-kept", "{overwrite:?} {content_type}");
            assert_eq!(decide(Body::Unknown), "wait 0 body-unknown", "{overwrite:?} {content_type}");
            assert!(decide(Body::Absent).starts_with("replace"), "{overwrite:?} {content_type}");
        }
    }
    let other = |content_type| decide(kept(Overwrite::Always), html(), content_type, Body::Unknown);
    assert_eq!(other(Some("application/problem+json")), "replace 0 always");
    assert_eq!(other(None), "replace 0 always");
    let head = json!({"method": "HEAD"});
    let head = decide(kept(Overwrite::Always), head, Some("image/png"), Body::Unknown);
    assert_eq!(head, "keep 0 length-unknown");
}

#[test]
fn a_rule_without_messages_amends() {
    let rules = rules(rule("r", "503", Overwrite::Always, &[]));
    let record = record(json!({"response": {"status": 503}}));
    for body in [Body::Absent, Body::Present, Body::Unknown] {
        let Decision::Keep(kept) = rules.decide(&pending(&record), body) else { panic!("{body:?}") };
        assert_eq!((kept.reason, kept.is_amended), (Reason::NoMessage, true));
    }
}

#[test]
fn what_may_be_amended() {
    let json = typed("application/json").0;
    let amended = |rule: StatusRule, request: Value, response: Value| {
        let rules = rules(rule);
        let record = record(json!({"request": request, "response": response}));
        match rules.decide(&record.exchange("id", None), record.body()) {
            Decision::Keep(kept) => (kept.reason, kept.is_amended),
            decision => panic!("{decision:?}"),
        }
    };
    let any = |statuses: &str| rule("r", statuses, Overwrite::IfEmpty, &[Offer::Any]);
    let of = |status: u16| json!({"status": status});
    let full = json!({"status": 503, "body": "x"});
    assert_eq!(amended(any("503"), json!({}), full), (Reason::BodyPresent, true));
    let png = json!({"headers": [["Accept", "image/png"]]});
    let only_json = rule("r", "503", Overwrite::Always, &[json]);
    assert_eq!(amended(only_json, png, of(503)), (Reason::NotAcceptable, true));
    assert_eq!(amended(any("204"), json!({}), of(204)), (Reason::StatusWithoutContent, false));
    assert_eq!(amended(any("103"), json!({}), of(103)), (Reason::Interim, false));
    assert_eq!(amended(any("200"), json!({"method": "CONNECT"}), of(200)), (Reason::Tunnel, false));
    let leave = json!({"status": 503, "headers": [["X-Retort", " Leave"]]});
    assert_eq!(amended(any("503"), json!({}), leave), (Reason::HandsOff, false));
    let grpc = json!({"status": 503, "headers": [["content-type", "application/grpc"]]});
    assert_eq!(amended(any("503"), json!({}), grpc), (Reason::Grpc, false));
}

#[test]
fn a_status_that_is_changed_may_get_content() {
    let changed = |status: u16| {
        let rule = rule("r", "...", Overwrite::IfEmpty, &[Offer::Any]).sending(Some(200));
        let headers = json!([["Content-Length", "500"]]);
        let record = record(json!({"response": {"status": status, "headers": headers}}));
        let rules = rules(rule);
        let decision = rules.decide(&pending(&record), Body::Unknown);
        format!("{} {}", decision.action(), decision.reason())
    };
    for status in [204, 205, 304] {
        assert_eq!(
            changed(status),
            "replace body-empty",
            "{status} has no content, whatever its header says"
        );
    }
    assert_eq!(changed(206), "keep body-present");
    assert_eq!(changed(103), "keep interim-response");
}

#[test]
fn what_is_rendered_is_waited_for() {
    let with = |message_text: &str, field_text: &str| {
        let messages = vec![(Offer::Any, message(message_text))];
        let fields = vec![field("x-length", Action::Set(text(field_text)))];
        let statuses = StatusSet::from_regex("503").unwrap();
        StatusRule::new("r", statuses, Overwrite::Always, messages).editing(fields)
    };
    let until = |rule: StatusRule, request: Value, content_type: &str, body| {
        let headers = json!([["Content-Type", content_type]]);
        let record = record(json!({"request": request, "response": {"status": 503, "headers": headers}}));
        let rules = rules(rule);
        match rules.decide(&pending(&record), body) {
            Decision::Wait(awaited) => Some(awaited.until),
            Decision::Replace(_) => None,
            decision => panic!("{decision:?}"),
        }
    };
    let get = || json!({});
    assert_eq!(until(with("x", "x"), get(), "text/plain", Body::Unknown), None);
    assert_eq!(until(with("%B", "x"), get(), "text/plain", Body::Unknown), Some(Until::Length));
    assert_eq!(until(with("x", "%b"), get(), "text/plain", Body::Present), Some(Until::Length));
    let body = "%{body}x";
    assert_eq!(until(with(body, "x"), get(), "text/plain", Body::Unknown), Some(Until::Content));
    assert_eq!(until(with("%B", body), get(), "text/plain", Body::Present), Some(Until::Content));
    assert_eq!(until(with(body, "x"), get(), "text/plain", Body::Absent), None);
    assert_eq!(until(with(body, "x"), get(), "text/event-stream; charset=utf-8", Body::Unknown), None);
    assert_eq!(until(with(body, "x"), json!({"method": "HEAD"}), "text/plain", Body::Present), None);
    assert_eq!(until(with("x", "%b"), get(), "text/plain", Body::Absent), None, "there is nothing to count");
    assert_eq!(until(with("%B", "%B"), get(), "text/event-stream", Body::Unknown), None, "it may never end");
    assert_eq!(until(with("%B", "%B"), json!({"method": "HEAD"}), "text/plain", Body::Unknown), None);

    // The rule's fields go out with content that is kept, too; the message's do not.
    let mut kept = with("%B", "x");
    let record =
        record(json!({"request": {"headers": [["Accept", "image/png"]]}, "response": {"status": 503}}));
    let decision = |rule| format!("{:?}", rules(rule).decide(&pending(&record), Body::Present).reason());
    let if_empty = |field_text| {
        let fields = vec![field("x-length", Action::Add(text(field_text)))];
        rule("r", "503", Overwrite::IfEmpty, &[Offer::Any]).editing(fields)
    };
    assert_eq!(decision(if_empty("%B")), "\"length-awaited\"");
    kept = kept.editing(Vec::new());
    assert_eq!(decision(kept), "\"length-awaited\"");
    assert_eq!(decision(if_empty("x")), "\"body-present\"");
}

#[test]
fn a_host_that_waits_no_longer_gets_an_answer() {
    let rules = rules(rule("r", "503", Overwrite::IfEmpty, &[Offer::Any]));
    let record = record(json!({"response": {"status": 503}}));
    let mut exchange = pending(&record);
    exchange.response.is_pending = false;
    assert_eq!(rules.decide(&exchange, Body::Unknown).reason(), "length-unknown");
}

#[test]
fn the_language_of_the_chosen_type() {
    let messages = vec![
        spoken("text/plain", "de"),
        spoken("application/json", "de"),
        typed("text/plain"),
        spoken("text/plain", "fr"),
        spoken("application/json", "fr"),
    ];
    let rule = StatusRule::new("r", StatusSet::from_regex("503").unwrap(), Overwrite::Always, messages);
    let rules = rules(rule);
    let chosen = |accept: &str, language: &str| {
        let headers = json!([["Accept", accept], ["Accept-Language", language]]);
        let record = record(json!({"request": {"headers": headers}, "response": {"status": 503}}));
        match rules.decide(&record.exchange("id", None), Body::Absent) {
            Decision::Replace(choice) => (choice.index, choice.by_language),
            decision => panic!("{decision:?}"),
        }
    };
    assert_eq!(chosen("text/plain", "fr-CA, de;q=0.5"), (3, true));
    assert_eq!(chosen("text/plain", "de"), (0, true));
    assert_eq!(chosen("text/plain", "it"), (2, true), "the first of no language");
    assert_eq!(chosen("application/json", "it"), (1, true), "else the first");
    assert_eq!(chosen("application/json", "fr"), (4, true));
}

#[test]
fn one_language_is_no_choice() {
    for messages in [vec![spoken("text/plain", "de"), spoken("application/json", "fr")], vec![typed("*/*")]] {
        let rule = StatusRule::new("r", StatusSet::from_regex("503").unwrap(), Overwrite::Always, messages);
        let rules = rules(rule);
        let headers = json!([["Accept-Language", "fr"], ["Accept", "text/plain"]]);
        let record = record(json!({"request": {"headers": headers}, "response": {"status": 503}}));
        let Decision::Replace(choice) = rules.decide(&record.exchange("id", None), Body::Absent) else {
            panic!("ALWAYS")
        };
        assert_eq!((choice.index, choice.by_language), (0, false));
    }
}

#[test]
fn grpc_takes_the_plainest_message() {
    let chosen = |offers: &[&str]| {
        let messages = offers.iter().map(|media_type| typed(media_type)).collect();
        let rule = StatusRule::new("r", StatusSet::from_regex("503").unwrap(), Overwrite::Always, messages);
        let rules = rules(rule);
        let headers = json!([["Content-Type", "application/grpc+proto"], ["Accept", "application/json"]]);
        let record = record(json!({"request": {"headers": headers}, "response": {"status": 503}}));
        let mut exchange = record.exchange("id", None);
        let by_upstream = rules.decide(&exchange, Body::Absent).message();
        exchange.response.source = Source::Proxy(Cause::ConnectRefused);
        (rules.decide(&exchange, Body::Absent).message(), by_upstream)
    };
    assert_eq!(chosen(&["application/json", "*/*", "text/plain"]), (Some(2), Some(0)));
    assert_eq!(chosen(&["application/json", "*/*"]), (Some(1), Some(0)));
    assert_eq!(chosen(&["text/html"]), (Some(0), None));
}

#[test]
fn the_upstream_steers_where_the_rule_lets_it() {
    const META: &str = r#"{"a": 1, "meta": {"status": 402}}"#;
    let steered = |overwrite| rule("r", "...", overwrite, &[Offer::Any]).steered(true);
    let decide = |rule: StatusRule, method: &str, content_type: &str, held: Option<&str>| {
        let headers = json!([["Content-Type", content_type]]);
        let json = json!({"request": {"method": method}, "response": {"status": 200, "headers": headers}});
        let record = record(json);
        let held = held.map(content);
        let mut exchange = pending(&record);
        exchange.response.content = held.as_ref();
        let rules = rules(rule);
        let decision = rules.decide(&exchange, Body::Present);
        format!("{} {}", decision.action(), decision.reason())
    };
    let always = || steered(Overwrite::Always);
    for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"] {
        assert_eq!(decide(always(), "GET", content_type, Some(META)), "steer meta", "{content_type}");
        assert_eq!(decide(always(), "GET", content_type, None), "wait content-awaited", "{content_type}");
    }
    for content_type in ["text/plain", "application/jsonl", "text/event-stream"] {
        assert_eq!(decide(always(), "GET", content_type, Some(META)), "replace always", "{content_type}");
    }
    for held in ["", "{}", r#"{"meta": 1}"#, r#"{"meta": {}, "meta": null}"#, "[1]", r#"{"meta": {}"#] {
        let kept = decide(steered(Overwrite::IfEmpty), "GET", "application/json", Some(held));
        assert_eq!(kept, "keep body-present", "{held}");
    }
    let last = r#"{"meta": null, "m\u0065ta": {}}"#;
    assert_eq!(decide(always(), "GET", "application/json", Some(last)), "steer meta", "the last one counts");
    assert_eq!(decide(always(), "HEAD", "application/json", None), "keep content-unknown");
    let unsteered = rule("r", "...", Overwrite::IfEmpty, &[Offer::Any]);
    assert_eq!(decide(unsteered, "GET", "application/json", Some(META)), "keep body-present");

    // What is not held whole is not steered by.
    let record =
        record(json!({"response": {"status": 200, "headers": [["Content-Type", "application/json"]]}}));
    let cut = retort::exchange::Content::new(retort::exchange::Fields::Lines(&[]), META.as_bytes(), true);
    let mut exchange = pending(&record);
    exchange.response.content = Some(&cut);
    assert_eq!(rules(steered(Overwrite::IfEmpty)).decide(&exchange, Body::Present).reason(), "body-present");
}
