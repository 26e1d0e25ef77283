//! The rules, and the decision they make.

pub mod condition;
pub mod field;

use std::{fmt, sync::Arc};

use http::{
    HeaderValue,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};

pub use self::{
    condition::{Condition, Conditions},
    field::FieldRule,
};
use crate::{
    accept::{Accept, Negotiation, Offer},
    exchange::{Exchange, Response, content_length},
    language::Language,
    media::TypeRange,
    status::{CODES, StatusSet},
    template::Template,
};

/// All rules of a file, in order.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<StatusRule>,
    negotiation: Negotiation,
    /// For each status from 100 the position of its rule: nothing is searched at run time.
    by_status: Box<[Option<u32>]>,
}

/// One `status-code` element.
#[derive(Debug)]
pub struct StatusRule {
    id: Arc<str>,
    statuses: StatusSet,
    conditions: Conditions,
    overwrite: Overwrite,
    keep_types: Vec<TypeRange>,
    status: Option<u16>,
    fields: Vec<FieldRule>,
    is_steered: bool,
    messages: Vec<Message>,
    /// What the messages offer, in the same order.
    offers: Vec<Offer>,
}

/// When a rule replaces the upstream's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// Where there is none.
    #[default]
    IfEmpty,
    /// In any case.
    Always,
    /// Where there is none, or one that the client does not accept.
    IfNotAcceptable,
}

/// One `message` element.
#[derive(Clone, Debug)]
pub struct Message {
    /// The text.
    pub template: Template,
    /// The Content-Type to send.
    pub content_type: HeaderValue,
    /// The language that it is in.
    pub language: Option<Language>,
    /// What happens to the header where this message is written.
    pub fields: Vec<FieldRule>,
}

/// What a host knows of the response's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none: `Content-Length: 0`, or the end has come.
    Absent,
    /// There is some: a Content-Length, or a first byte.
    Present,
    /// Neither is known yet.
    Unknown,
}

/// What is to be done with a response, and why.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'r> {
    /// The content passes. A rule that matched may still set the status and edit the header.
    Keep(Kept<'r>),
    /// A message is written in place of the content.
    Replace(Choice<'r>),
    /// The upstream says in the content what to make of the response.
    Steer(Steered<'r>),
    /// Decide again when more is known of the content.
    Wait(Awaited<'r>),
}

/// A message that was chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'r> {
    /// The rule that matched.
    pub rule: &'r StatusRule,
    /// The position of the message in the rule.
    pub index: usize,
    /// The message.
    pub message: &'r Message,
    /// Why it may be written, in a stable word.
    pub reason: &'static str,
    /// Whether the client's Accept-Language had a say.
    pub by_language: bool,
}

/// Why a response passes, and how far the rules came.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'r> {
    /// Why.
    pub reason: Reason,
    /// The rule that matched, if one did.
    pub rule: Option<&'r StatusRule>,
    /// The position of the message that was chosen, if one was.
    pub message: Option<usize>,
    /// Whether the rule may set the status and edit the header.
    pub is_amended: bool,
}

/// A response that the upstream steers.
#[derive(Clone, Copy, Debug)]
pub struct Steered<'r> {
    /// The rule that matched.
    pub rule: &'r StatusRule,
    /// What is written where the upstream reports an error without describing it.
    pub choice: Option<Choice<'r>>,
}

/// A decision that is open.
#[derive(Clone, Copy, Debug)]
pub struct Awaited<'r> {
    /// The rule that matched.
    pub rule: &'r StatusRule,
    /// The position of the message that was chosen, if one was.
    pub message: Option<usize>,
    /// What must be known.
    pub until: Until,
}

/// What must be known for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Whether there is content: its first byte, or the end.
    FirstByte,
    /// How long it is.
    Length,
    /// Its text, to [`MAX_CONTENT`](crate::exchange::content::MAX_CONTENT).
    Content,
}

