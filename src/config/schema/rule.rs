//! One `status-code` element: its attributes, and the children that make a rule of it.

use super::{
    Schema,
    condition::is_conditional,
    element::{attribute, value_span},
};
use crate::{
    accept::Offer,
    config::{document::Element, sample::Statuses},
    exchange::title_case,
    rules::{
        Condition, Conditions, FieldRule, Message, StatusRule,
        field::{Action, mandatory},
    },
    status::StatusSet,
};

const ATTRIBUTES: [&str; 12] = [
    "id",
    "code-regex",
    "overwrite",
    "keep-types",
    "source",
    "cause",
    "method",
    "host",
    "path",
    "status",
    "overwrite-origin",
    "prepend-origin",
];

/// What the children of a rule are read into.
#[derive(Default)]
struct Parts {
    conditions: Vec<Condition>,
    fields: Vec<FieldRule>,
    is_steered: bool,
    messages: Vec<(Offer, Message)>,
}

impl Schema<'_> {
    pub(super) fn status_code(&mut self, element: &Element) -> Option<StatusRule> {
        self.known_attributes(element, &ATTRIBUTES);
        let id = self.id(element);
        let statuses = self.statuses(element);
        let status = self.status(element);
        let overwrite = self.overwrite(element);
        let keep_types = self.keep_types(element, overwrite);
        let conditions = self.conditions(element);
        // Templates are tried out with statuses that they may meet.
        let upstream = statuses.as_ref().and_then(|set| set.iter().next()).unwrap_or(500);
        let tried = Statuses { upstream, sent: status.unwrap_or(upstream) };
        let parts = self.parts(element, conditions, tried);
        let (id, statuses, overwrite) = (id?, statuses?, overwrite?);
        self.owned(element, &id, &statuses, is_conditional(element));
        if let Some(status) = status {
            self.missing_field(element, status, &statuses, &parts);
        }
        let rule = StatusRule::new(id, statuses, overwrite, parts.messages)
            .under(Conditions::new(parts.conditions))
            .keeping(keep_types)
            .sending(status)
            .editing(parts.fields)
            .steered(parts.is_steered);
        Some(rule)
    }

    /// Reads the children. `tried` are statuses that the rule may meet and send.
    fn parts(&mut self, element: &Element, conditions: Vec<Condition>, tried: Statuses) -> Parts {
        let mut parts = Parts { conditions, ..Parts::default() };
        let mut has_something_to_do = attribute(element, "status").is_some();
        for child in self.children(element, &["message", "header", "when", "meta"]) {
            has_something_to_do |= &*child.name.local != "when";
            match &*child.name.local {
                "when" => parts.conditions.extend(self.when(child)),
                "header" => {
                    let field = self.header(child, tried, &parts.fields);
                    parts.fields.extend(field);
                }
                "meta" => {
                    self.meta(child, parts.is_steered);
                    parts.is_steered = true;
                }
                _ if !self.count(child) => break,
                _ => {
                    let message = self.message(child, tried, &parts.messages);
                    parts.messages.extend(message);
                }
            }
        }
        if !has_something_to_do {
            let help = "write <message media-type=\"*/*\">…</message>; \
                        a <header>, a `status` or <meta/> would be something to do, too";
            self.report.error("no-message", "a rule needs a message", element.span.clone(), Some(help));
        }
        parts
    }

    /// Reads a `meta` element, which is there or is not.
    fn meta(&mut self, element: &Element, is_second: bool) {
        self.known_attributes(element, &[]);
        self.children(element, &[]);
        if is_second {
            let message = "a second `meta` in one rule";
            self.report.error("duplicate-element", message, element.span.clone(), Some("remove it"));
        }
    }

    /// Warns of a status that is sent without a field which RFC 9110 wants with it. A status that
    /// comes from the upstream brings its own.
    fn missing_field(&mut self, element: &Element, status: u16, statuses: &StatusSet, parts: &Parts) {
        let Some(attribute) = attribute(element, "status") else { return };
        let Some(name) = mandatory(status) else { return };
        let gives = |fields: &[FieldRule]| {
            fields.iter().any(|field| field.name == name && !matches!(field.action, Action::Remove))
        };
        let is_given = gives(&parts.fields)
            || !parts.messages.is_empty() && parts.messages.iter().all(|(_, message)| gives(&message.fields));
        let is_upstreams = statuses.iter().all(|own| mandatory(own).as_ref() == Some(&name));
        if is_given || is_upstreams || parts.is_steered {
            return;
        }
        let help = match FieldRule::is_forbidden(&name) {
            true => "no rule can set it: only the upstream can send this status".to_owned(),
            false => {
                let name = title_case(&name);
                format!("write <header name=\"{name}\" action=\"default\">…</header> in the rule")
            }
        };
        let message =
            format!("a {status} comes with the field `{}`, which nothing sets here", title_case(&name));
        self.report.warn("missing-field", message, value_span(attribute), help);
    }
}
