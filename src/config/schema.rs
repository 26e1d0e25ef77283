//! From XML elements to rules: Repose's schema, and what it leaves to its documentation.

mod message;
mod reporter;

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{
    diagnostic::{Diagnostics, Source},
    document::{Attribute, Document, Element, Node, Text},
    href::Files,
};
use crate::{
    accept::{Negotiation, Offer},
    rules::{Message, Overwrite, Rules, StatusRule},
    status::{self, StatusSet},
};
use reporter::Reporter;

/// The namespace of Repose 7 and later.
pub(crate) const NAMESPACE: &str = "http://docs.openrepose.org/repose/response-messaging/v1.0";

/// The namespaces of earlier versions.
pub(crate) const OLD_NAMESPACES: [&str; 2] = [
    "http://docs.rackspacecloud.com/repose/response-messaging/v1.0",
    "http://docs.rackspacecloud.com/power-api/response-messaging/v1.0",
];

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
        legacy: is_of_prepend_origin_times(&document.root),
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

struct Schema<'a> {
    report: Reporter,
    files: &'a mut dyn Files,
    /// The namespace of the root: all elements are in it.
    namespace: Option<Arc<str>>,
    /// Whether a rule without `overwrite` meant ALWAYS when the file was written.
    legacy: bool,
    /// Where each id was first seen.
    ids: HashMap<String, Range<usize>>,
    /// The expressions so far: files repeat them, and evaluating one takes a while.
    evaluated: HashMap<String, Result<StatusSet, status::Error>>,
    /// The rules so far, for telling which statuses are left.
    owners: Vec<(Arc<str>, StatusSet)>,
    items: usize,
}

