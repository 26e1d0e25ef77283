//! Collects what is found while a file is read.

use std::{ops::Range, sync::Arc};

use crate::config::diagnostic::{Diagnostic, Diagnostics, Severity, Source};

/// Collects mistakes and warnings of one rules file and the message files that it names.
pub(super) struct Reporter {
    source: Arc<Source>,
    found: Diagnostics,
}

impl Reporter {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self { source, found: Diagnostics::default() }
    }

    /// The rules file.
    pub(super) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Everything found, in the order of the file.
    pub(super) fn finish(self) -> Diagnostics {
        let mut found = self.found;
        found.sort();
        found
    }

    pub(super) fn error(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Range<usize>,
        help: Option<impl Into<String>>,
    ) {
        let (source, help) = (self.source.clone(), help.map(Into::into));
        self.push(Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            source,
            span: Some(span),
            help,
        });
    }

    pub(super) fn warn(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Range<usize>,
        help: impl Into<String>,
    ) {
        let (source, help) = (self.source.clone(), Some(help.into()));
        self.push(Diagnostic {
            severity: Severity::Warning,
            code,
            message: message.into(),
            source,
            span: Some(span),
            help,
        });
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }
}
