//! How inserted values are escaped, fixed by the message's content type at load.

use std::io::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

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
    /// Part of a URL, or form data: percent-encoded but for the unreserved characters (RFC 3986
    /// §2.3).
    Url,
    /// Any other type: as it is, without control characters other than tab and newline.
    Text,
    /// As it is.
    None,
    /// The value of a header field: as it is, without control characters other than tab.
    Header,
    /// A value in a line of a log, as Apache writes it: `\"` and `\\`, and `\xhh` for all that is not
    /// printable ASCII.
    Log,
    /// The same where it does not stand between quotes: blanks are no part of it.
    LogWord,
}

/// What percent-encoding touches: all but the unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// For each byte, in which syntaxes it is an ASCII character that stands for itself.
static PLAIN: [u8; 256] = plain();

impl Escape {
    /// The syntax of a content type: JSON, XML or HTML where its subtype contains the name, and
    /// form data. XHTML is XML, and read as such.
    pub fn of(content_type: &MediaType) -> Self {
        let subtype = content_type.subtype();
        if subtype.contains("json") {
            Escape::Json
        } else if subtype.contains("xml") {
            Escape::Xml
        } else if subtype.contains("html") {
            Escape::Html
        } else if subtype == "x-www-form-urlencoded" {
            Escape::Url
        } else {
            Escape::Text
        }
    }

    /// The most bytes that one byte of a value can become.
    pub(super) fn growth(self) -> usize {
        match self {
            // `\u0000`, `&quot;`
            Escape::Json | Escape::Xml | Escape::Html => 6,
            // `%20`
            Escape::Url => 3,
            // U+FFFD for a byte that is not UTF-8
            Escape::Text | Escape::None | Escape::Header => 3,
            // `\x00`
            Escape::Log | Escape::LogWord => 4,
        }
    }

    /// Appends bytes of a value. What is not UTF-8 becomes U+FFFD.
    pub(super) fn write(self, value: &[u8], out: &mut Vec<u8>) {
        // Nearly all are ASCII that stands for itself.
        let is_script_end =
            || self == Escape::Json && value.first() == Some(&b'/') && out.last() == Some(&b'<');
        if self.is_plain(value) && !is_script_end() {
            return out.extend_from_slice(value);
        }
        match self {
            Escape::Url => {
                return percent_encode(value, RESERVED)
                    .for_each(|part| out.extend_from_slice(part.as_bytes()));
            }
            Escape::Log => return write_in_log(value, false, out),
            Escape::LogWord => return write_in_log(value, true, out),
            _ => {}
        }
        for chunk in value.utf8_chunks() {
            self.write_text(chunk.valid(), out);
            if !chunk.invalid().is_empty() {
                self.write_text("\u{FFFD}", out);
            }
        }
    }

    /// Whether each byte is an ASCII character that stands for itself, whatever is before it in the
    /// value.
    fn is_plain(self, value: &[u8]) -> bool {
        let plain = self.plain();
        value.iter().fold(plain, |all, byte| all & PLAIN.get(usize::from(*byte)).copied().unwrap_or_default())
            != 0
    }

    /// The bit of `PLAIN` that is for this syntax.
    const fn plain(self) -> u8 {
        match self {
            Escape::Json => 1,
            Escape::Xml | Escape::Html => 2,
            Escape::Url => 4,
            Escape::Text | Escape::Header => 8,
            Escape::None => 16,
            Escape::Log => 32,
            Escape::LogWord => 64,
        }
    }

    fn write_text(self, mut text: &str, out: &mut Vec<u8>) {
        while let Some((at, c)) = text.char_indices().find(|&(_, c)| self.touches(c)) {
            let (plain, rest) = text.split_at(at);
            out.extend_from_slice(plain.as_bytes());
            self.replace(c, out);
            text = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        out.extend_from_slice(text.as_bytes());
    }

    /// Whether the character does not stand for itself.
    fn touches(self, c: char) -> bool {
        let control = || c.is_control() && !matches!(c, '\t' | '\n');
        match self {
            Escape::Json => matches!(c, '"' | '\\' | '/' | '\u{2028}' | '\u{2029}') || c.is_control(),
            // XML 1.0 §2.2: legal characters; those that it discourages become references.
            Escape::Xml => {
                matches!(c, '&' | '<' | '>' | '"' | '\'' | '\u{FFFE}' | '\u{FFFF}')
                    || c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')
            }
            Escape::Html => matches!(c, '&' | '<' | '>' | '"' | '\'') || control(),
            Escape::Text => control(),
            Escape::Header => c.is_control() && c != '\t',
            // Those of URLs and logs are escaped byte by byte.
            Escape::Url | Escape::Log | Escape::LogWord | Escape::None => false,
        }
    }

    fn replace(self, c: char, out: &mut Vec<u8>) {
        match self {
            Escape::Json => replace_in_json(c, out),
            Escape::Xml | Escape::Html => self.replace_in_markup(c, out),
            Escape::Url | Escape::Text | Escape::None | Escape::Header | Escape::Log | Escape::LogWord => {}
        }
    }

    fn replace_in_markup(self, c: char, out: &mut Vec<u8>) {
        let replacement = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' if self == Escape::Xml => "&apos;",
            '\'' => "&#39;",
            '\u{7F}'..='\u{9F}' if self == Escape::Xml => {
                let _ = write!(out, "&#{};", u32::from(c));
                return;
            }
            _ => "",
        };
        out.extend_from_slice(replacement.as_bytes());
    }
}

