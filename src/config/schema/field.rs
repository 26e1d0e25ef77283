//! One `header` element: which field, and what is done to it.

use http::{HeaderName, header};

use super::{
    Schema,
    element::{attribute, texts, trimmed, value_span},
};
use crate::{
    config::{
        document::{Attribute, Element, Node},
        sample::{self, Statuses},
    },
    exchange::title_case,
    rules::{
        FieldRule,
        field::{Action, Value},
    },
    template::Template,
};

/// What is done to a field, before its value is read.
#[derive(Clone, Copy)]
enum Verb {
    Set,
    Add,
    Default,
    Remove,
}

const VERBS: [(&str, Verb); 4] =
    [("set", Verb::Set), ("add", Verb::Add), ("default", Verb::Default), ("remove", Verb::Remove)];

impl Schema<'_> {
    /// Reads a `header`. `tried` are statuses that its rule may meet and send; `earlier` are the
    /// `header`s before it.
    pub(super) fn header(
        &mut self,
        element: &Element,
        tried: Statuses,
        earlier: &[FieldRule],
    ) -> Option<FieldRule> {
        self.known_attributes(element, &["name", "action", "explode"]);
        let name = self.name_of_field(element);
        let verb = match attribute(element, "action") {
            Some(_) => self.word(element, "action", &VERBS),
            None => Some(Verb::Set),
        };
        let value = match verb {
            Some(Verb::Remove) => {
                self.no_value(element);
                None
            }
            // Perhaps there is none to be.
            None if element.children.is_empty() => None,
            _ => self.field_value(element, name.as_ref(), tried),
        };
        let action = match (verb?, value) {
            (Verb::Remove, _) => Action::Remove,
            (Verb::Set, Some(value)) => Action::Set(value),
            (Verb::Add, Some(value)) => Action::Add(value),
            (Verb::Default, Some(value)) => Action::Default(value),
            (_, None) => return None,
        };
        let rule = FieldRule { name: name?, action };
        self.overridden(element, &rule, earlier, tried);
        Some(rule)
    }

    fn name_of_field(&mut self, element: &Element) -> Option<HeaderName> {
        let Some(attribute) = attribute(element, "name") else {
            self.missing_attribute(element, "name", "name the field: name=\"Retry-After\"");
            return None;
        };
        let name = self.field_name(attribute)?;
        if let Some((why, help)) = forbidden(&name) {
            let message = format!("no rule can change `{}`: {why}", title_case(&name));
            self.report.error("forbidden-header", message, value_span(attribute), Some(help));
            return None;
        }
        if name == header::VARY {
            self.vary(element, attribute);
        }
        Some(name)
    }

    /// Warns of a Vary that takes the upstream's away. What the choice of a message depends on is
    /// added to Vary in any case.
    fn vary(&mut self, element: &Element, name: &Attribute) {
        let takes_away = match attribute(element, "action") {
            None => true,
            Some(action) => matches!(action.value.value.as_str(), "set" | "remove"),
        };
        if takes_away {
            let message = "what the upstream's `Vary` says is lost: caches may mix up its responses";
            let help = "write action=\"add\"; `Accept` and `Accept-Language` are added where they count";
            self.report.warn("vary-lost", message, value_span(name), help);
        }
    }

    /// Reports a value where none has a use.
    fn no_value(&mut self, element: &Element) {
        let child = element.children.iter().filter_map(Node::element).map(|child| child.span.clone());
        let text = texts(element).map(|text| text.source_span(trimmed(text)));
        if let Some(span) = child.chain(text).next() {
            let help = "leave the value out, or write action=\"set\"";
            self.report.error("unexpected-value", "a field that is removed has no value", span, Some(help));
        }
    }

    /// Warns of two edits in one place of which one undoes the other. A value that renders empty
    /// edits nothing, so one that may do so undoes nothing for sure.
    fn overridden(&mut self, element: &Element, rule: &FieldRule, earlier: &[FieldRule], tried: Statuses) {
        let mut values = earlier
            .iter()
            .filter(|other| other.name == rule.name)
            .filter_map(|other| value_of(&other.action));
        let (message, help) = match &rule.action {
            Action::Default(_) if values.any(|value| is_never_empty(value, tried)) => {
                ("the field is there already: this default has no effect", "remove one of the two")
            }
            Action::Set(value) if is_never_empty(value, tried) && values.next().is_some() => (
                "what an earlier `header` made of this field is lost",
                "remove one of the two, or write action=\"add\" for a line beside it",
            ),
            Action::Remove if values.next().is_some() => {
                ("what an earlier `header` made of this field is lost", "remove one of the two")
            }
            _ => return,
        };
        let span = attribute(element, "name").map_or(element.span.clone(), value_span);
        self.report.warn("overridden-header", message, span, help);
    }
}

fn value_of(action: &Action) -> Option<&Value> {
    match action {
        Action::Set(value) | Action::Add(value) | Action::Default(value) => Some(value),
        Action::Remove => None,
    }
}

/// Whether something is left of the value where all that is inserted into it is absent.
fn is_never_empty(value: &Value, tried: Statuses) -> bool {
    let has_text =
        |template: &Template| sample::rendered(template, tried).iter().all(|text| !text.trim().is_empty());
    match value {
        Value::Text(template) => has_text(template),
        Value::Items(items) => items.iter().any(has_text),
        Value::Entries { entries, .. } => entries.iter().any(|(_, template)| has_text(template)),
    }
}

/// Why no rule may change a field, and what to do instead.
fn forbidden(name: &HeaderName) -> Option<(&'static str, &'static str)> {
    if !FieldRule::is_forbidden(name) {
        return None;
    }
    Some(if *name == header::CONTENT_TYPE {
        ("it follows from the message", "write it in the `content-type` of the `message`")
    } else if *name == header::CONTENT_ENCODING {
        ("the content is not coded anew", "leave it out: a message is sent as it is")
    } else if *name == header::CONTENT_LENGTH {
        ("it is counted", "leave it out")
    } else {
        ("it belongs to one connection, not to the response (RFC 9110 §7.6.1)", "leave it out")
    })
}
