//! Tells of a request that is over: what is counted, the access log, and the log.

use http::HeaderMap;

use super::{
    facts::{Addresses, Facts},
    head::ResponseHead,
};
use crate::{
    Exchange,
    exchange::{Cause, Content, Fields, Response, Source, Trace},
    host::{
        outcome::Outcome,
        telemetry::{self, Telemetry},
    },
    rules::Reason,
    template::{End, Sent, Subject},
};

/// A request that is over, as far as Envoy tells: the stream ends with the decision, and what
/// becomes of the response after that is not told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished<'a> {
    pub(super) facts: &'a Facts,
    /// The head that Envoy sends; `None` where it asked for no response.
    pub(super) head: Option<&'a ResponseHead>,
    pub(super) upstream_status: Option<u16>,
    pub(super) source: Source,
    /// What was decided, where a rule is for the status.
    pub(super) outcome: Option<&'a Outcome>,
    /// Bytes of content that the client is sent (`%b`, `%B`): those of the message, where there is
    /// one. Else they are what was held of the content where that was whole, or its Content-Length;
    /// of a response that has neither, they are not known.
    pub(super) bytes: Option<u64>,
}

impl Finished<'_> {
    /// Tells all who want to know: the one place that does.
    pub(super) fn tell(&self, telemetry: &Telemetry) {
        self.count(telemetry);
        self.write();
        self.log();
    }

    fn count(&self, telemetry: &Telemetry) {
        let facts = self.facts;
        telemetry.record(&telemetry::Finished {
            snapshot: &facts.snapshot,
            id: &facts.id,
            method: &facts.request.method,
            path: facts.request.path(),
            status: self.status(),
            upstream_status: self.upstream_status,
            decided: self.outcome.map(Outcome::decided),
            cause: self.source.cause(),
            took: facts.started.elapsed(),
            upstream_took: facts.upstream_took,
            sent: self.bytes.unwrap_or(0),
            // Content of requests goes past us.
            received: 0,
        });
    }

    /// Writes a line of the access log, where there is one.
    fn write(&self) {
        let Some(log) = &self.facts.options.access_log else { return };
        let addresses = Addresses::of(&self.facts.attributes, self.source);
        let nothing = HeaderMap::new();
        let exchange = Exchange {
            request: self.facts.request(),
            response: self.response(&nothing),
            connection: addresses.connection(),
            clock: self.facts.clock(),
        };
        let outcome = self.outcome;
        log.write(&Subject {
            exchange: &exchange,
            status: self.status().unwrap_or_default(),
            rule: outcome.and_then(|outcome| outcome.rule.as_deref()).unwrap_or_default(),
            message: outcome.and_then(|outcome| outcome.message),
            language: None,
            sent: Some(Sent {
                status: self.status(),
                upstream_status: self.upstream_status,
                bytes: self.bytes,
                cause: self.source.cause(),
                decision: self.decision(),
                why: self.why(),
                condition: outcome.and_then(|outcome| outcome.condition.as_deref()),
                end: if self.head.is_some() { End::Kept } else { End::Cut },
            }),
        });
    }

    fn log(&self) {
        let Self { facts, upstream_status, source, outcome, bytes, .. } = *self;
        tracing::info!(
            target: "retort::access",
            id = facts.id,
            trace_id = Trace::of(Fields::Map(&facts.request.fields)).map(|trace| trace.trace_id),
            client = facts.client(),
            method = facts.request.method,
            path = facts.request.path(),
            upstream = facts.attributes.upstream(),
            status_upstream = upstream_status,
            status = self.status(),
            bytes,
            decision = self.decision(),
            reason = self.why(),
            rule = outcome.and_then(|outcome| outcome.rule.as_deref()),
            condition = outcome.and_then(|outcome| outcome.condition.as_deref()),
            message_index = outcome.and_then(|outcome| outcome.message),
            source = source.as_str(),
            cause = source.cause().map(Cause::as_str),
            duration_us = u64::try_from(facts.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
    }

    fn status(&self) -> Option<u16> {
        self.head.map(|head| head.status)
    }

    fn decision(&self) -> &'static str {
        self.outcome.map_or("keep", |outcome| outcome.action.as_str())
    }

    fn why(&self) -> &'static str {
        self.outcome.map_or(Reason::NoRule.code(), |outcome| outcome.reason)
    }

    /// The response as Envoy sends it.
    fn response<'r>(&'r self, nothing: &'r HeaderMap) -> Response<'r> {
        const CONTENT: Option<&Content> = None;
        Response {
            status: self.status().unwrap_or_default(),
            reason: None,
            fields: Fields::Map(self.head.map_or(nothing, |head| &head.fields)),
            length: self.bytes,
            content: CONTENT,
            is_pending: false,
            source: self.source,
            hands_off: false,
        }
    }
}
