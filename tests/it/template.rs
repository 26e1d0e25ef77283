//! Templates: what they print, and what is wrong with them.

use proptest::prelude::*;
use retort::{
    exchange::{self, record::Record, request_id},
    template::{Escape, Subject, Syntax, Template, directive},
};
use serde_json::{Value, json};

fn record(json: &Value) -> Record {
    Record::from_json(json.to_string().as_bytes()).unwrap()
}

/// Renders for a record, and sees that the bound held.
fn render(template: &Template, record: &Record) -> String {
    let id = record.request_id(&request_id::DEFAULT_HEADERS);
    let fields = exchange::Fields::Lines(&record.request.headers);
    let exchange = record.exchange(&id, exchange::user::first(fields, &exchange::user::DEFAULT_HEADER));
    let subject = Subject::of(&exchange);
    let mut out = Vec::with_capacity(template.bound(&subject));
    let capacity = out.capacity();
    template.render(&subject, &mut out);
    assert_eq!(out.capacity(), capacity, "one allocation suffices");
    String::from_utf8(out).expect("messages are UTF-8")
}

fn parse(text: &str, escape: Escape) -> Template {
    Template::parse(text, Syntax::new(escape))
        .unwrap_or_else(|errors| panic!("{text:?}: {errors:?}"))
        .template
}

fn text(template: &str, exchange: &Value) -> String {
    render(&parse(template, Escape::Text), &record(exchange))
}

/// The mistakes of a text: their codes, and the pieces of the text that they point to.
fn mistakes(text: &str) -> Vec<(&'static str, &str)> {
    let errors = Template::parse(text, Syntax::new(Escape::Text)).expect_err(text);
    errors.iter().map(|error| (error.kind.code(), &text[error.span.clone()])).collect()
}

fn warnings(text: &str) -> Vec<(&'static str, &str)> {
    let parsed = Template::parse(text, Syntax::new(Escape::Text)).expect(text);
    parsed.warnings.iter().map(|warning| (warning.kind.code(), &text[warning.span.clone()])).collect()
}

#[test]
fn every_directive_prints_its_value() {
    let exchange = json!({
        "server": {"local_addr": "192.0.2.10", "timezone": "Asia/Kolkata"},
        "request": {
            "method": "POST", "uri": "/p", "query": "a=1", "protocol": "HTTP/2.0", "remote_addr": "203.0.113.7",
            "remote_host": "client.example", "received_at": "2019-03-05T07:08:09.045Z", "elapsed_ms": 520,
            "headers": [["x-request-id", "id-7"], ["x-pp-user", "alice"], ["x-a", "one"], ["X-A", "two"]],
        },
        "response": {"status": 404, "reason": "Nope", "headers": [["Location", "/l"]], "body": "1234", "origin_port": 9090},
    });
    for (template, expected) in [
        ("%%", "%"),
        ("%a %A %h", "203.0.113.7 192.0.2.10 client.example"),
        ("%b %B", "4 4"),
        ("%D %T", "520000 0.52"),
        ("%g %u", "id-7 alice"),
        ("%H %m %U %q", "HTTP/2.0 POST /p a=1"),
        ("%r", "POST /p?a=1 HTTP/2.0"),
        ("%{X-A}i %{location}o %{None}i", "one,two /l "),
        ("%M %s %>s %<s", "Nope 404 404 404"),
        ("%p", "9090"),
        ("%t", "2019-03-05 12:38:09"),
        ("%{EEE, d MMM yyyy K:mm a z}t", "Tue, 5 Mar 2019 0:38 PM IST"),
    ] {
        assert_eq!(text(template, &exchange), expected, "{template}");
    }
}

#[test]
fn what_is_not_known_prints_a_dash_or_nothing() {
    let exchange = json!({"response": {"status": 418}});
    assert_eq!(text("[%b][%B][%D][%T][%p][%q][%u][%{X}i][%{X}o]", &exchange), "[-][0][][][-][][-][][]");
    assert_eq!(text("%M", &exchange), "I'm a teapot");
    assert_eq!(text("[%M]", &json!({"response": {"status": 599}})), "[]");
    assert_eq!(text("[%M]", &json!({"response": {"status": 404, "reason": null}})), "[]");
}

