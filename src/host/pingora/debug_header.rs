//! The response field that tells of the decision, where it is asked for.
//!
//! It is a dictionary of structured fields (RFC 9651) with one member, the decision; rule, message
//! and reason are its parameters: `replace;rule="limits";message=0;reason=body-empty`.

use std::fmt::Write as _;

use http::HeaderValue;
use pingora::http::ResponseHeader;

use super::{amend, facts::Outcome, options::Options};
use crate::exchange::title_case;

/// Sets the field, in place of one that the upstream may have sent.
pub(super) fn mark(head: &mut ResponseHeader, outcome: &Outcome, options: &Options) {
    let Some(name) = &options.debug_header else { return };
    let marked = HeaderValue::try_from(dictionary(outcome)).ok().and_then(|value| {
        if head.headers.contains_key(name) {
            *head = amend::without(head, name).ok()?;
        }
        head.insert_header(title_case(name), value).ok()
    });
    if marked.is_none() {
        tracing::error!(target: "retort::proxy", "a response could not be marked");
    }
}

fn dictionary(outcome: &Outcome) -> String {
    let mut text = outcome.action.as_str().to_owned();
    if let Some(rule) = &outcome.rule {
        text.push_str(";rule=");
        push_string(rule, &mut text);
    }
    if let Some(message) = outcome.message {
        // Writing to memory cannot fail.
        let _ = write!(text, ";message={message}");
    }
    text.push_str(";reason=");
    text.push_str(outcome.reason);
    text
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
    use std::sync::Arc;

    use http::HeaderName;

    use super::*;

    const NAME: HeaderName = HeaderName::from_static("retort-decision");

    fn told(rule: &str) -> String {
        let outcome = Outcome { rule: Some(Arc::from(rule)), message: Some(0), ..Outcome::no_rule() };
        dictionary(&outcome)
    }

    #[test]
    fn it_is_a_dictionary() {
        assert_eq!(told("limits"), r#"keep;rule="limits";message=0;reason=no-rule"#);
        assert_eq!(told(r#"a"b\c d"#), r#"keep;rule="a\"b\\c d";message=0;reason=no-rule"#);
        assert_eq!(told("füß\r\n\"%"), r#"keep;rule=%"f%c3%bc%c3%9f%0d%0a%22%25";message=0;reason=no-rule"#);
        assert_eq!(dictionary(&Outcome::no_rule()), "keep;reason=no-rule");
    }

    #[test]
    fn it_takes_the_place_of_another() {
        let mut options = Options::new(Vec::new(), Vec::new());
        let mut head = ResponseHeader::build(404, None).unwrap();
        head.append_header("Retort-Decision", "a lie").unwrap();
        head.append_header("X-A", "a").unwrap();
        head.append_header("retort-decision", "another").unwrap();
        mark(&mut head, &Outcome::no_rule(), &options);
        assert_eq!(head.headers.get_all(NAME).iter().count(), 2, "it is off");
        options.debug_header = Some(NAME);
        mark(&mut head, &Outcome::no_rule(), &options);
        let values: Vec<_> = head.headers.get_all(NAME).iter().collect();
        assert_eq!(values, ["keep;reason=no-rule"]);
        assert_eq!(head.headers["x-a"], "a");
    }
}
