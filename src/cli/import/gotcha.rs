//! Where Retort and Repose part, seen in a file of Repose's.

use std::{borrow::Cow, ops::Range, path::Path, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::config::{Diagnostic, Severity, Source};

/// Something to know, or to do, about a place in a file.
#[derive(Clone, Debug)]
pub(super) struct Gotcha {
    pub(super) outcome: Outcome,
    pub(super) code: &'static str,
    pub(super) source: Arc<Source>,
    pub(super) span: Option<Range<usize>>,
    /// What stands there.
    pub(super) what: Cow<'static, str>,
    /// What Repose did about it, where that is on record.
    pub(super) repose: Cow<'static, str>,
    pub(super) retort: Cow<'static, str>,
    /// What the import did, or what is left to do.
    pub(super) import: Cow<'static, str>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// The new file says it in Retort's way.
    Mended,
    /// Retort differs from Repose, and that is how it is meant to be.
    Differs,
    /// A person has to decide.
    Open,
}

/// A difference that COMPATIBILITY.md tells of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) code: &'static str,
    pub(super) what: &'static str,
    pub(super) repose: &'static str,
    pub(super) retort: &'static str,
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Outcome::Mended => "mended",
            Outcome::Differs => "differs",
            Outcome::Open => "open",
        }
    }
}

impl Fact {
    /// Found here, and left as it is.
    pub(super) fn differs(self, source: &Arc<Source>, span: Range<usize>) -> Gotcha {
        self.at(Outcome::Differs, source, span, "nothing to do")
    }

    /// Found here, with what was done about it.
    pub(super) fn mended(
        self,
        source: &Arc<Source>,
        span: Range<usize>,
        import: impl Into<Cow<'static, str>>,
    ) -> Gotcha {
        self.at(Outcome::Mended, source, span, import)
    }

    /// Found here, with what is left to do about it.
    pub(super) fn open(
        self,
        source: &Arc<Source>,
        span: Range<usize>,
        import: impl Into<Cow<'static, str>>,
    ) -> Gotcha {
        self.at(Outcome::Open, source, span, import)
    }

    fn at(
        self,
        outcome: Outcome,
        source: &Arc<Source>,
        span: Range<usize>,
        import: impl Into<Cow<'static, str>>,
    ) -> Gotcha {
        Gotcha {
            outcome,
            code: self.code,
            source: source.clone(),
            span: Some(span),
            what: self.what.into(),
            repose: self.repose.into(),
            retort: self.retort.into(),
            import: import.into(),
        }
    }
}

impl Gotcha {
    /// What Retort has to say about the new file, with what Repose made of the same.
    pub(super) fn of(diagnostic: Diagnostic) -> Self {
        let retort = match diagnostic.severity {
            Severity::Error => "refuses the rules",
            Severity::Warning => "takes it, and warns",
        };
        let repose = REPOSE.iter().find(|(code, _)| *code == diagnostic.code);
        Self {
            outcome: Outcome::Open,
            code: diagnostic.code,
            source: diagnostic.source,
            span: diagnostic.span,
            what: diagnostic.message.into(),
            repose: repose.map_or("", |(_, repose)| repose).into(),
            retort: retort.into(),
            import: diagnostic.help.map_or("left as it is: it is for you to mend".into(), Cow::Owned),
        }
    }

    /// `file:line:column`, or the file alone.
    pub(super) fn place(&self) -> String {
        let file = self.source.path.display();
        match &self.span {
            Some(span) => {
                let position = self.source.position(span.start);
                format!("{file}:{}:{}", position.line, position.column)
            }
            None => file.to_string(),
        }
    }

    /// Whether it is about the same place.
    pub(super) fn is_at(&self, path: &Path, start: Option<usize>) -> bool {
        let is_same_file = || {
            let own = &self.source.path;
            own == path
                || own.canonicalize().is_ok_and(|own| path.canonicalize().is_ok_and(|path| own == path))
        };
        self.span.as_ref().map(|span| span.start) == start && is_same_file()
    }
}

/// For machines. These keys are a promise.
impl Serialize for Gotcha {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let position = self.span.as_ref().map(|span| self.source.position(span.start));
        let mut out = serializer.serialize_struct("Gotcha", 9)?;
        out.serialize_field("outcome", &self.outcome)?;
        out.serialize_field("code", self.code)?;
        out.serialize_field("file", &self.source.path.to_string_lossy())?;
        out.serialize_field("line", &position.map(|position| position.line))?;
        out.serialize_field("column", &position.map(|position| position.column))?;
        out.serialize_field("what", &self.what)?;
        out.serialize_field("repose", &self.repose)?;
        out.serialize_field("retort", &self.retort)?;
        out.serialize_field("import", &self.import)?;
        out.end()
    }
}

/// What Repose made of what Retort complains of, by the code of the diagnostic.
const REPOSE: &[(&str, &str)] = &[
    ("prepend-origin", "kept the upstream's body, and appended the message (up to papi 1.2.0)"),
    ("missing-attribute", "its schema refused the file"),
    ("unknown-attribute", "its schema refused the file"),
    ("unknown-element", "its schema refused the file"),
    ("stray-text", "its schema refused the file"),
    ("invalid-value", "its schema refused the file"),
    ("no-message", "its schema refused the file"),
    ("wrong-root", "its schema refused the file"),
    (
        "unreachable-message",
        "sent the text of the last message of a media type, with the Content-Type of the first",
    ),
    ("unreachable-rule", "never came to the rule either"),
    ("matches-no-status", "never came to the rule either"),
    ("double-backslash", "never came to the rule either: a doubled backslash stands for a backslash"),
    ("invalid-regex", "refused the file, and kept the version before in force"),
    ("invalid-media-type", "sent the message only to a client that asked for this very text"),
    ("blank-in-media-type", "never sent the message either: no client asks for a type with blanks"),
    ("href", "sent an empty message, which wiped the body, and logged an error"),
    ("not-well-formed", "sent it all the same"),
    ("sent-as-plain-text", "sent it as text/plain, too (the media type asked for, up to papi 2.3.5)"),
    ("no-field-name", "printed nothing"),
    ("literal-percent", "printed it as it stands"),
    ("literal-directive", "printed it as it stands"),
    ("unknown-conversion", "printed the value as it is"),
    ("no-date-format", "printed the value as it is"),
    ("ignored-words", "ignored them"),
    ("ignored-braces", "ignored them"),
    ("unknown-date-format", "took it for RFC_1123"),
    ("unknown-directive", "did not start with it: every response became a 503"),
    ("empty-status-list", "did not start with it: every response became a 503"),
    ("unsupported-time-pattern", "did not start with it: every response became a 503"),
    ("glued-statuses", "took it for one number, which is no status"),
    ("charset", "sent the message in that charset"),
];
