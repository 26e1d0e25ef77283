//! Bytes as a test's file writes them.

use serde::{Deserialize, Deserializer, de};

/// Bytes, written as text: line breaks and blanks at the beginning of a line are layout, and
/// `\r \n \t \0 \\ \xHH` are bytes. `\{text*3}` is a text three times.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (start, rest) = self.0.split_at(self.0.len().min(400));
        write!(f, "\"{}\"", start.escape_ascii())?;
        if rest.is_empty() { Ok(()) } else { write!(f, " and {} more", rest.len()) }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let lines: String = text.lines().map(str::trim_start).collect();
        decode(&lines).map(Self).ok_or_else(|| de::Error::custom(format!("not in the notation: {text}")))
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (code, after) = escape.split_at_checked(1)?;
        rest = after;
        match code {
            "r" => bytes.push(b'\r'),
            "n" => bytes.push(b'\n'),
            "t" => bytes.push(b'\t'),
            "0" => bytes.push(0),
            "\\" => bytes.push(b'\\'),
            "x" => {
                let (hex, after) = after.split_at_checked(2)?;
                bytes.push(u8::from_str_radix(hex, 16).ok()?);
                rest = after;
            }
            "{" => {
                let (repeated, after) = after.split_once('}')?;
                let (text, times) = repeated.rsplit_once('*')?;
                bytes.extend(decode(text)?.repeat(times.parse().ok()?));
                rest = after;
            }
            _ => return None,
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

#[test]
fn escapes() {
    assert_eq!(decode(r"a\r\n\t\0\\\xfF").unwrap(), b"a\r\n\t\0\\\xff");
    assert_eq!(decode(r"\{ab\n*2}c").unwrap(), b"ab\nab\nc");
    assert_eq!(decode(r"\q"), None);
    assert_eq!(decode(r"\x0"), None);
}