/// Why a response passes unaltered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No rule is for its status.
    NoRule,
    /// Rules are for its status, and each has a condition that does not hold.
    Condition,
    /// The upstream asked to leave it alone.
    HandsOff,
    /// The response is an interim one (1xx).
    Interim,
    /// The status forbids content: 204, 205, 304; or promises a part of some: 206.
    StatusWithoutContent,
    /// A tunnel was opened by CONNECT.
    Tunnel,
    /// gRPC carries its status elsewhere.
    Grpc,
    /// None of the rule's messages is acceptable to the client.
    NotAcceptable,
    /// The response has content, and the rule replaces empty ones only.
    BodyPresent,
    /// The response has content of a type that the rule keeps.
    TypeKept,
    /// The rule has no message.
    NoMessage,
    /// The answer to a HEAD request does not tell whether a GET would have content.
    LengthUnknown,
}

impl Rules {
    /// Takes rules in the order in which they are asked.
    pub fn new(rules: Vec<StatusRule>, negotiation: Negotiation) -> Self {
        let mut by_status = vec![None; CODES.len()].into_boxed_slice();
        for (position, rule) in (0..).zip(&rules) {
            let places =
                by_status.iter_mut().zip(CODES).filter(|(_, status)| rule.statuses.contains(*status));
            places.for_each(|(place, _)| _ = place.get_or_insert(position));
        }
        Self { rules, negotiation, by_status }
    }

    /// The rules in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &StatusRule> {
        self.rules.iter()
    }

    /// How messages are chosen.
    pub fn negotiation(&self) -> Negotiation {
        self.negotiation
    }

    /// How many messages the rules have.
    pub fn message_count(&self) -> usize {
        self.rules.iter().map(|rule| rule.messages.len()).sum()
    }

    /// Whether any rule is for this status. Where none is, nothing else needs to be asked.
    pub fn covers(&self, status: u16) -> bool {
        self.rule_for(status).is_some()
    }

    /// Decides what to do with a response. Allocates nothing.
    ///
    /// Where the response [is pending](Response::is_pending), the answer may be to wait.
    pub fn decide(&self, exchange: &Exchange<'_>, body: Body) -> Decision<'_> {
        let no_rule = Kept { reason: Reason::NoRule, rule: None, message: None, is_amended: false };
        let Some(rule) = self.rule_for(exchange.response.status) else { return Decision::Keep(no_rule) };
        let keep =
            |reason, message| Decision::Keep(Kept { reason, rule: Some(rule), message, is_amended: true });
        if let Some(reason) = untouchable(exchange) {
            return Decision::Keep(Kept { reason, rule: Some(rule), message: None, is_amended: false });
        }
        let accept = Accept::new(exchange.request.fields);
        let Some(choice) = accept.choose(&rule.offers, self.negotiation).and_then(|at| rule.choice(at))
        else {
            return keep(Reason::NotAcceptable, None);
        };
        let wait = |until| Decision::Wait(Awaited { rule, message: Some(choice.index), until });
        match rule.overwrite.permits(body.or_declared_by(&exchange.response)) {
            Some(true)
                if exchange.response.is_pending
                    && exchange.response.length.is_none()
                    && choice.message.template.needs().length =>
            {
                wait(Until::Length)
            }
            Some(true) => Decision::Replace(choice),
            Some(false) => keep(Reason::BodyPresent, Some(choice.index)),
            None if exchange.response.is_pending => wait(Until::FirstByte),
            None => keep(Reason::LengthUnknown, Some(choice.index)),
        }
    }

    fn rule_for(&self, status: u16) -> Option<&StatusRule> {
        let index = status.checked_sub(*CODES.start())?;
        let position = (*self.by_status.get(usize::from(index))?)?;
        self.rules.get(position as usize)
    }
}

/// No rules: every response passes.
impl Default for Rules {
    fn default() -> Self {
        Self::new(Vec::new(), Negotiation::default())
    }
}

