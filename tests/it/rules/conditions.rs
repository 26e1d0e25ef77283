//! What must hold beside the status.

use retort::{
    Body, Decision, Exchange, Rules,
    accept::Negotiation,
    exchange::{Cause, Source},
    rules::{Condition, Pattern, Reason, Verdict, condition::Subject},
};
use serde_json::{Value, json};

use super::build::{pattern, record, under};

fn when(subject: Subject, source: &str, is_negated: bool) -> Condition {
    Condition::When { subject, pattern: pattern(source), is_negated }
}

fn holds(condition: &Condition, request: Value, response: Value) -> bool {
    let mut json = json!({"request": request, "response": {"status": 503}});
    json["response"].as_object_mut().unwrap().extend(response.as_object().unwrap().clone());
    condition.holds(&record(json).exchange("id", None))
}

fn of_request(condition: &Condition, request: Value) -> bool {
    holds(condition, request, json!({}))
}

#[test]
fn who_made_the_response_and_why() {
    let refused = || json!({"cause": "connect-refused"});
    let by = |condition: &Condition, response| holds(condition, json!({}), response);
    assert!(by(&Condition::Upstream, json!({})) && !by(&Condition::Upstream, refused()));
    assert!(by(&Condition::Proxy, refused()) && !by(&Condition::Proxy, json!({})));
    let cause = Condition::Cause(vec![Cause::Dns, Cause::ConnectRefused]);
    assert!(by(&cause, refused()) && !by(&cause, json!({})) && !by(&cause, json!({"cause": "tls"})));
}

#[test]
fn method_and_path_match_as_a_whole_and_in_their_case() {
    let method = Condition::Method(pattern("GET|POST"));
    assert!(of_request(&method, json!({"method": "POST"})));
    assert!(
        !of_request(&method, json!({"method": "post"})) && !of_request(&method, json!({"method": "POSTS"}))
    );
    let path = Condition::Path(pattern("/v1/.*"));
    assert!(of_request(&path, json!({"uri": "/v1/a%2Fb", "query": "x"})));
    assert!(!of_request(&path, json!({"uri": "/api/v1/a"})) && !of_request(&path, json!({"uri": "/V1/a"})));
    let encoded = Condition::Path(pattern("/v1/a%2Fb"));
    assert!(of_request(&encoded, json!({"uri": "/v1/a%2Fb"})), "the path is looked at as it was sent");
}

#[test]
fn the_host_without_port_in_any_case() {
    let host = Condition::Host(Pattern::new(r"api\.example\.com|\[2001:db8::1\]", true).unwrap());
    let asked = |host: &str| json!({"headers": [["Host", host]]});
    for name in ["api.example.com", "API.Example.com:8443", "[2001:DB8::1]", "[2001:db8::1]:443"] {
        assert!(of_request(&host, asked(name)), "{name}");
    }
    for name in ["", "example.com", "api.example.com.evil", "xapi.example.com", "[2001:db8::1]x]"] {
        assert!(!of_request(&host, asked(name)), "{name}");
    }
}

#[test]
fn any_line_of_a_field_will_do() {
    let json = when(Subject::RequestHeader("x-a".parse().unwrap()), "yes|ja", false);
    let none = when(Subject::RequestHeader("x-a".parse().unwrap()), "yes|ja", true);
    let cases = [
        (json!([["X-A", "no"], ["x-a", "ja"]]), true),
        (json!([["X-A", "no"], ["x-b", "ja"]]), false),
        (json!([["X-A", "ja, yes"]]), false),
        (json!([]), false),
    ];
    for (headers, expected) in cases {
        assert_eq!(of_request(&json, json!({"headers": headers})), expected, "{headers}");
        assert_eq!(of_request(&none, json!({"headers": headers})), !expected, "{headers}");
    }
    let response = when(Subject::ResponseHeader("content-type".parse().unwrap()), "text/html(;.*)?", false);
    let html = json!({"headers": [["Content-Type", "text/html; charset=utf-8"]]});
    assert!(holds(&response, json!({}), html) && !holds(&response, json!({}), json!({})));
}

#[test]
fn any_value_of_a_parameter_will_do() {
    let debug = when(Subject::Query("debug it".into()), "a b&c|", false);
    let none = when(Subject::Query("debug it".into()), "a b&c|", true);
    let cases = [
        (Some("x=1&debug+it=no&debug%20it=a%20b%26c"), true),
        (Some("debug+it"), true),
        (Some("debug+it=a+b%26c"), true),
        (Some("debug+it=a%2Bb%26c"), false),
        (Some("debug=a"), false),
        (Some(""), false),
        (None, false),
    ];
    for (query, expected) in cases {
        assert_eq!(of_request(&debug, json!({"query": query})), expected, "{query:?}");
        assert_eq!(of_request(&none, json!({"query": query})), !expected, "{query:?}");
    }
}

