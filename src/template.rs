//! Templates in the manner of Apache's LogFormat: compiled once at load, rendered without fail.

mod argument;
mod clf;
mod cookie;
mod date;
pub mod directive;
pub mod error;
pub mod escape;
mod fact;
mod field;
mod insert;
mod json;
mod lookup;
mod parse;
mod pattern;
mod scan;
mod token;
mod value;
mod zone;

use std::fmt;

use http::HeaderName;

use crate::{Exchange, exchange::Cause};
pub use error::{Error, ErrorKind, Warning, WarningKind};
pub use escape::Escape;
use insert::boundary;
use value::Value;

/// A compiled message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    purpose: Purpose,
    escape: Escape,
    segments: Vec<Segment>,
}

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// It goes to a client.
    Message,
    /// It tells of a request that is over, on one line.
    LogLine,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Text that comes out as it is.
    Literal(String),
    /// A value of the exchange, or a dash where the condition does not hold.
    Value { condition: Option<Condition>, value: Value },
}

/// The statuses, as the upstream sent them, that a directive is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    is_negated: bool,
    statuses: Vec<u16>,
}

/// What a template is rendered for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The request and its response.
    pub exchange: &'a Exchange<'a>,
    /// The status that is sent.
    pub status: u16,
    /// The id of the rule that matched.
    pub rule: &'a str,
    /// The position of the message in the rule; `None` in the rule's own header fields.
    pub message: Option<usize>,
    /// The language of the message.
    pub language: Option<&'a str>,
    /// What became of the response, once it is over.
    pub sent: Option<Sent<'a>>,
}

/// What became of a response. Where it is known, the exchange has the header fields that were sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The status that the client got; `None` where it got no head.
    pub status: Option<u16>,
    /// The status that the upstream sent, if it sent one.
    pub upstream_status: Option<u16>,
    /// Bytes of content that went to the client, if that is known.
    pub bytes: Option<u64>,
    /// Why the request failed, if it did.
    pub cause: Option<Cause>,
    /// What was decided, in a word: `keep`, `replace`.
    pub decision: &'a str,
    /// Why, in a word: `body-present`.
    pub why: &'a str,
    /// The condition that kept the first rule for the status from applying, where none applied.
    pub condition: Option<&'a str>,
    /// How it ended.
    pub end: End,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Whole, and the connection can be used again.
    Kept,
    /// Whole, and so did the connection.
    Closed,
    /// Before it was whole, or before there was any.
    Cut,
}

/// Something from outside that a template reads by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// A header field of the request.
    RequestField(&'a HeaderName),
    /// A header field of the response.
    ResponseField(&'a HeaderName),
    /// A cookie of the request.
    Cookie(&'a str),
    /// A parameter of the query.
    Parameter(&'a str),
    /// The content of the response.
    Content {
        /// Whether it is a value in it that is read.
        is_json: bool,
    },
}

/// What a template reads of the response's content, which must be there first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Its length.
    pub length: bool,
    /// Its text.
    pub content: bool,
}

/// How a text is to be compiled.
#[derive(Clone, Copy, Debug)]
pub struct Syntax<'a> {
    /// How inserted values are escaped.
    pub escape: Escape,
    /// The names that the rules file exposes.
    pub expose: &'a Expose,
}

/// The names of header fields, cookies and environment variables that templates may print
/// although they may hold secrets: the `expose` of a rules file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expose(Vec<String>);

/// What parsing yields beside errors.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The template.
    pub template: Template,
    /// What was accepted, but is likely not what was meant.
    pub warnings: Vec<Warning>,
}

/// Bytes of a rendered message; the rest is cut off.
const MAX_MESSAGE: usize = 1024 * 1024;

impl Template {
    /// Compiles a text. All mistakes are reported.
    pub fn parse(text: &str, syntax: Syntax<'_>) -> Result<Parsed, Vec<Error>> {
        parse::parse(text, syntax, Purpose::Message)
    }

    /// Compiles a line of an access log. One that begins with a brace is JSON, and values are escaped
    /// for that; any other as Apache does. Whatever it is rendered for, it stays one line.
    pub fn parse_log_line(text: &str, expose: &Expose) -> Result<Parsed, Vec<Error>> {
        let escape = if text.trim_start().starts_with('{') { Escape::Json } else { Escape::Log };
        parse::parse(text, Syntax { escape, expose }, Purpose::LogLine)
    }

