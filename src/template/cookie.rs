//! Cookies as a client sends them (RFC 6265 §4.2).

use http::header;

use crate::exchange::Fields;

/// The value of the first cookie of this name, without quotes around it.
pub(super) fn find<'a>(fields: Fields<'a>, name: &str) -> Option<&'a [u8]> {
    let pairs = fields.lines(&header::COOKIE).flat_map(|line| line.split(|&byte| byte == b';'));
    pairs.filter_map(pair).find(|(sent, _)| *sent == name.as_bytes()).map(|(_, value)| value)
}

/// The name and the value around the first equals sign.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == b'=')?;
    let (name, value) = (text.get(..at)?.trim_ascii(), text.get(at + 1..)?.trim_ascii());
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some((name, unquoted.unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_name() {
        let line = |value: &str| ("Cookie".to_owned(), value.as_bytes().to_vec());
        let lines = [line("a=1; b=\"x y\";c=; d; =e;a=2; \"f=g"), line("z=a=b=; quote=\"")];
        let find = |name| find(Fields::Lines(&lines), name).map(|value| str::from_utf8(value).unwrap());
        assert_eq!(find("a"), Some("1"));
        assert_eq!(find("b"), Some("x y"));
        assert_eq!(find("c"), Some(""));
        assert_eq!(find("d"), None);
        assert_eq!(find("A"), None);
        assert_eq!(find("z"), Some("a=b="));
        assert_eq!(find("quote"), Some("\""));
    }
}
