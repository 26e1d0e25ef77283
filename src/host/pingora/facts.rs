//! What is known of a request from its start, and the judgement of its response.

use std::{
    net::IpAddr,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    time::Instant,
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use http::{HeaderName, Method, Version, header};
use pingora::http::{RequestHeader, ResponseHeader};

use crate::{
    Body, Decision, Exchange, Reply,
    exchange::{Clock, Connection, Fields, Request, Response, Source, Trace, content_length, user},
    host::live::Snapshot,
    rules::{Awaited, Reason, Until},
};

/// What is known of a request from its start, and the rules that were in force then.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) id: String,
    /// Whether the client sent the id.
    pub(super) id_was_sent: bool,
    pub(super) client: String,
    pub(super) local: Option<IpAddr>,
    pub(super) upstream_port: Option<u16>,
    pub(super) received: DateTime<Utc>,
    pub(super) started: Instant,
    pub(super) zone: Tz,
    pub(super) user_header: HeaderName,
}

/// What is known of a response's content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    pub(super) body: Body,
    /// Bytes, if known.
    pub(super) length: Option<u64>,
    /// Whether waiting may tell more.
    pub(super) more: bool,
}

/// What is to be done with a response.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It passes.
    Keep,
    /// Ask again when the first byte of content, or the end, is here.
    Wait,
    /// A message goes out in place of the content, but it tells the length of that: ask again
    /// when the end is here.
    Count,
    /// This goes out in place of the content.
    Replace(Reply),
}

/// What was decided, for the log: the [`Decision`] without its borrows.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) action: Action,
    /// Why, in a stable word.
    pub(super) reason: &'static str,
    /// The rule that matched.
    pub(super) rule: Option<Arc<str>>,
    /// The index of the message that was chosen.
    pub(super) message: Option<usize>,
}

/// The kind of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Keep,
    Replace,
    Wait,
    /// Deciding or rendering panicked; the response passes.
    Panic,
}

impl Facts {
    /// Judges a response by the rules of this request.
    pub(super) fn judge(
        &self,
        request: &RequestHeader,
        response: &ResponseHeader,
        content: Content,
    ) -> (Verdict, Outcome) {
        self.judge_by(&self.snapshot.rules, request, response, content)
    }

    /// Judges a response by other rules. A panic costs the message, not the response.
    pub(super) fn judge_by(
        &self,
        rules: &crate::Rules,
        request: &RequestHeader,
        response: &ResponseHeader,
        content: Content,
    ) -> (Verdict, Outcome) {
        let judged = unless_it_panics(|| {
            let local = self.local.map_or_else(String::new, |ip| ip.to_string());
            let exchange = self.exchange(request, response, content, &local);
            let decision = rules.decide(&exchange, content.body);
            let verdict = match &decision {
                Decision::Wait(Awaited { until: Until::FirstByte, .. }) => Verdict::Wait,
                Decision::Wait(_) => Verdict::Count,
                decided => Reply::of(decided, &exchange).map_or(Verdict::Keep, Verdict::Replace),
            };
            (verdict, Outcome::of(&decision))
        });
        judged.unwrap_or_else(|| {
            tracing::error!(
                id = self.id,
                path = request.uri.path(),
                "a panic while deciding on a response; it passes unaltered"
            );
            (Verdict::Keep, Outcome { action: Action::Panic, reason: "panic", rule: None, message: None })
        })
    }

    fn exchange<'a>(
        &'a self,
        request: &'a RequestHeader,
        response: &'a ResponseHeader,
        content: Content,
        local: &'a str,
    ) -> Exchange<'a> {
        let request_fields = Fields::Map(&request.headers);
        Exchange {
            request: Request {
                method: request.method.as_str(),
                path: request.uri.path(),
                query: request.uri.query(),
                protocol: protocol(request.version),
                scheme: "http",
                authority: authority(request),
                fields: request_fields,
                id: &self.id,
                user: user::first(request_fields, &self.user_header),
                trace: Trace::of(request_fields),
            },
            response: Response {
                status: response.status.as_u16(),
                reason: response.get_reason_phrase().filter(|phrase| !phrase.is_empty()),
                fields: Fields::Map(&response.headers),
                length: content.length,
                content: None,
                is_pending: content.more,
                source: Source::Upstream,
                hands_off: false,
            },
            connection: Connection {
                client: &self.client,
                client_host: &self.client,
                peer: &self.client,
                peer_port: None,
                local,
                local_port: None,
                upstream: "",
                hostname: "",
                upstream_port: self.upstream_port,
            },
            clock: Clock {
                received: self.received,
                elapsed_us: i64::try_from(self.started.elapsed().as_micros()).ok(),
                zone: self.zone,
            },
        }
    }
}

impl Content {
    /// There is none.
    pub(super) const NONE: Self = Self { body: Body::Absent, length: Some(0), more: false };

    /// What the head of a response tells of its content.
    pub(super) fn declared(request: &RequestHeader, response: &ResponseHeader) -> Self {
        let head = request.method == Method::HEAD;
        // Where there is a transfer coding, the field is not to be believed (RFC 9112 §6.3).
        let coded = response.headers.contains_key(header::TRANSFER_ENCODING);
        let field = response.headers.get(header::CONTENT_LENGTH).filter(|_| !coded);
        let length = field.and_then(|value| content_length(value.as_bytes()));
        let body = match length {
            Some(0) => Body::Absent,
            Some(_) => Body::Present,
            None => Body::Unknown,
        };
        Self { body, length, more: length.is_none() && !head }
    }
}

impl Outcome {
    /// What the log says where the rules were not asked, since none is for the status.
    pub(super) fn no_rule() -> Self {
        Self { action: Action::Keep, reason: Reason::NoRule.code(), rule: None, message: None }
    }

    fn of(decision: &Decision<'_>) -> Self {
        let action = match decision {
            Decision::Keep(_) => Action::Keep,
            Decision::Replace(_) | Decision::Steer(_) => Action::Replace,
            Decision::Wait(_) => Action::Wait,
        };
        Self {
            action,
            reason: decision.reason(),
            rule: decision.rule().map(|rule| Arc::clone(rule.id())),
            message: decision.message(),
        }
    }
}

impl Action {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Replace => "replace",
            Action::Wait => "wait",
            Action::Panic => "panic",
        }
    }
}

/// Whom the request is for.
fn authority(request: &RequestHeader) -> &str {
    let field = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    request.uri.authority().map(|authority| authority.as_str()).or(field).unwrap_or_default()
}

/// The protocol as an access log writes it.
fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

fn unless_it_panics<T>(decide: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(decide)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_goes_no_further() {
        let slots = [1];
        let position = slots.len();
        assert_eq!(unless_it_panics(|| slots[position]), None);
        assert_eq!(unless_it_panics(|| slots[0]), Some(1));
    }
}
