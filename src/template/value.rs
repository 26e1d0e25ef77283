//! What directives print.

use std::{
    fmt::{self, Write as _},
    io::{Cursor, Write as _},
};

use super::{
    End, Subject, clf,
    directive::{Entry, Form, LOG_TABLE, TABLE},
    escape::Escape,
    insert::{Inserted, MAX_VALUE},
    lookup::Lookup,
    pattern::Pattern,
};
use crate::{
    exchange::{Clock, Exchange, Response, authority},
    status::reason_phrase,
};

/// A compiled directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Percent,
    Client,
    ClientHost,
    Peer,
    Local,
    Length,
    LengthOrDash,
    Microseconds,
    Milliseconds,
    Seconds,
    RequestId,
    Protocol,
    Reason,
    Method,
    UpstreamPort,
    PeerPort,
    LocalPort,
    CanonicalPort,
    Query,
    RequestLine,
    Status,
    UpstreamStatus,
    Received(Pattern),
    /// As Apache writes it: `[10/Oct/2000:13:55:36 -0700]`.
    ReceivedInClf,
    User,
    Path,
    Host,
    Lookup(Lookup),
    Nothing,
    End,
}

impl Value {
    /// Appends the value, escaped.
    pub(super) fn insert(&self, subject: &Subject<'_>, escape: Escape, out: &mut Vec<u8>) {
        // Repose left the reason phrase alone in text; no HTTP parser lets anything through in it
        // that would do harm there.
        let escape = match self {
            Value::Reason if escape == Escape::Text => Escape::None,
            // It mostly stands between others without quotes around it.
            Value::User if escape == Escape::Log => Escape::LogWord,
            _ => escape,
        };
        // Writing to memory cannot fail.
        let _ = self.write(subject, &mut Inserted::new(out, escape, self.limit()));
    }

    fn write(&self, subject: &Subject<'_>, out: &mut Inserted<'_>) -> fmt::Result {
        let Exchange { request, response, connection, clock } = subject.exchange;
        match self {
            Value::Percent => out.str("%"),
            Value::Client => out.str(connection.client),
            Value::ClientHost => out.str(connection.client_host),
            Value::Peer => out.str(connection.peer),
            Value::Local => out.str(connection.local),
            Value::Length => out.number(length(subject).unwrap_or(0)),
            Value::LengthOrDash => number_or_dash(length(subject).filter(|&length| length > 0), out),
            Value::Microseconds => number_or_nothing(clock.elapsed_us, out),
            Value::Milliseconds => number_or_nothing(clock.elapsed_us.map(|us| us / 1000), out),
            Value::Seconds => write_seconds(clock, out),
            Value::RequestId => out.str(request.id),
            Value::Protocol => out.str(request.protocol),
            Value::Reason => out.str(reason(response)),
            Value::Method => out.str(request.method),
            Value::UpstreamPort => number_or_dash(connection.upstream_port, out),
            Value::PeerPort => number_or_dash(connection.peer_port, out),
            Value::LocalPort => number_or_dash(connection.local_port, out),
            Value::CanonicalPort => number_or_dash(authority::port(request.authority, request.scheme), out),
            Value::Query => out.str(request.query.unwrap_or_default()),
            // Of one that could not be read.
            Value::RequestLine if subject.sent.is_some() && request.method == "-" => {}
            Value::RequestLine => {
                for piece in [request.method, " ", request.path] {
                    out.str(piece);
                }
                if let Some(query) = request.query {
                    out.str("?");
                    out.str(query);
                }
                out.str(" ");
                out.str(request.protocol);
            }
            Value::Status => {
                write_status(subject.sent.map_or(Some(subject.status), |sent| sent.status), out)?;
            }
            Value::UpstreamStatus => {
                write_status(subject.sent.map_or(Some(response.status), |sent| sent.upstream_status), out)?;
            }
            Value::Received(pattern) => pattern.write(&clock.received.with_timezone(&clock.zone), out)?,
            Value::ReceivedInClf => clf::write(clock, out),
            Value::User => out.str(request.user.unwrap_or("-")),
            Value::Path => out.str(request.path),
            Value::Host => out.str(authority::host(request.authority)),
            Value::Lookup(lookup) => lookup.write(subject, out)?,
            Value::Nothing => {}
            Value::End => out.str(subject.sent.map_or("", |sent| end(sent.end))),
        }
        Ok(())
    }

