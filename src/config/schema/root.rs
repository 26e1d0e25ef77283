//! The outermost element: the namespace, and what holds for all rules.

use super::{
    Schema,
    element::{attribute, value_span},
    value::members,
};
use crate::{
    accept::Negotiation, config::document::Element, media::is_token, rules::Rules, template::Expose,
};

/// The namespace of Repose 7 and later.
pub(crate) const NAMESPACE: &str = "http://docs.openrepose.org/repose/response-messaging/v1.0";

/// The namespaces of earlier versions.
pub(crate) const OLD_NAMESPACES: [&str; 2] = [
    "http://docs.rackspacecloud.com/repose/response-messaging/v1.0",
    "http://docs.rackspacecloud.com/power-api/response-messaging/v1.0",
];

/// The ways to negotiate.
const NEGOTIATIONS: [(&str, Negotiation); 2] =
    [("rfc9110", Negotiation::Rfc9110), ("exact", Negotiation::Exact)];

impl Schema<'_> {
    pub(super) fn root(&mut self, root: &Element) -> Option<Rules> {
        if !self.known_namespace(root) || &*root.name.local != "response-messaging" {
            let message = format!("the root element is `{}`, not `response-messaging`", root.name);
            let help = format!("a rules file begins with <response-messaging xmlns=\"{NAMESPACE}\">");
            self.report.error("wrong-root", message, root.span.clone(), Some(help));
            return None;
        }
        self.known_attributes(root, &["negotiation", "expose"]);
        let negotiation = self.word(root, "negotiation", &NEGOTIATIONS).unwrap_or_default();
        self.expose = self.expose(root);
        let mut rules = Vec::new();
        for element in self.children(root, &["status-code"]) {
            if !self.count(element) {
                break;
            }
            rules.extend(self.status_code(element));
        }
        Some(Rules::new(rules, negotiation))
    }

    /// Whether the file is one of rules at all; warns of namespaces that are not today's.
    fn known_namespace(&mut self, root: &Element) -> bool {
        let (code, message, help) = match self.namespace.as_deref() {
            Some(NAMESPACE) => return true,
            Some(old) if OLD_NAMESPACES.contains(&old) => {
                let help = format!("the namespace of Repose 7 and later is `{NAMESPACE}`");
                ("old-namespace", "the namespace is that of an old version", help)
            }
            None => ("no-namespace", "the file has no namespace", format!("write xmlns=\"{NAMESPACE}\"")),
            Some(_) => return false,
        };
        self.report.warn(code, message, root.span.clone(), help);
        true
    }

    /// The names of what templates may print although it may be secret.
    fn expose(&mut self, root: &Element) -> Expose {
        let Some(attribute) = attribute(root, "expose") else { return Expose::default() };
        let mut names = Vec::new();
        for (range, name) in members(&attribute.value) {
            if is_token(name.as_bytes()) {
                names.push(name.to_owned());
                continue;
            }
            let message = format!("`{name}` names no header field, cookie, or variable");
            let help = "write the names with blanks between them: expose=\"Authorization session HOME\"";
            let span = attribute.value.source_span(range);
            self.report.error("invalid-value", message, span, Some(help));
        }
        if names.is_empty() && attribute.value.value.trim().is_empty() {
            let help = "write the names that templates may print, or leave the attribute out";
            self.report.warn("no-effect", "`expose` names nothing", value_span(attribute), help);
        }
        Expose::new(names)
    }
}
