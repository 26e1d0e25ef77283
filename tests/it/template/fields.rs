//! Templates of header fields.

use retort::template::Escape;
use serde_json::json;

use super::{parse, record, render};

#[test]
fn values_lose_what_a_field_cannot_hold() {
    let exchange = record(&json!({
        "request": {"query": "a=1%0d%0aSet-Cookie:%20b%00%09%C2%85%7f%FF"},
        "response": {"status": 404, "reason": "a\r\nb"},
    }));
    let rendered = render(&parse("<%{a}Q>; %M", Escape::Header), &exchange);
    assert_eq!(rendered, "<1Set-Cookie: b\t\u{FFFD}>; ab");
}

#[test]
fn text_may_have_tabs_and_stand_on_a_line_of_its_own() {
    let exchange = record(&json!({"response": {"status": 404}}));
    assert_eq!(render(&parse("\n    a\\tb %s\n  ", Escape::Header), &exchange), "a\tb 404");
    assert_eq!(render(&parse(" \n ", Escape::Header), &exchange), "");
}
