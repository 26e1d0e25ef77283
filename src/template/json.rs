//! Values in a JSON text, found by a JSON pointer (RFC 6901) and printed as they are written.
//!
//! It walks over the text instead of over parsed values, so that numbers keep their digits and
//! members their order, and nothing is allocated. The text has to be JSON; of what is not, anything
//! may be found.

use std::{borrow::Cow, fmt};

use super::insert::Inserted;

/// The way from a JSON value to one inside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

/// A piece of a JSON string.
enum Piece<'j> {
    Plain(&'j str),
    Escaped(char),
}

impl Pointer {
    /// Reads a pointer: empty, or steps that start with a slash each.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let is_escaped = |step: &str| step.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        let steps = text.strip_prefix('/')?;
        let unescaped = |step: &str| step.replace("~1", "/").replace("~0", "~");
        is_escaped(steps).then(|| Self(steps.split('/').map(unescaped).collect()))
    }

    /// The value that it leads to.
    pub(super) fn find<'j>(&self, json: &'j str) -> Option<&'j str> {
        self.0.iter().try_fold(json.trim_ascii(), |json, step| member(json, step))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

/// Whether the value prints nothing.
pub(super) fn is_empty(json: &str) -> bool {
    matches!(json, "" | "null" | "\"\"")
}

/// Prints a value: a string as its text, objects and arrays without blanks, null as nothing.
pub(super) fn write(json: &str, out: &mut Inserted<'_>) {
    if is_empty(json) {
        return;
    }
    if !json.starts_with('"') {
        return compact(json).for_each(|part| out.str(part));
    }
    for piece in pieces(json) {
        match piece {
            Piece::Plain(text) => out.str(text),
            Piece::Escaped(c) => out.str(c.encode_utf8(&mut [0; 4])),
        }
    }
}

/// The member of this name, or the element at this position.
fn member<'j>(json: &'j str, step: &str) -> Option<&'j str> {
    if json.starts_with('[') {
        let is_position = step == "0" || step.bytes().all(|b| b.is_ascii_digit()) && !step.starts_with('0');
        let position = is_position.then(|| step.parse().ok()).flatten()?;
        return members(json).nth(position).map(|(_, value)| value);
    }
    // Readers agree on the last of several members of one name.
    let named = members(json).filter(|(name, _)| name.is_some_and(|name| text(name) == step));
    named.last().map(|(_, value)| value)
}

/// The values in an array or an object, in the latter with their names.
fn members(json: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    let is_object = json.starts_with('{');
    let inside = json.strip_prefix(['{', '[']).and_then(|rest| rest.strip_suffix(['}', ']']));
    let mut rest = inside.unwrap_or_default().trim_ascii_start();
    std::iter::from_fn(move || {
        let mut take = |delimiter| {
            let (value, after) =
                rest.split_at_checked(length(rest)).filter(|(value, _)| !value.is_empty())?;
            let after = after.trim_ascii_start();
            rest = after.strip_prefix(delimiter).unwrap_or(after).trim_ascii_start();
            Some(value)
        };
        let name = if is_object { Some(take(':')?) } else { None };
        Some((name, take(',')?))
    })
}

/// How many bytes the value at the start of the text takes.
fn length(text: &str) -> usize {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => {
                in_string = !in_string;
                if !in_string && depth == 0 {
                    return at + 1;
                }
            }
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return at + depth,
            b'}' | b']' => depth -= 1,
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// The text without the blanks between its tokens.
fn compact(json: &str) -> impl Iterator<Item = &str> {
    let (mut in_string, mut is_escaped) = (false, false);
    json.split(move |c| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if in_string => is_escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        !in_string && c.is_ascii_whitespace()
    })
}

/// The text of a string.
fn text(string: &str) -> Cow<'_, str> {
    if !string.contains('\\') {
        return Cow::Borrowed(inside(string));
    }
    let mut text = String::with_capacity(string.len());
    for piece in pieces(string) {
        match piece {
            Piece::Plain(plain) => text.push_str(plain),
            Piece::Escaped(c) => text.push(c),
        }
    }
    Cow::Owned(text)
}

fn inside(string: &str) -> &str {
    let string = string.strip_prefix('"').unwrap_or(string);
    string.strip_suffix('"').unwrap_or(string)
}

/// The pieces of a string (RFC 8259 §7).
fn pieces(string: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = inside(string);
    std::iter::from_fn(move || {
        if let Some(escaped) = rest.strip_prefix('\\') {
            let (c, after) = unescape(escaped);
            rest = after;
            return Some(Piece::Escaped(c));
        }
        let (plain, after) = rest.split_at(rest.find('\\').unwrap_or(rest.len()));
        rest = after;
        (!plain.is_empty()).then_some(Piece::Plain(plain))
    })
}

