//! A line as a JSON object.

use std::io;

use chrono::{DateTime, Utc};
use http::{HeaderName, header};
use serde::Serialize as _;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::stamp;
use crate::{
    exchange::{Cause, authority},
    template::{End, Subject},
};

/// Bytes of a value that are written; the rest is cut off.
const MAX_VALUE: usize = 8 * 1024;

/// Appends the object: what is told of a request. The names stay; what is not known is left out.
pub(super) fn render(subject: &Subject<'_>, out: &mut Vec<u8>) {
    let (exchange, sent) = (subject.exchange, subject.sent);
    let (request, connection) = (&exchange.request, &exchange.connection);
    // What stands for a request that could not be read tells nothing of it.
    let is_readable = request.method != "-";
    let readable = |text| Some(text).filter(|_| is_readable);
    let mut object = Object(out);
    object.time(&exchange.clock.received);
    match known(request.id) {
        Some(id) => object.text(",\"id\":", Some(id)),
        None => object.raw(",\"id\":null"),
    }
    object.word(",\"trace_id\":", request.trace.map(|trace| trace.trace_id));
    object.text(",\"client\":", Some(connection.client));
    object.text(",\"user\":", request.user);
    object.text(",\"method\":", readable(request.method));
    object.text(",\"scheme\":", Some(request.scheme));
    object.text(",\"host\":", readable(authority::host(request.authority)));
    object.text(",\"path\":", readable(request.path));
    object.text(",\"query\":", request.query.and_then(readable));
    object.text(",\"protocol\":", readable(request.protocol));
    object.number(",\"status\":", sent.and_then(|sent| sent.status));
    object.number(",\"status_upstream\":", sent.and_then(|sent| sent.upstream_status));
    object.number(",\"bytes\":", sent.and_then(|sent| sent.bytes));
    object.number(",\"duration_us\":", exchange.clock.elapsed_us);
    object.text(",\"upstream\":", Some(connection.upstream));
    object.word(",\"source\":", Some(exchange.response.source.as_str()));
    object.word(",\"cause\":", sent.and_then(|sent| sent.cause).map(Cause::as_str));
    object.word(",\"decision\":", Some(sent.map_or("keep", |sent| sent.decision)));
    match sent.and_then(|sent| known(sent.why)) {
        Some(why) => object.text(",\"reason\":", Some(why)),
        None => object.raw(",\"reason\":\"\""),
    }
    object.text(",\"rule\":", Some(subject.rule));
    object.text(",\"condition\":", sent.and_then(|sent| sent.condition));
    object.number(",\"message_index\":", subject.message);
    object.field(",\"referer\":", subject, &header::REFERER);
    object.field(",\"user_agent\":", subject, &header::USER_AGENT);
    let is_cut = sent.is_some_and(|sent| sent.end == End::Cut);
    object.raw(if is_cut { ",\"cut\":true}" } else { ",\"cut\":false}" });
}

/// An object that is being written. Names come with all that surrounds them.
struct Object<'o>(&'o mut Vec<u8>);

impl Object<'_> {
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// The first member.
    fn time(&mut self, time: &DateTime<Utc>) {
        self.raw("{\"ts\":\"");
        stamp::write(time, self.0);
        self.raw("\"");
    }

    /// A text that says something, up to the largest length of a value.
    fn text(&mut self, name: &str, text: Option<&str>) {
        let Some(text) = text.and_then(known) else { return };
        if is_plain(text.as_bytes()) {
            self.word(name, Some(text));
        } else {
            self.raw(name);
            // Writing to memory cannot fail.
            let _ = text.serialize(&mut Serializer::with_formatter(&mut *self.0, OneLine));
        }
    }

    /// One of Retort's own words, or what looks like one: it stands for itself.
    fn word(&mut self, name: &str, word: Option<&str>) {
        let Some(word) = word else { return };
        debug_assert!(is_plain(word.as_bytes()), "{word}");
        for part in [name, "\"", word, "\""] {
            self.raw(part);
        }
    }

    fn number(&mut self, name: &str, number: Option<impl itoa::Integer>) {
        if let Some(number) = number {
            self.raw(name);
            self.raw(itoa::Buffer::new().format(number));
        }
    }

    fn field(&mut self, name: &str, subject: &Subject<'_>, field: &HeaderName) {
        if let Some(value) = subject.exchange.request.fields.first(field) {
            let value = value.get(..MAX_VALUE).unwrap_or(value);
            self.text(name, Some(&String::from_utf8_lossy(value)));
        }
    }
}

/// Whether each byte stands for itself in a JSON string, as printable ASCII mostly does.
fn is_plain(text: &[u8]) -> bool {
    let stands = |byte: u8| matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\');
    // Without an end before the end, many bytes are looked at together.
    text.iter().fold(true, |all, byte| all & stands(*byte))
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

/// A text that says something, up to the largest length of a value.
fn known(text: &str) -> Option<&str> {
    if text.len() <= MAX_VALUE {
        return Some(text).filter(|text| !text.is_empty());
    }
    let end = (0..=MAX_VALUE.min(text.len())).rev().find(|&at| text.is_char_boundary(at))?;
    text.get(..end).filter(|text| !text.is_empty())
}
