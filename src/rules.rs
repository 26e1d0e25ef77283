//! The rules, and the decision they make.

mod by_path;
pub mod condition;
mod decide;
pub mod decision;
pub mod field;
mod generic;
mod index;
pub mod pattern;

use std::sync::Arc;

use http::HeaderValue;

use self::index::Index;
pub use self::{
    condition::{Condition, Conditions},
    decision::{Awaited, Choice, Decision, Failed, Kept, Reason, Steered, Until, Verdict},
    field::FieldRule,
    generic::generic,
    pattern::{Pattern, PatternError},
};
use crate::{
    accept::{Negotiation, Offer},
    language::Language,
    media::TypeRange,
    status::StatusSet,
    template::{Needs, Template},
};

/// All rules of a file, in order.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<StatusRule>,
    negotiation: Negotiation,
    /// A rule that is not for a status costs its responses nothing.
    index: Index,
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

impl Rules {
    /// Takes rules in the order in which they are asked.
    pub fn new(rules: Vec<StatusRule>, negotiation: Negotiation) -> Self {
        let index = Index::new(&rules);
        Self { rules, negotiation, index }
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
        !self.index.candidates(status).is_empty()
    }

    /// The rules that may be for this status, in order: none after the first without conditions.
    fn candidates(&self, status: u16) -> impl Iterator<Item = &StatusRule> {
        self.index.candidates(status).iter().filter_map(|&position| self.rules.get(position as usize))
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
        self.overwrite == Overwrite::IfNotAcceptable || self.offers.iter().any(|offer| *offer != Offer::Any)
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

    /// What the text and the fields read of the response's content.
    pub fn needs(&self) -> Needs {
        self.template.needs().and(field::needs(&self.fields))
    }
}
