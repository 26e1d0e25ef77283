//! What was decided on a response, for those who are told of it.

use std::{fmt::Write as _, sync::Arc};

use http::HeaderValue;

use super::telemetry::{Action, Decided};
use crate::{Decision, rules::Reason};

/// The [`Decision`] without its borrows.
#[derive(Clone, Debug)]
pub(in crate::host) struct Outcome {
    pub(in crate::host) action: Action,
    /// Why, in a stable word.
    pub(in crate::host) reason: &'static str,
    /// The rule that matched.
    pub(in crate::host) rule: Option<Arc<str>>,
    /// The index of the message that was chosen.
    pub(in crate::host) message: Option<usize>,
    /// The condition that kept the first rule for the status from applying, where none applied.
    pub(in crate::host) condition: Option<String>,
}

impl Outcome {
    /// What is told where the rules were not asked, since none is for the status.
    pub(in crate::host) fn no_rule() -> Self {
        let reason = Reason::NoRule.code();
        Self { action: Action::Keep, reason, rule: None, message: None, condition: None }
    }

    /// What is told where deciding, rendering or amending panicked.
    pub(in crate::host) fn panic() -> Self {
        Self { action: Action::Panic, reason: "panic", ..Self::no_rule() }
    }

    pub(in crate::host) fn of(decision: &Decision<'_>) -> Self {
        let (action, failed) = match decision {
            Decision::Keep(kept) => (Action::Keep, kept.failed),
            Decision::Replace(_) => (Action::Replace, None),
            Decision::Steer(_) => (Action::Steer, None),
            Decision::Wait(_) => (Action::Wait, None),
        };
        Self {
            action,
            reason: decision.reason(),
            rule: decision.rule().map(|rule| Arc::clone(rule.id())),
            message: decision.message(),
            condition: failed.map(|failed| failed.condition.to_string()),
        }
    }

    /// As it is counted.
    pub(in crate::host) fn decided(&self) -> Decided<'_> {
        let Self { action, reason, message, .. } = *self;
        Decided { action, reason, rule: self.rule.as_ref(), message }
    }

    /// The value of the field that tells of it, where that is asked for.
    ///
    /// It is a dictionary of structured fields (RFC 9651) with one member, the decision; rule,
    /// message and reason are its parameters: `replace;rule="limits";message=0;reason=body-empty`.
    pub(in crate::host) fn header_value(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.dictionary()).ok()
    }

    fn dictionary(&self) -> String {
        let mut text = self.action.as_str().to_owned();
        if let Some(rule) = &self.rule {
            text.push_str(";rule=");
            push_string(rule, &mut text);
        }
        if let Some(message) = self.message {
            // Writing to memory cannot fail.
            let _ = write!(text, ";message={message}");
        }
        text.push_str(";reason=");
        text.push_str(self.reason);
        text
    }
}

/// A string (§3.3.3), or a display string (§3.3.8) where it is not ASCII.
fn push_string(value: &str, out: &mut String) {
    let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    out.push_str(if is_plain { "\"" } else { "%\"" });
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' if is_plain => out.extend(['\\', char::from(byte)]),
            b'"' | b'%' if !is_plain => drop(write!(out, "%{byte:02x}")),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => drop(write!(out, "%{byte:02x}")),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rule: &str) -> String {
        let outcome = Outcome { rule: Some(Arc::from(rule)), message: Some(0), ..Outcome::no_rule() };
        outcome.dictionary()
    }

    #[test]
    fn its_field_is_a_dictionary() {
        assert_eq!(told("limits"), r#"keep;rule="limits";message=0;reason=no-rule"#);
        assert_eq!(told(r#"a"b\c d"#), r#"keep;rule="a\"b\\c d";message=0;reason=no-rule"#);
        assert_eq!(told("füß\r\n\"%"), r#"keep;rule=%"f%c3%bc%c3%9f%0d%0a%22%25";message=0;reason=no-rule"#);
        assert_eq!(Outcome::no_rule().dictionary(), "keep;reason=no-rule");
    }
}
