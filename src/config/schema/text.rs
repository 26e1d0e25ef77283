//! Templates: where their texts stand, and what is wrong in them.

use std::{borrow::Cow, ops::Range, path::Path, sync::Arc};

use super::{
    Schema,
    element::{attribute, texts, trimmed, value_span},
};
use crate::{
    config::{
        diagnostic::{Diagnostic, Severity, Source},
        document::{Element, Node, Text},
        href::Target,
    },
    template::{Escape, Parsed, Syntax, Template},
};

/// Where the text of a template stands: in the rules file or in one of its own.
pub(super) struct Origin<'e> {
    pub(super) source: Arc<Source>,
    pub(super) text: Cow<'e, str>,
    /// Maps the text into the rules file; a message file is its own text.
    inline: Option<&'e Text>,
    /// Where the text starts in it.
    offset: usize,
}

impl<'e> Origin<'e> {
    /// The text between two tags, without the white space around it.
    pub(super) fn trimmed(text: &'e Text, source: &Arc<Source>) -> Self {
        let range = trimmed(text);
        let (offset, value) = (range.start, text.value.get(range).unwrap_or_default());
        Self { source: source.clone(), text: value.into(), inline: Some(text), offset }
    }

    /// Where a range of bytes of the text stands in the source.
    pub(super) fn span(&self, range: Range<usize>) -> Range<usize> {
        self.inline.map_or(range.clone(), |text| {
            text.source_span(range.start + self.offset..range.end + self.offset)
        })
    }

    /// Where all of it stands.
    pub(super) fn whole(&self) -> Range<usize> {
        match self.inline {
            Some(text) if self.text.len() == text.value.len() => text.span(),
            _ => self.span(0..self.text.len()),
        }
    }
}

impl Schema<'_> {
    /// The text of a message. A file wins over text in place.
    pub(super) fn origin<'e>(&mut self, element: &'e Element) -> Option<Origin<'e>> {
        let inline = self.inline(element);
        let Some(href) = attribute(element, "href") else {
            let text = inline.map_or("", |text| text.value.as_str()).into();
            return Some(Origin { source: self.report.source().clone(), text, inline, offset: 0 });
        };
        if inline.is_some_and(|text| !text.value.trim().is_empty()) {
            let message = "the text of the message is not used: `href` names a file";
            self.report.warn("text-beside-href", message, href.name_span.clone(), "remove one of the two");
        }
        let base = self.report.source().path.parent().unwrap_or(Path::new(""));
        let read = Target::new(&href.value.value, base)
            .and_then(|target| self.files.read(&target).map(|text| (target.path, text)));
        match read {
            Ok((path, text)) => Some(Origin {
                source: Arc::new(Source::new(path, text.clone())),
                text: text.into(),
                inline: None,
                offset: 0,
            }),
            Err(error) => {
                self.report.error("href", error.to_string(), value_span(href), error.help());
                None
            }
        }
    }

    /// The text in a message, beside its `header` elements: in one piece, or else nobody can tell
    /// what is between the pieces.
    fn inline<'e>(&mut self, element: &'e Element) -> Option<&'e Text> {
        let mut pieces = texts(element);
        let first = pieces.next();
        let holds_fields = || {
            element.children.iter().filter_map(Node::element).any(|child| self.is_named(child, &["header"]))
        };
        if let Some(second) = pieces.next().filter(|_| holds_fields()) {
            let help = "write the `header` elements before the text, or after it";
            let span = second.source_span(trimmed(second));
            self.report.error("split-text", "the text of the message is in pieces", span, Some(help));
        }
        first.or_else(|| element.children.iter().find_map(Node::text))
    }

    /// Compiles a text; what is wrong in it is reported where it stands.
    pub(super) fn template(&mut self, origin: &Origin<'_>, escape: Escape) -> Option<Template> {
        let syntax = Syntax { escape, expose: &self.expose };
        let (template, found) = match Template::parse(&origin.text, syntax) {
            Ok(Parsed { template, warnings }) => {
                let found = warnings.into_iter().map(|warning| {
                    let (kind, span) = (warning.kind, warning.span);
                    (Severity::Warning, kind.code(), kind.to_string(), span, kind.help())
                });
                (Some(template), found.collect::<Vec<_>>())
            }
            Err(errors) => {
                let found = errors.into_iter().map(|error| {
                    let (kind, span) = (error.kind, error.span);
                    (Severity::Error, kind.code(), kind.to_string(), span, kind.help())
                });
                (None, found.collect())
            }
        };
        for (severity, code, message, span, help) in found {
            let (source, span) = (origin.source.clone(), Some(origin.span(span)));
            self.report.push(Diagnostic { severity, code, message, source, span, help });
        }
        template
    }
}
