//! What rules do to the header, with a message and without.

use proptest::prelude::*;
use retort::{
    Body, Reply, Rules,
    accept::{Negotiation, Offer},
    exchange::record::Record,
    language::Language,
    reply::Edit,
    rules::{
        FieldRule, Message, Overwrite, StatusRule,
        field::{Action, Value, mandatory},
    },
    status::StatusSet,
};
use serde_json::{Value as Json, json};

use super::summary;
use crate::rules::build::{field, message, record, rule, spoken, template, text};

fn set(name: &str, value: &str) -> FieldRule {
    field(name, Action::Set(text(value)))
}

/// The rule's reply to a response with a body, whose own header fields are these.
fn reply(rule: StatusRule, headers: Json) -> Option<Reply> {
    reply_to(rule, json!({"response": {"status": 503, "headers": headers, "body": "x"}}))
}

fn reply_to(rule: StatusRule, exchange: Json) -> Option<Reply> {
    let rules = Rules::new(vec![rule], Negotiation::default());
    let record = record(exchange);
    let exchange = record.exchange("id", None);
    Reply::of(&rules.decide(&exchange, record.body()), &exchange)
}

/// A rule that keeps content and has these fields.
fn keeping(fields: Vec<FieldRule>) -> StatusRule {
    rule("r", "...", Overwrite::IfEmpty, &[Offer::Any]).editing(fields)
}

/// The edits of [`keeping`].
fn edits(fields: Vec<FieldRule>, headers: Json) -> Vec<String> {
    reply(keeping(fields), headers).map_or(Vec::new(), |reply| summary(&reply))
}

#[test]
fn kept_content_gets_the_rule_s_fields_and_status_and_nothing_else() {
    let kept = reply(keeping(vec![set("X-A", "1")]).sending(Some(500)), json!([["ETag", "x"]])).unwrap();
    assert_eq!((kept.status, &kept.body, summary(&kept)), (500, &None, vec!["x-a: 1".to_owned()]));
    let status = reply(keeping(Vec::new()).sending(Some(418)), json!([])).unwrap();
    assert_eq!((status.status, status.body, status.edits), (418, None, Vec::new()));
}

#[test]
fn texts_name_the_status_that_is_sent() {
    let fields = || vec![set("X-Status", "%s %>s %<s %{rule}x")];
    let kept = reply(keeping(fields()).sending(Some(500)), json!([])).unwrap();
    assert_eq!(summary(&kept), ["x-status: 500 500 503 r"]);
    let messages = vec![(Offer::Any, message("%s %<s %{rule}x %{message}x"))];
    let statuses = StatusSet::from_regex("503").unwrap();
    let rule = StatusRule::new("r", statuses, Overwrite::Always, messages).sending(Some(500));
    assert_eq!(reply(rule, json!([])).unwrap().body.as_deref(), Some(&b"500 503 r 0"[..]));
}

#[test]
fn what_changes_nothing_is_no_reply() {
    assert!(reply(keeping(Vec::new()), json!([])).is_none());
    assert!(reply(keeping(Vec::new()).sending(Some(503)), json!([])).is_none());
    assert!(reply(keeping(vec![field("server", Action::Remove)]), json!([])).is_none());
    let default = || vec![field("retry-after", Action::Default(text("30")))];
    assert!(reply(keeping(default()), json!([["Retry-After", "5"]])).is_none());
    let leave = json!([["X-Retort", "leave"]]);
    assert!(reply(keeping(vec![set("x-a", "1")]).sending(Some(200)), leave).is_none());
    let interim = json!({"response": {"status": 103}});
    assert!(reply_to(keeping(vec![set("x-a", "1")]), interim).is_none());
}

