//! How inserted values are escaped, fixed by the message's content type at load.

use std::{fmt, io::Write as _};

use crate::media::MediaType;

/// The syntax that an inserted value is made safe for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// The inside of a JSON string (RFC 8259 §7).
    Json,
    /// XML 1.0 text or attribute value.
    Xml,
    /// HTML text or attribute value.
    Html,
    /// Any other type: as it is, without control characters other than tab and newline.
    Text,
}

impl Escape {
    /// The syntax of a content type: JSON, XML or HTML where its subtype contains the name. XHTML
    /// is XML, and read as such.
    pub fn of(content_type: &MediaType) -> Self {
        let subtype = content_type.subtype();
        if subtype.contains("json") {
            Escape::Json
        } else if subtype.contains("xml") {
            Escape::Xml
        } else if subtype.contains("html") {
            Escape::Html
        } else {
            Escape::Text
        }
    }

    /// The most bytes that one byte of a value can become.
    pub(super) fn growth(self) -> usize {
        match self {
            // `\u0000`, `&quot;`
            Escape::Json | Escape::Xml | Escape::Html => 6,
            // U+FFFD for a byte that is not UTF-8
            Escape::Text => 3,
        }
    }
}

/// Bytes of a value that are inserted; the rest is cut off.
pub(super) const MAX_VALUE: usize = 8 * 1024;

/// The place where one value is inserted: everything written here comes out escaped.
pub(super) struct Inserted<'o> {
    out: &'o mut Vec<u8>,
    rule: Rule,
    room: usize,
}

/// What is done to the characters of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Json,
    Xml,
    Html,
    Text,
    Raw,
}

impl<'o> Inserted<'o> {
    /// A place for one value.
    pub(super) fn new(out: &'o mut Vec<u8>, escape: Escape) -> Self {
        let rule = match escape {
            Escape::Json => Rule::Json,
            Escape::Xml => Rule::Xml,
            Escape::Html => Rule::Html,
            Escape::Text => Rule::Text,
        };
        Self { out, rule, room: MAX_VALUE }
    }

    /// A place for the reason phrase. Repose left it alone in text; no HTTP parser lets anything
    /// through in it that would do harm there.
    pub(super) fn reason(out: &'o mut Vec<u8>, escape: Escape) -> Self {
        match escape {
            Escape::Text => Self { out, rule: Rule::Raw, room: MAX_VALUE },
            _ => Self::new(out, escape),
        }
    }

    /// Appends bytes of the value. What is not UTF-8 becomes U+FFFD.
    pub(super) fn bytes(&mut self, value: &[u8]) {
        let end = boundary(value, self.room);
        // Once something was cut off, nothing follows.
        self.room = if end < value.len() { 0 } else { self.room - end };
        for chunk in value.get(..end).unwrap_or_default().utf8_chunks() {
            self.escape(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.escape("\u{FFFD}");
            }
        }
    }

    /// Appends text of the value.
    pub(super) fn str(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    fn escape(&mut self, mut text: &str) {
        while let Some((at, c)) = text.char_indices().find(|&(_, c)| self.rule.touches(c)) {
            let (plain, rest) = text.split_at(at);
            self.out.extend_from_slice(plain.as_bytes());
            self.replace(c);
            text = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    fn replace(&mut self, c: char) {
        match self.rule {
            Rule::Json => self.replace_in_json(c),
            Rule::Xml | Rule::Html => self.replace_in_markup(c),
            Rule::Text | Rule::Raw => {}
        }
    }

    fn replace_in_json(&mut self, c: char) {
        let replacement = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{8}' => "\\b",
            '\u{C}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            // `</script>` must not end the script that the JSON is part of.
            '/' if self.out.last() == Some(&b'<') => "\\/",
            '/' => "/",
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to memory cannot fail.
                    let _ = write!(self.out, "\\u{unit:04X}");
                }
                return;
            }
        };
        self.out.extend_from_slice(replacement.as_bytes());
    }

    fn replace_in_markup(&mut self, c: char) {
        let replacement = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' if self.rule == Rule::Xml => "&apos;",
            '\'' => "&#39;",
            '\u{7F}'..='\u{9F}' if self.rule == Rule::Xml => {
                let _ = write!(self.out, "&#{};", u32::from(c));
                return;
            }
            _ => "",
        };
        self.out.extend_from_slice(replacement.as_bytes());
    }
}

impl fmt::Write for Inserted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.str(text);
        Ok(())
    }
}

