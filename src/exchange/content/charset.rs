//! From bytes to text.

use super::{MAX_CONTENT, Text};

/// How bytes stand for characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Charset {
    #[default]
    Utf8,
    /// With what it extends: ASCII and, as everybody takes it, ISO-8859-1.
    Windows1252,
    Unknown,
}

/// What windows-1252 has from 0x80, where ISO-8859-1 has control characters.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl Charset {
    /// What a Content-Type says; UTF-8 where it says nothing.
    pub(super) fn of(content_type: &[u8]) -> Self {
        let mut parameters = content_type.split(|&byte| byte == b';').skip(1);
        let charset = parameters.find_map(|parameter| {
            let at = parameter.iter().position(|&byte| byte == b'=')?;
            let (name, value) = parameter.split_at_checked(at)?;
            let is_charset = name.trim_ascii().eq_ignore_ascii_case(b"charset");
            is_charset.then(|| value.get(1..).unwrap_or_default().trim_ascii())
        });
        let Some(value) = charset else { return Self::Utf8 };
        let quoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        match &*quoted.unwrap_or(value).to_ascii_lowercase() {
            b"" | b"utf-8" | b"utf8" => Self::Utf8,
            b"us-ascii" | b"ascii" | b"iso-8859-1" | b"iso8859-1" | b"latin1" | b"windows-1252"
            | b"cp1252" => Self::Windows1252,
            _ => Self::Unknown,
        }
    }

    /// Reads the bytes as characters, as many as fit into [`MAX_CONTENT`]. What cannot be read
    /// becomes U+FFFD, but for a last character of which only the beginning came.
    pub(super) fn text(self, bytes: &[u8], is_cut: bool) -> Text {
        let mut text = Text { text: String::with_capacity(bytes.len()), is_cut };
        match self {
            Self::Utf8 => text.fill_from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
            Self::Windows1252 => text.fill(bytes.iter().map(|&byte| windows(byte))),
            Self::Unknown => text.is_cut = true,
        }
        text
    }
}

impl Text {
    fn fill_from_utf8(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            let invalid = chunk.invalid();
            let is_begun = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            let replacement = if invalid.is_empty() || is_begun && self.is_cut { "" } else { "\u{fffd}" };
            if !(self.fits(chunk.valid()) && self.fits(replacement)) {
                return;
            }
        }
    }

    fn fill(&mut self, mut characters: impl Iterator<Item = char>) {
        let _ = characters.all(|character| self.fits(character.encode_utf8(&mut [0; 4])));
    }

    /// Appends what there is room for, and tells whether that was all.
    fn fits(&mut self, more: &str) -> bool {
        let room = MAX_CONTENT.saturating_sub(self.text.len());
        if more.len() <= room {
            self.text.push_str(more);
            return true;
        }
        let end = (0..=room).rev().find(|&end| more.is_char_boundary(end)).unwrap_or(0);
        self.text.push_str(more.get(..end).unwrap_or_default());
        self.is_cut = true;
        false
    }
}

fn windows(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|at| WINDOWS.get(usize::from(at)));
    special.copied().unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_content_type_says() {
        let cases: [(&str, Charset); 9] = [
            ("text/plain", Charset::Utf8),
            ("text/plain;charset=UTF-8", Charset::Utf8),
            ("text/plain; a=b; Charset = \"utf-8\" ", Charset::Utf8),
            ("text/plain; charset=", Charset::Utf8),
            ("text/plain; charset=ISO-8859-1", Charset::Windows1252),
            ("text/plain; charset=us-ascii; charset=utf-8", Charset::Windows1252),
            ("text/plain; charset=utf-16", Charset::Unknown),
            ("text/plain; charset", Charset::Utf8),
            ("", Charset::Utf8),
        ];
        for (content_type, charset) in cases {
            assert_eq!(Charset::of(content_type.as_bytes()), charset, "{content_type}");
        }
    }

    #[test]
    fn nothing_follows_what_was_cut() {
        let before = "x".repeat(MAX_CONTENT - 1).into_bytes();
        let cases: [(Charset, &[u8]); 2] =
            [(Charset::Utf8, "\u{e4}x".as_bytes()), (Charset::Windows1252, b"\xe4x")];
        for (charset, end) in cases {
            let text = charset.text(&[&before[..], end].concat(), false);
            assert_eq!((text.text.len(), text.is_cut), (MAX_CONTENT - 1, true), "{charset:?}");
        }
        let broken = [&before[..], b"\xffx"].concat();
        assert_eq!(Charset::Utf8.text(&broken, false).text.len(), MAX_CONTENT - 1);
    }
}
