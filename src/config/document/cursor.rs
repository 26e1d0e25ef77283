//! Reading along a text: names, white space, and what else markup is made of.

use std::ops::Range;

use super::{
    error::{Construct, Error, ErrorKind},
    names::{is_ascii_name_char, is_name_char, is_name_start, is_space},
};

/// A name with its prefix, as written.
#[derive(Clone, Debug)]
pub(super) struct QName<'t> {
    /// All of it.
    pub(super) text: &'t str,
    pub(super) prefix: Option<&'t str>,
    pub(super) local: &'t str,
    pub(super) span: Range<usize>,
}

/// A place in the text that moves forward.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn here(&self, c: char) -> Range<usize> {
        self.at..self.at + c.len_utf8()
    }

    pub(super) fn unexpected(&self, c: char) -> Error {
        ErrorKind::Unexpected(c).at(self.here(c))
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = rest.get(..rest.find(|c| !fits(c)).unwrap_or(rest.len())).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    pub(super) fn space(&mut self) -> bool {
        !self.take_while(is_space).is_empty()
    }

    /// Characters of names, and colons.
    fn name(&mut self) -> &'t str {
        let rest = self.rest();
        let ascii = rest.bytes().take_while(|byte| is_ascii_name_char(*byte) || *byte == b':').count();
        if rest.as_bytes().get(ascii).is_some_and(|next| !next.is_ascii()) {
            return self.take_while(|c| is_name_char(c) || c == ':');
        }
        self.at += ascii;
        rest.get(..ascii).unwrap_or_default()
    }

    /// `QName` (Namespaces in XML, §4).
    pub(super) fn qname(&mut self) -> Result<QName<'t>, Error> {
        let start = self.at;
        let text = self.name();
        let (prefix, local) = match text.bytes().position(|byte| byte == b':') {
            Some(colon) => (text.get(..colon), text.get(colon + 1..).unwrap_or_default()),
            None => (None, text),
        };
        // What was taken holds nothing but characters of names and colons.
        let is_name = |part: &str| part.starts_with(is_name_start) && part.bytes().all(|byte| byte != b':');
        if prefix.is_none_or(is_name) && is_name(local) {
            return Ok(QName { text, prefix, local, span: start..self.at });
        }
        Err(match self.peek() {
            Some(c) if text.is_empty() => self.unexpected(c),
            None if text.is_empty() => ErrorKind::Unclosed(Construct::Tag).at(start.saturating_sub(1)..start),
            _ => ErrorKind::Name(text.to_owned()).at(start..self.at),
        })
    }
}
