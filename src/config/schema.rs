//! From XML elements to rules: Repose's schema, what it leaves to its documentation, and what goes
//! beyond both.

mod condition;
mod content_type;
mod element;
mod field;
mod field_value;
mod message;
mod overwrite;
mod pattern;
mod reporter;
mod root;
mod rule;
mod statuses;
mod text;
mod value;

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{
    diagnostic::{Diagnostics, Source},
    document::Document,
    href::Files,
};
use crate::{
    rules::Rules,
    status::{self, StatusSet},
    template::Expose,
};
use reporter::Reporter;
#[cfg(feature = "cli")]
pub(crate) use root::{NAMESPACE, OLD_NAMESPACES};

/// The most rules and messages that a file may hold, together.
const MAX_ITEMS: usize = 100_000;

/// Reads the rules. All mistakes are reported; nothing half-built is returned.
pub(super) fn read(
    document: &Document,
    source: &Arc<Source>,
    files: &mut dyn Files,
) -> Result<(Rules, Diagnostics), Diagnostics> {
    let mut schema = Schema {
        report: Reporter::new(source.clone()),
        files,
        namespace: document.root.name.namespace.clone(),
        legacy: overwrite::is_of_prepend_origin_times(&document.root),
        expose: Expose::default(),
        ids: HashMap::new(),
        evaluated: HashMap::new(),
        owners: Vec::new(),
        items: 0,
    };
    let rules = schema.root(&document.root);
    let diagnostics = schema.report.finish();
    match rules {
        Some(rules) if !diagnostics.has_errors() => Ok((rules, diagnostics)),
        _ => Err(diagnostics),
    }
}

/// A file that is being read; each element and attribute has a method that reads it.
struct Schema<'a> {
    report: Reporter,
    files: &'a mut dyn Files,
    /// The namespace of the root: all elements are in it.
    namespace: Option<Arc<str>>,
    /// Whether a rule without `overwrite` meant ALWAYS when the file was written.
    legacy: bool,
    /// What templates may print although it may be secret.
    expose: Expose,
    /// Where each id was first seen.
    ids: HashMap<String, Range<usize>>,
    /// The expressions so far: files repeat them, and evaluating one takes a while.
    evaluated: HashMap<String, Result<StatusSet, status::Error>>,
    /// The rules so far that apply whenever their status comes, for telling which statuses are left.
    owners: Vec<(Arc<str>, StatusSet)>,
    items: usize,
}
