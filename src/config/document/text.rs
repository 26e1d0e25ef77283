//! Text that knows where each of its characters stands in the source.

use std::ops::Range;

use super::{error::Error, scan};

/// The value of an attribute, or the text between two tags, as it is meant: references resolved,
/// line ends and the white space of attributes normalised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// What is meant.
    pub value: String,
    span: Range<usize>,
    pieces: Vec<Piece>,
}

/// A run of the value. It stands in the source byte for byte where both are equally long
/// (no reference is as short as what it stands for); else the whole stands for the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    /// Where it starts in the value; it ends where the next one starts.
    value: usize,
    source: Range<usize>,
}

impl Text {
    /// Where it stands in the source: all of it, quotes and the outermost CDATA brackets left out.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Where a range of bytes of the value stands in the source.
    ///
    /// What stands for several bytes, such as a reference, is taken whole. A range that
    /// crosses markup, such as a comment, includes it.
    pub fn source_span(&self, range: Range<usize>) -> Range<usize> {
        let start = self.source_start(range.start);
        if range.is_empty() {
            return start..start;
        }
        start..self.source_end(range.end).max(start)
    }

    /// Reads the value of an attribute: what stands between its quotes.
    pub(super) fn of_attribute(source: &str, span: Range<usize>) -> Result<Self, Error> {
        let mut text = Self { span: span.clone(), ..Self::default() };
        let mut at = span.start;
        while at < span.end {
            let rest = source.get(at..span.end).unwrap_or_default();
            at = match rest.find(['&', '\t', '\r', '\n']) {
                Some(0) if rest.starts_with('&') => text.push_reference(source, at)?,
                Some(0) => text.push(" ", at..at + space_length(rest)),
                special => text.push_plain(rest, special, at),
            };
        }
        Ok(text)
    }

    /// Adds characters as they stand in an element, line ends normalised.
    pub(super) fn push_characters(&mut self, source: &str, span: Range<usize>) {
        let mut at = span.start;
        while at < span.end {
            let rest = source.get(at..span.end).unwrap_or_default();
            at = match rest.find('\r') {
                Some(0) => self.push("\n", at..at + space_length(rest)),
                special => self.push_plain(rest, special, at),
            };
        }
    }

    /// Adds what the reference at `at` stands for. Returns where it ends, as all of these do.
    pub(super) fn push_reference(&mut self, source: &str, at: usize) -> Result<usize, Error> {
        let (c, end) = scan::reference(source, at)?;
        Ok(self.push(c.encode_utf8(&mut [0; 4]), at..end))
    }

    /// Adds what stands at `at` before the next special character.
    fn push_plain(&mut self, rest: &str, special: Option<usize>, at: usize) -> usize {
        let plain = special.and_then(|length| rest.get(..length)).unwrap_or(rest);
        self.push(plain, at..at + plain.len())
    }

    fn push(&mut self, value: &str, source: Range<usize>) -> usize {
        if self.span.is_empty() {
            self.span.start = source.start;
        }
        let end = source.end;
        self.span.end = self.span.end.max(end);
        let length = self.value.len();
        match self.pieces.last_mut() {
            Some(last)
                if last.source.end == source.start
                    && last.source.len() == length - last.value
                    && source.len() == value.len() =>
            {
                last.source.end = end;
            }
            _ => self.pieces.push(Piece { value: length, source }),
        }
        self.value.push_str(value);
        end
    }

    fn source_start(&self, at: usize) -> usize {
        if at >= self.value.len() {
            return self.span.end;
        }
        self.piece_at(at).map_or(self.span.start, |(piece, verbatim)| {
            if verbatim { piece.source.start + (at - piece.value) } else { piece.source.start }
        })
    }

    fn source_end(&self, end: usize) -> usize {
        let last = end.min(self.value.len()).saturating_sub(1);
        self.piece_at(last).map_or(self.span.end, |(piece, verbatim)| {
            if verbatim { piece.source.start + (last + 1 - piece.value) } else { piece.source.end }
        })
    }

    /// The piece that holds a byte of the value, and whether it is verbatim.
    fn piece_at(&self, at: usize) -> Option<(&Piece, bool)> {
        let next = self.pieces.partition_point(|piece| piece.value <= at);
        let piece = self.pieces.get(next.checked_sub(1)?)?;
        let end = self.pieces.get(next).map_or(self.value.len(), |piece| piece.value);
        Some((piece, piece.source.len() == end - piece.value))
    }
}

/// The length of the white space character, or line end of two, that the text starts with.
fn space_length(text: &str) -> usize {
    if text.starts_with("\r\n") { 2 } else { 1 }
}
