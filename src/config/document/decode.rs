//! From the bytes of a file to text.

use std::ops::Range;

use super::{
    MAX_SIZE,
    error::{Error, ErrorKind},
    scan,
};

/// Decodes a file: UTF-8 or US-ASCII, UTF-16 with a byte order mark, or ISO-8859-1 if the XML
/// declaration says so. The text has no byte order mark.
pub fn decode(bytes: &[u8]) -> Result<String, Error> {
    match read(bytes) {
        (text, None) => Ok(text),
        (_, Some(error)) => Err(error),
    }
}

/// The text of a file as far as it can be decoded, to show where the error of [`decode`] is: its
/// span is one of this text. Empty for a file that is too large.
pub fn decode_lossy(bytes: &[u8]) -> String {
    read(bytes).0
}

/// How the characters of a file are written in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Latin1,
    Ascii,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Latin1 => "ISO-8859-1",
            Self::Ascii => "US-ASCII",
        }
    }

    /// Decodes the bytes, with U+FFFD for those that are none of it, and tells where the first one is.
    fn read(self, bytes: &[u8]) -> (String, Option<usize>) {
        match self {
            Self::Utf8 => match str::from_utf8(bytes) {
                Ok(text) => (text.to_owned(), None),
                Err(error) => (String::from_utf8_lossy(bytes).into_owned(), Some(error.valid_up_to())),
            },
            Self::Utf16Le => read_utf16(bytes, u16::from_le_bytes),
            Self::Utf16Be => read_utf16(bytes, u16::from_be_bytes),
            Self::Latin1 => (bytes.iter().copied().map(char::from).collect(), None),
            Self::Ascii => collect(bytes.iter().map(|&byte| byte.is_ascii().then(|| char::from(byte)))),
        }
    }
}

/// Decodes what can be decoded, and names the first mistake.
fn read(bytes: &[u8]) -> (String, Option<Error>) {
    if bytes.len() > MAX_SIZE {
        return (String::new(), Some(ErrorKind::TooLarge.at(0..0)));
    }
    let (marked, bytes) = split_mark(bytes);
    let assumed = marked.unwrap_or(Encoding::Utf8);
    let (text, invalid) = assumed.read(bytes);

    let declared = declared_encoding(&text);
    let encoding =
        declared.map_or(Ok(assumed), |(name, span)| reconcile(marked, name).map_err(|kind| kind.at(span)));
    match encoding {
        Ok(encoding) if encoding == assumed => {
            let error = invalid.map(|at| not_in(encoding, at));
            (text, error)
        }
        Ok(encoding) => {
            let (text, invalid) = encoding.read(bytes);
            let error = invalid.map(|at| not_in(encoding, at));
            (text, error)
        }
        Err(error) => (text, Some(error)),
    }
}

/// Takes the byte order mark off.
fn split_mark(bytes: &[u8]) -> (Option<Encoding>, &[u8]) {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => (Some(Encoding::Utf8), rest),
        [0xFF, 0xFE, rest @ ..] => (Some(Encoding::Utf16Le), rest),
        [0xFE, 0xFF, rest @ ..] => (Some(Encoding::Utf16Be), rest),
        _ => (None, bytes),
    }
}

/// What the XML declaration says. A malformed one says nothing: reading the document will refuse it.
fn declared_encoding(text: &str) -> Option<(&str, Range<usize>)> {
    let span = text.starts_with("<?xml").then(|| scan::declaration(text).ok().flatten())??;
    Some((text.get(span.clone())?, span))
}

/// The encoding that a byte order mark and a declaration agree on.
fn reconcile(marked: Option<Encoding>, declared: &str) -> Result<Encoding, ErrorKind> {
    let candidates: &[Encoding] = match declared.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => &[Encoding::Utf8],
        "utf-16" => &[Encoding::Utf16Le, Encoding::Utf16Be],
        "utf-16le" => &[Encoding::Utf16Le],
        "utf-16be" => &[Encoding::Utf16Be],
        "iso-8859-1" | "iso_8859-1" | "latin1" => &[Encoding::Latin1],
        "us-ascii" | "ascii" => &[Encoding::Ascii],
        _ => return Err(ErrorKind::UnknownEncoding(declared.to_owned())),
    };
    let fits = |candidate: &&Encoding| match marked {
        Some(marked) => **candidate == marked,
        None => !matches!(candidate, Encoding::Utf16Le | Encoding::Utf16Be),
    };
    candidates.iter().find(fits).copied().ok_or_else(|| ErrorKind::EncodingMismatch {
        declared: declared.to_owned(),
        actual: marked.unwrap_or(Encoding::Utf8).name(),
    })
}

fn not_in(encoding: Encoding, at: usize) -> Error {
    ErrorKind::NotInEncoding(encoding.name()).at(at..at + char::REPLACEMENT_CHARACTER.len_utf8())
}

fn read_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> (String, Option<usize>) {
    let (pairs, odd) = bytes.as_chunks();
    let units = pairs.iter().copied().map(unit);
    collect(char::decode_utf16(units).map(Result::ok).chain(odd.first().map(|_| None)))
}

fn collect(characters: impl Iterator<Item = Option<char>>) -> (String, Option<usize>) {
    let (mut text, mut invalid) = (String::new(), None);
    for c in characters {
        if c.is_none() {
            invalid = invalid.or(Some(text.len()));
        }
        text.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    (text, invalid)
}