    /// Appends the rendered text to `out`; allocates at most once, if it is a message.
    pub fn render(&self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        // Lines of a log come one after another, into the same place.
        if self.purpose != Purpose::LogLine {
            out.reserve(self.bound(subject));
        }
        let start = out.len();
        for segment in &self.segments {
            let room = (MAX_MESSAGE + start).saturating_sub(out.len());
            let before = out.len();
            segment.render(subject, self.escape, room, out);
            if self.purpose == Purpose::LogLine && out.len() == before {
                out.push(b'-');
            }
            let written = out.get(start..).unwrap_or_default();
            if written.len() > MAX_MESSAGE {
                out.truncate(start + boundary(written, MAX_MESSAGE));
                return;
            }
        }
    }

    /// Bytes that suffice for the text rendered for this subject.
    pub fn bound(&self, subject: &Subject<'_>) -> usize {
        let bounds = self.segments.iter().map(|segment| segment.bound(subject, self.escape));
        let (sum, most) = bounds.fold((0, 0), |(sum, most), bound: usize| (sum + bound, bound.max(most)));
        // Rendering stops at the first segment that goes too far.
        sum.min(MAX_MESSAGE + most)
    }

    /// The header fields that the text shows, of the request and of the response.
    pub fn field_names(&self) -> impl Iterator<Item = &HeaderName> {
        self.reads().filter_map(|read| match read {
            Read::RequestField(name) | Read::ResponseField(name) => Some(name),
            Read::Cookie(_) | Read::Parameter(_) | Read::Content { .. } => None,
        })
    }

    /// What the text reads by name from outside.
    pub fn reads(&self) -> impl Iterator<Item = Read<'_>> {
        let lookups = self.values().filter_map(|value| match value {
            Value::Lookup(lookup) => Some(lookup.reads()),
            _ => None,
        });
        lookups.flatten()
    }

    /// What the text reads of the response's content.
    pub fn needs(&self) -> Needs {
        let length = self.values().any(|value| matches!(value, Value::Length | Value::LengthOrDash));
        let content = self.reads().any(|read| matches!(read, Read::Content { .. }));
        Needs { length, content }
    }

    fn values(&self) -> impl Iterator<Item = &Value> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Value { value, .. } => Some(value),
        })
    }
}

impl<'a> Subject<'a> {
    /// A template that belongs to no rule, for a response whose status stays.
    pub fn of(exchange: &'a Exchange<'a>) -> Self {
        Self {
            exchange,
            status: exchange.response.status,
            rule: "",
            message: None,
            language: None,
            sent: None,
        }
    }

    /// The status that conditions are about: the upstream's, or the one that was sent once it was.
    fn condition_status(&self) -> u16 {
        self.sent.map_or(self.exchange.response.status, |sent| sent.status.unwrap_or(0))
    }
}

impl Needs {
    /// What either needs.
    pub fn and(self, other: Self) -> Self {
        Self { length: self.length || other.length, content: self.content || other.content }
    }
}

impl Expose {
    /// These names: header fields whatever their case, all others as they are written.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Whether a header field is among them.
    pub fn has_field(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|own| own.eq_ignore_ascii_case(name.as_str()))
    }

    /// Whether a cookie or a variable is among them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|own| own == name)
    }
}

impl<'a> Syntax<'a> {
    /// Values are escaped like this, and no secret is exposed.
    pub fn new(escape: Escape) -> Self {
        const NOTHING: &Expose = &Expose(Vec::new());
        Self { escape, expose: NOTHING }
    }
}

impl Segment {
    /// Appends the segment; of a literal, no more than is needed to see that it exceeds `room`.
    fn render(&self, subject: &Subject<'_>, escape: Escape, room: usize, out: &mut Vec<u8>) {
        match self {
            Segment::Literal(text) => {
                out.extend_from_slice(text.as_bytes().get(..=room).unwrap_or(text.as_bytes()));
            }
            Segment::Value { condition: Some(condition), .. }
                if !condition.holds(subject.condition_status()) =>
            {
                out.push(b'-');
            }
            Segment::Value { value, .. } => value.insert(subject, escape, out),
        }
    }

    fn bound(&self, subject: &Subject<'_>, escape: Escape) -> usize {
        match self {
            Segment::Literal(text) => text.len(),
            // A dash needs one byte.
            Segment::Value { value, .. } => value.bound(subject).max(1) * escape.growth(),
        }
    }
}

impl Condition {
    fn holds(&self, status: u16) -> bool {
        self.statuses.contains(&status) != self.is_negated
    }
}

/// Prints the text that the template was compiled from, in its plainest spelling.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => f.write_str(&text.replace('%', "%%")),
            Segment::Value { condition: Some(condition), value } => {
                write!(f, "%{}{condition}{value}", value.modifier())
            }
            Segment::Value { condition: None, value } => write!(f, "%{}{value}", value.modifier()),
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negated {
            f.write_str("!")?;
        }
        self.statuses
            .iter()
            .enumerate()
            .try_for_each(|(index, status)| write!(f, "{}{status:03}", if index > 0 { "," } else { "" }))
    }
}
