//! What is refused for its size, before it costs anything.

use retort::config::document::{self, ErrorKind, MAX_ATTRIBUTES, MAX_DEPTH, MAX_NODES};

fn nested(depth: usize) -> String {
    "<a>".repeat(depth) + &"</a>".repeat(depth)
}

fn with_attributes(count: usize) -> String {
    let attributes: String = (0..count).map(|number| format!(" a{number}=''")).collect();
    format!("<a{attributes}/>")
}

#[test]
fn depth() {
    assert!(document::parse(&nested(MAX_DEPTH)).is_ok());
    for depth in [MAX_DEPTH + 1, 200_000] {
        let error = document::parse(&nested(depth)).unwrap_err();
        // At the first element that is too deep, so that nothing after it has been looked at.
        assert_eq!((&error.kind, error.span), (&ErrorKind::TooDeep, MAX_DEPTH * 3..MAX_DEPTH * 3 + 3));
        assert_eq!(error.kind.to_string(), "nested deeper than 64 elements");
    }
    // Depth, not number: siblings do not count.
    assert!(document::parse(&format!("<a>{}</a>", nested(MAX_DEPTH - 1).repeat(3))).is_ok());
}

#[test]
fn attributes() {
    assert!(document::parse(&with_attributes(MAX_ATTRIBUTES)).is_ok());
    for count in [MAX_ATTRIBUTES + 1, 80_000] {
        let text = with_attributes(count);
        let error = document::parse(&text).unwrap_err();
        assert_eq!((&error.kind, &text[error.span]), (&ErrorKind::TooManyAttributes, "a64"));
    }
}

#[test]
fn namespace_declarations_are_attributes() {
    let declarations: String = (0..MAX_ATTRIBUTES).map(|number| format!(" xmlns:a{number}='u'")).collect();
    assert!(document::parse(&format!("<a{declarations}/>")).is_ok());
    let error = document::parse(&format!("<a{declarations} b=''/>")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooManyAttributes);
}

#[test]
fn nodes() {
    // An element, an attribute and a text each: with the root, one too many.
    let text = format!("<a>{}</a>", "<b c=''/>d".repeat(MAX_NODES / 3) + "<e/>");
    let error = document::parse(&text).unwrap_err();
    // All others have passed.
    assert_eq!((&error.kind, &text[error.span]), (&ErrorKind::TooManyNodes, "<e/>"));
}

#[test]
fn entities_do_not_multiply() {
    let entities: String =
        (1..10).map(|n| format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10))).collect();
    let text = format!("<!DOCTYPE l [<!ENTITY l0 'lol'>{entities}]><l>&l9;</l>");
    let error = document::parse(&text).unwrap_err();
    assert_eq!((error.kind, error.span), (ErrorKind::Doctype, 0..9));
}
