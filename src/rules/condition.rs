//! What must hold beside the status for a rule to apply.

use std::fmt;

use http::HeaderName;
use regex::bytes::Regex;

use crate::exchange::{Cause, Exchange};

/// Everything that must hold for a rule to apply.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// All of them, in the order in which they are asked.
    conditions: Vec<Condition>,
}

/// One thing that must hold.
#[derive(Clone, Debug)]
pub enum Condition {
    /// `source="upstream"`
    Upstream,
    /// `source="proxy"`
    Proxy,
    /// The proxy made the response for one of these reasons.
    Cause(Vec<Cause>),
    /// The method.
    Method(Pattern),
    /// The host that was asked, without the port.
    Host(Pattern),
    /// The path of the request, as it was sent.
    Path(Pattern),
    /// A `when` element.
    When {
        /// What is looked at.
        subject: Subject,
        /// What a value of it must match.
        pattern: Pattern,
        /// Whether none may match.
        is_negated: bool,
    },
}

/// What a `when` element looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The lines of a request header field.
    RequestHeader(HeaderName),
    /// The lines of a response header field.
    ResponseHeader(HeaderName),
    /// The values of a query parameter, decoded.
    Query(String),
}

/// An expression that must match a value as a whole.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Conditions {
    /// All of these.
    pub fn new(conditions: Vec<Condition>) -> Self {
        Self { conditions }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The conditions in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter()
    }

    /// The first condition that does not hold.
    pub fn failed(&self, exchange: &Exchange<'_>) -> Option<&Condition> {
        self.conditions.iter().find(|condition| !condition.holds(exchange))
    }
}

impl Condition {
    /// Whether it holds.
    pub fn holds(&self, _exchange: &Exchange<'_>) -> bool {
        true
    }
}

impl Pattern {
    /// Compiles an expression that runs in linear time. The whole value must match; the host is
    /// matched whatever the case of its letters.
    pub fn new(source: &str, ignores_case: bool) -> Result<Self, regex::Error> {
        let regex = regex::bytes::RegexBuilder::new(&format!("^(?:{source})$"))
            .case_insensitive(ignores_case)
            .build()?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// Whether it matches the whole value.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.regex.is_match(value)
    }
}

/// Prints the expression as it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
