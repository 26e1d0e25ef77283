//! The parameters of a query, read as form data (WHATWG URL §5.1): pairs between ampersands, a
//! plus for a blank, the rest percent-decoded.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The names and values in order. A parameter without `=` has an empty value; what is not UTF-8
/// once decoded becomes U+FFFD.
pub fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    pairs(query).map(|(name, value)| (text(name), text(value)))
}

/// The first value of this parameter, as it was sent.
pub(crate) fn first<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let named = |(sent, value)| decoded(sent).eq(name.bytes()).then_some(value);
    pairs(query).find_map(named)
}

/// The bytes that a name or a value stands for.
pub(crate) fn decoded(sent: &str) -> impl Iterator<Item = u8> {
    // A plus that is percent-encoded is one, hence each stretch for itself.
    let stretches = sent.split('+').enumerate();
    stretches.flat_map(|(index, stretch)| {
        (index > 0).then_some(b' ').into_iter().chain(percent_decode_str(stretch))
    })
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn text(sent: &str) -> Cow<'_, str> {
    if !sent.contains(['%', '+']) {
        return Cow::Borrowed(sent);
    }
    let bytes: Vec<u8> = decoded(sent).collect();
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Vec<(String, String)> {
        parameters(query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    #[test]
    fn pairs_are_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(""), []);
        assert_eq!(read("a=1&b=2&a=3"), [pair("a", "1"), pair("b", "2"), pair("a", "3")]);
        assert_eq!(read("&flag&&=x&e="), [pair("flag", ""), pair("", "x"), pair("e", "")]);
        assert_eq!(read("f%6Fo=a+b%2Bc%20%C3%A9=&x=%zz%4"), [pair("foo", "a b+c é="), pair("x", "%zz%4")]);
        assert_eq!(read("a=%FF"), [pair("a", "\u{FFFD}")]);
    }

    #[test]
    fn the_first_of_a_name() {
        assert_eq!(first("a=1&%61=2", "a"), Some("1"));
        assert_eq!(first("%61=%20&a=1", "a"), Some("%20"));
        assert_eq!(first("flag", "flag"), Some(""));
        assert_eq!(first("A=1", "a"), None);
    }
}
