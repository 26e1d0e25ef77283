//! What a message tells of itself and of how it came to be.

use retort::template::{Escape, Subject};
use serde_json::json;

use super::{parse, record, render, render_as, text};

#[test]
fn facts_of_the_exchange() {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let exchange = json!({
        "server": {"hostname": "edge-1"},
        "request": {"headers": [["traceparent", traceparent]]},
        "response": {"status": 504, "upstream": "192.0.2.3:8080", "cause": "read-timeout"},
    });
    for (template, expected) in [
        ("%{hostname}x", "edge-1"),
        ("%{trace-id}x %{span-id}x", "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331"),
        ("%{source}x %{cause}x", "proxy read-timeout"),
        ("%{upstream}x", "192.0.2.3:8080"),
        ("%{reason}x", "Gateway Timeout"),
    ] {
        assert_eq!(text(template, &exchange), expected, "{template}");
    }
}

#[test]
fn facts_of_the_message() {
    let record = record(&json!({"response": {"status": 413}}));
    let template = parse("%{rule}x %{message}x %{language}x %{reason}x", Escape::Text);
    let rendered = render_as(&template, &record, |subject| Subject {
        status: 429,
        rule: "limits",
        message: Some(1),
        language: Some("de-CH"),
        ..subject
    });
    assert_eq!(rendered, "limits 1 de-CH Too Many Requests");
}

#[test]
fn what_is_not_known_is_empty() {
    let record = record(&json!({"response": {"status": 599}}));
    let names = ["rule", "message", "language", "reason", "cause", "upstream", "trace-id", "span-id", "body"];
    for name in names {
        assert_eq!(render(&parse(&format!("[%{{{name}}}x]"), Escape::Text), &record), "[]", "{name}");
    }
    assert_eq!(render(&parse("%{source}x", Escape::Text), &record), "upstream");
}
