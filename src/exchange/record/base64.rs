//! Base64 (RFC 4648 §4), as records have it for content that is no text.

/// Reads base64, line breaks and a missing padding forgiven.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let end = digits.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    let (digits, padding) = digits.split_at_checked(end)?;
    if padding.len() > 2 {
        return None;
    }
    let groups = digits.chunks(4).map(group);
    groups.collect::<Option<Vec<_>>>().map(|groups| groups.concat())
}

/// Up to four digits are one byte less.
fn group(digits: &[u8]) -> Option<Vec<u8>> {
    let mut bits = 0u32;
    for &digit in digits {
        bits = bits << 6 | u32::from(value(digit)?);
    }
    let missing = 4 - u32::try_from(digits.len()).ok()?;
    let [_, bytes @ ..] = (bits << (6 * missing)).to_be_bytes();
    // One digit alone is less than a byte.
    let count = digits.len().checked_sub(1).filter(|count| *count > 0)?;
    bytes.get(..count).map(<[u8]>::to_vec)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        let vectors = [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9v\nYmFy", "foobar"),
            ("Zm9vYg", "foob"),
        ];
        for (text, bytes) in vectors {
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decode("/+A="), Some(vec![0xff, 0xe0]));
    }

    #[test]
    fn what_is_none() {
        for text in ["Z", "Zm9vY", "Zm=v", "Zm9-", "====", "ä"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
