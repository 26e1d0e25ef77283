//! Templates of access logs.

use proptest::prelude::*;
use regex::Regex;
use retort::{
    exchange::Cause,
    template::{End, Expose, Sent, Subject, Template},
};
use serde_json::json;

use super::{record, render_as};

/// What was sent where nothing else is said.
const SENT: Sent<'static> = Sent {
    status: Some(503),
    upstream_status: Some(404),
    bytes: Some(12),
    cause: None,
    decision: "replace",
    why: "body-empty",
    condition: None,
    end: End::Kept,
};

fn parse(text: &str) -> Template {
    let expose = Expose::default();
    Template::parse_log_line(text, &expose).unwrap_or_else(|errors| panic!("{text}: {errors:?}")).template
}

fn line(template: &str, exchange: &serde_json::Value, sent: Sent<'static>) -> String {
    let status = sent.status.unwrap_or(0);
    render_as(&parse(template), &record(exchange), |subject| Subject { status, sent: Some(sent), ..subject })
}

#[test]
fn what_was_sent() {
    let exchange = json!({
        "server": {"timezone": "America/Chicago"},
        "request": {
            "method": "POST", "uri": "/p", "query": "a=1", "remote_addr": "203.0.113.7",
            "received_at": "2000-10-10T20:55:36.045Z", "elapsed_ms": 1520,
        },
        "response": {"status": 404, "headers": [["X-A", "a"]], "body": "1234"},
    });
    for (template, expected) in [
        ("%s %>s %<s", "503 503 404"),
        ("%b %B", "12 12"),
        ("%503s %!503s %404s", "503 - -"),
        ("%t", "[10/Oct/2000:15:55:36 -0500]"),
        ("%{yyyy}t", "2000"),
        ("%l %u %h", "- - 203.0.113.7"),
        ("%D %T %{ms}T", "1520000 1.52 1520"),
        ("%{decision}x %{decision-reason}x %{condition}x %X", "replace body-empty - +"),
        ("%{rule}x %{message}x %{cause}x %{None}i %{X-A}o", "- - - - a"),
        ("%r", "POST /p?a=1 HTTP/1.1"),
    ] {
        assert_eq!(line(template, &exchange, SENT), expected, "{template}");
    }
    let nothing = Sent {
        status: None,
        upstream_status: None,
        bytes: Some(0),
        cause: Some(Cause::Reset),
        condition: Some("method matches \"POST\""),
        end: End::Cut,
        ..SENT
    };
    let template = "%s %<s %b %B %X %{cause}x \"%{condition}x\" %{reason}x";
    assert_eq!(line(template, &exchange, nothing), r#"- - - 0 X reset "method matches \"POST\"" -"#);
}

#[test]
fn what_could_not_be_read() {
    let exchange = json!({"request": {"method": "-", "uri": "*"}, "response": {"status": 400}});
    assert_eq!(line("\"%r\" %s", &exchange, Sent { status: Some(400), ..SENT }), "\"-\" 400");
}

#[test]
fn json_is_escaped_as_json() {
    let exchange = json!({"request": {"uri": "/\"\n", "headers": [["x", "\u{1b}\u{2028}é"]]}, "response": {"status": 404}});
    let line = line(r#"{"u":"%U","x":"%{X}i","y":"%{Y}i","n":%B}"#, &exchange, SENT);
    assert_eq!(line, r#"{"u":"/\"\n","x":"\u001B\u2028é","y":"-","n":12}"#);
}

#[test]
fn templates_print_as_they_were_written() {
    for text in ["%h %l %u %t \"%r\" %>s %b", "%X %{decision}x %{condition?rule:-none}x"] {
        assert_eq!(parse(text).to_string().replace("%s", "%>s"), text.replace("%s", "%>s"));
    }
}

proptest! {
    /// Whatever comes, a line has the fields of its template and no others.
    #[test]
    fn nobody_can_forge_a_line(
        values in proptest::collection::vec(prop_oneof![any::<String>(), "[\"\\\\ \\n\\r\\t\\x1b\\[\\]-]{0,8}"], 7),
    ) {
        let [path, query, user, referer, agent, client, host] = &values[..] else { unreachable!() };
        let exchange = json!({
            "request": {
                "uri": path, "query": query, "remote_addr": client, "host": host,
                "headers": [["X-PP-User", user], ["Referer", referer], ["User-Agent", agent]],
            },
            "response": {"status": 404},
        });
        let combined = r#"%l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i" "%h" "%v""#;
        let quoted = r#""([^"\\]|\\["\\bnrtv]|\\x[0-9a-f]{2})*""#;
        let expected = Regex::new(&format!(
            r"^- [!-~]+ \[\d\d/[A-Z][a-z]{{2}}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}}\] {quoted} \d{{3}} \d+ {quoted} {quoted} {quoted} {quoted}$"
        )).unwrap();
        let line_of = line(combined, &exchange, SENT);
        prop_assert!(expected.is_match(&line_of) && line_of.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line_of}");

        let object = line(r#"{"r":"%r","u":"%u","f":"%{Referer}i","a":"%{User-agent}i"}"#, &exchange, SENT);
        let object: serde_json::Map<_, _> = serde_json::from_str(&object).unwrap();
        prop_assert_eq!(object.len(), 4);
    }
}