impl Schema<'_> {
    fn root(&mut self, root: &Element) -> Option<Rules> {
        let known = match self.namespace.as_deref() {
            Some(NAMESPACE) => true,
            Some(old) if OLD_NAMESPACES.contains(&old) => {
                let help = format!("the namespace of Repose 7 and later is `{NAMESPACE}`");
                self.report.warn(
                    "old-namespace",
                    "the namespace is that of an old version",
                    root.span.clone(),
                    help,
                );
                true
            }
            None => {
                let help = format!("write xmlns=\"{NAMESPACE}\"");
                self.report.warn("no-namespace", "the file has no namespace", root.span.clone(), help);
                true
            }
            Some(_) => false,
        };
        if !known || &*root.name.local != "response-messaging" {
            let message = format!("the root element is `{}`, not `response-messaging`", root.name);
            let help = format!("a rules file begins with <response-messaging xmlns=\"{NAMESPACE}\">");
            self.report.error("wrong-root", message, root.span.clone(), Some(help));
            return None;
        }
        self.known_attributes(root, &["negotiation"]);
        let negotiation = match attribute(root, "negotiation") {
            None => Negotiation::default(),
            Some(attribute) => match attribute.value.value.as_str() {
                "rfc9110" => Negotiation::Rfc9110,
                "exact" => Negotiation::Exact,
                other => {
                    let message = format!("`negotiation` is `rfc9110` or `exact`, not `{other}`");
                    self.report.error("invalid-value", message, value_span(attribute), None::<String>);
                    Negotiation::default()
                }
            },
        };
        let mut rules = Vec::new();
        for element in self.children(root, &["status-code"]) {
            if !self.count(element) {
                break;
            }
            rules.extend(self.status_code(element));
        }
        Some(Rules::new(rules, negotiation))
    }

    fn status_code(&mut self, element: &Element) -> Option<StatusRule> {
        self.known_attributes(
            element,
            &["id", "code-regex", "overwrite", "overwrite-origin", "prepend-origin"],
        );
        let id = self.id(element);
        let statuses = self.statuses(element);
        let overwrite = self.overwrite(element);
        let mut messages: Vec<(Offer, Message)> = Vec::new();
        let mut offered = Vec::new();
        let children = self.children(element, &["message"]);
        if children.is_empty() {
            let help =
                "write <message media-type=\"*/*\">…</message>; `4..` with no message has nothing to say";
            self.report.error("no-message", "a rule needs a message", element.span.clone(), Some(help));
        }
        let sample_status = statuses.as_ref().and_then(|set| set.iter().next()).unwrap_or(500);
        for child in children {
            if !self.count(child) {
                break;
            }
            if let Some((offer, message)) = self.message(child, sample_status) {
                self.reachable(child, &offer, &offered);
                offered.push(offer.clone());
                messages.push((offer, message));
            }
        }
        let (id, statuses) = (id?, statuses?);
        self.owned(element, &id, &statuses);
        Some(StatusRule::new(id, statuses, overwrite, messages))
    }

    /// The unique name.
    fn id(&mut self, element: &Element) -> Option<Arc<str>> {
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
    fn statuses(&mut self, element: &Element) -> Option<StatusSet> {
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

    /// When the rule replaces: `overwrite`, or what older versions said in its place.
    fn overwrite(&mut self, element: &Element) -> Overwrite {
        let legacy = self.legacy_overwrite(element);
        match attribute(element, "overwrite") {
            None => legacy.unwrap_or(if self.legacy { Overwrite::Always } else { Overwrite::IfEmpty }),
            Some(attribute) => match attribute.value.value.as_str() {
                "ALWAYS" => Overwrite::Always,
                "IF_EMPTY" => Overwrite::IfEmpty,
                other => {
                    let message = format!("`overwrite` is `IF_EMPTY` or `ALWAYS`, not `{other}`");
                    let upper = other.to_ascii_uppercase().replace('-', "_");
                    let help = ["ALWAYS", "IF_EMPTY"].contains(&upper.as_str());
                    let help = help.then(|| format!("did you mean `{upper}`?"));
                    self.report.error("invalid-value", message, value_span(attribute), help);
                    Overwrite::IfEmpty
                }
            },
        }
    }

    fn legacy_overwrite(&mut self, element: &Element) -> Option<Overwrite> {
        let messages = element.children.iter().filter_map(Node::element);
        let mut found = None;
        for element in std::iter::once(element).chain(messages) {
            for name in LEGACY {
                let Some(legacy) = attribute(element, name) else { continue };
                let value = match legacy.value.value.trim() {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    other => {
                        let message = format!("`{name}` is `true` or `false`, not `{other}`");
                        self.report.error("invalid-value", message, value_span(legacy), None::<String>);
                        continue;
                    }
                };
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

    /// Warns of a message that a request can never be answered with.
    fn reachable(&mut self, element: &Element, offer: &Offer, earlier: &[Offer]) {
        if *offer != Offer::Never && earlier.contains(offer) {
            let message = "the message can never be sent: an earlier one has the same media type";
            self.report.warn(
                "unreachable-message",
                message,
                element.span.clone(),
                "the first one answers; remove this one",
            );
        }
    }

    /// Warns of a rule whose statuses all belong to earlier rules.
    fn owned(&mut self, element: &Element, id: &Arc<str>, statuses: &StatusSet) {
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
        if !left.is_empty() {
            self.owners.push((id.clone(), left));
        }
    }

    /// The child elements of these names; everything else is reported.
    fn children<'e>(&mut self, element: &'e Element, names: &[&str]) -> Vec<&'e Element> {
        let mut children = Vec::new();
        for node in &element.children {
            match node {
                Node::Element(child)
                    if child.name.namespace == self.namespace && names.contains(&&*child.name.local) =>
                {
                    children.push(child);
                }
                Node::Element(child) => self.unknown_element(child, element, names),
                Node::Text(text) if text.value.trim().is_empty() => {}
                Node::Text(text) => self.stray_text(text, element),
            }
        }
        children
    }

    fn unknown_element(&mut self, child: &Element, parent: &Element, names: &[&str]) {
        let message = format!("unknown element `{}` in `{}`", child.name, parent.name);
        let help = match nearest(&child.name.local, names) {
            Some(_) if names.is_empty() => None,
            Some(name) if *name == *child.name.local => {
                Some(format!("`{name}` is there in another namespace than that of the root element"))
            }
            Some(name) => Some(format!("did you mean `{name}`?")),
            None => Some(format!("`{}` holds `{}` elements", parent.name, names.join("`, `"))),
        };
        self.report.error("unknown-element", message, child.span.clone(), help);
    }

    fn stray_text(&mut self, text: &Text, parent: &Element) {
        let start = text.value.len() - text.value.trim_start().len();
        let span = text.source_span(start..text.value.trim_end().len());
        let message = format!("text in `{}`", parent.name);
        self.report.error(
            "stray-text",
            message,
            span,
            Some("the text of a message stands in a `message` element"),
        );
    }

    /// Reports attributes that mean nothing. Those of other namespaces are nobody's business.
    fn known_attributes(&mut self, element: &Element, names: &[&str]) {
        for attribute in element.attributes.iter().filter(|attribute| attribute.name.namespace.is_none()) {
            let name = &*attribute.name.local;
            if names.contains(&name) {
                continue;
            }
            let known: Vec<&str> = names.iter().copied().filter(|name| !LEGACY.contains(name)).collect();
            let help = match nearest(name, &known) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("`{}` has `{}`", element.name, known.join("`, `")),
            };
            let message = format!("unknown attribute `{name}` of `{}`", element.name);
            self.report.error("unknown-attribute", message, attribute.name_span.clone(), Some(help));
        }
        let language =
            element.attributes.iter().find(|attribute| attribute.name.prefix.as_deref() == Some("xml"));
        if let Some(attribute) = language {
            let message = format!("unknown attribute `{}` of `{}`", attribute.name, element.name);
            self.report.error("unknown-attribute", message, attribute.name_span.clone(), None::<String>);
        }
    }

    /// Counts a rule or message; `false` when there are too many.
    fn count(&mut self, element: &Element) -> bool {
        self.items += 1;
        if self.items == MAX_ITEMS + 1 {
            let message = format!("more than {MAX_ITEMS} rules and messages");
            self.report.error("too-many-rules", message, element.span.clone(), None::<String>);
        }
        self.items <= MAX_ITEMS
    }
}

/// Attributes of old versions, which `overwrite` replaced.
const LEGACY: [&str; 2] = ["overwrite-origin", "prepend-origin"];

/// Whether the file is of the version that knew `prepend-origin` and no `overwrite`: every rule
/// that did not prepend the origin's body then replaced it.
fn is_of_prepend_origin_times(root: &Element) -> bool {
    let rules = || root.children.iter().filter_map(Node::element);
    let messages = || rules().flat_map(|rule| rule.children.iter().filter_map(Node::element));
    messages().any(|message| attribute(message, "prepend-origin").is_some())
        && !rules().any(|rule| attribute(rule, "overwrite").is_some())
}

/// The attribute of this name, in no namespace.
fn attribute<'e>(element: &'e Element, name: &str) -> Option<&'e Attribute> {
    element
        .attributes
        .iter()
        .find(|attribute| attribute.name.namespace.is_none() && &*attribute.name.local == name)
}

/// Whether an attribute was likely meant to be this one; that is then what is reported.
fn is_misspelt(element: &Element, name: &str) -> bool {
    element.attributes.iter().any(|attribute| nearest(&attribute.name.local, &[name]).is_some())
}

fn value_span(attribute: &Attribute) -> Range<usize> {
    attribute.value.span()
}

/// The name that a misspelt one is likely meant to be.
fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let spelled = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let name = spelled(name);
    let scored = names.iter().map(|&other| (strsim::jaro_winkler(&name, &spelled(other)), other));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}