impl Rule {
    /// Whether the character does not stand for itself.
    fn touches(self, c: char) -> bool {
        let control = || c.is_control() && !matches!(c, '\t' | '\n');
        match self {
            Rule::Json => matches!(c, '"' | '\\' | '/' | '\u{2028}' | '\u{2029}') || c.is_control(),
            // XML 1.0 §2.2: legal characters; those that it discourages become references.
            Rule::Xml => {
                matches!(c, '&' | '<' | '>' | '"' | '\'' | '\u{FFFE}' | '\u{FFFF}')
                    || c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')
            }
            Rule::Html => matches!(c, '&' | '<' | '>' | '"' | '\'') || control(),
            Rule::Text => control(),
            Rule::Raw => false,
        }
    }
}

/// The last place at or before `at` where the bytes can be cut without splitting a character.
pub(super) fn boundary(bytes: &[u8], at: usize) -> usize {
    if at >= bytes.len() {
        return bytes.len();
    }
    let starts = |&at: &usize| bytes.get(at).is_some_and(|byte| byte & 0xC0 != 0x80);
    (at.saturating_sub(3)..=at).rev().find(starts).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escape: Escape, value: &[u8]) -> String {
        let mut out = Vec::new();
        Inserted::new(&mut out, escape).bytes(value);
        String::from_utf8(out).unwrap()
    }

    fn reason(escape: Escape, value: &str) -> String {
        let mut out = Vec::new();
        Inserted::reason(&mut out, escape).str(value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_syntax_of_a_type() {
        let of = |text| Escape::of(&MediaType::parse(text).unwrap());
        assert_eq!(of("application/json"), Escape::Json);
        assert_eq!(of("application/Problem+JSON; charset=utf-8"), Escape::Json);
        assert_eq!(of("text/xml"), Escape::Xml);
        assert_eq!(of("application/xhtml+xml"), Escape::Xml);
        assert_eq!(of("text/html"), Escape::Html);
        assert_eq!(of("text/plain"), Escape::Text);
    }

    #[test]
    fn json() {
        let json = |value: &str| escaped(Escape::Json, value.as_bytes());
        assert_eq!(json("\"\\\u{8}\u{C}\n\r\t"), r#"\"\\\b\f\n\r\t"#);
        assert_eq!(json("\u{1}\u{7F}\u{85}\u{2028}\u{2029}é😀"), r"\u0001\u007F\u0085\u2028\u2029é😀");
        assert_eq!(json("a/b </script> < /"), r"a/b <\/script> < /");
    }

    #[test]
    fn xml() {
        let xml = |value: &str| escaped(Escape::Xml, value.as_bytes());
        assert_eq!(xml("&<>\"'/"), "&amp;&lt;&gt;&quot;&apos;/");
        assert_eq!(xml("a\u{0}\u{B}\u{1F}\u{FFFE}\u{FFFF}b\t\n\r"), "ab\t\n\r");
        assert_eq!(xml("\u{7F}\u{84}\u{85}\u{86}\u{9F}\u{A0}"), "&#127;&#132;\u{85}&#134;&#159;\u{A0}");
    }

    #[test]
    fn html_and_text() {
        assert_eq!(escaped(Escape::Html, b"&<>\"'\t\n\r\x00\x7f"), "&amp;&lt;&gt;&quot;&#39;\t\n");
        assert_eq!(escaped(Escape::Text, "&<>\"'\t\n\r\u{0}\u{7F}\u{9B}".as_bytes()), "&<>\"'\t\n");
    }

    #[test]
    fn what_is_not_utf8_is_replaced() {
        assert_eq!(escaped(Escape::Text, b"a\xffb\xe2\x82"), "a\u{FFFD}b\u{FFFD}");
    }

    #[test]
    fn the_reason_comes_as_it_is_in_text() {
        assert_eq!(reason(Escape::Json, "a/b é\""), "a/b é\\\"");
        assert_eq!(reason(Escape::Text, "\u{8}\r<"), "\u{8}\r<");
        assert_eq!(reason(Escape::Html, "<"), "&lt;");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let value = format!("{}é tail", "x".repeat(MAX_VALUE - 1));
        assert_eq!(escaped(Escape::Json, value.as_bytes()), "x".repeat(MAX_VALUE - 1));

        let mut out = Vec::new();
        let mut inserted = Inserted::new(&mut out, Escape::Text);
        inserted.str(&value);
        inserted.str("nothing follows a cut");
        assert_eq!(out.len(), MAX_VALUE - 1);
    }

    #[test]
    fn boundaries() {
        assert_eq!(boundary("aé".as_bytes(), 2), 1);
        assert_eq!(boundary("aé".as_bytes(), 9), 3);
        assert_eq!(boundary("a😀".as_bytes(), 4), 1);
        assert_eq!(boundary(&[0x80; 9], 6), 6);
        assert_eq!(boundary(b"", 0), 0);
    }
}
