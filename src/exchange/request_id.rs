//! The id of a request: what `%g` prints and what the upstream is told.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
};

use http::HeaderName;
use serde::Deserialize;

use super::Fields;

/// The header fields in which an id is looked for unless the settings name others: the usual
/// one, then Repose's.
pub const DEFAULT_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("x-request-id"), HeaderName::from_static("x-trans-id")];

/// The longest header value that is read as an id, in bytes.
const MAX_LENGTH: usize = 1024;

/// The id that the client sent: the first of `headers` that holds a valid one.
///
/// Valid is printable ASCII, at most 1024 bytes. Repose's `X-Trans-Id` may hold a JSON object, or
/// the base64 of one: the id is then its `requestId`.
pub fn from_client(fields: Fields<'_>, headers: &[HeaderName]) -> Option<String> {
    headers.iter().find_map(|name| read(fields.first(name)?))
}

/// A new id, a random UUID.
pub fn generate() -> String {
    uuid::Builder::from_random_bytes(random_bits().to_ne_bytes()).into_uuid().hyphenated().to_string()
}

/// Bits that nobody can foretell.
///
/// They are a keyed hash of a counter, with a key of the system's random source for each thread:
/// asking that for every request would cost a system call each.
pub(super) fn random_bits() -> u128 {
    thread_local! {
        static SOURCE: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
    }
    SOURCE.with(|(keyed, counter)| {
        let next = || keyed.hash_one(counter.replace(counter.get().wrapping_add(1)));
        u128::from(next()) << 64 | u128::from(next())
    })
}

fn read(value: &[u8]) -> Option<String> {
    let text = str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    if text.len() > MAX_LENGTH || !is_printable(text) {
        return None;
    }
    match trans_id(text) {
        Some(id) => is_printable(&id).then_some(id),
        None => Some(text.to_owned()),
    }
}

fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The `requestId` of Repose's tracing header, a JSON object either plain or in base64.
fn trans_id(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct TransId {
        request_id: String,
    }
    let parse = |json: &[u8]| serde_json::from_slice::<TransId>(json).ok().map(|header| header.request_id);
    if text.starts_with('{') {
        return parse(text.as_bytes());
    }
    // `{"` in base64; spares every other id the decoding.
    if !text.starts_with("ey") {
        return None;
    }
    parse(&base64(text)?)
}

/// Decodes base64 (RFC 4648 §4), with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes();
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0u32, 0u32);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(value: &str) -> Option<String> {
        let lines = [("X-Trans-Id".to_owned(), value.as_bytes().to_vec())];
        from_client(Fields::Lines(&lines), &DEFAULT_HEADERS)
    }

    #[test]
    fn plain_json_and_base64() {
        assert_eq!(id("abc-1").as_deref(), Some("abc-1"));
        assert_eq!(id(r#"{"requestId":"req-7","origin":null}"#).as_deref(), Some("req-7"));
        assert_eq!(id("eyJyZXF1ZXN0SWQiOiJyZXEtNzciLCJvcmlnaW4iOm51bGx9").as_deref(), Some("req-77"));
        assert_eq!(id("eyJub3QiOiJpdCJ9").as_deref(), Some("eyJub3QiOiJpdCJ9"));
    }

    #[test]
    fn what_is_not_valid_is_not_used() {
        assert_eq!(id(""), None);
        assert_eq!(id("a\u{1}b"), None);
        assert_eq!(id("é"), None);
        assert_eq!(id(&"x".repeat(MAX_LENGTH + 1)), None);
        assert_eq!(id(r#"{"requestId":"a\nb"}"#), None);
    }

    #[test]
    fn new_ids_are_uuids_and_differ() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| generate()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 4)));
    }

    #[test]
    fn the_usual_header_comes_first() {
        let lines =
            [("x-trans-id".to_owned(), b"second".to_vec()), ("X-Request-Id".to_owned(), b"first".to_vec())];
        assert_eq!(from_client(Fields::Lines(&lines), &DEFAULT_HEADERS).as_deref(), Some("first"));
    }
}
