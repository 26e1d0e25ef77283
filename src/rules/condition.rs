//! What must hold beside the status for a rule to apply.

use std::{borrow::Cow, fmt};

use http::HeaderName;

use super::Pattern;
use crate::exchange::{Cause, Exchange, Source, query::decoded, title_case};

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
    /// Whether it holds. Allocates nothing, but where a query parameter is percent-encoded or a
    /// value is not UTF-8.
    pub fn holds(&self, exchange: &Exchange<'_>) -> bool {
        let Exchange { request, response, .. } = exchange;
        match self {
            Condition::Upstream => response.source == Source::Upstream,
            Condition::Proxy => response.source != Source::Upstream,
            Condition::Cause(causes) => response.source.cause().is_some_and(|cause| causes.contains(&cause)),
            Condition::Method(pattern) => pattern.matches(request.method.as_bytes()),
            Condition::Host(pattern) => pattern.matches(host(request.authority).as_bytes()),
            Condition::Path(pattern) => pattern.matches(request.path.as_bytes()),
            Condition::When { subject, pattern, is_negated } => {
                subject.has_value(exchange, pattern) != *is_negated
            }
        }
    }

    /// A stable name for machines: the attribute or element that it is written as.
    pub fn code(&self) -> &'static str {
        match self {
            Condition::Upstream | Condition::Proxy => "source",
            Condition::Cause(_) => "cause",
            Condition::Method(_) => "method",
            Condition::Host(_) => "host",
            Condition::Path(_) => "path",
            Condition::When { .. } => "when",
        }
    }
}

impl Subject {
    /// Whether one of its values matches. Where there is none, none does.
    fn has_value(&self, exchange: &Exchange<'_>, pattern: &Pattern) -> bool {
        match self {
            Subject::RequestHeader(name) => {
                exchange.request.fields.lines(name).any(|line| pattern.matches(line))
            }
            Subject::ResponseHeader(name) => {
                exchange.response.fields.lines(name).any(|line| pattern.matches(line))
            }
            Subject::Query(name) => {
                let query = exchange.request.query.unwrap_or_default();
                parameters(query, name).any(|value| pattern.matches(&value))
            }
        }
    }
}

/// What the condition expects, in words: `method matches "POST"`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Upstream => f.write_str("source is upstream"),
            Condition::Proxy => f.write_str("source is proxy"),
            Condition::Cause(causes) => {
                f.write_str("cause is ")?;
                causes.iter().enumerate().try_for_each(|(index, cause)| {
                    f.write_str(if index > 0 { " or " } else { "" })?;
                    write!(f, "{cause}")
                })
            }
            Condition::Method(pattern) | Condition::Host(pattern) | Condition::Path(pattern) => {
                write!(f, "{} matches \"{pattern}\"", self.code())
            }
            Condition::When { subject, pattern, is_negated } => {
                let verb = if *is_negated { "does not match" } else { "matches" };
                write!(f, "{subject} {verb} \"{pattern}\"")
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::RequestHeader(name) => write!(f, "request header {}", title_case(name)),
            Subject::ResponseHeader(name) => write!(f, "response header {}", title_case(name)),
            Subject::Query(name) => write!(f, "query parameter {name}"),
        }
    }
}

/// The host of an authority (RFC 3986 §3.2): without the port; an IPv6 address keeps its brackets.
fn host(authority: &str) -> &str {
    let is_host = |host: &str| !host.contains(':') || host.ends_with(']');
    match authority.rsplit_once(':') {
        Some((host, port)) if is_host(host) && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// The values of the parameters with this name, decoded where that takes it. One without an equals
/// sign has the empty value.
fn parameters<'q>(query: &'q str, name: &str) -> impl Iterator<Item = Cow<'q, [u8]>> {
    query.split('&').filter_map(move |parameter| {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        decoded(key).eq(name.bytes()).then(|| match value.contains(['%', '+']) {
            true => Cow::Owned(decoded(value).collect()),
            false => Cow::Borrowed(value.as_bytes()),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_without_their_ports() {
        assert_eq!(host("example.com"), "example.com");
        assert_eq!(host("example.com:8080"), "example.com");
        assert_eq!(host("example.com:"), "example.com");
        assert_eq!(host("[2001:db8::1]:443"), "[2001:db8::1]");
        assert_eq!(host("[2001:db8::1]"), "[2001:db8::1]");
        assert_eq!((host(""), host("[::1"), host("::1"), host(":80")), ("", "[::1", "::1", ""));
    }

    #[test]
    fn parameters_are_decoded() {
        let values = |query: &str, name: &str| -> Vec<String> {
            parameters(query, name).map(|value| String::from_utf8_lossy(&value).into_owned()).collect()
        };
        assert_eq!(values("a=1&b=2&a=3&a", "a"), ["1", "3", ""]);
        assert_eq!(values("a=b+c%2B%3D%26=d", "a"), ["b c+=&=d"]);
        assert_eq!(values("%61+b=1&a%20b=2&a+=3", "a b"), ["1", "2"]);
        assert_eq!(values("a=%C3%A9&a=%E9&a=%&a=%zz", "a"), ["é", "\u{FFFD}", "%", "%zz"]);
        assert_eq!(values("", "a"), [""; 0]);
        assert!(matches!(parameters("a=plain", "a").next(), Some(Cow::Borrowed(b"plain"))));
    }
}
