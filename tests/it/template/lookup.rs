//! Values that are looked up by name: the first of several, or a default.

use allocation_counter::measure;
use http::HeaderName;
use retort::template::{Escape, Read, Subject};
use serde_json::json;

use super::{parse, record, render, text};

#[test]
fn the_first_that_is_not_empty() {
    let exchange = json!({
        "request": {
            "query": "a=&b=two&b=2",
            "headers": [["X-Empty", ""], ["X-B", "b"], ["Cookie", "name=; sid=s"]],
        },
        "response": {"status": 404, "headers": [["Blank", ""], ["Blank", " "], ["X-O", "o"]]},
    });
    for (template, expected) in [
        ("%{X-A?X-Empty?X-B}i", "b"),
        ("%{X-B?X-A}i", "b"),
        ("[%{X-A?X-C}i]", "[]"),
        ("%{X-A?X-Empty:-none, sorry}i", "none, sorry"),
        ("%{X-B:-none}i", "b"),
        // Repose prints the comma between two empty lines.
        ("[%{Blank}o]", "[, ]"),
        ("%{Blank?X-O}o %{Blank:-none}o", "o none"),
        ("%{name?sid}C %{name:-guest}C", "s guest"),
        ("%{a?b}Q %{a:-1}Q %{c ? a :- 1}Q", "two 1  1"),
        ("%{language?cause:-x}x", "x"),
        ("%{:-x}i", "x"),
        ("%{X-A:-a:-b?c}i", "a:-b?c"),
        ("%404{X-A:-a}i %200{X-A:-a}i", "a -"),
    ] {
        assert_eq!(text(template, &exchange), expected, "{template}");
    }
}

#[test]
fn a_default_is_a_value() {
    let nothing = record(&json!({"response": {"status": 404}}));
    assert_eq!(render(&parse(r#""%{X:-a"b}i""#, Escape::Json), &nothing), r#""a\"b""#);
    assert_eq!(render(&parse("%{X:-<none>}i", Escape::Html), &nothing), "&lt;none&gt;");
    assert_eq!(render(&parse("%{X:-a b&c}i", Escape::Url), &nothing), "a%20b%26c");
}

#[test]
fn dates_of_the_field_that_is_found() {
    let exchange = |name: &str, value: &str| {
        json!({
            "clock": "2019-03-05T07:08:10Z",
            "request": {
                "received_at": "2019-03-05T07:08:09Z", "elapsed_ms": 1000, "headers": [[name, value]],
            },
            "response": {"status": 429, "headers": [[name, value]]},
        })
    };
    let template = "%{Retry-After?X-Reset DATE ISO_8601:-soon}o";
    assert_eq!(text(template, &exchange("Retry-After", "120")), "2019-03-05T07:10:10Z");
    assert_eq!(text(template, &exchange("X-Reset", "Fri, 09 Mar 2012 14:56:32 GMT")), "2012-03-09T14:56:32Z");
    assert_eq!(text(template, &exchange("X-Reset", "120")), "120");
    assert_eq!(text(template, &exchange("Retry-After", "never")), "never");
    assert_eq!(text(template, &exchange("Date", "120")), "soon");
    assert_eq!(text("%{Retry-After}o", &exchange("Retry-After", "120")), "120");
    assert_eq!(
        text("%{Retry-After DATE RFC_1123 ISO_8601}i", &exchange("Retry-After", "120")),
        "Tue, 05 Mar 2019 07:10:10 GMT"
    );
    assert_eq!(
        parse(template, Escape::Text).to_string(),
        "%{retry-after?x-reset DATE ISO_8601 RFC_1123:-soon}o"
    );
}

#[test]
fn parameters_are_decoded() {
    let exchange = json!({
        "request": {"query": "q=a+b%2Bc%3D%C3%A9&flag&%71=2&bad=%zz&list[]=1"},
        "response": {"status": 404},
    });
    assert_eq!(text("%{q}Q|%{flag}Q|%{bad}Q|%{list[]}Q|%{Q}Q", &exchange), "a b+c=é||%zz|1|");
    let long = format!("q=x{}", "%C3%A9".repeat(5000));
    let exchange = json!({"request": {"query": long}, "response": {"status": 404}});
    assert_eq!(text("%{q}Q|", &exchange), format!("x{}|", "é".repeat(4095)));
}

#[test]
fn cookies_of_all_lines() {
    let exchange = json!({
        "request": {"headers": [["cookie", "a=1;name=\"n\""], ["Cookie", " sid=b=c ; sid=2"]]},
        "response": {"status": 404},
    });
    assert_eq!(text("%{name}C %{sid}C", &exchange), "n b=c");
}

#[test]
fn variables_of_the_environment() {
    let exchange = json!({"response": {"status": 404}});
    assert_eq!(text("%{CARGO_PKG_NAME}e", &exchange), "retort");
    assert_eq!(text("[%{RETORT_NOT_SET}e]", &exchange), "[]");
    assert_eq!(text("%{RETORT_NOT_SET?CARGO_PKG_NAME:-x}e", &exchange), "retort");
    assert_eq!(text("%{RETORT_NOT_SET:-x}e", &exchange), "x");
}

#[test]
fn what_is_read_from_outside() {
    let template =
        parse("%s%{A?B:-c}i%{D}o%{sid}C%{q}Q%{CARGO_PKG_NAME}e%{body?reason}x%404{body:/a}x", Escape::Text);
    let [a, b, d] = ["a", "b", "d"].map(HeaderName::from_static);
    assert_eq!(
        template.reads().collect::<Vec<_>>(),
        [
            Read::RequestField(&a),
            Read::RequestField(&b),
            Read::ResponseField(&d),
            Read::Cookie("sid"),
            Read::Parameter("q"),
            Read::Content { is_json: false },
            Read::Content { is_json: true },
        ]
    );
    assert_eq!(template.field_names().collect::<Vec<_>>(), [&a, &b, &d]);
    assert!(template.needs().content && !template.needs().length);
    assert!(!parse("%{reason}x%{A}i", Escape::Text).needs().content);
}

#[test]
fn one_allocation_for_all_kinds_of_values() {
    let record = record(&json!({
        "request": {"query": "q=a%20b", "headers": [["Cookie", "sid=s"], ["traceparent", "x"]]},
        "response": {"status": 500, "body": r#"{"a": {"b": ["\u00e9", 1, {}]}}"#},
    }));
    let template = parse(
        "%{X?Y:-z}i%{sid}C%{q}Q%{CARGO_PKG_NAME}e%{body}x%{body:/a}x%{body:/a/b/0}x%{reason}x%{message}x",
        Escape::Json,
    );
    let exchange = record.exchange("id", None);
    // The first to ask for it has the content read.
    assert!(exchange.response.content.unwrap().json().is_some());
    let mut out = Vec::new();
    let counted = measure(|| template.render(&Subject::of(&exchange), &mut out));
    assert_eq!(counted.count_total, 1, "{counted:?}");
    assert!(out.ends_with(r#"{\"b\":[\"\\u00e9\",1,{}]}éInternal Server Error"#.as_bytes()));
}
