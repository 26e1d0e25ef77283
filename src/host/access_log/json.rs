//! A line as a JSON object.

use std::{borrow::Cow, io, str};

use chrono::SecondsFormat;
use http::{HeaderName, header};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use crate::{
    exchange::{Cause, authority},
    template::{End, Subject},
};

/// Bytes of a value that are written; the rest is cut off.
const MAX_VALUE: usize = 8 * 1024;

/// What is told of a request. The names stay; what is not known is left out.
#[derive(Debug, Serialize)]
struct Line<'a> {
    ts: String,
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    scheme: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_upstream: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<&'a str>,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    decision: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
    cut: bool,
}

/// Appends the object.
pub(super) fn render(subject: &Subject<'_>, out: &mut Vec<u8>) {
    let mut serializer = Serializer::with_formatter(out, OneLine);
    // Writing to memory cannot fail, and there is no map with keys that are no text.
    let _ = Line::of(subject).serialize(&mut serializer);
}

impl<'a> Line<'a> {
    fn of(subject: &Subject<'a>) -> Self {
        let (exchange, sent) = (subject.exchange, subject.sent);
        let request = &exchange.request;
        // What stands for a request that could not be read tells nothing of it.
        let readable = |text: &'a str| known(text).filter(|_| request.method != "-");
        Self {
            ts: exchange.clock.received.to_rfc3339_opts(SecondsFormat::Millis, true),
            id: known(request.id),
            trace_id: request.trace.map(|trace| trace.trace_id),
            client: known(exchange.connection.client),
            user: request.user.and_then(known),
            method: readable(request.method),
            scheme: request.scheme,
            host: readable(authority::host(request.authority)),
            path: readable(request.path),
            query: request.query.and_then(readable),
            protocol: readable(request.protocol),
            status: sent.and_then(|sent| sent.status),
            status_upstream: sent.and_then(|sent| sent.upstream_status),
            bytes: sent.and_then(|sent| sent.bytes),
            duration_us: exchange.clock.elapsed_us,
            upstream: known(exchange.connection.upstream),
            source: exchange.response.source.as_str(),
            cause: sent.and_then(|sent| sent.cause).map(Cause::as_str),
            decision: sent.map_or("keep", |sent| sent.decision),
            reason: sent.map_or("", |sent| sent.why),
            rule: known(subject.rule),
            condition: sent.and_then(|sent| sent.condition).and_then(known),
            message_index: subject.message,
            referer: field(subject, &header::REFERER),
            user_agent: field(subject, &header::USER_AGENT),
            cut: sent.is_some_and(|sent| sent.end == End::Cut),
        }
    }
}

/// Writes what some readers take for the end of a line, or for a command to a terminal, as an
/// escape, although JSON does not ask for it.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly all are plain ASCII, which is seen many bytes at a time.
        let is_plain = !fragment.as_bytes().iter().fold(false, |other, byte| other | (*byte >= 0x7F));
        if is_plain {
            return CompactFormatter.write_string_fragment(writer, fragment);
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| is_doubtful(c)) {
            let (plain, after) = rest.split_at(at);
            CompactFormatter.write_string_fragment(writer, plain)?;
            write!(writer, "\\u{:04x}", u32::from(c))?;
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

fn is_doubtful(c: char) -> bool {
    // Below U+0020 JSON itself asks for escapes. Last: what reorders the text around it.
    matches!(c, '\u{7F}'..='\u{9F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn field<'a>(subject: &Subject<'a>, name: &HeaderName) -> Option<Cow<'a, str>> {
    let value = subject.exchange.request.fields.first(name)?;
    let value = value.get(..MAX_VALUE).unwrap_or(value);
    Some(String::from_utf8_lossy(value)).filter(|value| !value.is_empty())
}

/// A text that says something, up to the largest length of a value.
fn known(text: &str) -> Option<&str> {
    let end = (0..=MAX_VALUE.min(text.len())).rev().find(|&at| text.is_char_boundary(at))?;
    text.get(..end).filter(|text| !text.is_empty())
}
