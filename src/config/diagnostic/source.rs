//! Files that diagnostics point into, and places in them.

use std::{ops::Range, path::PathBuf, sync::OnceLock};

/// A file that diagnostics point into.
#[derive(Debug)]
pub struct Source {
    /// Its path, as it was given.
    pub path: PathBuf,
    text: String,
    index: OnceLock<Index>,
}

/// A place in a source, for people: line and column count from 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Source {
    /// `text` is the decoded content, empty if the file could not be read.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), index: OnceLock::new() }
    }

    /// The content.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of a byte of the text.
    pub fn position(&self, at: usize) -> Position {
        let index = self.index();
        let line = index.line(at);
        let start = index.line_start(line);
        let before = index.characters_before(&self.text, at) - index.characters_before(&self.text, start);
        Position { line: line + 1, column: before + 1 }
    }

    /// The line that holds a byte of the text, without its end.
    pub(super) fn line_at(&self, at: usize) -> Range<usize> {
        let index = self.index();
        let line = index.line(at);
        let start = index.line_start(line);
        let end = index.lines.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let text = self.text.get(start..end).unwrap_or_default();
        start..start + text.strip_suffix('\r').unwrap_or(text).len()
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(&self.text))
    }
}

/// What makes looking up a line and a column quick, however large the file and long its lines.
#[derive(Debug)]
struct Index {
    /// Where each line starts.
    lines: Vec<usize>,
    /// How many characters start in the first 0, 1, 2, … times [`STEP`] bytes.
    characters: Vec<usize>,
}

/// Bytes between two entries of [`Index::characters`].
const STEP: usize = 4096;

impl Index {
    fn new(text: &str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut total = 0;
        let characters = std::iter::once(0)
            .chain(text.as_bytes().chunks(STEP).map(|chunk| {
                total += count_characters(chunk);
                total
            }))
            .collect();
        Self { lines, characters }
    }

    /// The line that holds a byte, from 0.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|&start| start <= at).saturating_sub(1)
    }

    fn line_start(&self, line: usize) -> usize {
        self.lines.get(line).copied().unwrap_or(0)
    }

    fn characters_before(&self, text: &str, at: usize) -> usize {
        let at = at.min(text.len());
        let step = at / STEP;
        let rest = text.as_bytes().get(step * STEP..at).unwrap_or_default();
        self.characters.get(step).copied().unwrap_or(0) + count_characters(rest)
    }
}

/// How many characters start in a piece of UTF-8.
fn count_characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0b1100_0000 != 0b1000_0000).count()
}
