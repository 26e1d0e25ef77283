//! Media types, ranges and weights.

use proptest::prelude::*;
use retort::media::{MediaRange, MediaType, ParseError, QValue, Specificity};

fn parse(text: &str) -> String {
    MediaType::parse(text).map_or_else(|error| format!("{error:?}"), |media_type| media_type.to_string())
}

#[test]
fn media_types_are_read_and_printed() {
    assert_eq!(parse("Application/JSON"), "application/json");
    assert_eq!(parse("text/html; Charset=UTF-8"), "text/html;charset=UTF-8");
    assert_eq!(parse("a/b;x=\"1, \\\"2\\\"\";;y=z"), "a/b;x=\"1, \\\"2\\\"\";y=z");
    assert_eq!(parse("application/problem+json"), "application/problem+json");
}

#[test]
fn what_is_no_media_type() {
    assert_eq!(MediaType::parse("json"), Err(ParseError::NoSubtype));
    assert_eq!(MediaType::parse(""), Err(ParseError::NoSubtype));
    assert_eq!(MediaType::parse("*/*"), Err(ParseError::Wildcard));
    assert_eq!(MediaType::parse("text/*"), Err(ParseError::Wildcard));
    assert_eq!(MediaType::parse("text/ht ml"), Err(ParseError::NotAToken));
    assert_eq!(MediaType::parse(" text/html"), Err(ParseError::NotAToken));
    assert_eq!(MediaType::parse("text/html;x"), Err(ParseError::Parameter));
    assert_eq!(MediaType::parse("text/html;x=\"a"), Err(ParseError::Parameter));
    assert_eq!(MediaType::parse("text/html\r\nX: y"), Err(ParseError::NotAToken));
}

#[test]
fn weights() {
    for (text, thousandths) in [
        ("0", Some(0)),
        ("1", Some(1000)),
        ("0.", Some(0)),
        ("1.000", Some(1000)),
        ("0.5", Some(500)),
        (".5", Some(500)),
        ("0.123", Some(123)),
        ("0.1234", None),
        ("1.001", None),
        ("1.0000", None),
        ("2", None),
        ("-1", None),
        ("+0.5", None),
        ("0,5", None),
        ("2e-1", None),
        ("0.5f", None),
        ("NaN", None),
        (".", None),
        ("", None),
        ("00.5", None),
    ] {
        assert_eq!(QValue::parse(text.as_bytes()).map(QValue::thousandths), thousandths, "{text}");
    }
    assert_eq!(QValue::parse(b"0.850").unwrap().to_string(), "0.85");
    assert_eq!(QValue::ONE.to_string(), "1");
}

#[test]
fn ranges_describe_types_more_or_less_closely() {
    let describes = |range: &str, media_type: &str| {
        MediaRange::parse(range.as_bytes()).unwrap().describes(&MediaType::parse(media_type).unwrap())
    };
    assert_eq!(describes("*/*", "a/b"), Some(Specificity::Any));
    assert_eq!(describes("A/*", "a/b"), Some(Specificity::Type));
    assert_eq!(describes("a/B", "a/b"), Some(Specificity::Exact));
    assert_eq!(describes("a/c", "a/b"), None);
    // Parameters count where the media type has some.
    assert_eq!(describes("a/b;v=1", "a/b"), Some(Specificity::Exact));
    assert_eq!(describes("a/b", "a/b;v=1"), Some(Specificity::Exact));
    assert_eq!(describes("a/b;V=1", "a/b;v=1"), Some(Specificity::Parameters));
    assert_eq!(describes("a/b;v=\"1\"", "a/b;v=1"), Some(Specificity::Parameters));
    assert_eq!(describes("a/b;v=2", "a/b;v=1"), None);
    assert_eq!(describes("a/b;q=0.5;v=2", "a/b;v=1"), Some(Specificity::Exact));
}

proptest! {
    #[test]
    fn printing_and_reading_agree(text in "[a-zA-Z0-9!#$&.+-]{1,8}/[a-zA-Z0-9+.-]{1,8}(;[a-z]{1,4}=([a-z0-9]{1,4}|\"[ -!#-\\[\\]-~]{0,6}\")){0,3}") {
        let media_type = MediaType::parse(&text).unwrap();
        prop_assert_eq!(MediaType::parse(&media_type.to_string()).unwrap(), media_type);
    }

    #[test]
    fn any_bytes_are_a_range_or_none(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = MediaRange::parse(&bytes);
    }
}
