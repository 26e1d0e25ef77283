//! Diagnostics as people read them.

use std::fmt::{self, Write};

use unicode_width::UnicodeWidthChar;

use super::{Diagnostic, Severity, Source};

/// A diagnostic and how to paint it.
pub(super) struct Rendered<'a> {
    pub(super) diagnostic: &'a Diagnostic,
    pub(super) style: &'static Style,
}

/// What is written to change the colour.
pub(super) struct Style {
    error: &'static str,
    warning: &'static str,
    gutter: &'static str,
    bold: &'static str,
    reset: &'static str,
}

pub(super) const PLAIN: Style = Style { error: "", warning: "", gutter: "", bold: "", reset: "" };
pub(super) const ANSI: Style = Style {
    error: "\x1b[1;31m",
    warning: "\x1b[1;33m",
    gutter: "\x1b[1;34m",
    bold: "\x1b[1m",
    reset: "\x1b[0m",
};

/// How many columns of a line are shown.
const WIDTH: usize = 120;
/// How many of them are kept for what follows the start of the mistake, if so much follows.
const AHEAD: usize = 80;
/// What a tab is shown as.
const TAB: &str = "    ";

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { severity, message, source, span, help, .. } = self.diagnostic;
        let Style { gutter, bold, reset, .. } = self.style;
        let color = match severity {
            Severity::Error => self.style.error,
            Severity::Warning => self.style.warning,
        };

        f.write_str(bold)?;
        write_harmless(f, &source.path.to_string_lossy())?;
        let positions = self.diagnostic.positions();
        if let Some(start) = positions.as_ref().map(|positions| positions.start) {
            write!(f, ":{}:{}", start.line, start.column)?;
        }
        write!(f, ":{reset} {color}{severity}{reset}{bold}: ")?;
        write_harmless(f, message)?;
        f.write_str(reset)?;

        let mut margin = 1;
        if let (Some(positions), Some(span)) = (positions, span) {
            let line = positions.start.line.to_string();
            let excerpt = Excerpt::new(source, span.start, span.end);
            margin = line.len() + 2;
            write!(f, "\n{:margin$}{gutter}|{reset}", "")?;
            write!(f, "\n {gutter}{line} |{reset}")?;
            if !excerpt.text.is_empty() {
                write!(f, " {}", excerpt.text)?;
            }
            let (before, carets) = (excerpt.before, "^".repeat(excerpt.width));
            write!(f, "\n{:margin$}{gutter}|{reset} {:before$}{color}{carets}{reset}", "", "")?;
        }
        if let Some(help) = help {
            write!(f, "\n{:margin$}{gutter}={reset} {bold}help:{reset} ", "")?;
            write_harmless(f, help)?;
        }
        Ok(())
    }
}

/// A line of a source, as much of it as fits, and where in it the carets go.
#[derive(Debug, Default)]
struct Excerpt {
    text: String,
    /// How many columns are before the carets.
    before: usize,
    /// How many carets there are.
    width: usize,
}

impl Excerpt {
    fn new(source: &Source, start: usize, end: usize) -> Self {
        let text = source.text();
        let line = source.line_at(start);
        let mut start = start.min(line.end);
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = text.get(line.start..start).unwrap_or_default();
        let after = text.get(start..line.end).unwrap_or_default();

        let ahead = columns(after.chars(), WIDTH).1;
        let (skipped, _) = columns(before.chars().rev(), WIDTH - ahead.min(AHEAD));
        let cut_left = skipped < before.len();
        let before = before.get(before.len() - skipped..).unwrap_or_default();
        let left = columns(before.chars(), WIDTH).1;
        let (kept, _) = columns(after.chars(), WIDTH - left);
        let cut_right = kept < after.len();
        let after = after.get(..kept).unwrap_or_default();

        let mut excerpt = Self::default();
        if cut_left {
            excerpt.push('…');
        }
        before.chars().for_each(|c| excerpt.push(c));
        excerpt.before = std::mem::take(&mut excerpt.width);
        for (at, c) in after.char_indices() {
            let counted = excerpt.width;
            excerpt.push(c);
            if start + at >= end {
                excerpt.width = counted;
            }
        }
        excerpt.width = excerpt.width.max(1);
        if cut_right {
            excerpt.text.push('…');
        }
        excerpt.text.truncate(excerpt.text.trim_end().len());
        excerpt
    }

    /// Adds a character as it is shown, and counts the columns that it takes.
    fn push(&mut self, c: char) {
        match c {
            '\t' => self.text.push_str(TAB),
            c => self.text.push(harmless(c)),
        }
        self.width += width(c);
    }
}

/// How many bytes of the characters fit into so many columns, and how many columns they take.
/// Characters without a width count too, so that there is an end to them.
fn columns(characters: impl Iterator<Item = char>, limit: usize) -> (usize, usize) {
    let (mut bytes, mut taken) = (0, 0);
    for c in characters {
        let next = taken + width(c).max(1);
        if next > limit {
            break;
        }
        (bytes, taken) = (bytes + c.len_utf8(), next);
    }
    (bytes, taken)
}

/// The columns that a character takes as it is shown.
fn width(c: char) -> usize {
    match c {
        '\t' => TAB.len(),
        c => harmless(c).width().unwrap_or(1),
    }
}

/// Text of a file or from a user, made unable to drive a terminal or to start another line.
fn write_harmless(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| f.write_char(harmless(c)))
}

/// What a character is shown as: itself, unless it controls the terminal or the direction of text.
fn harmless(c: char) -> char {
    match c {
        '\0'..='\x1F' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7F' => '\u{2421}',
        '\u{80}'..='\u{9F}'
        | '\u{61C}'
        | '\u{200E}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}' => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}