impl StatusRule {
    /// A rule and its messages, each with what it offers.
    pub fn new(
        id: impl Into<Arc<str>>,
        statuses: StatusSet,
        overwrite: Overwrite,
        messages: Vec<(Offer, Message)>,
    ) -> Self {
        let (offers, messages) = messages.into_iter().unzip();
        Self {
            id: id.into(),
            statuses,
            conditions: Conditions::default(),
            overwrite,
            keep_types: Vec::new(),
            status: None,
            fields: Vec::new(),
            is_steered: false,
            messages,
            offers,
        }
    }

    /// The same rule under these conditions.
    pub fn under(self, conditions: Conditions) -> Self {
        Self { conditions, ..self }
    }

    /// The same rule, which never overwrites content of these types.
    pub fn keeping(self, keep_types: Vec<TypeRange>) -> Self {
        Self { keep_types, ..self }
    }

    /// The same rule, which sends this status instead.
    pub fn sending(self, status: Option<u16>) -> Self {
        Self { status, ..self }
    }

    /// The same rule, which does this to the header whenever it matches.
    pub fn editing(self, fields: Vec<FieldRule>) -> Self {
        Self { fields, ..self }
    }

    /// The same rule; whether the upstream may steer the response by a meta object.
    pub fn steered(self, is_steered: bool) -> Self {
        Self { is_steered, ..self }
    }

    /// The unique name.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The statuses that the rule is for.
    pub fn statuses(&self) -> &StatusSet {
        &self.statuses
    }

    /// What must hold beside the status.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// The status to send instead of the upstream's.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The types of content that are never overwritten.
    pub fn keep_types(&self) -> &[TypeRange] {
        &self.keep_types
    }

    /// What happens to the header whenever the rule matches.
    pub fn fields(&self) -> &[FieldRule] {
        &self.fields
    }

    /// Whether the upstream may steer the response by a meta object.
    pub fn is_steered(&self) -> bool {
        self.is_steered
    }

    /// When it replaces the upstream's content.
    pub fn overwrite(&self) -> Overwrite {
        self.overwrite
    }

    /// The messages in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// What the messages offer, in the same order.
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// Whether the request's Accept has a say in which message is sent, or whether one is.
    pub fn depends_on_accept(&self) -> bool {
        self.offers.iter().any(|offer| *offer != Offer::Any)
    }

    /// The message at this position, as if it had been chosen.
    pub fn choice(&self, index: usize) -> Option<Choice<'_>> {
        let reason = if self.overwrite == Overwrite::Always { "always" } else { "body-empty" };
        Some(Choice { rule: self, index, message: self.messages.get(index)?, reason, by_language: false })
    }
}

impl Message {
    /// A message of no language, with no fields of its own.
    pub fn new(template: Template, content_type: HeaderValue) -> Self {
        Self { template, content_type, language: None, fields: Vec::new() }
    }
}

impl Overwrite {
    /// Whether content in this state may be replaced; `None` where that depends on the content,
    /// and its state is not known.
    pub fn permits(self, body: Body) -> Option<bool> {
        match (self, body) {
            (Overwrite::Always, _) | (_, Body::Absent) => Some(true),
            (_, Body::Present) => Some(false),
            (_, Body::Unknown) => None,
        }
    }
}

impl Body {
    /// What the header says where the host does not know: a Content-Length, or a stream of
    /// events, which may begin late but is no empty response.
    pub fn or_declared_by(self, response: &Response<'_>) -> Self {
        if self != Body::Unknown {
            return self;
        }
        let event_stream = |value: &[u8]| has_prefix(value, b"text/event-stream");
        match response.fields.first(&CONTENT_LENGTH).and_then(content_length) {
            Some(0) => Body::Absent,
            Some(_) => Body::Present,
            None if response.fields.first(&CONTENT_TYPE).is_some_and(event_stream) => Body::Present,
            None => Body::Unknown,
        }
    }
}

