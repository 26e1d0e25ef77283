//! A request as a span of a server, with the names of the semantic conventions for HTTP.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use http::header;
use opentelemetry::{
    InstrumentationScope, KeyValue, Value,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::{
    exchange::{Cause, authority, trace::NewTrace},
    template::{End, Subject},
};

/// Bytes of a value that are sent; the rest is cut off.
const MAX_VALUE: usize = 4 * 1024;

/// Methods that have a name of their own in the conventions.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// The span of a request that is over.
pub(super) fn of(subject: &Subject<'_>, span: &NewTrace) -> Option<SpanData> {
    let own = span.trace()?;
    let exchange = subject.exchange;
    let method = exchange.request.method;
    let known_method = METHODS.into_iter().find(|known| *known == method);
    let start_time = SystemTime::from(exchange.clock.received);
    let took = exchange.clock.elapsed_us.and_then(|elapsed| u64::try_from(elapsed).ok()).unwrap_or(0);
    let trace_id = TraceId::from_hex(own.trace_id).ok()?;
    let span_id = SpanId::from_hex(own.span_id).ok()?;
    let parent = span.parent().and_then(|parent| SpanId::from_hex(parent).ok());
    Some(SpanData {
        span_context: SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::NONE),
        parent_span_id: parent.unwrap_or(SpanId::INVALID),
        parent_span_is_remote: parent.is_some(),
        span_kind: SpanKind::Server,
        name: Cow::Borrowed(known_method.unwrap_or("HTTP")),
        start_time,
        end_time: start_time.checked_add(Duration::from_micros(took)).unwrap_or(start_time),
        attributes: attributes(subject, known_method),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: status(subject),
        instrumentation_scope: InstrumentationScope::builder("retort")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    })
}

fn attributes(subject: &Subject<'_>, known_method: Option<&'static str>) -> Vec<KeyValue> {
    let exchange = subject.exchange;
    let (request, connection, sent) = (&exchange.request, &exchange.connection, subject.sent);
    let mut all = Attributes(Vec::with_capacity(24));
    all.push("http.request.method", known_method.unwrap_or("_OTHER"));
    if known_method.is_none() {
        all.text("http.request.method_original", request.method);
    }
    all.text("url.path", request.path);
    all.text("url.query", request.query.unwrap_or_default());
    all.text("url.scheme", request.scheme);
    all.text("server.address", authority::host(request.authority));
    all.number("server.port", authority::port(request.authority, request.scheme));
    all.text("client.address", connection.client);
    all.text("network.peer.address", connection.peer);
    all.number("network.peer.port", connection.peer_port);
    let version = request.protocol.trim_start_matches("HTTP/");
    all.text("network.protocol.version", version.strip_suffix(".0").filter(|v| *v != "1").unwrap_or(version));
    let agent = request.fields.first(&header::USER_AGENT).unwrap_or_default();
    all.text("user_agent.original", &String::from_utf8_lossy(agent));
    all.number("http.response.status_code", sent.and_then(|sent| sent.status));
    all.number("http.response.body.size", sent.and_then(|sent| u32::try_from(sent.bytes?).ok()));
    if let Some(error) = error(subject) {
        all.push("error.type", error);
    }
    all.text("retort.request_id", request.id);
    all.text("retort.rule", subject.rule);
    all.number("retort.message_index", subject.message.and_then(|index| u32::try_from(index).ok()));
    all.push("retort.source", exchange.response.source.as_str());
    all.text("retort.upstream", connection.upstream);
    if let Some(sent) = sent {
        all.text("retort.decision", sent.decision);
        all.text("retort.reason", sent.why);
        all.text("retort.cause", sent.cause.map_or("", Cause::as_str));
        all.number("retort.upstream_status_code", sent.upstream_status);
        if sent.end == End::Cut {
            all.push("retort.cut", true);
        }
    }
    all.0
}

/// What went wrong, in a word or as a status.
fn error(subject: &Subject<'_>) -> Option<String> {
    let sent = subject.sent?;
    match (sent.cause, sent.status) {
        (Some(cause), status) if status.is_none_or(|status| status >= 500) || sent.end == End::Cut => {
            Some(cause.as_str().to_owned())
        }
        (_, Some(status)) if status >= 500 => Some(status.to_string()),
        _ if sent.end == End::Cut => Some("cut".to_owned()),
        _ => None,
    }
}

/// A server's span failed where the server did; that a request was wrong is no failure of it.
fn status(subject: &Subject<'_>) -> Status {
    error(subject).map_or(Status::Unset, |_| Status::error(""))
}

struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn push(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push(KeyValue::new(name, value));
    }

    /// A text, if there is one.
    fn text(&mut self, name: &'static str, text: &str) {
        let end = (0..=MAX_VALUE.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
        let text = end.and_then(|end| text.get(..end)).unwrap_or_default();
        if !text.is_empty() {
            self.push(name, text.to_owned());
        }
    }

    fn number(&mut self, name: &'static str, number: Option<impl Into<i64>>) {
        if let Some(number) = number {
            self.push(name, number.into());
        }
    }
}
