//! The upstream's content in a message.

use retort::{
    exchange::{Content, Fields},
    template::{Escape, Subject},
};
use serde_json::json;

use super::{parse, record, render, render_for, text};

#[test]
fn content_and_values_in_it() {
    let body =
        r#"{"error": {"message": "no \"luck\"", "code": 1.50, "tags": ["a", {"b": null}], "ok": false}}"#;
    let exchange = json!({"response": {"status": 500, "body": body}});
    for (template, expected) in [
        ("%{body}x", body),
        ("%{body:/error/message}x", "no \"luck\""),
        ("%{body:/error/code}x %{body:/error/ok}x", "1.50 false"),
        ("%{body:/error/tags}x", r#"["a",{"b":null}]"#),
        ("%{body:/error/tags/0}x", "a"),
        ("[%{body:/error/tags/1/b}x%{body:/error/none}x]", "[]"),
        ("%{body:/detail?body:/error/message:-unknown}x", "no \"luck\""),
        ("%{body:/detail?reason}x", "Internal Server Error"),
        (
            "%{body:}x",
            r#"{"error":{"message":"no \"luck\"","code":1.50,"tags":["a",{"b":null}],"ok":false}}"#,
        ),
    ] {
        assert_eq!(text(template, &exchange), expected, "{template}");
    }
}

#[test]
fn content_that_is_not_json_has_no_values() {
    for body in [json!("{\"a\": 1"), json!("oops"), json!(""), json!(null)] {
        let exchange = json!({"response": {"status": 500, "body": body}});
        assert_eq!(text("[%{body:/a}x]%{body:/a:-none}x", &exchange), "[]none", "{body}");
    }
}

#[test]
fn content_is_escaped() {
    let exchange = record(&json!({"response": {"status": 500, "body": r#"{"a": "</p>\n"}"#}}));
    assert_eq!(render(&parse("%{body}x", Escape::Json), &exchange), r#"{\"a\": \"<\/p>\\n\"}"#);
    assert_eq!(render(&parse("%{body:/a}x", Escape::Html), &exchange), "&lt;/p&gt;\n");
    assert_eq!(render(&parse("%{body:/a}x", Escape::Header), &exchange), "</p>");
}

#[test]
fn all_content_that_is_held_is_printed() {
    let held = "é".repeat(32 * 1024);
    let mut record = record(&json!({"response": {"status": 500}}));
    record.response.content = Content::new(Fields::Lines(&[]), held.as_bytes(), true).into();
    assert_eq!(render(&parse("%{body}x", Escape::Text), &record), held);
    assert_eq!(render(&parse("%{body}x", Escape::Url), &record).len(), 6 * 32 * 1024);
    // Escaping makes more of it than a message can hold.
    let message = render(&parse(&"%{body}x".repeat(16), Escape::Url), &record);
    assert!(message.len() <= 1024 * 1024 && message.len() > 1024 * 1024 - 4);
}

#[test]
fn content_that_is_cut_or_not_held() {
    let mut record = record(&json!({"response": {"status": 500}}));
    record.response.content = Content::new(Fields::Lines(&[]), br#"{"a": 1}"#, true).into();
    let template = parse("[%{body}x][%{body:/a}x]", Escape::Text);
    assert_eq!(render(&template, &record), r#"[{"a": 1}][]"#);
    let mut exchange = record.exchange("id", None);
    exchange.response.content = None;
    assert_eq!(render_for(&template, &Subject::of(&exchange)), "[][]");
}
