//! What is known of a request from its start, and the judgement of its response.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use http::{Method, Version, header};
use pingora::http::{RequestHeader, ResponseHeader};

use super::{options::Options, plain, trusted::Hop, upstream::Address};
use crate::{
    Exchange, Rules,
    exchange::{Clock, Connection, Fields, Request, Source, Trace, content_length, trace::NewTrace, user},
    host::{
        fault,
        judgement::{self, HOSTNAME, Known, Verdict},
        live::Snapshot,
        outcome::Outcome,
    },
};

/// What is known of a request from its start, and the rules that were in force then.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) options: Arc<Options>,
    pub(super) id: String,
    /// Whether the client sent the id.
    pub(super) id_was_sent: bool,
    /// Who asked, as far as those in front are believed.
    pub(super) client: Hop,
    /// Who connected, or for whom a trusted proxy did.
    pub(super) source: Hop,
    /// Whether what the request says of those before `source` is believed.
    pub(super) is_believed: bool,
    /// The other end of the connection.
    pub(super) peer: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
    /// Whether the client's connection is encrypted.
    pub(super) is_secure: bool,
    /// The trace that begins here, if one does.
    pub(super) new_trace: Option<NewTrace>,
    pub(super) upstream: Option<Address>,
    /// The port of the upstream, where another proxy told that and no more.
    pub(super) told_port: Option<u16>,
    pub(super) received: DateTime<Utc>,
    pub(super) started: Instant,
}

/// Addresses as texts, to borrow from.
pub(super) struct Addresses {
    client: String,
    peer: String,
    local: String,
    upstream: String,
}

impl Facts {
    /// What is known before anything was read.
    pub(super) fn new(snapshot: Arc<Snapshot>, options: Arc<Options>) -> Self {
        Self {
            snapshot,
            options,
            id: String::new(),
            id_was_sent: false,
            client: Hop::Unknown,
            source: Hop::Unknown,
            is_believed: false,
            peer: None,
            local: None,
            is_secure: false,
            new_trace: None,
            upstream: None,
            told_port: None,
            received: Utc::now(),
            started: Instant::now(),
        }
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }

    /// Judges a response by the rules of this request.
    pub(super) fn judge(
        &self,
        request: &RequestHeader,
        response: &ResponseHeader,
        known: Known<'_>,
        source: Source,
    ) -> (Verdict, Outcome) {
        self.judge_by(&self.snapshot.rules, request, response, known, source)
    }

    /// Judges a response by other rules. A panic costs the message, not the response.
    pub(super) fn judge_by(
        &self,
        rules: &Rules,
        request: &RequestHeader,
        response: &ResponseHeader,
        known: Known<'_>,
        source: Source,
    ) -> (Verdict, Outcome) {
        let judged = fault::caught(|| {
            let addresses = self.addresses();
            let fields = Fields::Map(&response.headers);
            let reason = response.get_reason_phrase().filter(|phrase| !phrase.is_empty());
            let exchange = Exchange {
                request: self.request(request),
                response: known.response(
                    response.status.as_u16(),
                    reason,
                    fields,
                    source,
                    &self.options.opt_out_header,
                ),
                connection: self.connection(&addresses),
                clock: self.clock(),
            };
            let (verdict, outcome) = judgement::judge(rules, &exchange, known);
            if let Verdict::Reply(reply) = &verdict {
                self.tell_refused(&reply.refused, outcome.rule.as_deref());
            }
            (verdict, outcome)
        });
        judged.unwrap_or_else(|| {
            tracing::error!(
                id = self.id,
                path = request.uri.path(),
                "a panic while deciding on a response; it passes unaltered"
            );
            (Verdict::Keep, Outcome::panic())
        })
    }

    /// The trace that the upstream sees.
    pub(super) fn trace<'a>(&'a self, request: Fields<'a>) -> Option<Trace<'a>> {
        self.new_trace.as_ref().map_or_else(|| Trace::of(request), NewTrace::trace)
    }

    fn tell_refused(&self, refused: &[String], rule: Option<&str>) {
        for what in refused {
            tracing::warn!(target: "retort::proxy", id = self.id, rule, what, "a meta object was not obeyed");
        }
    }

    pub(super) fn request<'a>(&'a self, request: &'a RequestHeader) -> Request<'a> {
        let fields = Fields::Map(&request.headers);
        Request {
            method: request.method.as_str(),
            path: request.uri.path(),
            query: request.uri.query(),
            protocol: protocol(request.version),
            scheme: self.scheme(),
            authority: authority(request),
            fields,
            id: &self.id,
            user: user::first(fields, &self.options.user_header),
            trace: self.trace(fields),
        }
    }

    pub(super) fn addresses(&self) -> Addresses {
        let ip =
            |address: Option<SocketAddr>| address.map(|address| plain::ip(address.ip())).unwrap_or_default();
        let upstream = self.upstream.as_ref().map(Address::text).unwrap_or_default();
        Addresses { client: self.client.text(), peer: ip(self.peer), local: ip(self.local), upstream }
    }

    pub(super) fn connection<'a>(&'a self, addresses: &'a Addresses) -> Connection<'a> {
        let port = |address: Option<SocketAddr>| address.map(|address| address.port());
        Connection {
            client: &addresses.client,
            client_host: &addresses.client,
            peer: &addresses.peer,
            peer_port: port(self.peer),
            local: &addresses.local,
            local_port: port(self.local),
            upstream: &addresses.upstream,
            upstream_port: self.upstream.as_ref().and_then(Address::port).or(self.told_port),
            hostname: &HOSTNAME,
        }
    }

    pub(super) fn clock(&self) -> Clock {
        Clock {
            received: self.received,
            elapsed_us: i64::try_from(self.started.elapsed().as_micros()).ok(),
            zone: self.options.zone,
        }
    }
}

/// What the head of a response tells of its content.
pub(super) fn declared(request: &RequestHeader, response: &ResponseHeader) -> Known<'static> {
    Known::of_length(declared_length(response), request.method == Method::HEAD)
}

/// What a response says of the length of its content.
pub(super) fn declared_length(response: &ResponseHeader) -> Option<u64> {
    // Where there is a transfer coding, the field is not to be believed (RFC 9112 §6.3).
    let coded = response.headers.contains_key(header::TRANSFER_ENCODING);
    let field = response.headers.get(header::CONTENT_LENGTH).filter(|_| !coded);
    field.and_then(|value| content_length(value.as_bytes()))
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