#[allow(clippy::indexing_slicing, reason = "in a constant, what is out of bounds does not compile")]
const fn plain() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x80 {
        let c = byte as u8;
        let (is_graphic, is_printable) = (c.is_ascii_graphic(), c.is_ascii_graphic() || c == b' ');
        let is_quoted = matches!(c, b'"' | b'\\');
        let is_markup = matches!(c, b'&' | b'<' | b'>' | b'"' | b'\'');
        let is_unreserved = c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'~');
        // In JSON, `/` may need an escape after `<`.
        let is_plain = [
            (Escape::Json, is_printable && !is_quoted && c != b'<'),
            (Escape::Html, is_printable && !is_markup),
            (Escape::Url, is_unreserved),
            (Escape::Text, is_printable),
            (Escape::None, true),
            (Escape::Log, is_printable && !is_quoted),
            (Escape::LogWord, is_graphic && !is_quoted),
        ];
        let mut index = 0;
        while index < is_plain.len() {
            if is_plain[index].1 {
                table[byte] |= is_plain[index].0.plain();
            }
            index += 1;
        }
        byte += 1;
    }
    table
}

/// Writes a value as Apache's `ap_escape_logitem` does.
fn write_in_log(mut value: &[u8], is_word: bool, out: &mut Vec<u8>) {
    let touches = |byte: &u8| match byte {
        b' ' => is_word,
        b'"' | b'\\' => true,
        byte => !byte.is_ascii_graphic(),
    };
    while let Some((plain, (byte, rest))) = value
        .iter()
        .position(touches)
        .and_then(|at| value.split_at_checked(at))
        .and_then(|(plain, rest)| Some((plain, rest.split_first()?)))
    {
        out.extend_from_slice(plain);
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x0B => out.extend_from_slice(b"\\v"),
            // Writing to memory cannot fail.
            _ => drop(write!(out, "\\x{byte:02x}")),
        }
        value = rest;
    }
    out.extend_from_slice(value);
}

fn replace_in_json(c: char, out: &mut Vec<u8>) {
    let replacement = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{8}' => "\\b",
        '\u{C}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        // `</script>` must not end the script that the JSON is part of.
        '/' if out.last() == Some(&b'<') => "\\/",
        '/' => "/",
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to memory cannot fail.
                let _ = write!(out, "\\u{unit:04X}");
            }
            return;
        }
    };
    out.extend_from_slice(replacement.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escape: Escape, value: &[u8]) -> String {
        let mut out = Vec::new();
        escape.write(value, &mut out);
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
        assert_eq!(of("application/x-www-form-urlencoded"), Escape::Url);
        assert_eq!(of("text/plain"), Escape::Text);
    }

    #[test]
    fn what_is_plain_is_what_stands_for_itself() {
        for escape in [Escape::Json, Escape::Xml, Escape::Html, Escape::Text, Escape::None, Escape::Header] {
            for byte in 0..=u8::MAX {
                let touched = byte >= 0x80 || escape.touches(char::from(byte));
                let is_plain = escape.is_plain(&[b'a', byte, b'b']);
                assert!(
                    !is_plain || !touched || (escape == Escape::Json && byte == b'/'),
                    "{escape:?} {byte:#x}"
                );
            }
        }
        for escape in [Escape::Url, Escape::Log, Escape::LogWord] {
            for byte in (0..=u8::MAX).filter(|byte| escape.is_plain(&[*byte])) {
                let mut out = Vec::new();
                match escape {
                    Escape::Url => {
                        percent_encode(&[byte], RESERVED).for_each(|part| out.extend(part.bytes()))
                    }
                    _ => write_in_log(&[byte], escape == Escape::LogWord, &mut out),
                }
                assert_eq!(out, [byte], "{escape:?}");
            }
        }
    }

    #[test]
    fn json() {
        let json = |value: &str| escaped(Escape::Json, value.as_bytes());
        assert_eq!(json("\"\\\u{8}\u{C}\n\r\t"), r#"\"\\\b\f\n\r\t"#);
        assert_eq!(json("\u{1}\u{7F}\u{85}\u{2028}\u{2029}é😀"), r"\u0001\u007F\u0085\u2028\u2029é😀");
        assert_eq!(json("a/b </script> < /"), r"a/b <\/script> < /");
        let mut after = b"<".to_vec();
        Escape::Json.write(b"/script", &mut after);
        assert_eq!(after, br"<\/script");
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
    fn urls() {
        assert_eq!(
            escaped(Escape::Url, "aZ09-._~ +%&=/é\n".as_bytes()),
            "aZ09-._~%20%2B%25%26%3D%2F%C3%A9%0A"
        );
        assert_eq!(escaped(Escape::Url, b"a\xff"), "a%FF");
    }

    #[test]
    fn logs() {
        let value = "a \"b\" \\\u{8}\n\r\t\u{B}\u{1b}[31m\u{7f}\u{85}é";
        let expected = r#"a \"b\" \\\b\n\r\t\v\x1b[31m\x7f\xc2\x85\xc3\xa9"#;
        assert_eq!(escaped(Escape::Log, value.as_bytes()), expected);
        assert_eq!(escaped(Escape::LogWord, b"a b"), r"a\x20b");
    }

    #[test]
    fn nothing_and_headers() {
        let value = "<\"%\r\n\0\t\u{7F}\u{85}é>";
        assert_eq!(escaped(Escape::None, value.as_bytes()), value);
        assert_eq!(escaped(Escape::Header, value.as_bytes()), "<\"%\té>");
    }

    #[test]
    fn what_is_not_utf8_is_replaced() {
        for escape in [Escape::Text, Escape::None, Escape::Header] {
            assert_eq!(escaped(escape, b"a\xffb\xe2\x82"), "a\u{FFFD}b\u{FFFD}");
        }
    }
}