/// The character that an escape stands for, and what follows it.
fn unescape(escaped: &str) -> (char, &str) {
    let mut chars = escaped.chars();
    let c = match chars.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{C}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => return utf16(chars.as_str()),
        Some(c) => c,
        None => char::REPLACEMENT_CHARACTER,
    };
    (c, chars.as_str())
}

/// The character of one code unit, or of two with `\u` between them.
fn utf16(text: &str) -> (char, &str) {
    let unit = |text: &str| u16::from_str_radix(text.get(..4)?, 16).ok();
    let Some(first) = unit(text) else { return (char::REPLACEMENT_CHARACTER, text) };
    let after = text.get(4..).unwrap_or_default();
    let second = after.strip_prefix("\\u").and_then(unit);
    let decode = |units: [u16; 2], length| {
        char::decode_utf16(units.into_iter().take(length)).next().and_then(Result::ok)
    };
    match (decode([first, 0], 1), second) {
        (Some(c), _) => (c, after),
        (None, Some(second)) => match decode([first, second], 2) {
            Some(c) => (c, after.get(6..).unwrap_or_default()),
            None => (char::REPLACEMENT_CHARACTER, after),
        },
        (None, None) => (char::REPLACEMENT_CHARACTER, after),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::template::{Escape, insert::MAX_VALUE};

    fn printed(json: &str) -> String {
        let mut out = Vec::new();
        write(json, &mut Inserted::new(&mut out, Escape::None, MAX_VALUE));
        String::from_utf8(out).unwrap()
    }

    fn at(json: &str, pointer: &str) -> Option<String> {
        Pointer::parse(pointer).unwrap().find(json).map(printed)
    }

    #[test]
    fn values_as_they_are_written() {
        let json = r#" { "s" : "a\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00", "n":1.10e+2 ,"big":123456789012345678901234567890,
            "t": true, "z": null, "o": { "b" : [ 1 , "x y" , { } ] , "a" : "\" ,"  }, "e": [], "":"empty" } "#;
        for (pointer, expected) in [
            ("/s", "a\"\\/\u{8}\u{C}\n\r\té😀"),
            ("/n", "1.10e+2"),
            ("/big", "123456789012345678901234567890"),
            ("/t", "true"),
            ("/z", ""),
            ("/o", r#"{"b":[1,"x y",{}],"a":"\" ,"}"#),
            ("/o/b/0", "1"),
            ("/o/b/1", "x y"),
            ("/o/b/2", "{}"),
            ("/e", "[]"),
            ("/", "empty"),
        ] {
            assert_eq!(at(json, pointer).as_deref(), Some(expected), "{pointer}");
        }
        for pointer in ["/x", "/o/b/3", "/o/b/00", "/o/b/-", "/o/b/", "/s/0", "/n/a", "/e/0", "/o/b/0/1"] {
            assert_eq!(at(json, pointer), None, "{pointer}");
        }
    }

    #[test]
    fn names_in_pointers_and_in_objects_are_unescaped() {
        let json = r#"{"a/b": 1, "m~n": 2, "~1": 3, "\u0078": 4, "x": 5}"#;
        for (pointer, expected) in [("/a~1b", "1"), ("/m~0n", "2"), ("/~01", "3"), ("/x", "5")] {
            assert_eq!(at(json, pointer).as_deref(), Some(expected), "{pointer}");
            assert_eq!(Pointer::parse(pointer).unwrap().to_string(), pointer);
        }
        for pointer in ["a", "a/b", "/a~", "/~2", "/~1~"] {
            assert_eq!(Pointer::parse(pointer), None, "{pointer}");
        }
    }

    #[test]
    fn scalars_alone() {
        for (json, expected) in [(" 12 ", "12"), ("\"a\"", "a"), ("null", ""), ("[ ]", "[]")] {
            assert_eq!(at(json, "").as_deref(), Some(expected), "{json}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c\"\\\\/~{}\\[\\],: \n\u{1}é😀]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ab/~\"]{0,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn expected(value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    proptest! {
        /// Finds and prints what a reader of JSON does.
        #[test]
        fn agreement_with_a_parser(value in values(), steps in prop::collection::vec("[ab/~\"012]{0,2}", 0..3)) {
            let escaped = steps.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
            let pointer: String = escaped.collect();
            for json in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(at(&json, &pointer), value.pointer(&pointer).map(expected), "{} {}", json, pointer);
            }
        }

        #[test]
        fn any_text_does_no_harm(text in "[\\[\\]{}\",:a\\\\u0-9 ]{0,30}", pointer in "(/[a0]?){0,3}") {
            let _ = at(&text, &pointer);
        }
    }
}