#[test]
fn conditions_look_at_the_status() {
    let at = |status: u16, template| text(template, &json!({"response": {"status": status}}));
    assert_eq!(at(403, "%403,401m"), "GET");
    assert_eq!(at(404, "%403,401m"), "-");
    assert_eq!(at(404, "%!403,401m %\\!403,401m"), "GET GET");
    assert_eq!(at(403, "%!403,401m %\\!403,401m"), "- -");
    assert_eq!(at(403, "%403% %404% %403,s"), "% - 403");
}

#[test]
fn seconds_are_rounded_as_java_rounds_them() {
    for (ms, expected) in [
        (0, "0"),
        (4, "0"),
        (-1, "-0"),
        (5, "0.01"),
        (15, "0.01"),
        (125, "0.12"),
        (375, "0.38"),
        (995, "0.99"),
        (1000, "1"),
        (12345, "12.35"),
        (-1500, "-1.5"),
        (i64::MAX / 1000, "9223372036854.78"),
    ] {
        let exchange = json!({"request": {"elapsed_ms": ms}, "response": {"status": 500}});
        assert_eq!(text("%T", &exchange), expected, "{ms} ms");
    }
}

#[test]
fn what_starts_no_directive_is_printed_as_it_is() {
    let exchange = json!({"request": {"headers": [["X-A", "v"]]}, "response": {"status": 404}});
    for literal in [
        "100% sure",
        "100%",
        "%é %€",
        "%{X-A} end",
        "%{X-A i",
        "%{{X-A}}i",
        "%404,,m",
        "%4040m",
        "%<>s",
        "%{X-A}404i",
        "%404<s",
        "%{X/A}m",
        "%{dd/MMM}t",
        "%{X-A DATE +1}i",
    ] {
        assert_eq!(text(literal, &exchange), literal);
        assert!(!warnings(literal).is_empty(), "{literal}");
    }
    // The percent sign that ends one may start another.
    assert_eq!(text("%{a/b}%s %%%", &exchange), "%{a/b}404 %%");
}

#[test]
fn field_names_may_hold_what_a_token_may() {
    let exchange = json!({"request": {"headers": [["x_a~1", "v"]]}, "response": {"status": 404}});
    assert_eq!(text("%{X_A~1}i", &exchange), "v");
    assert_eq!(text("[%i][%{}i][%o][%{X:A}i][%{ X-A}i]", &exchange), "[][][][][]");
}

#[test]
fn mistakes_are_reported_together_and_point_to_their_place() {
    assert_eq!(
        mistakes("é %z %!s %403404,500s %{D DATE X}i %{yyyy-foo XXXX}t %404d"),
        [
            ("unknown-directive", "%z"),
            ("empty-status-list", "%!s"),
            ("glued-statuses", "403404"),
            ("unknown-date-format", "X"),
            ("unsupported-time-pattern", "f"),
            ("unsupported-time-pattern", "oo"),
            ("unsupported-time-pattern", "XXXX"),
            ("unknown-directive", "%404d"),
        ]
    );
    assert_eq!(
        mistakes("%{X DATE UNIX FOO}i"),
        [("unknown-date-format", "UNIX"), ("unknown-date-format", "FOO")]
    );
}

#[test]
fn warnings_point_to_their_place() {
    for (text, expected) in [
        ("100% é", vec![("literal-percent", "%")]),
        ("é %{dd/MMM}t", vec![("literal-directive", "%{dd/MMM}t")]),
        ("%404{foo}s", vec![("ignored-braces", "{foo}")]),
        ("%o", vec![("no-field-name", "%o")]),
        ("%{X foo}i", vec![("unknown-conversion", "foo")]),
        ("%{X DATE }i", vec![("no-date-format", "DATE")]),
        ("%{X DATE ISO_8601 rfc_1123 a, b}i", vec![("ignored-words", "a, b")]),
        ("%{authorization}i", vec![("echoes-credential", "%{authorization}i")]),
        ("%{Set-Cookie}o", vec![("echoes-credential", "%{Set-Cookie}o")]),
        ("%{X}i %s", vec![]),
    ] {
        assert_eq!(warnings(text), expected, "{text}");
    }
}