impl<'r> Decision<'r> {
    /// What is done, in a stable word: `keep`, `replace`, `steer` or `wait`.
    pub fn action(&self) -> &'static str {
        match self {
            Decision::Keep(_) => "keep",
            Decision::Replace(_) => "replace",
            Decision::Steer(_) => "steer",
            Decision::Wait(_) => "wait",
        }
    }

    /// The rule that matched, if one did.
    pub fn rule(&self) -> Option<&'r StatusRule> {
        match self {
            Decision::Keep(kept) => kept.rule,
            Decision::Replace(choice) => Some(choice.rule),
            Decision::Steer(steered) => Some(steered.rule),
            Decision::Wait(awaited) => Some(awaited.rule),
        }
    }

    /// The position of the chosen message, if one was chosen.
    pub fn message(&self) -> Option<usize> {
        match self {
            Decision::Keep(kept) => kept.message,
            Decision::Replace(choice) => Some(choice.index),
            Decision::Steer(steered) => steered.choice.map(|choice| choice.index),
            Decision::Wait(awaited) => awaited.message,
        }
    }

    /// The reason, for logs, metrics and machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Decision::Keep(kept) => kept.reason.code(),
            Decision::Replace(choice) => choice.reason,
            Decision::Steer(_) => "meta",
            Decision::Wait(awaited) => awaited.until.code(),
        }
    }
}

impl Until {
    /// A stable name for logs.
    pub fn code(self) -> &'static str {
        match self {
            Until::FirstByte => "body-unknown",
            Until::Length => "length-awaited",
            Until::Content => "content-awaited",
        }
    }
}

impl Reason {
    /// A stable name for logs, metrics and machines.
    pub fn code(self) -> &'static str {
        match self {
            Reason::NoRule => "no-rule",
            Reason::Condition => "condition",
            Reason::HandsOff => "hands-off",
            Reason::Interim => "interim-response",
            Reason::StatusWithoutContent => "status-without-content",
            Reason::Tunnel => "tunnel",
            Reason::Grpc => "grpc",
            Reason::NotAcceptable => "no-acceptable-message",
            Reason::BodyPresent => "body-present",
            Reason::TypeKept => "type-kept",
            Reason::NoMessage => "no-message",
            Reason::LengthUnknown => "length-unknown",
        }
    }
}

/// The reason in words.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NoRule => "no rule is for this status",
            Reason::Condition => "no condition of a rule for this status holds",
            Reason::HandsOff => "the upstream asked to leave the response alone",
            Reason::Interim => "an interim response passes untouched",
            Reason::StatusWithoutContent => "this status cannot have other content",
            Reason::Tunnel => "the response opens a tunnel",
            Reason::Grpc => "a gRPC response carries its status elsewhere",
            Reason::NotAcceptable => "the client accepts none of the rule's messages",
            Reason::BodyPresent => "the response has content, and the rule is IF_EMPTY",
            Reason::TypeKept => "the response has content of a type that the rule keeps",
            Reason::NoMessage => "the rule has no message",
            Reason::LengthUnknown => {
                "a HEAD response without Content-Length does not tell whether it is empty"
            }
        })
    }
}

/// Why no rule may touch the response, whatever it says.
fn untouchable(exchange: &Exchange<'_>) -> Option<Reason> {
    let grpc = |value: &[u8]| has_prefix(value, b"application/grpc");
    match exchange.response.status {
        100..=199 => Some(Reason::Interim),
        200..=299 if exchange.request.method == "CONNECT" => Some(Reason::Tunnel),
        204 | 205 | 206 | 304 => Some(Reason::StatusWithoutContent),
        _ => exchange.response.fields.first(&CONTENT_TYPE).filter(|value| grpc(value)).map(|_| Reason::Grpc),
    }
}

fn has_prefix(value: &[u8], prefix: &[u8]) -> bool {
    value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
