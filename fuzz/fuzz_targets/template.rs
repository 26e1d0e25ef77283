//! A template of any text, rendered with values of any bytes: what it prints back is the same
//! template, what it renders keeps within the bounds, and values stay inside of what holds them.
//!
//! An input is a letter for the way of escaping, the text, and behind a NUL the values.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use retort::{
    exchange::record::Record,
    template::{Escape, Expose, Subject, Syntax, Template},
};

const MAX_MESSAGE: usize = 1024 * 1024;

static EXPOSE: LazyLock<Expose> =
    LazyLock::new(|| Expose::new(["Cookie", "Authorization", "a", "PATH"].map(str::to_owned)));

static RECORD: LazyLock<Record> = LazyLock::new(|| {
    let record = r#"{
        "clock": "2024-02-29T23:59:59.5Z",
        "request": {"uri": "/a b", "query": "a=1&b=%41", "elapsed_ms": 12},
        "response": {"status": 503, "body": "{\"a\": [1, \"x\"]}"}
    }"#;
    Record::from_json(record.as_bytes()).expect("a record")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((letter, rest)) = bytes.split_first() else { return };
    let (text, value) = match rest.iter().position(|byte| *byte == 0) {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => (rest, &b"Sun, 06 Nov 1994 08:49:37 GMT"[..]),
    };
    let record = record(value);
    held_in(&record, r#"{"v":"%{X}i"}"#, Escape::Json, |text| {
        let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert!(json.as_object().is_some_and(|object| object.len() == 1 && object["v"].is_string()));
    });
    held_in(&record, r#"<v a="%{X}i" b='%{X}i'>%{X}i</v>"#, Escape::Xml, |text| {
        let xml = roxmltree::Document::parse(text).expect("XML");
        assert_eq!((xml.descendants().filter(|node| node.is_element()).count(), xml.root_element().attributes().len()), (1, 2));
    });
    held_in(&record, "%{X}i", Escape::Html, |text| assert!(!text.contains(['<', '>', '"', '\''])));
    held_in(&record, "%{X}i", Escape::Url, |text| assert!(text.bytes().all(|byte| byte.is_ascii_graphic())));
    held_in(&record, "%{X}i", Escape::Header, |text| assert!(!text.contains(['\r', '\n', '\0'])));

    let Ok(text) = str::from_utf8(text) else { return };
    let syntax = Syntax { escape: escape(*letter), expose: &EXPOSE };
    let Ok(parsed) = Template::parse(text, syntax) else { return };
    let printed = parsed.template.to_string();
    let again = Template::parse(&printed, syntax).unwrap_or_else(|errors| panic!("{printed:?}: {errors:?}"));
    assert_eq!(parsed.template, again.template, "{text:?} was printed as {printed:?}");
    let rendered = render(&parsed.template, &record);
    assert!(rendered.len() <= MAX_MESSAGE);
    assert!(str::from_utf8(&rendered).is_ok());
});

fn escape(letter: u8) -> Escape {
    match letter {
        b'j' => Escape::Json,
        b'x' => Escape::Xml,
        b'h' => Escape::Html,
        b'u' => Escape::Url,
        b'f' => Escape::Header,
        b'n' => Escape::None,
        _ => Escape::Text,
    }
}

/// An exchange in which everything that others say is this.
fn record(value: &[u8]) -> Record {
    let mut record = RECORD.clone();
    for name in ["X", "Cookie", "Retry-After", "Date", "traceparent", "Host"] {
        record.request.headers.push((name.to_owned(), value.to_vec()));
        record.response.headers.push((name.to_owned(), value.to_vec()));
    }
    record.request.uri = String::from_utf8_lossy(value).into_owned();
    record.request.query = Some(format!("a={}", record.request.uri));
    record
}

fn held_in(record: &Record, template: &str, escape: Escape, check: impl Fn(&str)) {
    let parsed = Template::parse(template, Syntax { escape, expose: &EXPOSE }).expect("a template");
    check(str::from_utf8(&render(&parsed.template, record)).expect("UTF-8"));
}

fn render(template: &Template, record: &Record) -> Vec<u8> {
    let exchange = record.exchange("id", Some("user"));
    let subject = Subject::of(&exchange);
    let bound = template.bound(&subject);
    let mut rendered = Vec::new();
    template.render(&subject, &mut rendered);
    assert!(rendered.len() <= bound, "{} bytes, where {bound} should suffice", rendered.len());
    rendered
}
