//! When a rule replaces: `overwrite`, `keep-types`, and what older versions said in their place.

use super::{
    Schema,
    element::{attribute, value_span},
    value::members,
};
use crate::{
    config::document::{Element, Node},
    media::TypeRange,
    rules::Overwrite,
};

/// Attributes of old versions, which `overwrite` replaced.
pub(super) const LEGACY: [&str; 2] = ["overwrite-origin", "prepend-origin"];

const WORDS: [(&str, Overwrite); 3] = [
    ("IF_EMPTY", Overwrite::IfEmpty),
    ("ALWAYS", Overwrite::Always),
    ("IF_NOT_ACCEPTABLE", Overwrite::IfNotAcceptable),
];

impl Schema<'_> {
    /// `None`: there is a mistake in it.
    pub(super) fn overwrite(&mut self, element: &Element) -> Option<Overwrite> {
        let legacy = self.legacy_overwrite(element);
        if attribute(element, "overwrite").is_some() {
            return self.word(element, "overwrite", &WORDS);
        }
        let default = if self.legacy { Overwrite::Always } else { Overwrite::IfEmpty };
        Some(legacy.unwrap_or(default))
    }

    fn legacy_overwrite(&mut self, element: &Element) -> Option<Overwrite> {
        let messages = element.children.iter().filter_map(Node::element);
        let mut found = None;
        for element in std::iter::once(element).chain(messages) {
            for name in LEGACY {
                let Some(legacy) = attribute(element, name) else { continue };
                let Some(value) = self.flag(legacy) else { continue };
                if name == "prepend-origin" && value {
                    let message = "`prepend-origin=\"true\"` has no counterpart";
                    let help = "put the upstream's body into the message yourself, with `%{body}x`";
                    self.report.error("prepend-origin", message, legacy.name_span.clone(), Some(help));
                    continue;
                }
                let meant = match (name, value) {
                    ("overwrite-origin", false) => Overwrite::IfEmpty,
                    _ => Overwrite::Always,
                };
                let word = if meant == Overwrite::Always { "ALWAYS" } else { "IF_EMPTY" };
                let message = format!("`{name}` is of an old version");
                let help = format!("write overwrite=\"{word}\" on the status-code");
                self.report.warn("legacy-attribute", message, legacy.name_span.clone(), help);
                found = Some(found.unwrap_or(meant));
            }
        }
        found
    }

    /// The types of content that a rule never overwrites.
    pub(super) fn keep_types(&mut self, element: &Element, overwrite: Option<Overwrite>) -> Vec<TypeRange> {
        let Some(attribute) = attribute(element, "keep-types") else { return Vec::new() };
        let mut ranges = Vec::new();
        for (place, range) in members(&attribute.value) {
            match TypeRange::parse(range) {
                Some(range) => ranges.push(range),
                None => {
                    let message = format!("`{range}` is no media type");
                    let help = match range {
                        "*/*" => "IF_EMPTY, the default of `overwrite`, keeps content of every type",
                        _ if range.contains(';') || range.contains('=') => {
                            "leave parameters out: a type is kept whatever its parameters"
                        }
                        _ => "write media types with blanks between them: `application/json text/*`",
                    };
                    let span = attribute.value.source_span(place);
                    self.report.error("invalid-media-type", message, span, Some(help));
                }
            }
        }
        if attribute.value.value.trim().is_empty() {
            let help = "write the types of content to keep, or leave the attribute out";
            self.report.warn("no-effect", "`keep-types` names no type", value_span(attribute), help);
        } else if overwrite == Some(Overwrite::IfEmpty) {
            let message = "`keep-types` has no effect: the rule overwrites no content at all";
            let help = "write overwrite=\"ALWAYS\", or leave `keep-types` out";
            self.report.warn("no-effect", message, attribute.name_span.clone(), help);
        }
        ranges
    }
}

/// Whether the file is of the version that knew `prepend-origin` and no `overwrite`: every rule
/// that did not prepend the origin's body then replaced it.
pub(super) fn is_of_prepend_origin_times(root: &Element) -> bool {
    let rules = || root.children.iter().filter_map(Node::element);
    let messages = || rules().flat_map(|rule| rule.children.iter().filter_map(Node::element));
    messages().any(|message| attribute(message, "prepend-origin").is_some())
        && !rules().any(|rule| attribute(rule, "overwrite").is_some())
}
