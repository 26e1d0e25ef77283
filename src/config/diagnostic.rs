//! A mistake in a file: where, what, and how to mend it.

use std::{fmt, ops::Range, sync::Arc};

use serde::{Serialize, Serializer};

pub use source::{Position, Source};

mod render;
mod source;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but says something that is likely not meant.
    Warning,
}

/// One mistake or warning. Displayed as one greppable line and, if it has a place, an excerpt of the
/// file; [`Diagnostic::colored`] displays the same for terminals.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for machines.
    pub code: &'static str,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// The file.
    pub source: Arc<Source>,
    /// Where in it: bytes of its text. `None` if it is about the file as a whole.
    pub span: Option<Range<usize>>,
    /// How to mend it.
    pub help: Option<String>,
}

/// Mistakes and warnings.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostic {
    /// Displays with ANSI colours.
    pub fn colored(&self) -> impl fmt::Display {
        render::Rendered { diagnostic: self, style: &render::ANSI }
    }

    /// Where it starts and where it ends, if it has a place in a text that could be read.
    pub fn positions(&self) -> Option<Range<Position>> {
        let span = self.span.as_ref().filter(|_| !self.source.text().is_empty())?;
        Some(self.source.position(span.start)..self.source.position(span.end.max(span.start)))
    }
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Sorts by file, then by place in it; those of one place stay in their order.
    pub fn sort(&mut self) {
        let place = |diagnostic: &Diagnostic| diagnostic.span.as_ref().map(|span| span.start);
        self.0.sort_by(|a, b| a.source.path.cmp(&b.source.path).then_with(|| place(a).cmp(&place(b))));
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// The errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: T) {
        self.0.extend(diagnostics);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for Diagnostics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            severity: Severity,
            code: &'static str,
            message: &'a str,
            file: &'a str,
            line: Option<usize>,
            column: Option<usize>,
            /// The place after the last character.
            end_line: Option<usize>,
            end_column: Option<usize>,
            help: Option<&'a str>,
        }

        let positions = self.positions();
        let (start, end) = positions.map_or((None, None), |range| (Some(range.start), Some(range.end)));
        Flat {
            severity: self.severity,
            code: self.code,
            message: &self.message,
            file: &self.source.path.to_string_lossy(),
            line: start.map(|position| position.line),
            column: start.map(|position| position.column),
            end_line: end.map(|position| position.line),
            end_column: end.map(|position| position.column),
            help: self.help.as_deref(),
        }
        .serialize(serializer)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render::Rendered { diagnostic: self, style: &render::PLAIN }.fmt(f)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().enumerate().try_for_each(|(index, diagnostic)| {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.fmt(f)
        })
    }
}
