//! The end of a request, as the access log and traces tell of it.

use http::{HeaderMap, Method, Uri, Version};
use pingora::http::{RequestHeader, ResponseHeader};

use super::{facts::Facts, options::Options};
use crate::{
    Exchange,
    exchange::{Cause, Content, Fields, Response, Source},
    host::outcome::Outcome,
    rules::Reason,
    template::{End, Sent, Subject},
};

/// A request that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended<'a> {
    pub(super) facts: &'a Facts,
    /// The request that was answered.
    pub(super) request: &'a RequestHeader,
    /// The final head that the client got.
    pub(super) head: Option<&'a ResponseHeader>,
    /// The status of it, which may be known where the head is not.
    pub(super) status: Option<u16>,
    /// Bytes of content that went to the client.
    pub(super) bytes: u64,
    pub(super) upstream_status: Option<u16>,
    pub(super) outcome: Option<&'a Outcome>,
    /// Who made the response.
    pub(super) source: Source,
    /// Why the request failed, if it did.
    pub(super) cause: Option<Cause>,
    pub(super) end: End,
}

/// What is known of a request that is cut off, whose session is gone.
#[derive(Clone, Debug)]
pub(super) struct Untold {
    pub(super) method: Method,
    pub(super) uri: Uri,
    version: Version,
    /// The status that was sent, and bytes of content.
    pub(super) sent: Option<(u16, u64)>,
}

impl Ended<'_> {
    /// Tells the access log and those who trace, where there are any.
    pub(super) fn tell(&self) {
        let Options { access_log, spans, .. } = &*self.facts.options;
        if access_log.is_none() && spans.is_none() {
            return;
        }
        let addresses = self.facts.addresses();
        let nothing = HeaderMap::new();
        let exchange = Exchange {
            request: self.facts.request(self.request),
            response: self.response(&nothing),
            connection: self.facts.connection(&addresses),
            clock: self.facts.clock(),
        };
        let outcome = self.outcome;
        let subject = Subject {
            exchange: &exchange,
            status: self.status.unwrap_or_default(),
            rule: outcome.and_then(|outcome| outcome.rule.as_deref()).unwrap_or_default(),
            message: outcome.and_then(|outcome| outcome.message),
            language: None,
            sent: Some(Sent {
                status: self.status,
                upstream_status: self.upstream_status,
                bytes: Some(self.bytes),
                cause: self.cause,
                decision: outcome.map_or("keep", |outcome| outcome.action.as_str()),
                why: outcome.map_or(Reason::NoRule.code(), |outcome| outcome.reason),
                condition: outcome.and_then(|outcome| outcome.condition.as_deref()),
                end: self.end,
            }),
        };
        if let Some(log) = access_log {
            log.write(&subject);
        }
        if let (Some(spans), Some(span)) = (spans, &self.facts.new_trace) {
            spans.end(&subject, span);
        }
    }

    /// The response as it was sent.
    fn response<'r>(&'r self, nothing: &'r HeaderMap) -> Response<'r> {
        const CONTENT: Option<&Content> = None;
        let phrase = self.head.and_then(ResponseHeader::get_reason_phrase);
        Response {
            status: self.status.unwrap_or_default(),
            reason: phrase.filter(|phrase| !phrase.is_empty()),
            fields: Fields::Map(self.head.map_or(nothing, |head| &head.headers)),
            length: Some(self.bytes),
            content: CONTENT,
            is_pending: false,
            source: self.source,
            hands_off: false,
        }
    }
}

impl Untold {
    pub(super) fn of(request: &RequestHeader) -> Self {
        let (method, uri) = (request.method.clone(), request.uri.clone());
        Self { method, uri, version: request.version, sent: None }
    }

    /// The request, without its fields.
    pub(super) fn request(self) -> Option<RequestHeader> {
        let target = self.uri.path_and_query().map_or("*", |target| target.as_str());
        let mut request = RequestHeader::build(self.method, target.as_bytes(), Some(0)).ok()?;
        request.set_version(self.version);
        Some(request)
    }
}
