//! The decision: what becomes of a response.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::{
    Awaited, Body, Choice, Decision, Failed, Kept, Message, Overwrite, Reason, Rules, StatusRule, Steered,
    Until, Verdict, field,
};
use crate::{
    accept::{Accept, Negotiation, Offer},
    exchange::{Exchange, Response, content_length},
    language::AcceptLanguage,
    reply::{grpc, meta},
};

impl Rules {
    /// Decides what to do with a response.
    ///
    /// Where the response [is pending](Response::is_pending), the answer may be to wait. Allocates
    /// nothing, but where a condition has something to decode, or content is searched for a meta
    /// object.
    pub fn decide(&self, exchange: &Exchange<'_>, body: Body) -> Decision<'_> {
        let rule = match self.first_match(exchange) {
            Ok(rule) => rule,
            Err(failed) => return Decision::Keep(Kept::by_none(failed)),
        };
        if let Some(reason) = untouchable(exchange, rule) {
            return Decision::Keep(Kept::by(rule, reason, None).untouched());
        }
        let body = match exchange.response.status {
            204 | 205 | 304 => Body::Absent,
            _ => body.or_declared_by(&exchange.response),
        };
        Case { rule, negotiation: self.negotiation, exchange, body }.decide()
    }

    /// Every rule in order, and how far it comes with this response.
    pub fn verdicts(&self, exchange: &Exchange<'_>) -> impl Iterator<Item = (&StatusRule, Verdict<'_>)> {
        let mut first = None;
        self.rules.iter().map(move |rule| {
            let verdict = match (rule.statuses.contains(exchange.response.status), first) {
                (false, _) => Verdict::NotForStatus,
                (true, Some(first)) => Verdict::NotAsked(first),
                (true, None) => rule.conditions.failed(exchange).map_or(Verdict::Matches, Verdict::Failed),
            };
            if matches!(verdict, Verdict::Matches) {
                first = Some(rule);
            }
            (rule, verdict)
        })
    }

    /// The rule that applies, or what kept the first candidate from it, if there was one.
    fn first_match(&self, exchange: &Exchange<'_>) -> Result<&StatusRule, Option<Failed<'_>>> {
        let Exchange { request, response, .. } = exchange;
        let rule = |position: u32| self.rules.get(position as usize);
        let holds = |position| rule(position).is_some_and(|rule| rule.conditions.failed(exchange).is_none());
        if let Some(rule) = self.index.first(response.status, request.path, holds).and_then(rule) {
            return Ok(rule);
        }
        let first = self.candidates(response.status).next();
        Err(first
            .and_then(|rule| rule.conditions.failed(exchange).map(|condition| Failed { rule, condition })))
    }
}

impl StatusRule {
    /// The message that the client would like best; none where there is none, or none that it
    /// accepts.
    pub(crate) fn choose(&self, exchange: &Exchange<'_>, negotiation: Negotiation) -> Option<Choice<'_>> {
        let index = match grpc::is_asked_by(exchange) {
            true => self.plainest(),
            false => Accept::new(exchange.request.fields).choose(&self.offers, negotiation),
        }?;
        let (index, by_language) = self.by_language(index, exchange)?;
        Some(Choice { by_language, ..self.choice(index)? })
    }

    /// The message for who takes plain text, or else anything.
    fn plainest(&self) -> Option<usize> {
        let is_plain = |offer: &Offer| match offer {
            Offer::Type(media_type) => media_type.kind() == "text" && media_type.subtype() == "plain",
            Offer::Any | Offer::Never => false,
        };
        let find = |wanted: &dyn Fn(&Offer) -> bool| self.offers.iter().position(wanted);
        find(&is_plain)
            .or_else(|| find(&|offer| *offer == Offer::Any))
            .or_else(|| find(&|offer| *offer != Offer::Never))
    }

    /// Among the messages that offer the same as the one at `index`, the one in the language that
    /// the client would like best, else the first of no language, else the first; and whether
    /// they are of several languages.
    fn by_language(&self, index: usize, exchange: &Exchange<'_>) -> Option<(usize, bool)> {
        let offer = self.offers.get(index)?;
        let messages = self.messages.iter().enumerate().zip(&self.offers);
        let group = messages.filter(move |(_, other)| *other == offer).map(|(message, _)| message);
        let tags = group.clone().map(|(_, message)| message.language.as_ref());
        let first = tags.clone().next()?;
        if tags.clone().all(|tag| tag == first) {
            return Some((index, false));
        }
        let position = AcceptLanguage::new(exchange.request.fields)
            .choose(tags.clone())
            .or_else(|| tags.clone().position(|tag| tag.is_none()))
            .unwrap_or_default();
        group.map(|(index, _)| (index, true)).nth(position)
    }
}

impl Overwrite {
    /// Whether content in this state may be replaced, whatever its type; `None` where that depends
    /// on the content, and its state is not known.
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
        match response.fields.first(&CONTENT_LENGTH).and_then(content_length) {
            Some(0) => Body::Absent,
            Some(_) => Body::Present,
            None if is_event_stream(response) => Body::Present,
            None => Body::Unknown,
        }
    }
}

/// A response and the rule that applies to it.
struct Case<'r, 'e> {
    rule: &'r StatusRule,
    negotiation: Negotiation,
    exchange: &'e Exchange<'e>,
    body: Body,
}

/// What a rule says to content being replaced.
enum Permission {
    /// Yes, for this reason.
    Granted(&'static str),
    /// No, for this reason.
    Refused(Reason),
    /// It depends on whether there is any.
    Open,
}

impl<'r> Case<'r, '_> {
    fn decide(&self) -> Decision<'r> {
        if let Some(decision) = self.steered() {
            return decision;
        }
        let choice = match self.rule.choose(self.exchange, self.negotiation) {
            Some(choice) => choice,
            None if self.rule.messages.is_empty() => return self.keep(Reason::NoMessage, None),
            None => return self.keep(Reason::NotAcceptable, None),
        };
        match self.permission() {
            Permission::Granted(reason) => self.replace(Choice { reason, ..choice }),
            Permission::Refused(reason) => self.keep(reason, Some(choice.index)),
            Permission::Open if self.may_wait() => self.wait(Until::FirstByte, Some(choice.index)),
            Permission::Open => self.keep(Reason::LengthUnknown, Some(choice.index)),
        }
    }

    /// What is decided where the rule lets the upstream steer; `None` where it does not do so.
    fn steered(&self) -> Option<Decision<'r>> {
        let response = &self.exchange.response;
        let is_json = response.fields.first(&CONTENT_TYPE).is_some_and(meta::is_json);
        if !self.rule.is_steered || self.body == Body::Absent || !is_json {
            return None;
        }
        if self.is_head() {
            return Some(self.keep(Reason::ContentUnknown, None));
        }
        match response.content {
            Some(content) => (!content.is_cut() && meta::is_in(content.text())).then(|| {
                let choice = self.rule.choose(self.exchange, self.negotiation);
                let choice = choice.map(|choice| Choice { reason: "meta", ..choice });
                Decision::Steer(Steered { rule: self.rule, choice })
            }),
            None => self.may_wait().then(|| self.wait(Until::Content, None)),
        }
    }

