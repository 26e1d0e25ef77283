//! What is decided, and why: values that hosts carry out, log and count.

use std::fmt;

use super::{Condition, Message, StatusRule};

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
    /// What kept the first of the rules for the status from applying, where none applies.
    pub failed: Option<Failed<'r>>,
}

/// A rule that does not apply, although it is for the status.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'r> {
    /// The rule.
    pub rule: &'r StatusRule,
    /// The first of its conditions that does not hold.
    pub condition: &'r Condition,
}

/// How far one rule came with a response.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'r> {
    /// It is not for the status.
    NotForStatus,
    /// This condition does not hold.
    Failed(&'r Condition),
    /// It applies.
    Matches,
    /// It was not asked, since this one comes first.
    NotAsked(&'r StatusRule),
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
    /// The answer to a HEAD request does not tell how the upstream would steer that to a GET.
    ContentUnknown,
}

impl<'r> Kept<'r> {
    /// What this rule lets pass, and may amend.
    pub(super) fn by(rule: &'r StatusRule, reason: Reason, message: Option<usize>) -> Self {
        Self { reason, rule: Some(rule), message, is_amended: true, failed: None }
    }

    /// What no rule applies to.
    pub(super) fn by_none(failed: Option<Failed<'r>>) -> Self {
        let reason = if failed.is_some() { Reason::Condition } else { Reason::NoRule };
        Self { reason, rule: None, message: None, is_amended: false, failed }
    }

    /// The same, where not even the header may be edited.
    pub(super) fn untouched(self) -> Self {
        Self { is_amended: false, ..self }
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
    /// All of them.
    pub const ALL: [Self; 13] = [
        Reason::NoRule,
        Reason::Condition,
        Reason::HandsOff,
        Reason::Interim,
        Reason::StatusWithoutContent,
        Reason::Tunnel,
        Reason::Grpc,
        Reason::NotAcceptable,
        Reason::BodyPresent,
        Reason::TypeKept,
        Reason::NoMessage,
        Reason::LengthUnknown,
        Reason::ContentUnknown,
    ];

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
            Reason::ContentUnknown => "content-unknown",
        }
    }
}

/// The reason in words.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NoRule => "no rule is for this status",
            Reason::Condition => "each rule for this status has a condition that does not hold",
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
            Reason::ContentUnknown => "a HEAD response does not tell what the upstream would steer by",
        })
    }
}
