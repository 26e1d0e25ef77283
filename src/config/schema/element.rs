//! What may stand where: attributes, child elements, text.

use std::ops::Range;

use super::{MAX_ITEMS, Schema, overwrite::LEGACY};
use crate::config::document::{Attribute, Element, Node, Text};

impl Schema<'_> {
    /// The child elements of these names; everything else is reported.
    pub(super) fn children<'e>(&mut self, element: &'e Element, names: &[&str]) -> Vec<&'e Element> {
        let mut children = Vec::new();
        for node in &element.children {
            match node {
                Node::Element(child) if self.is_named(child, names) => children.push(child),
                Node::Element(child) => self.unknown_element(child, element, names),
                Node::Text(text) if text.value.trim().is_empty() => {}
                Node::Text(text) => self.stray_text(text, element),
            }
        }
        children
    }

    /// Whether it is an element of rules, of one of these names.
    pub(super) fn is_named(&self, element: &Element, names: &[&str]) -> bool {
        element.name.namespace == self.namespace && names.contains(&&*element.name.local)
    }

    /// The text of an element that holds no elements; `None` where it is blank.
    pub(super) fn only_text<'e>(&mut self, element: &'e Element) -> Option<&'e Text> {
        for child in element.children.iter().filter_map(Node::element) {
            self.unknown_element(child, element, &[]);
        }
        texts(element).next()
    }

    fn unknown_element(&mut self, child: &Element, parent: &Element, names: &[&str]) {
        let message = format!("unknown element `{}` in `{}`", child.name, parent.name);
        let help = match nearest(&child.name.local, names) {
            Some(name) if *name == *child.name.local => {
                Some(format!("`{name}` is there in another namespace than that of the root element"))
            }
            Some(name) => Some(format!("did you mean `{name}`?")),
            None if names.is_empty() => Some(format!("`{}` holds no elements", parent.name)),
            None => Some(format!("`{}` holds `{}` elements", parent.name, names.join("`, `"))),
        };
        self.report.error("unknown-element", message, child.span.clone(), help);
    }

    fn stray_text(&mut self, text: &Text, parent: &Element) {
        let help = match &*parent.name.local {
            "header" => "write the value as text, as `item` elements, or as `entry` elements",
            "when" => "what must match stands in the attribute `matches`",
            "meta" => "leave it out: the upstream says the rest",
            _ => "the text of a message stands in a `message` element",
        };
        let message = format!("text in `{}`", parent.name);
        self.report.error("stray-text", message, text.source_span(trimmed(text)), Some(help));
    }

    /// Reports attributes that mean nothing. Those of other namespaces are nobody's business, but
    /// for XML's own, which are there to be obeyed.
    pub(super) fn known_attributes(&mut self, element: &Element, names: &[&str]) {
        let of_xml = |attribute: &Attribute| attribute.name.prefix.as_deref() == Some("xml");
        for attribute in &element.attributes {
            if attribute.name.namespace.is_some() && !of_xml(attribute) {
                continue;
            }
            let name = attribute.name.to_string();
            if names.contains(&name.as_str()) {
                continue;
            }
            let known: Vec<&str> = names.iter().copied().filter(|name| !LEGACY.contains(name)).collect();
            let help = match nearest(&name, &known) {
                _ if name == "xml:lang" => "each `message` has a language of its own".to_owned(),
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => format!("`{}` has no attributes", element.name),
                None => format!("`{}` has `{}`", element.name, known.join("`, `")),
            };
            let message = format!("unknown attribute `{name}` of `{}`", element.name);
            self.report.error("unknown-attribute", message, attribute.name_span.clone(), Some(help));
        }
    }

    /// Reports an attribute that must be there, unless one that is likely meant to be it is there
    /// and has been reported.
    pub(super) fn missing_attribute(&mut self, element: &Element, name: &str, help: &str) {
        if is_misspelt(element, name) {
            return;
        }
        let message = format!("`{}` has no `{name}`", element.name);
        self.report.error("missing-attribute", message, element.span.clone(), Some(help));
    }

    /// Counts a rule or message; `false` when there are too many.
    pub(super) fn count(&mut self, element: &Element) -> bool {
        self.items += 1;
        if self.items == MAX_ITEMS + 1 {
            let message = format!("more than {MAX_ITEMS} rules and messages");
            self.report.error("too-many-rules", message, element.span.clone(), None::<String>);
        }
        self.items <= MAX_ITEMS
    }
}

/// The attribute of this name, in no namespace.
pub(super) fn attribute<'e>(element: &'e Element, name: &str) -> Option<&'e Attribute> {
    element
        .attributes
        .iter()
        .find(|attribute| attribute.name.namespace.is_none() && &*attribute.name.local == name)
}

/// The `xml:lang` of an element.
pub(super) fn language(element: &Element) -> Option<&Attribute> {
    element.attributes.iter().find(|attribute| attribute.name.to_string() == "xml:lang")
}

/// Whether an attribute was likely meant to be this one; that is then what is reported.
pub(super) fn is_misspelt(element: &Element, name: &str) -> bool {
    let is_near = |other: &str| other != name && nearest(other, &[name]).is_some();
    element.attributes.iter().any(|attribute| is_near(&attribute.name.local))
}

pub(super) fn value_span(attribute: &Attribute) -> Range<usize> {
    attribute.value.span()
}

/// The texts between the tags of an element that are not blank.
pub(super) fn texts(element: &Element) -> impl Iterator<Item = &Text> {
    element.children.iter().filter_map(Node::text).filter(|text| !text.value.trim().is_empty())
}

/// The bytes of a text without the white space around it.
pub(super) fn trimmed(text: &Text) -> Range<usize> {
    let start = text.value.len() - text.value.trim_start().len();
    start..text.value.trim_end().len().max(start)
}

/// The name that a misspelt one, or its last part, is likely meant to be.
pub(super) fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let spelled = |text: &str| text.trim_start_matches("xml:").to_ascii_lowercase().replace(['-', '_'], "");
    let name = spelled(name);
    let score = |other: &str| match other.len() > name.len() && name.len() > 3 && other.ends_with(&name) {
        true => 0.9,
        false => strsim::jaro_winkler(&name, other),
    };
    // Of several that are as near, the first.
    let scored = names.iter().rev().map(|&other| (score(&spelled(other)), other));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}
