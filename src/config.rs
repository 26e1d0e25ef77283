//! The rules file: from bytes to [`Rules`], or to all the mistakes in it.

use std::{
    io, iter,
    path::{Path, PathBuf},
    sync::Arc,
};

pub mod diagnostic;
pub mod document;
pub mod href;
mod sample;
mod schema;

pub use diagnostic::{Diagnostic, Diagnostics, Severity, Source};
#[cfg(feature = "cli")]
pub(crate) use schema::{NAMESPACE, OLD_NAMESPACES};

use crate::Rules;
use document::Document;
use href::{Digest, Disk, Files, ReadError, read_bounded};

/// The largest rules file, in bytes.
pub const MAX_RULES_FILE: u64 = 16 << 20;

/// What loading yields.
#[derive(Debug)]
pub struct Loaded {
    /// The rules.
    pub rules: Rules,
    /// What was accepted, but is likely not what was meant.
    pub warnings: Diagnostics,
    /// Every file that was read: the rules file, then the message files.
    pub files: Vec<PathBuf>,
    /// What each of them held. `None`: one was read twice, and not the same each time.
    pub digests: Option<Vec<Digest>>,
}

/// Why a rules file cannot be used.
#[derive(Debug)]
pub struct Refused {
    /// All mistakes, and the warnings.
    pub diagnostics: Diagnostics,
    /// Every file that was asked for, whether it could be read or not.
    pub files: Vec<PathBuf>,
    /// Whether there is no rules file.
    pub missing: bool,
    /// What each of the files held. `None`: one could not be read, or was not the same each time.
    pub digests: Option<Vec<Digest>>,
}

/// Loads a rules file and the message files that it names.
pub fn load(path: &Path) -> Result<Loaded, Refused> {
    let mut disk = Disk::default();
    let bytes = read_bounded(path, MAX_RULES_FILE);
    let digest = bytes.is_ok().then(|| Digest::of(&bytes));
    let (result, missing) = match bytes {
        Ok(bytes) => (parse(&bytes, path, &mut disk), false),
        Err(error) => (Err(unreadable(path, &error)), is_missing(&error)),
    };
    let digests = digest.zip(disk.digests()).map(|(first, rest)| iter::once(first).chain(rest).collect());
    let mut files = vec![path.to_owned()];
    files.append(&mut disk.asked);
    match result {
        Ok((rules, warnings)) => Ok(Loaded { rules, warnings, files, digests }),
        Err(diagnostics) => Err(Refused { diagnostics, files, missing, digests }),
    }
}

/// Parses a rules file. `path` names it in diagnostics, and relative message files are beside it;
/// `files` reads these.
pub fn parse(bytes: &[u8], path: &Path, files: &mut dyn Files) -> Result<(Rules, Diagnostics), Diagnostics> {
    let (source, document) = well_formed(bytes, path)?;
    schema::read(&document, &source, files)
}

/// Decodes a file and reads it as XML. `path` names it in diagnostics.
pub fn well_formed(bytes: &[u8], path: &Path) -> Result<(Arc<Source>, Document), Diagnostics> {
    let source = |text: String| Arc::new(Source::new(path.to_owned(), text));
    let text =
        document::decode(bytes).map_err(|error| malformed(&error, source(document::decode_lossy(bytes))))?;
    let source = source(text);
    let document = document::parse(source.text()).map_err(|error| malformed(&error, source.clone()))?;
    Ok((source, document))
}

/// The bytes of a rules file.
pub fn open(path: &Path) -> Result<Vec<u8>, Diagnostics> {
    read_bounded(path, MAX_RULES_FILE).map_err(|error| unreadable(path, &error))
}

fn malformed(error: &document::Error, source: Arc<Source>) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic {
        severity: Severity::Error,
        code: error.kind.code(),
        message: error.to_string(),
        source,
        span: Some(error.span.clone()),
        help: error.kind.help(),
    });
    diagnostics
}

fn is_missing(error: &ReadError) -> bool {
    matches!(error, ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound)
}

fn unreadable(path: &Path, error: &ReadError) -> Diagnostics {
    let (message, help) = match error {
        ReadError::Io(error) => (format!("cannot read the rules file: {error}"), None),
        ReadError::NotAFile => ("the rules file is not a regular file".to_owned(), None),
        ReadError::TooLarge(limit) => (
            format!("the rules file is larger than {limit} bytes"),
            Some("messages can be files of their own"),
        ),
    };
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic {
        severity: Severity::Error,
        code: "unreadable-file",
        message,
        source: Arc::new(Source::new(path.to_owned(), String::new())),
        span: None,
        help: help.map(str::to_owned),
    });
    diagnostics
}
