//! Errors that the proxy makes in answer to gRPC: a response of the form that gRPC calls
//! Trailers-Only, in which the status and the message are header fields.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Edits, Reply, of_message, of_rule, render};
use crate::{
    exchange::{Exchange, Source},
    media::is_token,
    rules::Choice,
};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// All but printable ASCII, and the percent sign.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Bytes of an encoded message: header fields have limits that content has not.
const MAX_MESSAGE: usize = 4 * 1024;

/// Whether a Content-Type is one of gRPC's.
pub(crate) fn is_grpc(content_type: &[u8]) -> bool {
    const PREFIX: &[u8] = b"application/grpc";
    content_type.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Whether the response is an error of the proxy's to a client that speaks gRPC.
pub(crate) fn is_asked_by(exchange: &Exchange<'_>) -> bool {
    let content_type = exchange.request.fields.first(&header::CONTENT_TYPE);
    exchange.response.source != Source::Upstream && content_type.is_some_and(is_grpc)
}

/// The chosen message as gRPC has it.
pub(super) fn reply(choice: &Choice<'_>, exchange: &Exchange<'_>) -> Reply {
    let upstream = exchange.response.status;
    let status = choice.rule.status().unwrap_or(upstream);
    let subject = of_message(choice, exchange, status);
    let message = render(choice, &subject);
    let mut edits = Edits::new(exchange.response.fields);
    edits.strip(status, upstream);
    edits.apply(choice.rule.fields(), &of_rule(choice.rule, exchange, status));
    edits.apply(&choice.message.fields, &subject);
    edits.set(header::CONTENT_TYPE, content_type(exchange));
    edits.set(STATUS, HeaderValue::from(code(status)));
    if let Ok(message) = HeaderValue::try_from(encode(&String::from_utf8_lossy(&message)))
        && !message.is_empty()
    {
        edits.set(MESSAGE, message);
    }
    Reply { status: 200, body: Some(Bytes::new()), edits: edits.into_vec(), refused: Vec::new() }
}

/// The type of the request, without what may stand behind it.
fn content_type(exchange: &Exchange<'_>) -> HeaderValue {
    let sent = exchange.request.fields.first(&header::CONTENT_TYPE).unwrap_or_default();
    let essence = sent.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    let is_type = essence.split(|&byte| byte == b'/').all(is_token);
    let known = is_type.then(|| HeaderValue::from_bytes(essence).ok()).flatten();
    known.unwrap_or(HeaderValue::from_static("application/grpc"))
}

/// The gRPC status for one of HTTP.
fn code(status: u16) -> u16 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// The message percent-encoded as gRPC has it, as many whole characters as have room.
fn encode(message: &str) -> String {
    let mut encoded = String::with_capacity(message.len().min(MAX_MESSAGE));
    for c in message.chars() {
        let whole = encoded.len();
        encoded.extend(utf8_percent_encode(c.encode_utf8(&mut [0; 4]), ENCODED));
        if encoded.len() > MAX_MESSAGE {
            encoded.truncate(whole);
            break;
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_encoded() {
        assert_eq!(encode("50% \"é\"\n~"), "50%25 \"%C3%A9\"%0A~");
        assert_eq!(encode(&"é".repeat(MAX_MESSAGE)).len(), MAX_MESSAGE / 6 * 6);
        assert_eq!(encode(""), "");
    }

    #[test]
    fn statuses() {
        let codes = [400, 401, 403, 404, 429, 502, 503, 504, 500, 418].map(code);
        assert_eq!(codes, [13, 16, 7, 12, 14, 14, 14, 14, 2, 2]);
    }
}