#[test]
fn every_message_reads_well() {
    let errors = |text: &str| -> Vec<String> {
        let errors = Template::parse(text, Syntax::new(Escape::Text)).unwrap_err();
        errors.iter().map(|error| format!("{} ({})", error.kind, error.kind.help().unwrap())).collect()
    };
    assert_eq!(
        errors("%z %I %!s %403404s %{D DATE iso}i %{YYYY-MM-ddTHH}t %{XXXX}t"),
        [
            "unknown directive `%z` (a percent sign is written `%%`)",
            "unknown directive `%I` (Apache's `%I` (bytes received) is not supported; a percent sign is written `%%`; did you mean `%i`?)",
            "`!` without a list of statuses (write the statuses after it, as in `%!200,304s`; for a percent sign write `%%`)",
            "`403404` is not a status (write statuses of three digits with commas: `%403,404s`)",
            "unknown date format `iso` (the formats are RFC_1123 and ISO_8601)",
            "unsupported letter `T` in a time pattern (write it between two directives: `%{yyyy-MM-dd}tT%{HH:mm:ss}t`)",
            "unsupported letters `XXXX` in a time pattern (write X, XX or XXX, not 4 of them)",
        ]
    );
}

#[test]
fn escapes_become_characters_outside_of_json_strings() {
    let exchange = json!({"request": {"headers": [["X", "\\t"]]}, "response": {"status": 404}});
    assert_eq!(text(r"a\tb\nnext\\t\r\%s\", &exchange), "a\tb\nnext\\\t\\r\\404\\");
    assert_eq!(text(r"%{X}i", &exchange), r"\t");
    let json = parse(r#"\t{"a\"\n": "b\\", "c":"%\!200{X}i"}\n"#, Escape::Json);
    assert_eq!(render(&json, &record(&exchange)), "\t{\"a\\\"\\n\": \"b\\\\\", \"c\":\"\\\\t\"}\n");
}

#[test]
fn a_value_is_not_expanded_again() {
    let exchange = json!({"request": {"headers": [["X", "%s\\n%{X}i"]]}, "response": {"status": 404}});
    assert_eq!(text("%{X}i", &exchange), "%s\\n%{X}i");
}

#[test]
fn long_messages_are_cut() {
    let exchange = json!({"request": {"headers": [["X", "é".repeat(9000)]]}, "response": {"status": 404}});
    assert_eq!(text("%{X}i|", &exchange), "é".repeat(4096) + "|");
    let cut = text(&"%{X}i|".repeat(200), &exchange);
    assert!(cut.len() > 1024 * 1024 - 4 && cut.len() <= 1024 * 1024);
    let cut = text(&format!("a%s{}%s", "é".repeat(1024 * 1024)), &exchange);
    assert_eq!(cut.len(), 1024 * 1024);
    assert!(cut.ends_with('é'));
}

#[test]
fn only_lengths_read_the_length() {
    assert!(parse("a%404b", Escape::Text).needs().length);
    assert!(parse("%B", Escape::Text).needs().length);
    assert!(!parse("%s%%b", Escape::Text).needs().length);
}

#[test]
fn the_table_of_directives_holds_what_it_says() {
    for entry in &directive::TABLE {
        for syntax in entry.syntax {
            let text =
                syntax.replace("out", "ISO_8601").replace("in}", "RFC_1123}").replace("pattern", "yyyy");
            let parsed = Template::parse(&text, Syntax::new(Escape::Text)).expect(syntax);
            assert_eq!(parsed.warnings, [], "{syntax}");
            assert!(syntax.ends_with(entry.letter));
        }
    }
    let letters: std::collections::BTreeSet<_> = directive::TABLE.iter().map(|entry| entry.letter).collect();
    assert_eq!(letters.len(), directive::TABLE.len());
}

/// Pieces of templates, good and bad.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[%<>!\\\\0-9,{}a-zA-Z\" é\t-]{0,6}",
        "%[!]?([0-9]{3},?){0,2}[%aAbBDghHmMpqrsTuU]",
        "%(404)?\\{[A-Za-z_-]{1,5}( DATE (ISO_8601|rfc_1123))?\\}[io]",
        "%\\{[GyYMLwWDdFEuaHkKhmsSzZX .:,_-]{0,6}\\}t",
        "\\\\[tn\"\\\\x]",
        "%[io]",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn escapes() -> impl Strategy<Value = Escape> {
    prop_oneof![Just(Escape::Json), Just(Escape::Xml), Just(Escape::Html), Just(Escape::Text)]
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,40}", escape in escapes()) {
        let _ = Template::parse(&text, Syntax::new(escape));
    }

    #[test]
    fn spans_lie_in_the_text(text in pieces()) {
        let spans: Vec<_> = match Template::parse(&text, Syntax::new(Escape::Text)) {
            Ok(parsed) => parsed.warnings.into_iter().map(|warning| warning.span).collect(),
            Err(errors) => errors.into_iter().map(|error| error.span).collect(),
        };
        for span in spans {
            prop_assert!(text.get(span).is_some_and(|text| !text.is_empty()));
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same(text in pieces(), escape in escapes()) {
        if let Ok(parsed) = Template::parse(&text, Syntax::new(escape)) {
            let printed = parsed.template.to_string();
            let again = Template::parse(&printed, Syntax::new(escape)).expect(&printed);
            prop_assert_eq!(&again.template, &parsed.template, "{}", printed);
        }
    }

    #[test]
    fn one_allocation_suffices(text in pieces(), value in ".{0,300}", escape in escapes()) {
        if let Ok(parsed) = Template::parse(&text, Syntax::new(escape)) {
            let record = record(&json!({
                "server": {"timezone": "Australia/Adelaide"},
                "request": {"query": value, "elapsed_ms": i64::MIN / 1000, "headers": [["x", value], ["X-Pp-User", value]]},
                "response": {"status": 404, "reason": value, "headers": [["a", "Sun Nov  6 08:49:37 1994"]]},
            }));
            render(&parsed.template, &record);
        }
    }
}

/// A request header with these bytes, twice in a message: as it is, and as a reason.
fn insert(template: &str, escape: Escape, value: &[u8]) -> String {
    let mut record = record(&json!({"response": {"status": 404}}));
    record.request.headers.push(("X".into(), value.into()));
    record.response.reason = Some(String::from_utf8_lossy(value).into());
    render(&parse(template, escape), &record)
}

/// Bytes that are apt to break out.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[\"'<>&\\\\/%{}\u{0}-\u{20}\u{7f}-\u{a0}\u{2028}\u{fffe}a]{0,40}".prop_map(String::into_bytes),
        Just(b"</script><!--]]>".to_vec()),
    ]
}

proptest! {
    #[test]
    fn json_stays_json(value in hostile()) {
        let message = insert(r#"{"v":"%{X}i","r":"%M","t":"%s"}"#, Escape::Json, &value);
        let json: Value = serde_json::from_str(&message).expect(&message);
        let text = String::from_utf8_lossy(&value);
        let shown = if value.trim_ascii().is_empty() { "" } else { &text };
        prop_assert_eq!(&json["v"], shown);
        prop_assert_eq!(&json["r"], &*text);
        let breaks_script = message.contains("</") || message.contains('\u{2028}');
        prop_assert!(!breaks_script, "{}", message);
    }

    #[test]
    fn xml_stays_xml(value in hostile()) {
        let message = insert(r#"<m a="%{X}i"><t>%{X}i</t><r>%M</r></m>"#, Escape::Xml, &value);
        let document = roxmltree::Document::parse(&message).expect(&message);
        let element = document.root_element();
        prop_assert_eq!(element.children().count(), 2);
        let legal = |c: &char| !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}');
        let text = String::from_utf8_lossy(&value).chars().filter(legal).collect::<String>();
        // XML 1.0 §2.11; the reader leaves some of it undone.
        let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        let shown = |element: Option<roxmltree::Node<'_, '_>>| {
            lines(element.and_then(|element| element.text()).unwrap_or_default())
        };
        let field = if value.trim_ascii().is_empty() { String::new() } else { lines(&text) };
        prop_assert_eq!(shown(element.first_element_child()), field);
        prop_assert_eq!(shown(element.last_element_child()), lines(&text));
    }

    #[test]
    fn html_stays_text(value in hostile()) {
        let message = insert(r#"<p title="%{X}i">%{X}i</p>%M"#, Escape::Html, &value);
        let count = |c| message.matches(c).count();
        prop_assert_eq!((count('<'), count('>'), count('"'), count('\'')), (2, 2, 2, 0), "{}", message);
        prop_assert!(message.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n')));
    }

    #[test]
    fn text_loses_control_characters(value in hostile()) {
        let message = insert("%{X}i", Escape::Text, &value);
        prop_assert!(message.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n')));
    }
}
