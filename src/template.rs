//! Templates in the manner of Apache's LogFormat: compiled once at load, rendered without fail.

mod date;
pub mod directive;
pub mod error;
pub mod escape;
mod field;
mod insert;
mod parse;
mod pattern;
mod scan;
mod token;
mod zone;

use std::fmt;

use http::HeaderName;

use crate::Exchange;
use directive::Directive;
pub use error::{Error, ErrorKind, Warning, WarningKind};
pub use escape::Escape;
use insert::{MAX_VALUE, boundary};

/// A compiled message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    escape: Escape,
    segments: Vec<Segment>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Text that comes out as it is.
    Literal(String),
    /// A value of the exchange, or a dash where the condition does not hold.
    Directive { condition: Option<Condition>, directive: Directive },
}

/// The statuses that a directive is for.
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
        parse::parse(text, syntax.escape)
    }

    /// Appends the rendered text to `out`; allocates at most once.
    pub fn render(&self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        let exchange = subject.exchange;
        out.reserve(self.bound(subject));
        let start = out.len();
        for segment in &self.segments {
            let room = (MAX_MESSAGE + start).saturating_sub(out.len());
            segment.render(exchange, self.escape, room, out);
            let written = out.get(start..).unwrap_or_default();
            if written.len() > MAX_MESSAGE {
                out.truncate(start + boundary(written, MAX_MESSAGE));
                return;
            }
        }
    }

    /// Bytes that suffice for the text rendered for this exchange.
    pub fn bound(&self, subject: &Subject<'_>) -> usize {
        let exchange = subject.exchange;
        let segments = self.segments.iter().map(|segment| segment.bound(exchange, self.escape));
        // Rendering stops at the first segment that goes too far.
        segments.sum::<usize>().min(MAX_MESSAGE + MAX_VALUE * self.escape.growth())
    }

    /// The header fields that the text shows, of the request and of the response.
    pub fn field_names(&self) -> impl Iterator<Item = &HeaderName> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Directive { directive: Directive::Field(field), .. } => Some(field.name()),
            Segment::Directive { .. } | Segment::Literal(_) => None,
        })
    }

    /// What the text reads of the response's content.
    pub fn needs(&self) -> Needs {
        let length = self.segments.iter().any(|segment| match segment {
            Segment::Literal(_) => false,
            Segment::Directive { directive, .. } => {
                matches!(directive, Directive::Length | Directive::LengthOrDash)
            }
        });
        Needs { length, content: false }
    }
}

impl<'a> Subject<'a> {
    /// A template that belongs to no rule, for a response whose status stays.
    pub fn of(exchange: &'a Exchange<'a>) -> Self {
        Self { exchange, status: exchange.response.status, rule: "", message: None, language: None }
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
    fn render(&self, exchange: &Exchange<'_>, escape: Escape, room: usize, out: &mut Vec<u8>) {
        match self {
            Segment::Literal(text) => {
                out.extend_from_slice(text.as_bytes().get(..=room).unwrap_or(text.as_bytes()));
            }
            Segment::Directive { condition, directive } => {
                if condition.as_ref().is_some_and(|condition| !condition.holds(exchange.response.status)) {
                    return out.push(b'-');
                }
                // Writing to memory cannot fail.
                let _ = directive.write(exchange, &mut directive.insert(out, escape));
            }
        }
    }

    fn bound(&self, exchange: &Exchange<'_>, escape: Escape) -> usize {
        match self {
            Segment::Literal(text) => text.len(),
            // A dash needs one byte.
            Segment::Directive { directive, .. } => directive.bound(exchange).max(1) * escape.growth(),
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
            Segment::Directive { condition: Some(condition), directive } => {
                write!(f, "%{condition}{directive}")
            }
            Segment::Directive { condition: None, directive } => write!(f, "%{directive}"),
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
