//! Expressions that must match a value as a whole, and those that no value can match.

use super::{
    Schema,
    element::{attribute, value_span},
};
use crate::{
    config::document::{Attribute, Element},
    rules::{Pattern, pattern::PatternError},
};

impl Schema<'_> {
    /// The expression in an attribute, if it is there and one.
    pub(super) fn pattern_of(&mut self, element: &Element, name: &str) -> Option<Pattern> {
        let attribute = attribute(element, name)?;
        let source = attribute.value.value.as_str();
        match Pattern::new(source, name == "host") {
            Ok(pattern) => {
                self.doubtful_pattern(attribute, &pattern);
                Some(pattern)
            }
            Err(PatternError { message, span }) => {
                let message = format!("`{name}` is not a regular expression: {message}");
                let is_not_regular =
                    source.contains("(?=") || source.contains("(?!") || source.contains("(?<");
                let help = is_not_regular.then_some(
                    "unlike `code-regex`, this is matched for each response, in linear time: \
                     say it without look-around, or with negate=\"true\" on a `when`",
                );
                let span = attribute.value.source_span(span);
                self.report.error("invalid-regex", message, span, help);
                None
            }
        }
    }

    /// Warns of an expression that no value matches, as far as that can be told.
    fn doubtful_pattern(&mut self, attribute: &Attribute, pattern: &Pattern) {
        let source = attribute.value.value.as_str();
        let name = &*attribute.name.local;
        let mut warn = |code, message: String, help: String| {
            self.report.warn(code, message, value_span(attribute), help);
        };
        if let Some(at) = source.find("\\\\") {
            let help = format!("in XML a backslash is written once: `{}`", source.replace("\\\\", "\\"));
            let message = "a doubled backslash stands for a backslash".to_owned();
            let span = attribute.value.source_span(at..at + 2);
            return self.report.warn("double-backslash", message, span, help);
        }
        match name {
            "method" if METHODS.iter().any(|method| matches(pattern, method)) => {}
            "method" => {
                let upper = source.to_ascii_uppercase();
                let would = Pattern::new(&upper, false).is_ok_and(|p| METHODS.iter().any(|m| matches(&p, m)));
                if would {
                    let message = "methods are in capitals: this one never comes".to_owned();
                    warn("never-matches", message, format!("did you mean `{upper}`?"));
                }
            }
            "path" if begins_with_word(source) => {
                let message = "a path begins with `/`: this one never comes".to_owned();
                warn("never-matches", message, format!("write `/{source}`, or `.*/{source}`"));
            }
            "host" => {
                let Some((host, port)) = source.rsplit_once(':') else { return };
                if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && !host.contains('[') {
                    let message = "the host is compared without its port".to_owned();
                    warn("never-matches", message, format!("write `{host}`"));
                }
            }
            _ => {}
        }
    }
}

/// The registered methods that are met (RFC 9110 §9.3, RFC 5789).
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

fn matches(pattern: &Pattern, value: &str) -> bool {
    pattern.matches(value.as_bytes())
}

/// Whether all that matches begins with a letter or digit, which tells from the expression's first
/// two characters.
fn begins_with_word(expression: &str) -> bool {
    let mut chars = expression.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
    first && !chars.next().is_some_and(|c| matches!(c, '?' | '*' | '{')) && !expression.contains('|')
}