#[test]
fn each_action_sees_what_those_before_left() {
    let add = |value: &str| field("x-a", Action::Add(text(value)));
    let default = |value: &str| field("x-a", Action::Default(text(value)));
    let remove = || field("x-a", Action::Remove);
    let sent = |fields: Vec<FieldRule>| {
        let reply = reply(keeping(fields), json!([["X-A", "old"], ["x-a", "older"]])).unwrap();
        let mut lines = vec![("X-A".to_owned(), b"old".to_vec()), ("x-a".to_owned(), b"older".to_vec())];
        reply.apply(&mut lines);
        lines.into_iter().map(|(_, value)| String::from_utf8(value).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(sent(vec![set("x-a", "1"), add("2")]), ["1", "2"]);
    assert_eq!(sent(vec![add("2"), add("3")]), ["old", "older", "2", "3"]);
    assert_eq!(sent(vec![remove(), default("1"), default("2")]), ["1"]);
    assert_eq!(sent(vec![add("1"), remove(), add("2")]), ["2"]);
    assert_eq!(sent(vec![add("1"), set("x-a", "2")]), ["2"]);
}

#[test]
fn values_are_rendered_and_trimmed() {
    let headers = || json!([["Retry-After", "7"], ["X-Request", "no"]]);
    assert_eq!(edits(vec![set("x-a", "\n  %{Retry-After}o s;\n id=%g\n")], headers()), ["x-a: 7 s;  id=id"]);
    assert_eq!(edits(vec![set("x-a", "\\t%m\\n")], headers()), ["x-a: GET"]);
}

#[test]
fn a_value_that_renders_empty_does_nothing() {
    let absent = || text(" %{X-Absent}i ");
    for action in [Action::Set(absent()), Action::Add(absent()), Action::Default(absent())] {
        assert!(edits(vec![field("server", action)], json!([["Server", "x"]])).is_empty());
    }
    let items = Value::Items(vec![template("%{X-Absent}i"), template(" ")]);
    let entries = Value::Entries { entries: vec![("k".into(), template("%{X-Absent}i"))], explode: false };
    for value in [items, entries] {
        assert!(edits(vec![field("x-a", Action::Set(value))], json!([])).is_empty());
    }
}

#[test]
fn members_as_openapi_writes_them() {
    let items = Value::Items(["a b", "%{X-Absent}i", " é,=% ", "x-y_z.~"].map(template_of).to_vec());
    let entries = |explode| Value::Entries {
        entries: [("a b", "1,2"), ("none", "%{X-Absent}i"), ("c", "%m")]
            .map(|(key, value)| (key.to_owned(), template(value)))
            .to_vec(),
        explode,
    };
    let sent = |value| edits(vec![field("x-a", Action::Set(value))], json!([]));
    assert_eq!(sent(items), ["x-a: a%20b,%C3%A9%2C%3D%25,x-y_z.~"]);
    assert_eq!(sent(entries(false)), ["x-a: a%20b,1%2C2,c,GET"]);
    assert_eq!(sent(entries(true)), ["x-a: a%20b=1%2C2,c=GET"]);
}

/// A percent sign is written twice in a template.
fn template_of(text: &str) -> retort::template::Template {
    template(&if text.starts_with('%') { text.to_owned() } else { text.replace('%', "%%") })
}

#[test]
fn with_a_message_the_order_is_strip_rule_message_and_what_describes_it() {
    let of_message = Message { fields: vec![set("x-a", "message"), set("x-b", "b")], ..message("gone") };
    let statuses = StatusSet::from_regex("503").unwrap();
    let rule = StatusRule::new("r", statuses, Overwrite::Always, vec![(Offer::Any, of_message)])
        .editing(vec![set("x-a", "rule"), set("etag", "\"new\"")])
        .sending(Some(500));
    let headers = json!([["ETag", "\"old\""], ["Content-Length", "1"]]);
    let reply = reply(rule, headers).unwrap();
    assert_eq!((reply.status, reply.body.as_deref()), (500, Some(&b"gone"[..])));
    assert_eq!(
        summary(&reply),
        [
            "-etag",
            "x-a: rule",
            "etag: \"new\"",
            "x-a: message",
            "x-b: b",
            "content-type: text/plain; charset=utf-8",
            "x-content-type-options: nosniff",
            "content-length: 4",
        ]
    );
}

#[test]
fn the_fields_of_a_message_that_is_not_written_stay_away() {
    let of_message = Message { fields: vec![set("x-b", "b")], ..message("gone") };
    let statuses = StatusSet::from_regex("503").unwrap();
    let rule = StatusRule::new("r", statuses, Overwrite::IfEmpty, vec![(Offer::Any, of_message)]);
    assert!(reply(rule.editing(Vec::new()), json!([])).is_none());
}

#[test]
fn a_rule_has_the_last_word_on_sniffing() {
    let always = |fields| rule("r", "503", Overwrite::Always, &[Offer::Any]).editing(fields);
    let name = "x-content-type-options";
    let edits = |fields, headers| summary(&reply(always(fields), headers).unwrap()).join("\n");
    assert!(!edits(vec![field(name, Action::Remove)], json!([])).contains("nosniff"));
    let removed = edits(vec![field(name, Action::Remove)], json!([["X-Content-Type-Options", "nosniff"]]));
    assert!(removed.contains("-x-content-type-options") && !removed.contains("nosniff"));
    assert!(!edits(vec![set(name, "other")], json!([])).contains("nosniff"));
}

#[test]
fn languages_are_told_and_varied_by() {
    let rule =
        |messages| StatusRule::new("r", StatusSet::from_regex("503").unwrap(), Overwrite::Always, messages);
    let plain =
        |language: &str| (Offer::Any, Message { language: Language::parse(language), ..message(language) });
    let edits = |rule, headers| summary(&reply(rule, headers).unwrap());
    let two =
        edits(rule(vec![plain("de"), plain("fr")]), json!([["Content-Language", "en"], ["Vary", "Origin"]]));
    assert!(
        two.contains(&"-content-language".to_owned()) && two.contains(&"content-language: de".to_owned())
    );
    assert!(two.contains(&"vary: Origin, Accept-Language".to_owned()), "{two:?}");
    let one = edits(rule(vec![plain("de")]), json!([]));
    assert!(one.contains(&"content-language: de".to_owned()));
    assert!(!one.iter().any(|edit| edit.starts_with("vary")), "{one:?}");
    let both = edits(rule(vec![spoken("text/html", "de"), spoken("text/html", "fr")]), json!([]));
    assert!(both.contains(&"vary: Accept, Accept-Language".to_owned()), "{both:?}");
    let known =
        edits(rule(vec![spoken("text/html", "de"), spoken("text/html", "fr")]), json!([["Vary", "accept"]]));
    assert!(known.contains(&"vary: accept, Accept-Language".to_owned()), "{known:?}");
}

#[test]
fn vary_counts_what_a_rule_adds() {
    let json = Offer::Type(retort::media::MediaType::parse("application/json").unwrap());
    let always = |fields| rule("r", "503", Overwrite::Always, std::slice::from_ref(&json)).editing(fields);
    let varied = |fields| {
        let edits = summary(&reply(always(fields), json!([["Vary", "Cookie"]])).unwrap());
        edits.into_iter().rfind(|edit| edit.starts_with("vary")).unwrap()
    };
    assert_eq!(varied(vec![]), "vary: Cookie, Accept");
    assert_eq!(varied(vec![field("vary", Action::Add(text("Origin")))]), "vary: Cookie, Origin, Accept");
    assert_eq!(varied(vec![set("vary", "*")]), "vary: *");
    assert_eq!(varied(vec![field("vary", Action::Remove)]), "vary: Accept");
}

#[test]
fn replacing_what_is_not_acceptable_varies_by_accept() {
    let rule = rule("r", "503", Overwrite::IfNotAcceptable, &[Offer::Any]);
    let exchange = json!({
        "request": {"headers": [["Accept", "text/plain"]]},
        "response": {"status": 503, "headers": [["Content-Type", "text/html"]], "body": "<p>"},
    });
    let reply = reply_to(rule, exchange).unwrap();
    assert!(summary(&reply).contains(&"vary: Accept".to_owned()));
}

#[test]
fn a_status_without_content_loses_what_describes_some() {
    let of = |rule: StatusRule| {
        let headers = json!([["ETag", "x"], ["Content-Length", "500"], ["Date", "x"]]);
        reply_to(rule.sending(Some(200)), json!({"response": {"status": 304, "headers": headers}})).unwrap()
    };
    let kept = of(rule("r", "304", Overwrite::Always, &[]));
    assert_eq!((kept.status, kept.body.as_deref()), (200, Some(&b""[..])));
    assert_eq!(summary(&kept), ["-etag", "content-length: 0"]);
    let replaced = of(rule("r", "304", Overwrite::IfEmpty, &[Offer::Any]));
    assert_eq!((replaced.status, replaced.body.as_deref()), (200, Some(&b"r"[..])));
    assert_eq!(summary(&replaced).last().unwrap(), "content-length: 1");
}

#[test]
fn content_range_belongs_to_a_416_that_stays_one() {
    let ranged = |status: u16, sent| {
        let rule = rule("r", "...", Overwrite::Always, &[Offer::Any]).sending(sent);
        let headers = json!([["Content-Range", "bytes */9"]]);
        let reply = reply_to(rule, json!({"response": {"status": status, "headers": headers}})).unwrap();
        !summary(&reply).contains(&"-content-range".to_owned())
    };
    assert!(ranged(416, None) && !ranged(416, Some(400)) && !ranged(503, Some(416)));
}

#[test]
fn head_is_told_no_length_that_it_cannot_know() {
    let length = |message_text: &str, headers: Json| {
        let statuses = StatusSet::from_regex("503").unwrap();
        let messages = vec![(Offer::Any, message(message_text))];
        let rules = Rules::new(
            vec![StatusRule::new("r", statuses, Overwrite::Always, messages)],
            Negotiation::default(),
        );
        let record: Record =
            record(json!({"request": {"method": "HEAD"}, "response": {"status": 503, "headers": headers}}));
        let mut exchange = record.exchange("id", None);
        exchange.response.content = None;
        if record.response.headers.is_empty() {
            exchange.response.length = None;
        }
        let reply = Reply::of(&rules.decide(&exchange, Body::Unknown), &exchange).unwrap();
        summary(&reply).into_iter().find(|edit| edit.contains("content-length"))
    };
    assert_eq!(length("gone", json!([])).unwrap(), "content-length: 4");
    assert_eq!(length("%B", json!([])), None);
    assert_eq!(length("%B", json!([["Content-Length", "1234"]])).unwrap(), "content-length: 4");
    assert_eq!(length("%{body}x", json!([["Content-Length", "1234"]])).unwrap(), "-content-length");
    assert_eq!(length("%{body}x.", json!([["Content-Length", "0"]])).unwrap(), "content-length: 1");
}

#[test]
fn what_rules_may_not_touch_and_what_a_status_must_have() {
    let is_forbidden = |name: &str| FieldRule::is_forbidden(&name.parse().unwrap());
    for name in
        ["Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade"]
    {
        assert!(is_forbidden(name), "{name}");
    }
    assert!(
        is_forbidden("Content-Length") && is_forbidden("Content-Type") && is_forbidden("Content-Encoding")
    );
    for name in ["Retry-After", "Set-Cookie", "Location", "Vary", "Cache-Control", "Content-Language", "Date"]
    {
        assert!(!is_forbidden(name), "{name}");
    }
    let of = |status| mandatory(status).map(|name| name.to_string()).unwrap_or_default();
    assert_eq!((of(401), of(405)), ("www-authenticate".into(), "allow".into()));
    assert_eq!(
        (of(407), of(416), of(426)),
        ("proxy-authenticate".into(), "content-range".into(), "upgrade".into())
    );
    assert!([301, 302, 303, 307, 308].iter().all(|status| of(*status) == "location"));
    assert!([200, 300, 304, 400, 404, 503].iter().all(|status| of(*status).is_empty()));
}

proptest! {
    /// Whatever a client or an upstream sends, a line of a header stays one line.
    #[test]
    fn no_value_breaks_out_of_its_line(
        sent in prop::collection::vec(any::<u8>(), 0..60),
        around in "[ -$&-~\r\n\t]{0,10}",
    ) {
        let values = [
            text(&format!("{around}%{{X-A}}i{around}")),
            Value::Items(vec![template("%{X-A}i"), template(&around)]),
            Value::Entries { entries: vec![(around.clone(), template("%{X-A}o"))], explode: true },
        ];
        let actions = [Action::Set, Action::Add, Action::Default];
        let fields = values.into_iter().zip(actions).map(|(value, action)| field("x-out", action(value)));
        let rules = Rules::new(vec![keeping(fields.collect())], Negotiation::default());
        let mut record = record(json!({"response": {"status": 503, "body": "x"}}));
        record.request.headers.push(("X-A".into(), sent.clone()));
        record.response.headers.push(("X-A".into(), sent));
        let exchange = record.exchange("id", None);
        let edits = Reply::of(&rules.decide(&exchange, Body::Present), &exchange).map_or(Vec::new(), |reply| reply.edits);
        for edit in edits {
            let (Edit::Set(_, value) | Edit::Add(_, value)) = edit else { panic!("{edit:?}") };
            prop_assert!(!value.is_empty());
            prop_assert!(!value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{value:?}");
        }
    }
}
