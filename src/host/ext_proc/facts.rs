//! What is known of a request from its start, and the judgement of its response.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

use super::{
    Options,
    attributes::Attributes,
    head::{RequestHead, ResponseHead},
};
use crate::{
    Exchange, Rules,
    exchange::{Cause, Clock, Connection, Fields, Request, Source, Trace, request_id, user},
    host::{
        fault,
        judgement::{self, HOSTNAME, Known, Verdict},
        live::Snapshot,
        outcome::Outcome,
    },
};

/// What is known of a request, and the rules that were in force at its start.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) options: Arc<Options>,
    pub(super) request: RequestHead,
    pub(super) attributes: Attributes,
    pub(super) id: String,
    /// Whether the request came with the id.
    pub(super) id_was_sent: bool,
    pub(super) arrived: DateTime<Utc>,
    pub(super) started: Instant,
    /// How long the head of the upstream's response took to come.
    pub(super) upstream_took: Option<Duration>,
}

impl Facts {
    /// What the head of the request tells.
    pub(super) fn new(
        request: RequestHead,
        attributes: Attributes,
        snapshot: Arc<Snapshot>,
        options: Arc<Options>,
    ) -> Self {
        let from_client = request_id::from_client(Fields::Map(&request.fields), &options.request_id_headers);
        let id_was_sent = from_client.is_some();
        let id = from_client.unwrap_or_else(request_id::generate);
        let (arrived, started) = (Utc::now(), Instant::now());
        Self {
            snapshot,
            options,
            request,
            attributes,
            id,
            id_was_sent,
            arrived,
            started,
            upstream_took: None,
        }
    }

    /// Judges a response by these rules. A panic costs the message, not the response.
    pub(super) fn judge(
        &self,
        rules: &Rules,
        response: &ResponseHead,
        known: Known<'_>,
        source: Source,
    ) -> (Verdict, Outcome) {
        let judged = fault::caught(|| {
            let addresses = Addresses::of(&self.attributes, source);
            let fields = Fields::Map(&response.fields);
            // Envoy has none.
            let reason = None;
            let exchange = Exchange {
                request: self.request(),
                response: known.response(
                    response.status,
                    reason,
                    fields,
                    source,
                    &self.options.opt_out_header,
                ),
                connection: addresses.connection(),
                clock: self.clock(),
            };
            let (verdict, outcome) = judgement::judge(rules, &exchange, known);
            if let Verdict::Reply(reply) = &verdict {
                self.tell_refused(&reply.refused, outcome.rule.as_deref());
            }
            (verdict, outcome)
        });
        judged.unwrap_or_else(|| {
            let path = self.request.path();
            tracing::error!(id = self.id, path, "a panic while deciding on a response; it passes unaltered");
            (Verdict::Keep, Outcome::panic())
        })
    }

    /// Who asked; nothing where that is not known, or no address.
    pub(super) fn client(&self) -> String {
        text(self.attributes.client())
    }

    /// Writes on a response what was decided on it, where that is asked for.
    pub(super) fn mark(&self, response: &mut ResponseHead, outcome: Option<&Outcome>) {
        let Some(name) = &self.options.debug_header else { return };
        let value = outcome.map_or_else(|| Outcome::no_rule().header_value(), Outcome::header_value);
        if let Some(value) = value {
            response.fields.insert(name.clone(), value);
        }
    }

    /// How much of content of this length goes to the client.
    pub(super) fn sent(&self, length: Option<u64>) -> Option<u64> {
        if self.request.is_head() { Some(0) } else { length }
    }

    fn tell_refused(&self, refused: &[String], rule: Option<&str>) {
        for what in refused {
            tracing::warn!(target: "retort::ext_proc", id = self.id, rule, what, "a meta object was not obeyed");
        }
    }

    pub(super) fn request(&self) -> Request<'_> {
        let fields = Fields::Map(&self.request.fields);
        Request {
            method: &self.request.method,
            path: self.request.path(),
            query: self.request.query(),
            protocol: self.attributes.protocol().unwrap_or("HTTP/1.1"),
            scheme: &self.request.scheme,
            authority: &self.request.authority,
            fields,
            id: &self.id,
            user: user::first(fields, &self.options.user_header),
            trace: Trace::of(fields),
        }
    }

    pub(super) fn clock(&self) -> Clock {
        Clock {
            received: self.attributes.received().unwrap_or(self.arrived),
            elapsed_us: i64::try_from(self.started.elapsed().as_micros()).ok(),
            zone: self.options.zone,
        }
    }
}

/// Addresses as texts, to borrow from.
pub(super) struct Addresses {
    client: String,
    client_port: Option<u16>,
    local: String,
    local_port: Option<u16>,
    upstream: String,
    upstream_port: Option<u16>,
}

impl Addresses {
    pub(super) fn of(attributes: &Attributes, source: Source) -> Self {
        let (client, local) = (attributes.client(), attributes.local());
        let port = |address: Option<SocketAddr>| address.map(|address| address.port());
        // Where there was no connection, nobody handled the request, whoever was tried.
        let is_handled = !matches!(
            source,
            Source::Proxy(Cause::ConnectRefused | Cause::ConnectTimeout | Cause::Tls | Cause::NoUpstream)
        );
        let upstream = attributes.upstream().filter(|_| is_handled).unwrap_or_default();
        Self {
            client: text(client),
            client_port: port(client),
            local: text(local),
            local_port: port(local),
            upstream: upstream.to_owned(),
            upstream_port: port(upstream.parse().ok()),
        }
    }

    pub(super) fn connection(&self) -> Connection<'_> {
        Connection {
            client: &self.client,
            client_host: &self.client,
            // Envoy does not tell who is between it and the client.
            peer: &self.client,
            peer_port: self.client_port,
            local: &self.local,
            local_port: self.local_port,
            upstream: &self.upstream,
            upstream_port: self.upstream_port,
            hostname: &HOSTNAME,
        }
    }
}

/// What the head of a response tells of its content.
pub(super) fn declared(request: &RequestHead, response: &ResponseHead) -> Known<'static> {
    // The answer to HEAD always ends with its head.
    if response.is_all && !request.is_head() {
        return Known::NOTHING;
    }
    Known::of_length(response.declared_length(), request.is_head())
}

fn text(address: Option<SocketAddr>) -> String {
    address.map_or_else(String::new, |address| address.ip().to_canonical().to_string())
}
