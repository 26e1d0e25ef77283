//! Templates: what they print, and what is wrong with them.

mod content;
mod facts;
mod fields;
mod log_line;
mod lookup;
mod mistakes;
mod properties;
mod time;

use retort::{
    exchange::{self, record::Record, request_id},
    template::{Escape, Expose, Subject, Syntax, Template},
};
use serde_json::{Value, json};

fn record(json: &Value) -> Record {
    Record::from_json(json.to_string().as_bytes()).unwrap()
}

/// Renders for a record.
fn render(template: &Template, record: &Record) -> String {
    render_as(template, record, |subject| subject)
}

/// Renders for a record and what `sets` makes of the response.
fn render_as(
    template: &Template,
    record: &Record,
    sets: impl for<'a> FnOnce(Subject<'a>) -> Subject<'a>,
) -> String {
    let id = record.request_id(&request_id::DEFAULT_HEADERS);
    let fields = exchange::Fields::Lines(&record.request.headers);
    let exchange = record.exchange(&id, exchange::user::first(fields, &exchange::user::DEFAULT_HEADER));
    render_for(template, &sets(Subject::of(&exchange)))
}

/// Renders, and sees that the bound held.
fn render_for(template: &Template, subject: &Subject<'_>) -> String {
    let mut out = Vec::with_capacity(template.bound(subject));
    let capacity = out.capacity();
    template.render(subject, &mut out);
    assert_eq!(out.capacity(), capacity, "one allocation suffices");
    String::from_utf8(out).expect("messages are UTF-8")
}

fn parse(text: &str, escape: Escape) -> Template {
    let expose = Expose::new(["name", "sid", "CARGO_PKG_NAME", "RETORT_NOT_SET"].map(str::to_owned));
    Template::parse(text, Syntax { escape, expose: &expose })
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
        "server": {"local_addr": "192.0.2.10", "local_port": 8443, "timezone": "Asia/Kolkata"},
        "request": {
            "method": "POST", "uri": "/p", "query": "a=1", "protocol": "HTTP/2.0", "remote_addr": "203.0.113.7",
            "remote_host": "client.example", "peer_addr": "198.51.100.1", "peer_port": 5000,
            "host": "api.example:81", "received_at": "2019-03-05T07:08:09.045Z", "elapsed_ms": 520,
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
        ("%p %{local}p %{remote}p %{canonical}p %v", "9090 8443 5000 81 api.example"),
        ("%{c}a", "198.51.100.1"),
        ("%{s}T %{ms}T %{us}T", "0.52 520 520000"),
        ("%t", "2019-03-05 12:38:09"),
        ("%{EEE, d MMM yyyy K:mm a z}t", "Tue, 5 Mar 2019 0:38 PM IST"),
    ] {
        assert_eq!(text(template, &exchange), expected, "{template}");
    }
}

#[test]
fn the_status_sent_and_the_status_of_the_upstream() {
    let record = record(&json!({"response": {"status": 404}}));
    let template = parse("%s %>s %<s %404s %!404<s %<404s %503s %M", Escape::Text);
    // `<` stands before the statuses; after them it is text.
    let rendered = render_as(&template, &record, |subject| Subject { status: 503, ..subject });
    assert_eq!(rendered, "503 503 404 503 %!404<s 404 - Not Found");
    assert_eq!(parse("%>s%<404s%<m", Escape::Text).to_string(), "%s%<404s%m");
}

#[test]
fn the_port_that_was_asked_for() {
    let port = |scheme: &str, host: &str| {
        let exchange = json!({"request": {"scheme": scheme, "host": host}, "response": {"status": 404}});
        text("%{canonical}p %v", &exchange)
    };
    assert_eq!(port("http", "a"), "80 a");
    assert_eq!(port("https", "a"), "443 a");
    assert_eq!(port("https", "[::1]:8443"), "8443 [::1]");
    assert_eq!(port("unix", ""), "- ");
}

#[test]
fn what_is_not_known_prints_a_dash_or_nothing() {
    let exchange = json!({"response": {"status": 418}});
    assert_eq!(text("[%b][%B][%D][%T][%p][%q][%u][%{X}i][%{X}o]", &exchange), "[-][0][][][-][][-][][]");
    assert_eq!(text("[%{ms}T][%{remote}p][%{us}T]", &exchange), "[][-][]");
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
        "%{dd+MMM}t",
        "%{X-A DATE +1}i",
        "%{X-A?/}i",
    ] {
        assert_eq!(text(literal, &exchange), literal);
        assert!(!warnings(literal).is_empty(), "{literal}");
    }
    // The percent sign that ends one may start another.
    assert_eq!(text("%{a+b}%s %%%", &exchange), "%{a+b}404 %%");
}

#[test]
fn field_names_may_hold_what_a_token_may() {
    let exchange = json!({"request": {"headers": [["x_a~1", "v"]]}, "response": {"status": 404}});
    assert_eq!(text("%{X_A~1}i", &exchange), "v");
    assert_eq!(text("[%i][%{}i][%o][%{X:A}i][%{ X-A}i]", &exchange), "[][][][][]");
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
