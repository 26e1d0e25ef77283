//! The values of attributes: words, flags, lists.

use std::ops::Range;

use super::{
    Schema,
    element::{attribute, nearest, value_span},
};
use crate::config::document::{Attribute, Element, Text};

impl Schema<'_> {
    /// What the word means that an attribute holds; `None` where there is no such attribute, or no
    /// such word.
    pub(super) fn word<T: Copy>(&mut self, element: &Element, name: &str, words: &[(&str, T)]) -> Option<T> {
        let attribute = attribute(element, name)?;
        let written = attribute.value.value.as_str();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == written) {
            return Some(*meaning);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("`{name}` is {}, not `{written}`", alternatives(&known));
        let help = nearest(written, &known).map(|word| format!("did you mean `{word}`?"));
        self.report.error("invalid-value", message, value_span(attribute), help);
        None
    }

    /// A flag as XML Schema writes it.
    pub(super) fn flag(&mut self, attribute: &Attribute) -> Option<bool> {
        match attribute.value.value.trim() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            other => {
                let message = format!("`{}` is `true` or `false`, not `{other}`", attribute.name);
                self.report.error("invalid-value", message, value_span(attribute), None::<String>);
                None
            }
        }
    }
}

/// The members of a list with blanks or commas between them, and where each stands in the value.
pub(super) fn members(list: &Text) -> impl Iterator<Item = (Range<usize>, &str)> {
    let separates = |c: char| c.is_ascii_whitespace() || c == ',';
    let placed = list.value.split(separates).scan(0, |at, member| {
        let start = *at;
        *at += member.len() + 1;
        Some((start..start + member.len(), member))
    });
    placed.filter(|(_, member)| !member.is_empty())
}

/// `a`, `b` or `c`
fn alternatives(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("`{}` or `{last}`", first.join("`, `")),
        _ => format!("`{}`", words.concat()),
    }
}
