//! The rules, and the decision they make.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use crate::{accept::Offer, exchange::Exchange, status::StatusSet, template::Template};

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

/// All rules of a file, in order.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<StatusRule>,
}

/// One `status-code` element.
#[derive(Debug)]
pub struct StatusRule {
    /// The unique name.
    pub id: Arc<str>,
    /// The statuses that it is for.
    pub statuses: StatusSet,
    /// When it replaces the upstream's content.
    pub overwrite: Overwrite,
    messages: Vec<Message>,
    offers: Vec<Offer>,
}

/// When a rule replaces the upstream's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Where there is none.
    IfEmpty,
    /// In any case.
    Always,
}

/// One `message` element.
#[derive(Debug)]
pub struct Message {
    /// The text.
    pub template: Template,
    /// The value of Content-Type to send.
    pub content_type: HeaderValue,
}

/// What is to be done with a response, and why.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'r> {
    /// The response passes unaltered.
    Keep {
        /// Why.
        reason: Reason,
        /// The rule that matched, if one did.
        rule: Option<&'r StatusRule>,
        /// The index of the message that was chosen, if one was.
        message: Option<usize>,
    },
    /// A message is written in place of the content.
    Replace(Choice<'r>),
    /// As [`Decision::Replace`], if the response turns out to have no content: decide again when
    /// that is known.
    Wait(Choice<'r>),
}

/// The message that was chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'r> {
    /// The rule that matched.
    pub rule: &'r StatusRule,
    /// The index of its message.
    pub index: usize,
    /// The message.
    pub message: &'r Message,
}

/// Why a response passes unaltered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No rule is for its status.
    NoRule,
}

impl Rules {
    /// Whether any rule is for this status. Where none is, nothing else needs to be asked.
    pub fn covers(&self, _status: u16) -> bool {
        unimplemented!()
    }

    /// Decides what to do with a response.
    pub fn decide(&self, _exchange: &Exchange<'_>, _body: Body) -> Decision<'_> {
        unimplemented!()
    }
}
#[allow(dead_code, reason = "skeleton")]
fn _x(_: HeaderName) {}
