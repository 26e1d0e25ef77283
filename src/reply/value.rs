//! The values of header fields, rendered.

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::{
    rules::field::Value,
    template::{Subject, Template},
};

/// Bytes of a value that are sent: more is likely refused on the way.
const MAX_FIELD: usize = 8 * 1024;

/// All but the unreserved characters of RFC 3986 §2.3, which OpenAPI's `style: simple` leaves.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The value for this subject; `None` where it is empty.
pub(super) fn render(value: &Value, subject: &Subject<'_>) -> Option<HeaderValue> {
    match value {
        Value::Text(template) => sendable(text(template, subject)),
        Value::Items(items) => joined(items.iter().filter_map(|item| encoded(&text(item, subject)))),
        Value::Entries { entries, explode } => {
            let between = if *explode { "=" } else { "," };
            joined(entries.iter().filter_map(|(key, template)| {
                let value = encoded(&text(template, subject))?;
                Some(format!("{}{between}{value}", percent_encode(key.as_bytes(), ENCODED)))
            }))
        }
    }
}

fn text(template: &Template, subject: &Subject<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    template.render(subject, &mut text);
    text
}

/// The value, percent-encoded; `None` where it is empty.
fn encoded(value: &[u8]) -> Option<String> {
    let value = trim(value);
    (!value.is_empty()).then(|| percent_encode(value, ENCODED).to_string())
}

/// The members with commas between them, as many as have room.
fn joined(members: impl Iterator<Item = String>) -> Option<HeaderValue> {
    let mut value = String::new();
    for member in members {
        let comma = if value.is_empty() { "" } else { "," };
        if value.len() + comma.len() + member.len() > MAX_FIELD {
            break;
        }
        value.extend([comma, &member]);
    }
    sendable(value.into_bytes())
}

/// What can stand on one line of a header: a control character becomes a space (RFC 9110 §5.5).
fn sendable(mut value: Vec<u8>) -> Option<HeaderValue> {
    let is_control = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    value.iter_mut().filter(|byte| is_control(**byte)).for_each(|byte| *byte = b' ');
    let value = trim(&value);
    let value = value.get(..boundary(value)).map(trim).filter(|value| !value.is_empty())?;
    HeaderValue::from_bytes(value).ok()
}

/// The last place at or before the limit that is between two characters.
fn boundary(value: &[u8]) -> usize {
    let is_start = |&at: &usize| value.get(at).is_none_or(|byte| byte & 0xC0 != 0x80);
    let limit = MAX_FIELD.min(value.len());
    (limit.saturating_sub(3)..=limit).rev().find(is_start).unwrap_or(limit)
}

/// The value without the characters up to U+0020 at both ends.
fn trim(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|&byte| byte > b' ').unwrap_or(value.len());
    let end = value.iter().rposition(|&byte| byte > b' ').map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(value: &[u8]) -> Option<Vec<u8>> {
        sendable(value.to_vec()).map(|value| value.as_bytes().to_vec())
    }

    #[test]
    fn one_line_and_no_control_characters() {
        assert_eq!(sent(b"\n a\r\nSet-Cookie: b\x00\x7f\tc \t").unwrap(), b"a  Set-Cookie: b  \tc");
        assert_eq!(sent("é\u{85}".as_bytes()).unwrap(), "é\u{85}".as_bytes());
        assert_eq!((sent(b""), sent(b" \r\n\x00\x7f")), (None, None));
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = format!("{}é", "x".repeat(MAX_FIELD - 1));
        assert_eq!(sent(long.as_bytes()).unwrap().len(), MAX_FIELD - 1);
        assert_eq!(sent(&[0xBF; 2 * MAX_FIELD]).unwrap().len(), MAX_FIELD);
        let members = (0..9000).map(|number| number.to_string());
        let value = joined(members).unwrap();
        assert!(value.len() <= MAX_FIELD && value.to_str().unwrap().starts_with("0,1,2,"));
        assert!(value.to_str().unwrap().ends_with(|c: char| c.is_ascii_digit()));
    }

    #[test]
    fn members_keep_their_unreserved_characters() {
        assert_eq!(encoded("a-Z0._~ ,=%é".as_bytes()).unwrap(), "a-Z0._~%20%2C%3D%25%C3%A9");
        assert_eq!(encoded(b" \t"), None);
    }

    proptest! {
        #[test]
        fn whatever_the_bytes(value in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(value) = sent(&value) {
                prop_assert!(!value.is_empty() && value == trim(&value));
                prop_assert!(value.iter().all(|&byte| byte == b'\t' || !byte.is_ascii_control()));
            } else {
                prop_assert!(value.iter().all(|&byte| byte <= b' ' || byte == 0x7F));
            }
            let member = encoded(&value).unwrap_or_default();
            prop_assert!(member.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        }
    }
}
