//! Responses that their upstream steers, and errors of the proxy's own to gRPC.

use retort::{
    Body, Reply, Rules,
    accept::{Negotiation, Offer},
    exchange::{Cause, Source},
    rules::{Message, Overwrite, StatusRule, field::Action},
    status::StatusSet,
};
use serde_json::{Value as Json, json};

use super::summary;
use crate::rules::build::{field, message, offer, record, rule, text};

/// What becomes of a 200 with this JSON and these header fields beside its Content-Type.
fn steer(rule: StatusRule, content: &str, headers: &[(&str, &str)], accept: &str) -> Reply {
    let mut lines = vec![json!(["Content-Type", "application/json"])];
    lines.extend(headers.iter().map(|(name, value)| json!([name, value])));
    let record = record(json!({
        "request": {"headers": [["Accept", accept]]},
        "response": {"status": 200, "reason": "Fine", "headers": lines, "body": content},
    }));
    let rules = Rules::new(vec![rule], Negotiation::default());
    let exchange = record.exchange("id", None);
    let decision = rules.decide(&exchange, Body::Present);
    assert_eq!(decision.action(), "steer");
    Reply::of(&decision, &exchange).unwrap()
}

fn silent() -> StatusRule {
    rule("r", "...", Overwrite::IfEmpty, &[]).steered(true)
}

fn steered(content: &str) -> Reply {
    steer(silent(), content, &[], "*/*")
}

fn body(reply: &Reply) -> &str {
    std::str::from_utf8(reply.body.as_deref().unwrap()).unwrap()
}

