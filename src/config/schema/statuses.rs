//! Which statuses a rule is for, which one it sends, and what it is called.

use std::sync::Arc;

use super::{
    Schema,
    element::{attribute, is_misspelt, value_span},
};
use crate::{
    config::document::{Attribute, Element},
    status::StatusSet,
};

impl Schema<'_> {
    /// The unique name.
    pub(super) fn id(&mut self, element: &Element) -> Option<Arc<str>> {
        let Some(attribute) = attribute(element, "id").filter(|id| !id.value.value.trim().is_empty()) else {
            let help = "name the rule: id=\"not-found\". The name is used in logs and metrics";
            self.report.error(
                "missing-attribute",
                "`status-code` has no `id`",
                element.span.clone(),
                Some(help),
            );
            return None;
        };
        let id = attribute.value.value.as_str();
        if let Some(first) = self.ids.get(id) {
            let line = self.report.source().position(first.start).line;
            let message = format!("the id `{id}` is taken by the rule in line {line}");
            self.report.error(
                "duplicate-id",
                message,
                value_span(attribute),
                Some("each rule has an id of its own"),
            );
            return None;
        }
        self.ids.insert(id.to_owned(), value_span(attribute));
        Some(Arc::from(id))
    }

    /// The statuses that `code-regex` describes; without one the id is the expression, as in an
    /// example of Repose's documentation.
    pub(super) fn statuses(&mut self, element: &Element) -> Option<StatusSet> {
        if let Some(regex) = attribute(element, "code-regex") {
            return self.evaluate(regex);
        }
        let id = attribute(element, "id")?;
        if let Some(set) = StatusSet::from_regex(&id.value.value).ok().filter(|set| !set.is_empty()) {
            return Some(set);
        }
        if is_misspelt(element, "code-regex") {
            return None;
        }
        let message = "`status-code` has no `code-regex`, and its id matches no status";
        let help = "say which statuses the rule is for: code-regex=\"4\\d\\d\"";
        self.report.error("missing-attribute", message, element.span.clone(), Some(help));
        None
    }

    fn evaluate(&mut self, regex: &Attribute) -> Option<StatusSet> {
        let expression = regex.value.value.as_str();
        let evaluate = || StatusSet::from_regex(expression);
        let set = match self.evaluated.entry(expression.to_owned()).or_insert_with(evaluate).clone() {
            Ok(set) => set,
            Err(error) => {
                let message = format!("`code-regex` is not a regular expression: {}", error.message);
                let span = regex.value.source_span(error.span);
                self.report.error("invalid-regex", message, span, None::<String>);
                return None;
            }
        };
        if let Some(at) = expression.find("\\\\") {
            let span = regex.value.source_span(at..at + 2);
            let help = format!("in XML a backslash is written once: `{}`", expression.replace("\\\\", "\\"));
            let message = "a doubled backslash stands for a backslash, which no status holds";
            self.report.warn("double-backslash", message, span, help);
        } else if set.is_empty() {
            let help = "the expression must match all three digits of a status";
            self.report.warn("matches-no-status", "the rule matches no status", value_span(regex), help);
        }
        Some(set)
    }

    /// The status to send instead of the upstream's: one that may have content.
    pub(super) fn status(&mut self, element: &Element) -> Option<u16> {
        let attribute = attribute(element, "status")?;
        let written = attribute.value.value.trim();
        let is_status = written.len() == 3 && written.bytes().all(|byte| byte.is_ascii_digit());
        let help = match written.parse::<u16>().ok().filter(|_| is_status) {
            None => "write the three digits of a status: status=\"503\"",
            Some(100..=199) => "a 1xx is no answer yet: a final response has to follow it",
            Some(204 | 205 | 304) => "this status forbids content: no message could be written",
            Some(206) => "a 206 promises the part of a resource that the request's Range asks for",
            Some(status @ 200..=599) => return Some(status),
            Some(_) => "HTTP has the statuses 100 to 599",
        };
        let message = format!("`status` cannot be `{written}`");
        self.report.error("invalid-status", message, value_span(attribute), Some(help));
        None
    }

    /// Warns of a rule whose statuses all belong to earlier rules. Only a rule without conditions
    /// owns its statuses: others leave to later rules what they do not match.
    pub(super) fn owned(
        &mut self,
        element: &Element,
        id: &Arc<str>,
        statuses: &StatusSet,
        is_conditional: bool,
    ) {
        let mut left = statuses.clone();
        let mut by = Vec::new();
        for (owner, set) in &self.owners {
            let rest = left.difference(set);
            if rest != left {
                by.push(format!("`{owner}`"));
                left = rest;
            }
            if left.is_empty() {
                break;
            }
        }
        if left.is_empty() && !statuses.is_empty() {
            let message = format!("the rule can never apply: all its statuses belong to {}", by.join(", "));
            let help = "only the first rule that matches applies: move this one up, or remove it";
            self.report.warn("unreachable-rule", message, element.span.clone(), help);
            return;
        }
        if !left.is_empty() && !is_conditional {
            self.owners.push((id.clone(), left));
        }
    }
}
