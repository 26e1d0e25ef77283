//! The rules of a case.

use std::{
    collections::BTreeMap,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Case, mistake};
use crate::{
    Rules,
    config::{
        self, Diagnostic, Diagnostics,
        href::{Files, HrefError, Target},
    },
};

/// Where the rules of a case are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruleset {
    /// In the case.
    Inline {
        /// The rules file.
        text: String,
        /// Where the text is written.
        span: Range<usize>,
        /// The message files beside it.
        files: BTreeMap<String, String>,
    },
    /// In a file.
    File(PathBuf),
    /// The case says nothing of rules: it is for any.
    Any,
}

/// The message files of a case.
struct Inline<'a> {
    base: &'a Path,
    files: &'a BTreeMap<String, String>,
}

impl Case {
    /// Loads the rules. Warnings come with them; mistakes in rules that stand in the case have
    /// their place in its file.
    pub fn rules(&self) -> Result<(Rules, Diagnostics), Diagnostics> {
        match &self.rules {
            Ruleset::Inline { text, span, files } => {
                let path = &self.source.path;
                let mut files = Inline { base: path.parent().unwrap_or(Path::new("")), files };
                let moved = |found: Diagnostics| {
                    let mut here = Diagnostics::default();
                    here.extend(found.into_iter().map(|diagnostic| self.moved(diagnostic, text, span)));
                    here
                };
                match config::parse(text.as_bytes(), path, &mut files) {
                    Ok((rules, warnings)) => Ok((rules, moved(warnings))),
                    Err(mistakes) => Err(moved(mistakes)),
                }
            }
            Ruleset::File(path) => match config::load(path) {
                Ok(loaded) => Ok((loaded.rules, loaded.warnings)),
                Err(refused) => Err(refused.diagnostics),
            },
            Ruleset::Any => {
                let help = "`rules` holds them, `rules-file` names them, and so does `retort test --rules`";
                Err(mistake(&self.source, "no-rules", "the case has no rules".to_owned(), Some(help)))
            }
        }
    }

    /// The diagnostic with its place in the file of the case, where it has one in the rules.
    fn moved(&self, diagnostic: Diagnostic, text: &str, written: &Range<usize>) -> Diagnostic {
        if diagnostic.source.path != self.source.path {
            return diagnostic;
        }
        // Where TOML escapes were undone, no place in the one is a place in the other.
        let start = self.source.text().get(written.clone()).and_then(|raw| raw.find(text));
        let span = match (start, diagnostic.span) {
            (Some(start), Some(span)) => {
                let start = written.start + start;
                start + span.start..start + span.end
            }
            _ => written.clone(),
        };
        Diagnostic { source: Arc::clone(&self.source), span: Some(span), ..diagnostic }
    }
}

impl Files for Inline<'_> {
    fn read(&mut self, target: &Target) -> Result<String, HrefError> {
        let found = self.files.iter().find(|(name, _)| self.base.join(name) == target.path);
        let missing = || {
            let error = io::Error::new(io::ErrorKind::NotFound, "the case has no such file");
            HrefError::Unreadable(target.path.clone(), error)
        };
        found.map(|(_, text)| text.clone()).ok_or_else(missing)
    }
}