#[test]
fn conditions_say_what_they_expect() {
    let header = |name: &str| name.parse().unwrap();
    let conditions = [
        (Condition::Upstream, "source", "source is upstream"),
        (Condition::Proxy, "source", "source is proxy"),
        (Condition::Cause(vec![Cause::Dns, Cause::Tls]), "cause", "cause is dns or tls"),
        (Condition::Method(pattern("POST")), "method", r#"method matches "POST""#),
        (Condition::Host(pattern("a.*")), "host", r#"host matches "a.*""#),
        (Condition::Path(pattern("/x")), "path", r#"path matches "/x""#),
        (
            when(Subject::RequestHeader(header("x-a")), "b", true),
            "when",
            r#"request header X-A does not match "b""#,
        ),
        (
            when(Subject::ResponseHeader(header("etag")), "b", false),
            "when",
            r#"response header Etag matches "b""#,
        ),
        (when(Subject::Query("q".into()), "b", false), "when", r#"query parameter q matches "b""#),
    ];
    for (condition, code, words) in conditions {
        assert_eq!((condition.code(), condition.to_string().as_str()), (code, words));
    }
}

/// The rules `a` and `b` have conditions, `c` has none, `d` comes too late.
fn rules() -> Rules {
    let post = || Condition::Method(pattern("POST"));
    let path = |path: &str| Condition::Path(pattern(path));
    Rules::new(
        vec![
            under("a", [post(), path("/a")]),
            super::rule("other", "404", retort::rules::Overwrite::Always, &[]),
            under("b", [path("/b")]),
            under("c", []),
            under("d", []),
        ],
        Negotiation::default(),
    )
}

fn with<T>(request: Value, look: impl FnOnce(&Exchange<'_>) -> T) -> T {
    look(&record(json!({"request": request, "response": {"status": 503}})).exchange("id", None))
}

#[test]
fn the_first_rule_whose_conditions_hold_and_only_it() {
    let rules = rules();
    let matched = |request| {
        with(request, |exchange| rules.decide(exchange, Body::Absent).rule().unwrap().id().to_string())
    };
    assert_eq!(matched(json!({"method": "POST", "uri": "/a"})), "a");
    assert_eq!(matched(json!({"method": "POST", "uri": "/b"})), "b");
    assert_eq!(matched(json!({"method": "GET", "uri": "/a"})), "c");
}

#[test]
fn where_none_holds_the_first_failure_is_told() {
    let post = || Condition::Method(pattern("POST"));
    let rules = Rules::new(
        vec![under("a", [Condition::Upstream, post()]), under("b", [Condition::Proxy])],
        Negotiation::default(),
    );
    assert!(rules.covers(503));
    let record = record(json!({"response": {"status": 503}}));
    let exchange = record.exchange("id", None);
    let decision = rules.decide(&exchange, Body::Absent);
    assert_eq!((decision.action(), decision.reason()), ("keep", "condition"));
    let Decision::Keep(kept) = decision else { panic!("{decision:?}") };
    assert_eq!(kept.reason, Reason::Condition);
    assert!(kept.rule.is_none() && !kept.is_amended);
    let failed = kept.failed.unwrap();
    assert_eq!((&**failed.rule.id(), failed.condition.code()), ("a", "method"));

    let mut proxied = exchange;
    proxied.response.source = Source::Proxy(Cause::Dns);
    assert_eq!(rules.decide(&proxied, Body::Absent).rule().unwrap().id().as_ref(), "b");
    let none = Rules::default();
    let Decision::Keep(kept) = none.decide(&exchange, Body::Absent) else { panic!() };
    assert!(kept.failed.is_none());
}

#[test]
fn every_rule_has_a_verdict() {
    let rules = rules();
    let verdicts = |request| {
        with(request, |exchange| -> Vec<String> {
            let verdicts = rules.verdicts(exchange).map(|(rule, verdict)| match verdict {
                Verdict::NotForStatus => format!("{}: not for the status", rule.id()),
                Verdict::Failed(condition) => format!("{}: not {condition}", rule.id()),
                Verdict::Matches => format!("{}: matches", rule.id()),
                Verdict::NotAsked(first) => format!("{}: after {}", rule.id(), first.id()),
            });
            verdicts.collect()
        })
    };
    assert_eq!(
        verdicts(json!({"method": "POST", "uri": "/b"})),
        [
            r#"a: not path matches "/a""#,
            "other: not for the status",
            "b: matches",
            "c: after b",
            "d: after b"
        ]
    );
    assert_eq!(verdicts(json!({}))[3], "c: matches");
}