    fn permission(&self) -> Permission {
        let granted = Permission::Granted(match self.rule.overwrite {
            Overwrite::Always => "always",
            Overwrite::IfEmpty | Overwrite::IfNotAcceptable => "body-empty",
        });
        if self.body == Body::Absent {
            return granted;
        }
        let content_type = self.exchange.response.fields.first(&CONTENT_TYPE);
        let is_kept = |content_type| self.rule.keep_types.iter().any(|range| range.contains(content_type));
        if content_type.is_some_and(is_kept) {
            return match self.body {
                Body::Unknown => Permission::Open,
                Body::Present | Body::Absent => Permission::Refused(Reason::TypeKept),
            };
        }
        if self.rule.overwrite == Overwrite::IfNotAcceptable
            && content_type.is_some_and(|of| !Accept::new(self.exchange.request.fields).accepts(of))
        {
            return Permission::Granted("body-not-acceptable");
        }
        match self.rule.overwrite.permits(self.body) {
            Some(true) => granted,
            Some(false) => Permission::Refused(Reason::BodyPresent),
            None => Permission::Open,
        }
    }

    fn keep(&self, reason: Reason, message: Option<usize>) -> Decision<'r> {
        match self.awaited(None) {
            Some(until) => self.wait(until, message),
            None => Decision::Keep(Kept::by(self.rule, reason, message)),
        }
    }

    fn replace(&self, choice: Choice<'r>) -> Decision<'r> {
        match self.awaited(Some(choice.message)) {
            Some(until) => self.wait(until, Some(choice.index)),
            None => Decision::Replace(choice),
        }
    }

    fn wait(&self, until: Until, message: Option<usize>) -> Decision<'r> {
        Decision::Wait(Awaited { rule: self.rule, message, until })
    }

    /// What is worth waiting for before the rule's header fields are rendered, and the message,
    /// where one is written.
    fn awaited(&self, message: Option<&Message>) -> Option<Until> {
        if self.body == Body::Absent || !self.may_wait() {
            return None;
        }
        let response = &self.exchange.response;
        let needs = message.map(Message::needs).unwrap_or_default().and(field::needs(&self.rule.fields));
        if needs.content && response.content.is_none() {
            return Some(Until::Content);
        }
        (needs.length && response.length.is_none()).then_some(Until::Length)
    }

    /// Whether more of the content will be known. A stream of events may never end.
    fn may_wait(&self) -> bool {
        let response = &self.exchange.response;
        response.is_pending && !self.is_head() && !is_event_stream(response)
    }

    fn is_head(&self) -> bool {
        self.exchange.request.method == "HEAD"
    }
}

/// Why no rule may touch the response, whatever it says; why this one may not.
fn untouchable(exchange: &Exchange<'_>, rule: &StatusRule) -> Option<Reason> {
    let response = &exchange.response;
    match response.status {
        _ if response.hands_off => Some(Reason::HandsOff),
        100..=199 => Some(Reason::Interim),
        200..=299 if exchange.request.method == "CONNECT" => Some(Reason::Tunnel),
        status if !may_have_other_content(status) && !rule.status.is_some_and(may_have_other_content) => {
            Some(Reason::StatusWithoutContent)
        }
        _ if response.fields.first(&CONTENT_TYPE).is_some_and(grpc::is_grpc) => Some(Reason::Grpc),
        _ => None,
    }
}

/// Whether a message can take the place of the content of a response with this status.
fn may_have_other_content(status: u16) -> bool {
    !matches!(status, 100..=199 | 204 | 205 | 206 | 304)
}

fn is_event_stream(response: &Response<'_>) -> bool {
    let content_type = response.fields.first(&CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}
