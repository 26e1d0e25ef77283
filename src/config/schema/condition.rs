//! What must hold beside the status: attributes of the rule, and its `when` elements.

use http::HeaderName;

use super::{
    Schema,
    element::{attribute, is_misspelt, nearest, value_span},
    value::members,
};
use crate::{
    config::document::{Attribute, Element, Node},
    exchange::Cause,
    rules::{Condition, condition::Subject},
};

/// Who made the response.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Any,
    Upstream,
    Proxy,
}

const SOURCES: [(&str, Source); 3] =
    [("any", Source::Any), ("upstream", Source::Upstream), ("proxy", Source::Proxy)];

/// What a `when` looks at: exactly one of these is there.
const SUBJECTS: [&str; 3] = ["request-header", "response-header", "query"];

impl Schema<'_> {
    /// The conditions that stand in attributes of a rule.
    pub(super) fn conditions(&mut self, element: &Element) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let source = self.word(element, "source", &SOURCES).unwrap_or(Source::Any);
        match source {
            Source::Any => {}
            Source::Upstream => conditions.push(Condition::Upstream),
            Source::Proxy => conditions.push(Condition::Proxy),
        }
        if let Some(cause) = attribute(element, "cause") {
            if source == Source::Upstream {
                let message = "a response of the upstream has no `cause`: the rule could never apply";
                let help = "write source=\"proxy\", or leave one of the two out";
                self.report.error("contradiction", message, cause.name_span.clone(), Some(help));
            }
            conditions.push(Condition::Cause(self.causes(cause)));
        }
        conditions.extend(self.pattern_of(element, "method").map(Condition::Method));
        conditions.extend(self.pattern_of(element, "host").map(Condition::Host));
        conditions.extend(self.pattern_of(element, "path").map(Condition::Path));
        conditions
    }

    fn causes(&mut self, attribute: &Attribute) -> Vec<Cause> {
        let known = Cause::ALL.map(Cause::as_str);
        let mut causes = Vec::new();
        for (place, name) in members(&attribute.value) {
            if let Some(cause) = Cause::named(name) {
                causes.push(cause);
                continue;
            }
            let help = match nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the causes are `{}`", known.join("`, `")),
            };
            let span = attribute.value.source_span(place);
            self.report.error("invalid-value", format!("`{name}` is no cause"), span, Some(help));
        }
        if attribute.value.value.trim().is_empty() {
            let help = format!("the causes are `{}`", known.join("`, `"));
            self.report.error("invalid-value", "`cause` names no cause", value_span(attribute), Some(help));
        }
        causes
    }

    /// Reads a `when` element.
    pub(super) fn when(&mut self, element: &Element) -> Option<Condition> {
        self.known_attributes(element, &["request-header", "response-header", "query", "matches", "negate"]);
        self.children(element, &[]);
        let subject = self.subject(element);
        let pattern = self.pattern_of(element, "matches");
        if attribute(element, "matches").is_none() {
            self.missing_attribute(element, "matches", "write matches=\".*\" if any value will do");
        }
        let negate = attribute(element, "negate").map_or(Some(false), |negate| self.flag(negate));
        Some(Condition::When { subject: subject?, pattern: pattern?, is_negated: negate? })
    }

    fn subject(&mut self, element: &Element) -> Option<Subject> {
        let is_subject = |attribute: &&Attribute| {
            attribute.name.namespace.is_none() && SUBJECTS.contains(&&*attribute.name.local)
        };
        let mut given = element.attributes.iter().filter(is_subject);
        let Some(attribute) = given.next() else {
            if !SUBJECTS.iter().any(|name| is_misspelt(element, name)) {
                let help = "say what it looks at: `request-header`, `response-header` or `query`";
                let message = "`when` looks at nothing";
                self.report.error("missing-attribute", message, element.span.clone(), Some(help));
            }
            return None;
        };
        if let Some(second) = given.next() {
            let message = format!("`when` looks at one thing: `{}` or `{}`", attribute.name, second.name);
            let help = "write two `when` elements; all of them must hold";
            self.report.error("contradiction", message, second.name_span.clone(), Some(help));
            return None;
        }
        let name = attribute.value.value.as_str();
        match &*attribute.name.local {
            "query" if name.is_empty() => {
                let help = "write the name of a parameter: query=\"debug\"";
                let message = "`query` names no parameter";
                self.report.error("invalid-value", message, value_span(attribute), Some(help));
                None
            }
            "query" => Some(Subject::Query(name.to_owned())),
            "request-header" => self.field_name(attribute).map(Subject::RequestHeader),
            _ => self.field_name(attribute).map(Subject::ResponseHeader),
        }
    }

    /// The name of a header field.
    pub(super) fn field_name(&mut self, attribute: &Attribute) -> Option<HeaderName> {
        let written = attribute.value.value.trim();
        if let Ok(name) = HeaderName::from_bytes(written.as_bytes()) {
            return Some(name);
        }
        let message = format!("`{written}` is no name of a header field");
        let help = "a name is of letters, digits and hyphens: `Retry-After`";
        self.report.error("invalid-header-name", message, value_span(attribute), Some(help));
        None
    }
}

/// Whether a rule has conditions, mistakes in them or not.
pub(super) fn is_conditional(element: &Element) -> bool {
    let has = |name: &&str| attribute(element, name).is_some_and(|attribute| attribute.value.value != "any");
    let mut children = element.children.iter().filter_map(Node::element);
    ["source", "cause", "method", "host", "path"].iter().any(has)
        || children.any(|child| &*child.name.local == "when")
}
