//! What can be wrong with a template. Knows nothing of files.

use std::{fmt, ops::Range};

/// A mistake that keeps a template from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where: bytes of the template's text.
    pub span: Range<usize>,
}

/// The kinds of mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {}

/// Something that is accepted but likely not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is.
    pub kind: WarningKind,
    /// Where: bytes of the template's text.
    pub span: Range<usize>,
}

/// The kinds of warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {}

impl fmt::Display for ErrorKind {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl ErrorKind {
    /// How to mend it.
    pub fn help(&self) -> Option<String> {
        match *self {}
    }

    /// A stable name for machines.
    pub fn code(&self) -> &'static str {
        match *self {}
    }
}

impl fmt::Display for WarningKind {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl WarningKind {
    /// How to mend it.
    pub fn help(&self) -> Option<String> {
        match *self {}
    }

    /// A stable name for machines.
    pub fn code(&self) -> &'static str {
        match *self {}
    }
}
