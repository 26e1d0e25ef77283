//! What belongs to one request, from its first byte to the line in the log.

use std::{sync::Arc, thread, time::Duration};

use http::StatusCode;
use pingora::{
    BError, Error, ErrorSource, ErrorType,
    http::{RequestHeader, ResponseHeader},
    proxy::Session,
};

use super::{
    access::{Ended, Untold},
    app::Scope,
    cause::Fate,
    debug_header,
    facts::Facts,
    finished,
    guard::{Bound, Link},
    held::Slot,
    in_flight::{self, InFlight},
    strict::Objection,
    upstream::{Address, Lease},
};
use crate::{
    exchange::{Cause, Source},
    host::{fault, outcome::Outcome, telemetry::Telemetry},
    template::End,
};

/// What belongs to one request: the `CTX` of a [`Filter`](super::Filter).
#[derive(Debug)]
pub struct Context {
    pub(super) facts: Facts,
    /// Whose turn it is; taken when an upstream is first asked for.
    pub(super) turn: Option<usize>,
    pub(super) tried: Vec<Address>,
    /// The upstream that the request is with.
    pub(super) lease: Option<Lease>,
    pub(super) slot: Option<Slot>,
    /// The request that was answered, where it is another than the one that came.
    pub(super) subject: Option<RequestHeader>,
    pub(super) upstream_status: Option<u16>,
    /// How long the head of the upstream's response took.
    pub(super) upstream_took: Option<Duration>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) outcome: Option<Outcome>,
    pub(super) fate: Option<Fate>,
    /// Why the request failed, if it did.
    pub(super) cause: Option<Cause>,
    /// Who made the response that the client gets.
    pub(super) source: Source,
    /// Whether the client got a whole answer although the request failed.
    pub(super) answered: bool,
    /// The client's connection, where the server is Retort's.
    pub(super) link: Option<Arc<Link>>,
    /// What was asked for, until the log tells of it.
    pub(super) untold: Option<Untold>,
    _in_flight: in_flight::Guard,
}

impl Context {
    /// At the start of a request.
    pub(super) fn new(facts: Facts, telemetry: &Arc<Telemetry>, in_flight: &Arc<InFlight>) -> Self {
        Self {
            facts,
            turn: None,
            tried: Vec::new(),
            lease: None,
            slot: None,
            subject: None,
            upstream_status: None,
            upstream_took: None,
            telemetry: Arc::clone(telemetry),
            outcome: None,
            fate: None,
            cause: None,
            source: Source::Upstream,
            answered: false,
            link: Scope::link(),
            untold: None,
            _in_flight: InFlight::enter(in_flight),
        }
    }

    /// Notes that the request was about another one, which failed with this status, and what was
    /// decided on that.
    pub(super) fn answered_for(&mut self, subject: RequestHeader, status: StatusCode, outcome: Outcome) {
        self.subject = Some(subject);
        self.upstream_status = Some(status.as_u16());
        self.outcome = Some(outcome);
    }

    /// Writes on a response what was decided on it, where that is asked for.
    pub(super) fn mark(&self, response: &mut ResponseHeader) {
        let options = &self.facts.options;
        if options.debug_header.is_some() {
            let outcome = self.outcome.clone().unwrap_or_else(Outcome::no_rule);
            debug_header::mark(response, &outcome, options);
        }
    }

    /// The request as it ended.
    pub(super) fn ended<'a>(&'a self, session: &'a Session, error: Option<&Error>) -> Ended<'a> {
        let head = final_head(session);
        let stays = || session.get_keepalive().is_some() || session.as_downstream().is_http2();
        Ended {
            facts: &self.facts,
            request: self.subject.as_ref().unwrap_or_else(|| session.req_header()),
            head,
            status: head.map(|head| head.status.as_u16()),
            bytes: session.body_bytes_sent() as u64,
            upstream_status: self.upstream_status,
            outcome: self.outcome.as_ref(),
            source: self.source,
            cause: self.cause,
            end: match error {
                Some(_) if !self.answered => End::Cut,
                _ if stays() => End::Kept,
                _ => End::Closed,
            },
        }
    }

    /// Puts the client's session back where a wrapper stands for it.
    pub(super) fn restore(&mut self, session: &mut Session) {
        if let Some(slot) = self.slot.take()
            && let Some(outcome) = slot.restore(session)
        {
            self.outcome = Some(outcome);
        }
    }

    /// Gives the client more time for its content: there is a response, and what it sends may depend on
    /// that.
    pub(super) fn converses(&mut self, session: &mut Session) {
        self.restore(session);
        if let Some(link) = &self.link
            && session.as_downstream().as_http1().is_some()
            && !session.is_body_done()
        {
            link.awaits_talk();
        }
    }

    /// What a failure means for the client.
    pub(super) fn fate_of(&self, error: &Error) -> Fate {
        let link = self.link.as_deref();
        if let Some(link) = link
            && *error.esource() == ErrorSource::Downstream
            && *error.etype() == ErrorType::ReadTimedout
        {
            link.count(Bound::Body);
        }
        let late = || link.and_then(Link::late).and_then(Fate::of_late);
        self.fate.or_else(late).unwrap_or_else(|| Fate::of(error))
    }

    /// The error for a request that is not to reach the upstream.
    pub(super) fn object(&mut self, objection: Objection) -> BError {
        self.refuse(objection.status, Cause::BadRequest, objection.what)
    }

    /// An error that is to be answered in this way.
    pub(super) fn refuse(&mut self, status: StatusCode, cause: Cause, context: &'static str) -> BError {
        self.fate = Some(Fate::Answer(status, cause));
        Error::explain(ErrorType::HTTPStatus(status.as_u16()), context).into_in()
    }
}

/// Tells of a request that did not live to be logged: the server stopped, or there was a panic.
impl Drop for Context {
    fn drop(&mut self) {
        let Some(untold) = self.untold.take() else { return };
        finished::record_cut(self, &untold.method, &untold.uri);
        if thread::panicking() {
            fault::note();
        }
        tracing::warn!(
            target: "retort::proxy",
            id = self.facts.id,
            client = %self.facts.client,
            method = untold.method.as_str(),
            path = untold.uri.path(),
            duration_us = u64::try_from(self.facts.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "a request was cut off"
        );
        let sent = untold.sent;
        let Some(request) = untold.request() else { return };
        let ended = Ended {
            facts: &self.facts,
            request: &request,
            head: None,
            status: sent.map(|(status, _)| status),
            bytes: sent.map_or(0, |(_, bytes)| bytes),
            upstream_status: self.upstream_status,
            outcome: self.outcome.as_ref(),
            source: self.source,
            cause: self.cause,
            end: End::Cut,
        };
        // A panic while another one unwinds would be the end of the process.
        fault::caught(|| ended.tell());
    }
}

/// The head that was sent to the client, other than interim ones.
pub(super) fn final_head(session: &Session) -> Option<&ResponseHeader> {
    session
        .response_written()
        .filter(|head| !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS)
}
