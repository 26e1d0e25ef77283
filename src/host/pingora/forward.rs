//! What the upstream is told beside what the client sent.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use pingora::{Result, http::RequestHeader};

use super::{
    facts::Facts,
    trusted::{ForwardedHeader, scheme},
};
use crate::exchange::{
    Fields, Trace, title_case,
    trace::{TRACEPARENT, TRACESTATE},
};

const FORWARDED: &str = "Forwarded";
const FORWARDED_FOR: &str = "X-Forwarded-For";
const FORWARDED_PROTO: &str = "X-Forwarded-Proto";
const FORWARDED_HOST: &str = "X-Forwarded-Host";
static FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// What becomes of the trace context of requests (W3C Trace Context).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceContext {
    /// A valid one is passed on as it came, any other is dropped.
    #[default]
    Forward,
    /// The same, but a request without one gets a new one. That says not to record the trace:
    /// who samples is not for this proxy to say, but tracing in the upstream that heeds it will
    /// not begin traces of its own.
    Make,
    /// It passes as it came, whatever it is.
    Off,
}

/// Tells the upstream who asked, how, and for what host.
///
/// What a trusted proxy wrote down is kept, and continued. All else is what this proxy saw,
/// whatever the client claims.
pub(super) fn tell_who_asked(
    request: &mut RequestHeader,
    client_request: &RequestHeader,
    facts: &Facts,
) -> Result<()> {
    let host = host(client_request);
    match facts.options.front.header {
        ForwardedHeader::XForwardedFor => {
            remove(request, &header::FORWARDED);
            tell_x_forwarded(request, host, facts, facts.is_believed)
        }
        ForwardedHeader::Forwarded => {
            let before = if facts.is_believed { list(request, FORWARDED) } else { Vec::new() };
            let element = element(facts, host.as_ref(), before.is_empty());
            if let Some(forwarded) = joined(before, &element) {
                request.insert_header(FORWARDED, forwarded)?;
            }
            tell_x_forwarded(request, host, facts, false)
        }
    }
}

fn tell_x_forwarded(
    request: &mut RequestHeader,
    host: Option<HeaderValue>,
    facts: &Facts,
    is_continued: bool,
) -> Result<()> {
    let before = if is_continued { list(request, FORWARDED_FOR) } else { Vec::new() };
    let last = if is_continued { facts.source } else { facts.client };
    match joined(before, &last.text()) {
        Some(chain) => request.insert_header(FORWARDED_FOR, chain)?,
        None => {
            request.remove_header(FORWARDED_FOR);
        }
    }
    if !is_continued || scheme(&request.headers).is_none() {
        request.insert_header(FORWARDED_PROTO, HeaderValue::from_static(facts.scheme()))?;
    }
    if !is_continued || !request.headers.contains_key(FORWARDED_HOST) {
        match host {
            Some(host) => request.insert_header(FORWARDED_HOST, host)?,
            None => {
                request.remove_header(FORWARDED_HOST);
            }
        }
    }
    // Where nobody vouches for it, the two above say it.
    if !is_continued {
        remove(request, &FORWARDED_PORT);
    }
    Ok(())
}

/// Tells the upstream the id of the request. One that came with the request stays as it is.
pub(super) fn tell_the_id(
    request: &mut RequestHeader,
    facts: &Facts,
    id_headers: &[HeaderName],
) -> Result<()> {
    if !facts.id_was_sent
        && let (Some(name), Ok(id)) = (id_headers.first(), HeaderValue::from_str(&facts.id))
    {
        request.insert_header(title_case(name), id)?;
    }
    Ok(())
}

/// Tells the upstream of what trace the request is part; see [`TraceContext`].
pub(super) fn tell_the_trace(request: &mut RequestHeader, facts: &Facts) -> Result<()> {
    let is_valid = Trace::of(Fields::Map(&request.headers)).is_some();
    let is_span = facts.options.spans.is_some();
    if facts.options.trace_context == TraceContext::Off || is_valid && !is_span {
        return Ok(());
    }
    remove(request, &TRACEPARENT);
    if !is_valid {
        remove(request, &TRACESTATE);
    }
    match &facts.new_trace {
        Some(trace) => request.insert_header("traceparent", trace.traceparent()),
        None => Ok(()),
    }
}

/// Removes a field that mostly is not there: to see that, a look at each name is less work than to look
/// for this one.
fn remove(request: &mut RequestHeader, name: &HeaderName) {
    if request.headers.keys().any(|other| other == name) {
        request.remove_header(name);
    }
}

/// The host that the client asked for: the authority of HTTP/2, else the Host field.
pub(super) fn host(request: &RequestHeader) -> Option<HeaderValue> {
    let authority = request.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    authority.or_else(|| request.headers.get(header::HOST).cloned())
}

/// The lines of a list as one.
fn list(request: &RequestHeader, name: &str) -> Vec<u8> {
    let lines = request.headers.get_all(name).iter().map(HeaderValue::as_bytes);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(&b", "[..])
}

/// A list with one more member, either of which may be missing.
fn joined(mut list: Vec<u8>, last: &str) -> Option<HeaderValue> {
    if !list.is_empty() && !last.is_empty() {
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(last.as_bytes());
    HeaderValue::from_maybe_shared(Bytes::from(list)).ok().filter(|list| !list.is_empty())
}

/// What this proxy adds to `Forwarded` (RFC 7239 §4): for whom it asks, and, where nobody before it
/// said so, how and for what host.
fn element(facts: &Facts, host: Option<&HeaderValue>, is_first: bool) -> String {
    let mut element = match facts.source.ip() {
        Some(IpAddr::V4(ip)) => format!("for={ip}"),
        Some(IpAddr::V6(ip)) => format!("for=\"[{ip}]\""),
        None => "for=unknown".to_owned(),
    };
    if is_first {
        element.push_str(";proto=");
        element.push_str(facts.scheme());
        let host = host.and_then(|host| host.to_str().ok()).filter(|host| !host.contains(['"', '\\']));
        for piece in host.map(|host| [";host=\"", host, "\""]).into_iter().flatten() {
            element.push_str(piece);
        }
    }
    element
}
