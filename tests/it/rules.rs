//! Which rule, which message, and when a response is left alone.

pub(crate) mod build;
mod conditions;
mod content;

use retort::{
    Body, Rules,
    accept::{Negotiation, Offer},
    exchange::record::Record,
    rules::Overwrite,
};
use serde_json::json;

use build::rule;

/// What is decided, as `decision rule message reason`.
fn decide(rules: &Rules, record: serde_json::Value, body: Body) -> String {
    let record: Record = serde_json::from_value(record).unwrap();
    let mut exchange = record.exchange("id", None);
    exchange.response.is_pending = exchange.request.method != "HEAD";
    let decision = rules.decide(&exchange, body);
    let rule = decision.rule().map_or("-".to_owned(), |rule| rule.id().to_string());
    let message = decision.message().map_or("-".to_owned(), |index| index.to_string());
    format!("{} {rule} {message} {}", decision.action(), decision.reason())
}

fn any(id: &str, statuses: &str, overwrite: Overwrite) -> Rules {
    Rules::new(vec![rule(id, statuses, overwrite, &[Offer::Any])], Negotiation::default())
}

#[test]
fn the_first_rule_for_the_status_and_only_it() {
    let json = Offer::Type(retort::media::MediaType::parse("application/json").unwrap());
    let rules = Rules::new(
        vec![
            rule("a", "404", Overwrite::Always, &[json]),
            rule("b", "4..", Overwrite::Always, &[Offer::Any]),
        ],
        Negotiation::default(),
    );
    let status = |status: u16| json!({"response": {"status": status}});
    assert_eq!(decide(&rules, status(404), Body::Absent), "replace a 0 always");
    assert_eq!(decide(&rules, status(403), Body::Absent), "replace b 0 always");
    assert_eq!(decide(&rules, status(503), Body::Absent), "keep - - no-rule");
    assert!(rules.covers(404) && !rules.covers(503) && !rules.covers(99) && !rules.covers(1000));
    // No falling through, even when none of its messages is acceptable.
    let png = json!({"request": {"headers": [["accept", "image/png"]]}, "response": {"status": 404}});
    assert_eq!(decide(&rules, png, Body::Absent), "keep a - no-acceptable-message");
}

#[test]
fn overwrite_looks_at_the_body() {
    let (empty, always) = (any("e", "503", Overwrite::IfEmpty), any("a", "503", Overwrite::Always));
    let response = || json!({"response": {"status": 503}});
    assert_eq!(decide(&empty, response(), Body::Absent), "replace e 0 body-empty");
    assert_eq!(decide(&empty, response(), Body::Present), "keep e 0 body-present");
    assert_eq!(decide(&empty, response(), Body::Unknown), "wait e 0 body-unknown");
    for body in [Body::Absent, Body::Present, Body::Unknown] {
        assert_eq!(decide(&always, response(), body), "replace a 0 always");
    }
}

#[test]
fn the_header_tells_what_the_host_does_not_know() {
    let rules = any("r", "503", Overwrite::IfEmpty);
    let with = |name: &str, value: &str| json!({"response": {"status": 503, "headers": [[name, value]]}});
    let unknown = |record| decide(&rules, record, Body::Unknown);
    assert_eq!(unknown(with("Content-Length", "0")), "replace r 0 body-empty");
    assert_eq!(unknown(with("Content-Length", "7")), "keep r 0 body-present");
    assert_eq!(unknown(with("Content-Length", "seven")), "wait r 0 body-unknown");
    assert_eq!(unknown(with("Content-Type", "Text/Event-Stream; charset=utf-8")), "keep r 0 body-present");
    assert_eq!(unknown(with("Content-Type", "text/html")), "wait r 0 body-unknown");
}

#[test]
fn head_is_answered_as_get_where_that_is_known() {
    let (empty, always) = (any("e", "503", Overwrite::IfEmpty), any("a", "503", Overwrite::Always));
    let head =
        |headers| json!({"request": {"method": "HEAD"}, "response": {"status": 503, "headers": headers}});
    assert_eq!(decide(&empty, head(json!([])), Body::Unknown), "keep e 0 length-unknown");
    assert_eq!(
        decide(&empty, head(json!([["content-length", "0"]])), Body::Unknown),
        "replace e 0 body-empty"
    );
    assert_eq!(
        decide(&empty, head(json!([["content-length", "9"]])), Body::Unknown),
        "keep e 0 body-present"
    );
    assert_eq!(decide(&always, head(json!([])), Body::Unknown), "replace a 0 always");
}

#[test]
fn what_no_rule_may_touch() {
    let rules = any("r", "...", Overwrite::Always);
    for status in [204, 205, 206, 304] {
        let record = json!({"response": {"status": status}});
        assert_eq!(decide(&rules, record, Body::Absent), "keep r - status-without-content");
    }
    for status in [100, 101, 103] {
        let record = json!({"response": {"status": status}});
        assert_eq!(decide(&rules, record, Body::Absent), "keep r - interim-response");
    }
    for content_type in ["application/grpc", "application/grpc+proto", "application/grpc-web; charset=x"] {
        let record = json!({"response": {"status": 503, "headers": [["content-type", content_type]]}});
        assert_eq!(decide(&rules, record, Body::Absent), "keep r - grpc");
    }
    let connect = |status: u16| json!({"request": {"method": "CONNECT"}, "response": {"status": status}});
    assert_eq!(decide(&rules, connect(200), Body::Absent), "keep r - tunnel");
    assert_eq!(decide(&rules, connect(502), Body::Absent), "replace r 0 always");
}

#[test]
fn no_rules_keep_everything() {
    let rules = Rules::default();
    assert_eq!(decide(&rules, json!({"response": {"status": 500}}), Body::Absent), "keep - - no-rule");
    assert_eq!((rules.iter().len(), rules.message_count()), (0, 0));
}