#[test]
fn the_rest_of_the_content_stays_as_it_was_written() {
    let reply = steered(
        r#" { "b" : 1.0e400, "meta": {"status": 303}, "a": {"x":  [ 123456789012345678901234567890, "\u00e9\/" ]},"a":2, "\"": null } "#,
    );
    let expected =
        r#"{"b":1.0e400,"a":{"x":  [ 123456789012345678901234567890, "\u00e9\/" ]},"a":2,"\"":null}"#;
    assert_eq!((reply.status, body(&reply)), (303, expected));
    assert_eq!(summary(&reply), [format!("content-length: {}", expected.len())]);
    assert_eq!(body(&steered(r#"{"meta": {}}"#)), "{}");
    assert_eq!(body(&steered(r#"{"meta": 1, "a": 0, "meta": {}}"#)), r#"{"a":0}"#, "all of them go");
}

#[test]
fn fields_become_lines() {
    let content = r#"{"meta": {"header": {
        "Set-Cookie": ["a=1", "b=2"], "Location": [" /x "], "X-Many": ["1", "2"], "X-One": "1", "X-None": []
    }}}"#;
    let reply = steer(silent(), content, &[("Set-Cookie", "old"), ("X-Many", "old")], "*/*");
    assert_eq!(
        summary(&reply),
        [
            "+set-cookie: a=1",
            "+set-cookie: b=2",
            "location: /x",
            "x-many: 1",
            "+x-many: 2",
            "x-one: 1",
            "content-length: 2"
        ]
    );
    assert!(reply.refused.is_empty());
}

#[test]
fn what_is_not_the_upstream_s_to_set_is_refused_and_told() {
    for name in [
        "Content-Length",
        "content-type",
        "Content-Security-Policy",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Upgrade",
        "Trailer",
        "TE",
        "Access-Control-Allow-Origin",
        "Sec-WebSocket-Accept",
        "Vary",
        "bad name",
        ":status",
        "",
    ] {
        let reply = steered(&json!({"meta": {"header": {name: ["x"], "X-A": ["kept"]}}}).to_string());
        assert_eq!(summary(&reply), ["x-a: kept", "content-length: 2"], "{name}");
        assert_eq!(reply.refused.len(), 1, "{name}");
        assert!(reply.refused[0].starts_with(&format!("meta.header {name:?}: ")), "{:?}", reply.refused);
    }
    for value in ["a\r\nSet-Cookie: b", "a\nb", "a\u{0}"] {
        let reply = steered(&json!({"meta": {"header": {"X-A": [value, "kept"]}}}).to_string());
        assert_eq!(summary(&reply), ["x-a: kept", "content-length: 2"], "{value:?}");
        assert_eq!(reply.refused.len(), 1);
    }
    for header in [json!({"X-A": 1}), json!({"X-A": ["a", 1]}), json!({"X-A": null}), json!([]), json!("x")] {
        let reply = steered(&json!({"meta": {"header": header}}).to_string());
        assert_eq!((reply.edits.len(), reply.refused.len()), (1, 1), "{header}");
    }
    let many: serde_json::Map<_, _> = (0..100).map(|n| (format!("bad {n}\n"), json!("x"))).collect();
    let reply = steered(&json!({"meta": {"header": many}}).to_string());
    assert_eq!(reply.refused.len(), 16);
    assert!(reply.refused.iter().all(|line| !line.contains('\n')));
}

#[test]
fn only_a_status_of_an_outcome_is_obeyed() {
    for status in [300, 402, 599] {
        assert_eq!(steered(&json!({"meta": {"status": status}, "error": 1}).to_string()).status, status);
    }
    for status in [json!(200), json!(299), json!(600), json!(-1), json!(402.5), json!("402"), json!([])] {
        let reply = steered(&json!({"meta": {"status": status}}).to_string());
        assert_eq!((reply.status, reply.refused.len()), (200, 1), "{status}");
    }
    let absent = steered(r#"{"meta": {"status": null, "header": null, "other": 1}}"#);
    assert_eq!((absent.status, absent.refused.len()), (200, 0));
}

#[test]
fn the_rule_s_status_and_fields_come_second() {
    let rule = || {
        silent().sending(Some(202)).editing(vec![
            field("x-a", Action::Default(text("rule"))),
            field("x-b", Action::Set(text("rule"))),
        ])
    };
    let content = r#"{"meta": {"status": 307, "header": {"X-A": "meta", "X-B": "meta"}}}"#;
    let reply = steer(rule(), content, &[], "*/*");
    assert_eq!(reply.status, 307);
    assert_eq!(summary(&reply), ["x-a: meta", "x-b: meta", "x-b: rule", "content-length: 2"]);
    let reply = steer(rule(), r#"{"meta": {}}"#, &[], "*/*");
    assert_eq!((reply.status, &summary(&reply)[0][..]), (202, "+x-a: rule"));
}

#[test]
fn what_described_the_old_content_goes() {
    let headers = [("ETag", "x"), ("Content-Encoding", "identity"), ("Digest", "x"), ("Cache-Control", "x")];
    let reply = steer(silent(), r#"{"meta": {}}"#, &headers, "*/*");
    assert_eq!(summary(&reply), ["-content-encoding", "-etag", "-digest", "content-length: 2"]);
}

#[test]
fn not_modified_has_no_content() {
    let reply = steer(silent(), r#"{"a": 1, "meta": {"status": 304}}"#, &[("Content-Length", "9")], "*/*");
    assert_eq!((reply.status, body(&reply)), (304, ""));
    assert_eq!(summary(&reply), ["-content-type", "-content-length"]);
}

#[test]
fn an_error_is_the_upstream_s_own_or_else_the_rule_s_or_a_generic_one() {
    let own = steered(r#"{"error": {"code": 1.50}, "result": 2, "meta": {"status": 402}}"#);
    assert_eq!((own.status, body(&own)), (402, r#"{"code": 1.50}"#));
    assert_eq!(summary(&own), ["content-length: 14"]);
    let last = steered(r#"{"error": 1, "error": 2, "meta": {"status": 402}}"#);
    assert_eq!(body(&last), "2");

    let undescribed = r#"{"error": null, "meta": {"status": 402}}"#;
    let messages = vec![(
        offer("text/plain"),
        Message { fields: vec![field("x-b", Action::Set(text("b")))], ..message("%g: pay") },
    )];
    let statuses = StatusSet::from_regex("...").unwrap();
    let speaking =
        || StatusRule::new("r", statuses.clone(), Overwrite::IfEmpty, messages.clone()).steered(true);
    let reply = steer(speaking(), undescribed, &[("Vary", "Origin")], "text/plain");
    assert_eq!((reply.status, body(&reply)), (402, "id: pay"));
    assert_eq!(
        summary(&reply),
        [
            "x-b: b",
            "content-type: text/plain; charset=utf-8",
            "x-content-type-options: nosniff",
            "vary: Origin, Accept",
            "content-length: 7"
        ]
    );

    let problem = r#"{"title":"Payment Required","status":402}"#;
    let accepted = |rule, accept| body(&steer(rule, undescribed, &[], accept)).to_owned();
    assert_eq!(accepted(speaking(), "application/json"), problem, "the rule's message is not acceptable");
    assert_eq!(accepted(silent(), "application/problem+json"), problem);
    assert!(accepted(silent(), "text/html").contains("<h1>402 Payment Required</h1>"));
    assert_eq!(accepted(silent(), "*/*"), "402 Payment Required");
    assert_eq!(accepted(silent(), "image/png"), "402 Payment Required");
    let generic = steer(silent(), undescribed, &[], "application/json");
    assert!(summary(&generic).contains(&"content-type: application/problem+json".to_owned()));
}

/// What a client of gRPC gets for an error of the proxy's.
fn grpc(rule: StatusRule, content_type: &str, status: u16) -> Reply {
    let record = record(json!({
        "request": {"method": "POST", "headers": [["Content-Type", content_type]]},
        "response": {"status": status, "headers": [["Content-Length", "0"], ["Cache-Control", "no-store"]]},
    }));
    let rules = Rules::new(vec![rule], Negotiation::default());
    let mut exchange = record.exchange("id", None);
    exchange.response.source = Source::Proxy(Cause::ConnectRefused);
    Reply::of(&rules.decide(&exchange, Body::Absent), &exchange).unwrap()
}

fn saying(message_text: &str) -> StatusRule {
    let messages = vec![(offer("application/json"), message("{}")), (Offer::Any, message(message_text))];
    StatusRule::new("r", StatusSet::from_regex("...").unwrap(), Overwrite::IfEmpty, messages)
}

#[test]
fn errors_of_the_proxy_speak_grpc() {
    let reply = grpc(saying(" 100%% of %m\\n\u{e9} "), "application/grpc+proto;x=y", 503);
    assert_eq!((reply.status, body(&reply)), (200, ""));
    assert_eq!(
        summary(&reply),
        ["content-type: application/grpc+proto", "grpc-status: 14", "grpc-message: 100%25 of POST%0A%C3%A9"]
    );
    let with_status = |status, sent| {
        let reply = grpc(saying("").sending(sent), "application/grpc", status);
        (reply.status, summary(&reply)[1..].join("\n"))
    };
    assert_eq!(with_status(502, None), (200, "grpc-status: 14".to_owned()));
    assert_eq!(with_status(400, None), (200, "grpc-status: 13".to_owned()));
    assert_eq!(with_status(502, Some(403)), (200, "grpc-status: 7".to_owned()), "of the status that is sent");
}

#[test]
fn a_strange_grpc_type_is_not_echoed() {
    for content_type in ["application/grpc, text/html", "application/grpc\"<"] {
        let reply = grpc(saying("x"), content_type, 503);
        assert_eq!(summary(&reply)[0], "content-type: application/grpc", "{content_type}");
    }
}

#[test]
fn the_rule_s_fields_go_with_a_grpc_error() {
    let rule = saying("x").editing(vec![field("retry-after", Action::Set(text("30")))]);
    assert_eq!(summary(&grpc(rule, "application/grpc", 503))[0], "retry-after: 30");
}

#[test]
fn generic_messages_answer_in_the_client_s_form() {
    let rules = retort::rules::generic();
    let answer = |accept: &str| {
        let headers: Vec<Json> = vec![json!(["Accept", accept])];
        let record = record(json!({"request": {"headers": headers}, "response": {"status": 502}}));
        let exchange = record.exchange("id", None);
        let reply = Reply::of(&rules.decide(&exchange, Body::Absent), &exchange).unwrap();
        let content_type =
            summary(&reply).into_iter().find(|edit| edit.starts_with("content-type: ")).unwrap();
        (content_type, body(&reply).to_owned())
    };
    let problem = (
        "content-type: application/problem+json".to_owned(),
        r#"{"title":"Bad Gateway","status":502}"#.to_owned(),
    );
    assert_eq!(answer("application/json"), problem);
    assert_eq!(answer("application/problem+json, */*;q=0.1"), problem);
    let plain = ("content-type: text/plain; charset=utf-8".to_owned(), "502 Bad Gateway".to_owned());
    assert_eq!((answer("*/*"), answer("image/png")), (plain.clone(), plain));
    let (content_type, page) = answer("text/html,*/*;q=0.8");
    assert_eq!(content_type, "content-type: text/html; charset=utf-8");
    assert!(page.starts_with("<!doctype html>") && page.contains("<title>502 Bad Gateway</title>"));
}
