//! What `%{…}x` knows of a response and of what became of it.

use std::fmt;

use super::{
    Purpose, Subject,
    json::{self, Pointer},
    lookup::Found,
};
use crate::{exchange::Cause, status::reason_phrase};

/// A fact that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// The content, or a value in it where it is JSON.
    Body(Option<Pointer>),
    Reason,
    Rule,
    Message,
    Source,
    Cause,
    Upstream,
    TraceId,
    SpanId,
    Hostname,
    Language,
    Decision,
    DecisionReason,
    Condition,
}

/// Why a text names no fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoFact {
    /// It is no JSON pointer that follows `body:`.
    Pointer,
    /// There is no such name.
    Unknown,
}

static NAMED: [(&str, Fact); 11] = [
    ("body", Fact::Body(None)),
    ("reason", Fact::Reason),
    ("rule", Fact::Rule),
    ("message", Fact::Message),
    ("source", Fact::Source),
    ("cause", Fact::Cause),
    ("upstream", Fact::Upstream),
    ("trace-id", Fact::TraceId),
    ("span-id", Fact::SpanId),
    ("hostname", Fact::Hostname),
    ("language", Fact::Language),
];

/// What there is to know once the response is over.
static NAMED_IN_LOGS: [(&str, Fact); 3] =
    [("decision", Fact::Decision), ("decision-reason", Fact::DecisionReason), ("condition", Fact::Condition)];

/// All names that messages can have.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|(name, _)| *name)
}

impl Fact {
    /// The fact of this name.
    pub(super) fn named(name: &str, purpose: Purpose) -> Result<Self, NoFact> {
        if let Some(pointer) = name.strip_prefix("body:") {
            return Pointer::parse(pointer).map(|pointer| Fact::Body(Some(pointer))).ok_or(NoFact::Pointer);
        }
        let more = if purpose == Purpose::LogLine { &NAMED_IN_LOGS[..] } else { &[] };
        let known = NAMED.iter().chain(more).find(|(known, _)| *known == name);
        known.map(|(_, fact)| fact.clone()).ok_or(NoFact::Unknown)
    }

    /// Its value, if there is one and it is not empty.
    pub(super) fn find<'s>(&self, subject: &Subject<'s>) -> Option<Found<'s>> {
        let exchange = subject.exchange;
        let content = exchange.response.content;
        let text = match self {
            Fact::Body(None) => content.map(|content| content.text()),
            Fact::Body(Some(pointer)) => {
                let whole = content.filter(|content| content.json().is_some())?;
                let value = pointer.find(whole.text())?;
                return (!json::is_empty(value)).then_some(Found::Json(value));
            }
            Fact::Reason => reason_phrase(subject.status),
            Fact::Rule => Some(subject.rule),
            Fact::Message => return subject.message.map(Found::Number),
            Fact::Source => Some(exchange.response.source.as_str()),
            Fact::Cause => {
                let cause = subject.sent.and_then(|sent| sent.cause).or(exchange.response.source.cause());
                cause.map(Cause::as_str)
            }
            Fact::Upstream => Some(exchange.connection.upstream),
            Fact::TraceId => exchange.request.trace.map(|trace| trace.trace_id),
            Fact::SpanId => exchange.request.trace.map(|trace| trace.span_id),
            Fact::Hostname => Some(exchange.connection.hostname),
            Fact::Language => subject.language,
            Fact::Decision => subject.sent.map(|sent| sent.decision),
            Fact::DecisionReason => subject.sent.map(|sent| sent.why),
            Fact::Condition => subject.sent.and_then(|sent| sent.condition),
        };
        text.filter(|text| !text.is_empty()).map(Found::Text)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, NAMED.iter().chain(&NAMED_IN_LOGS).find(|(_, fact)| fact == self)) {
            (Fact::Body(Some(pointer)), _) => write!(f, "body:{pointer}"),
            (_, named) => f.write_str(named.map_or("", |(name, _)| *name)),
        }
    }
}