    /// What it writes for this subject has no more bytes before it is escaped.
    pub(super) fn bound(&self, subject: &Subject<'_>) -> usize {
        let Exchange { request, response, connection, .. } = subject.exchange;
        let bytes = match self {
            Value::Percent => 1,
            Value::Client => connection.client.len(),
            Value::ClientHost => connection.client_host.len(),
            Value::Peer => connection.peer.len(),
            Value::Local => connection.local.len(),
            Value::Length
            | Value::LengthOrDash
            | Value::Microseconds
            | Value::Milliseconds
            | Value::Seconds
            | Value::UpstreamPort
            | Value::PeerPort
            | Value::LocalPort
            | Value::CanonicalPort
            | Value::Status
            | Value::UpstreamStatus => MAX_NUMBER,
            Value::RequestId => request.id.len(),
            Value::Protocol => request.protocol.len(),
            Value::Reason => reason(response).len(),
            Value::Method => request.method.len(),
            Value::Query => request.query.map_or(0, str::len),
            Value::RequestLine => {
                let query = request.query.map_or(0, |query| query.len() + 1);
                request.method.len() + request.path.len() + query + request.protocol.len() + 2
            }
            Value::Received(pattern) => pattern.bound(),
            Value::ReceivedInClf => 40,
            Value::Nothing | Value::End => 1,
            Value::User => request.user.map_or(1, str::len),
            Value::Path => request.path.len(),
            Value::Host => request.authority.len(),
            Value::Lookup(lookup) => lookup.bound(subject),
        };
        bytes.min(self.limit())
    }

    /// The bytes of the value that are inserted at most.
    fn limit(&self) -> usize {
        match self {
            Value::Lookup(lookup) => lookup.limit(),
            _ => MAX_VALUE,
        }
    }

    /// What stands before the statuses.
    pub(super) fn modifier(&self) -> &'static str {
        match self {
            Value::UpstreamStatus => "<",
            _ => "",
        }
    }

    /// The letter, and the word between the braces where that is one of a few.
    fn name(&self) -> (char, Option<&'static str>) {
        let of = |entry: &Entry| match (&entry.form, self) {
            (Form::Plain(Value::Status), Value::UpstreamStatus) => Some(None),
            (Form::Plain(value) | Form::Choice(value, _), _) if value == self => Some(None),
            (Form::Choice(_, words), _) => {
                words.iter().find(|(_, value)| value == self).map(|&(word, _)| Some(word))
            }
            (Form::Lookup(kind), Value::Lookup(lookup)) if *kind == lookup.kind() => Some(None),
            (Form::Time, Value::Received(_) | Value::ReceivedInClf) => Some(None),
            _ => None,
        };
        TABLE
            .iter()
            .chain(&LOG_TABLE)
            .find_map(|entry| Some((entry.letter, of(entry)?)))
            .unwrap_or(('%', None))
    }
}

/// Prints the directive without its percent sign, modifier and statuses.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (letter, word) = self.name();
        match (self, word) {
            (Value::Lookup(lookup), _) => write!(f, "{lookup}")?,
            (Value::Received(pattern), _) => write!(f, "{{{pattern}}}")?,
            (_, Some(word)) => write!(f, "{{{word}}}")?,
            (_, None) => {}
        }
        f.write_char(letter)
    }
}

/// No number is written in more bytes.
pub(super) const MAX_NUMBER: usize = 24;

fn number_or_dash(number: Option<impl itoa::Integer>, out: &mut Inserted<'_>) {
    match number {
        Some(number) => out.number(number),
        None => out.str("-"),
    }
}

fn number_or_nothing(number: Option<i64>, out: &mut Inserted<'_>) {
    if let Some(number) = number {
        out.number(number);
    }
}

/// Bytes of content: those that were sent once they were, else the upstream's.
fn length(subject: &Subject<'_>) -> Option<u64> {
    subject.sent.map_or(subject.exchange.response.length, |sent| sent.bytes)
}

fn write_status(status: Option<u16>, out: &mut Inserted<'_>) -> fmt::Result {
    match status {
        Some(status @ 100..) => out.number(status),
        Some(status) => write!(out, "{status:03}")?,
        None => {}
    }
    Ok(())
}

/// What Apache's `%X` writes.
fn end(end: End) -> &'static str {
    match end {
        End::Kept => "+",
        End::Closed => "-",
        End::Cut => "X",
    }
}

fn reason<'a>(response: &Response<'a>) -> &'a str {
    response.reason.or_else(|| reason_phrase(response.status)).unwrap_or_default()
}

/// Writes whole milliseconds as seconds: at most two decimals, half to even on the binary value,
/// as Java's `DecimalFormat` does.
fn write_seconds(clock: &Clock, out: &mut Inserted<'_>) {
    let Some(microseconds) = clock.elapsed_us else { return };
    let seconds = (microseconds / 1000) as f64 * 0.001;
    let mut digits = Cursor::new([0; MAX_NUMBER]);
    let _ = write!(digits, "{seconds:.2}");
    let length = digits.position() as usize;
    let digits = digits.get_ref().get(..length).and_then(|digits| std::str::from_utf8(digits).ok());
    out.str(digits.unwrap_or_default().trim_end_matches('0').trim_end_matches('.'));
}
