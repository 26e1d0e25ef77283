//! What a request costs the allocator: nothing to decide, one buffer to render.

use std::path::Path;

use allocation_counter::measure;
use retort::{
    Body, Decision, Rules,
    accept::Negotiation,
    config::{self, href::Disk},
    exchange::{Cause, record::Record},
    media::TypeRange,
    rules::{Condition, Overwrite, StatusRule, condition::Subject as Looked},
    status::StatusSet,
    template::Subject,
};
use serde_json::json;

use crate::rules::build::{pattern, record, spoken, typed, under};

const RULES: &str = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="limits" code-regex="(?!409)4\d\d" overwrite="ALWAYS">
    <message media-type="application/json" content-type="application/problem+json"><![CDATA[
      {"title":"%M","status":%s,"detail":"%{X-Detail}i","instance":"%U","requestId":"%g","retry":"%{Retry-After DATE ISO_8601}o",
       "client":"%a","query":"%q","line":"%r","at":"%{yyyy-MM-dd HH:mm:ss zzzz}t","took":"%T"}]]></message>
    <message media-type="text/html" content-type="text/html"><![CDATA[<p>%{X-Detail}i</p>]]></message>
    <message>%s</message>
  </status-code>
</response-messaging>"#;

#[test]
fn deciding_allocates_nothing_and_rendering_once() {
    let (rules, _) = config::parse(RULES.as_bytes(), Path::new("rules.xml"), &mut Disk::default()).unwrap();
    let hostile = "\"\\\u{1}<é>".repeat(2000);
    let record: Record = serde_json::from_value(json!({
        "request": {
            "query": "a=%22&b=<",
            "headers": [
                ["Accept", "text/html;q=0.8, application/*, text/plain;q=0.5;x=\"a,b\", */*;q=0.1"],
                ["X-Detail", hostile], ["X-Detail", "second"],
            ],
            "elapsed_ms": 12345,
        },
        "response": {"status": 404, "headers": [["Retry-After", "Fri, 09 Mar 2012 14:56:32 GMT"]]},
    }))
    .unwrap();
    let exchange = record.exchange("id", None);
    for body in [Body::Absent, Body::Present, Body::Unknown] {
        let counted = measure(|| assert!(matches!(rules.decide(&exchange, body), Decision::Replace(_))));
        assert_eq!(counted.count_total, 0, "{counted:?}");
    }
    let Decision::Replace(choice) = rules.decide(&exchange, Body::Absent) else { panic!("ALWAYS") };
    assert_eq!(choice.index, 0);
    let mut out = Vec::new();
    let counted = measure(|| choice.message.template.render(&Subject::of(&exchange), &mut out));
    assert_eq!(counted.count_total, 1, "{counted:?}");
    serde_json::from_slice::<serde_json::Value>(&out).unwrap();
}

/// Every kind of condition, a language, and content that is not acceptable.
#[test]
fn conditions_languages_and_types_are_decided_without_allocating() {
    let when =
        |subject, source: &str, is_negated| Condition::When { subject, pattern: pattern(source), is_negated };
    let conditions = [
        Condition::Upstream,
        Condition::Method(pattern("GET|HEAD")),
        Condition::Host(pattern(r"(\w+\.)?example\.com")),
        Condition::Path(pattern("/v[0-9]+/.*")),
        when(Looked::RequestHeader("x-a".parse().unwrap()), "[a-z]+", false),
        when(Looked::ResponseHeader("server".parse().unwrap()), ".*nginx.*", true),
        when(Looked::Query("debug".into()), "1|true", false),
    ];
    let failing = [
        under("proxy", [Condition::Proxy]),
        under("cause", [Condition::Cause(vec![Cause::Dns])]),
        under("post", [Condition::Method(pattern("POST"))]),
    ];
    let messages = vec![spoken("text/html", "en"), spoken("text/html", "pl"), typed("application/json")];
    let statuses = StatusSet::from_regex("5..").unwrap();
    let rule = StatusRule::new("r", statuses, Overwrite::IfNotAcceptable, messages)
        .under(retort::rules::Conditions::new(conditions.into()))
        .keeping(vec![TypeRange::parse("image/*").unwrap()]);
    let rules = Rules::new(failing.into_iter().chain([rule]).collect(), Negotiation::default());
    let record = record(json!({
        "request": {
            "uri": "/v1/users", "query": "x=%20&debug=true",
            "headers": [["Host", "api.example.com:8443"], ["X-A", "1"], ["X-A", "abc"],
                ["Accept", "text/html, application/xml;q=0.9"], ["Accept-Language", "pl-PL, en;q=0.5"]],
        },
        "response": {"status": 503, "headers": [["Content-Type", "text/plain; charset=utf-8"], ["Server", "x"]], "body": "x"},
    }));
    let exchange = record.exchange("id", None);
    let decide = || match rules.decide(&exchange, Body::Present) {
        Decision::Replace(choice) => (choice.index, choice.reason, choice.by_language),
        decision => panic!("{decision:?}"),
    };
    // An expression makes room for its states when a thread first matches with it.
    assert_eq!(decide(), (1, "body-not-acceptable", true));
    let counted = measure(|| _ = decide());
    assert_eq!(counted.count_total, 0, "{counted:?}");
}
