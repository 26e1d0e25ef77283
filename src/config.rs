//! The rules file: from bytes to [`Rules`], or to all the mistakes in it.

use std::path::{Path, PathBuf};

pub mod diagnostic;
pub mod document;

pub use diagnostic::{Diagnostic, Diagnostics};

use crate::Rules;

/// What loading yields.
#[derive(Debug)]
pub struct Loaded {
    /// The rules.
    pub rules: Rules,
    /// What was accepted, but is likely not what was meant.
    pub warnings: Diagnostics,
    /// Every file that was read: the rules file, then the message files.
    pub files: Vec<PathBuf>,
}

/// Why a rules file cannot be used.
#[derive(Debug)]
pub struct Refused {
    /// All mistakes, and the warnings.
    pub diagnostics: Diagnostics,
    /// Every file that was asked for, whether it could be read or not.
    pub files: Vec<PathBuf>,
}

/// Loads a rules file and the message files that it names.
pub fn load(_path: &Path) -> Result<Loaded, Refused> {
    unimplemented!()
}
