//! The directives: what they are called, what they mean, and what they print.

use std::{
    fmt::{self, Write as _},
    io::{Cursor, Write as _},
};

use super::{
    escape::Escape,
    field::{Field, Message},
    insert::{Inserted, MAX_VALUE},
    pattern::Pattern,
};
use crate::{
    exchange::{Clock, Exchange, Response},
    status::reason_phrase,
};

/// A directive as it is documented.
#[derive(Debug)]
pub struct Entry {
    /// The letter that it ends in.
    pub letter: char,
    /// The ways to write it.
    pub syntax: &'static [&'static str],
    /// What it prints.
    pub meaning: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    pub(super) form: Form,
}

/// What a directive may have between braces, and what it is compiled to.
#[derive(Debug)]
pub(super) enum Form {
    /// Nothing.
    Plain(Directive),
    /// The name of a header field, and a conversion.
    Field(Message),
    /// A time pattern.
    Time,
}

/// A compiled directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Percent,
    Client,
    ClientHost,
    Local,
    Length,
    LengthOrDash,
    Microseconds,
    Seconds,
    RequestId,
    Protocol,
    Field(Field),
    /// A header directive without a name that a field can have.
    NoField(Message),
    Reason,
    Method,
    UpstreamPort,
    Query,
    RequestLine,
    Status,
    Received(Pattern),
    User,
    Path,
}

const BOTH: &str = "Repose, Apache LogFormat";
const REPOSE: &str = "Repose";

/// All directives, in the order of the alphabet.
pub static TABLE: [Entry; 21] = [
    plain('%', &["%%"], Directive::Percent, "a percent sign", BOTH),
    plain('a', &["%a"], Directive::Client, "the client's IP address", BOTH),
    plain('A', &["%A"], Directive::Local, "the IP address that the client connected to", BOTH),
    plain(
        'b',
        &["%b"],
        Directive::LengthOrDash,
        "bytes of the upstream's response body; `-` when there are none",
        BOTH,
    ),
    plain(
        'B',
        &["%B"],
        Directive::Length,
        "bytes of the upstream's response body; `0` when there are none",
        BOTH,
    ),
    plain('D', &["%D"], Directive::Microseconds, "microseconds since the request was received", BOTH),
    plain('g', &["%g"], Directive::RequestId, "the id of the request", REPOSE),
    plain(
        'h',
        &["%h"],
        Directive::ClientHost,
        "the client's host name where it is known, else its IP address",
        BOTH,
    ),
    plain('H', &["%H"], Directive::Protocol, "the request's protocol, `HTTP/1.1`", BOTH),
    Entry {
        letter: 'i',
        syntax: &["%{Name}i", "%{Name DATE out}i", "%{Name DATE out in}i"],
        meaning: "a request header, several lines joined by commas; with `DATE`, each line read as a date \
                  in the format `in` (`RFC_1123` unless given) and printed in the format `out`: \
                  `RFC_1123` or `ISO_8601`",
        source: BOTH,
        form: Form::Field(Message::Request),
    },
    plain('m', &["%m"], Directive::Method, "the request's method", BOTH),
    plain(
        'M',
        &["%M"],
        Directive::Reason,
        "the reason phrase that the upstream sent, else the registered one",
        REPOSE,
    ),
    Entry {
        letter: 'o',
        syntax: &["%{Name}o", "%{Name DATE out}o", "%{Name DATE out in}o"],
        meaning: "a header of the upstream's response, in the same ways",
        source: BOTH,
        form: Form::Field(Message::Response),
    },
    plain(
        'p',
        &["%p"],
        Directive::UpstreamPort,
        "the port of the upstream that handled the request, else `-`",
        BOTH,
    ),
    plain('q', &["%q"], Directive::Query, "the query without the question mark", BOTH),
    plain('r', &["%r"], Directive::RequestLine, "the first line of the request", BOTH),
    plain('s', &["%s", "%>s", "%<s"], Directive::Status, "the status", BOTH),
    Entry {
        letter: 't',
        syntax: &["%t", "%{pattern}t"],
        meaning: "when the request was received, in local time: `yyyy-MM-dd HH:mm:ss`, or a pattern of \
                  Java's `SimpleDateFormat`",
        source: REPOSE,
        form: Form::Time,
    },
    plain(
        'T',
        &["%T"],
        Directive::Seconds,
        "seconds since the request was received, with at most two decimals",
        REPOSE,
    ),
    plain('u', &["%u"], Directive::User, "the remote user, else `-`", BOTH),
    plain('U', &["%U"], Directive::Path, "the path of the request, without the query", BOTH),
];

/// Directives of Apache that are not supported.
const APACHE: [(char, &str); 16] = [
    ('C', "a cookie"),
    ('e', "an environment variable"),
    ('f', "a file name"),
    ('I', "bytes received"),
    ('k', "the number of requests on the connection"),
    ('l', "the remote log name"),
    ('L', "the id of a log entry"),
    ('n', "a note"),
    ('O', "bytes sent"),
    ('P', "the process id"),
    ('R', "the handler"),
    ('S', "bytes transferred"),
    ('v', "the server name"),
    ('V', "the server name"),
    ('x', "a variable of a module"),
    ('X', "the state of the connection"),
];

/// The directive with this letter.
pub(super) fn find(letter: char) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.letter == letter)
}

/// What to do about a letter that no directive has.
pub(super) fn help(letter: char) -> String {
    let apache = APACHE.iter().find(|(other, _)| *other == letter);
    let known = TABLE.iter().find(|entry| entry.letter.eq_ignore_ascii_case(&letter));
    let unsupported =
        apache.map(|(letter, meaning)| format!("Apache's `%{letter}` ({meaning}) is not supported"));
    let percent = Some("a percent sign is written `%%`".to_owned());
    let known = known.map(|entry| format!("did you mean `%{}`?", entry.letter));
    let help: Vec<_> = [unsupported, percent, known].into_iter().flatten().collect();
    help.join("; ")
}

const fn plain(
    letter: char,
    syntax: &'static [&'static str],
    directive: Directive,
    meaning: &'static str,
    source: &'static str,
) -> Entry {
    Entry { letter, syntax, meaning, source, form: Form::Plain(directive) }
}

impl Directive {
    /// The place for its value.
    pub(super) fn insert<'o>(&self, out: &'o mut Vec<u8>, escape: Escape) -> Inserted<'o> {
        // Repose left the reason phrase alone in text; no HTTP parser lets anything through in it
        // that would do harm there.
        let escape = match self {
            Directive::Reason if escape == Escape::Text => Escape::None,
            _ => escape,
        };
        Inserted::new(out, escape, MAX_VALUE)
    }

    /// Writes its value.
    pub(super) fn write(&self, exchange: &Exchange<'_>, out: &mut Inserted<'_>) -> fmt::Result {
        let Exchange { request, response, connection, clock } = exchange;
        match self {
            Directive::Percent => out.str("%"),
            Directive::Client => out.str(connection.client),
            Directive::ClientHost => out.str(connection.client_host),
            Directive::Local => out.str(connection.local),
            Directive::Length => write!(out, "{}", response.length.unwrap_or(0))?,
            Directive::LengthOrDash => {
                return number_or_dash(response.length.filter(|&length| length > 0), out);
            }
            Directive::Microseconds => {
                clock.elapsed_us.map_or(Ok(()), |microseconds| write!(out, "{microseconds}"))?;
            }
            Directive::Seconds => write_seconds(clock, out),
            Directive::RequestId => out.str(request.id),
            Directive::Protocol => out.str(request.protocol),
            Directive::Field(field) => field.write(exchange, out)?,
            Directive::NoField(_) => {}
            Directive::Reason => out.str(reason(response)),
            Directive::Method => out.str(request.method),
            Directive::UpstreamPort => return number_or_dash(connection.upstream_port.map(u64::from), out),
            Directive::Query => out.str(request.query.unwrap_or_default()),
            Directive::RequestLine => {
                write!(out, "{} {}", request.method, request.path)?;
                if let Some(query) = request.query {
                    write!(out, "?{query}")?;
                }
                write!(out, " {}", request.protocol)?;
            }
            Directive::Status => write!(out, "{:03}", response.status)?,
            Directive::Received(pattern) => pattern.write(&clock.received.with_timezone(&clock.zone), out)?,
            Directive::User => out.str(request.user.unwrap_or("-")),
            Directive::Path => out.str(request.path),
        }
        Ok(())
    }

    /// No value that it writes for this exchange has more bytes before it is escaped.
    pub(super) fn bound(&self, exchange: &Exchange<'_>) -> usize {
        let Exchange { request, response, connection, .. } = exchange;
        let bytes = match self {
            Directive::Percent => 1,
            Directive::Client => connection.client.len(),
            Directive::ClientHost => connection.client_host.len(),
            Directive::Local => connection.local.len(),
            Directive::Length
            | Directive::LengthOrDash
            | Directive::Microseconds
            | Directive::Seconds
            | Directive::UpstreamPort
            | Directive::Status => MAX_NUMBER,
            Directive::RequestId => request.id.len(),
            Directive::Protocol => request.protocol.len(),
            Directive::Field(field) => field.bound(exchange),
            Directive::NoField(_) => 0,
            Directive::Reason => reason(response).len(),
            Directive::Method => request.method.len(),
            Directive::Query => request.query.map_or(0, str::len),
            Directive::RequestLine => {
                let query = request.query.map_or(0, |query| query.len() + 1);
                request.method.len() + request.path.len() + query + request.protocol.len() + 2
            }
            Directive::Received(pattern) => pattern.bound(),
            Directive::User => request.user.map_or(1, str::len),
            Directive::Path => request.path.len(),
        };
        bytes.min(MAX_VALUE)
    }

    /// What stands between its braces.
    fn argument(&self) -> Option<&dyn fmt::Display> {
        match self {
            Directive::Field(field) => Some(field),
            Directive::Received(pattern) => Some(pattern),
            _ => None,
        }
    }

    fn letter(&self) -> char {
        let is = |entry: &&Entry| match (&entry.form, self) {
            (Form::Plain(directive), _) => directive == self,
            (Form::Field(message), Directive::Field(field)) => *message == field.message(),
            (Form::Field(message), Directive::NoField(of)) => message == of,
            (Form::Time, Directive::Received(_)) => true,
            _ => false,
        };
        TABLE.iter().find(is).map_or('%', |entry| entry.letter)
    }
}

/// Prints the directive without its percent sign.
impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(argument) = self.argument() {
            write!(f, "{{{argument}}}")?;
        }
        f.write_char(self.letter())
    }
}

/// No number is written in more bytes.
const MAX_NUMBER: usize = 24;

fn number_or_dash(number: Option<u64>, out: &mut Inserted<'_>) -> fmt::Result {
    match number {
        Some(number) => write!(out, "{number}"),
        None => out.write_str("-"),
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
