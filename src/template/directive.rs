//! The directives: what they are called, what they mean, and where they come from.

use super::{Purpose, field::Message, lookup::Kind, value::Value};

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
    Plain(Value),
    /// Nothing, or one of these words.
    Choice(Value, &'static [(&'static str, Value)]),
    /// Names, and what is done with the value.
    Lookup(Kind),
    /// A time pattern.
    Time,
}

const BOTH: &str = "Repose, Apache mod_log_config";
const APACHE: &str = "Apache mod_log_config";
const REPOSE: &str = "Repose";
const RETORT: &str = "Retort";

/// All directives, in the order of the alphabet.
pub static TABLE: [Entry; 26] = [
    plain('%', &["%%"], Value::Percent, "a percent sign", BOTH),
    Entry {
        letter: 'a',
        syntax: &["%a", "%{c}a"],
        meaning: "the client's IP address; with `c` that of the TCP peer, which may be a proxy in front",
        source: BOTH,
        form: Form::Choice(Value::Client, ADDRESSES),
    },
    plain('A', &["%A"], Value::Local, "the IP address that the client connected to", BOTH),
    plain(
        'b',
        &["%b"],
        Value::LengthOrDash,
        "bytes of the upstream's response body; `-` when there are none",
        BOTH,
    ),
    plain(
        'B',
        &["%B"],
        Value::Length,
        "bytes of the upstream's response body; `0` when there are none",
        BOTH,
    ),
    lookup('C', &["%{name}C"], Kind::Cookie, "a cookie of the request, once it is exposed", APACHE),
    plain('D', &["%D"], Value::Microseconds, "microseconds since the request was received", BOTH),
    lookup(
        'e',
        &["%{NAME}e"],
        Kind::Variable,
        "an environment variable as it was when the rules were loaded, once it is exposed",
        APACHE,
    ),
    plain('g', &["%g"], Value::RequestId, "the id of the request", REPOSE),
    plain(
        'h',
        &["%h"],
        Value::ClientHost,
        "the client's host name where it is known, else its IP address",
        BOTH,
    ),
    plain('H', &["%H"], Value::Protocol, "the request's protocol, `HTTP/1.1`", BOTH),
    lookup(
        'i',
        &["%{Name}i", "%{Name DATE out}i", "%{Name DATE out in}i", "%{Name?Other:-text}i"],
        Kind::Field(Message::Request),
        "a request header, several lines joined by commas; with `DATE`, each line read as a date in the \
         format `in` (`RFC_1123` unless given) and printed in the format `out`: `RFC_1123` or `ISO_8601`; \
         with `?`, the first of several that is not empty; after `:-` the text for where none is. `?` and \
         `:-` work for `C`, `e`, `Q` and `x` too",
        BOTH,
    ),
    plain('m', &["%m"], Value::Method, "the request's method", BOTH),
    plain(
        'M',
        &["%M"],
        Value::Reason,
        "the reason phrase that the upstream sent, else the registered one",
        REPOSE,
    ),
    lookup(
        'o',
        &["%{Name}o", "%{Name DATE out}o", "%{Name DATE out in}o", "%{Name?Other:-text}o"],
        Kind::Field(Message::Response),
        "a header of the upstream's response, in the same ways; with `DATE`, the seconds of Retry-After \
         count from now",
        BOTH,
    ),
    Entry {
        letter: 'p',
        syntax: &["%p", "%{canonical}p", "%{local}p", "%{remote}p"],
        meaning: "the port of the upstream that handled the request; of the host that was asked for; that \
                  the client connected to; of the client; else `-`",
        source: BOTH,
        form: Form::Choice(Value::UpstreamPort, PORTS),
    },
    plain('q', &["%q"], Value::Query, "the query without the question mark", BOTH),
    lookup(
        'Q',
        &["%{name}Q"],
        Kind::Parameter,
        "the first parameter of this name in the query, decoded",
        RETORT,
    ),
    plain('r', &["%r"], Value::RequestLine, "the first line of the request", BOTH),
    plain(
        's',
        &["%s", "%>s", "%<s"],
        Value::Status,
        "the status that is sent; with `<` the one that the upstream sent",
        BOTH,
    ),
    Entry {
        letter: 't',
        syntax: &["%t", "%{pattern}t"],
        meaning: "when the request was received, in local time: `yyyy-MM-dd HH:mm:ss`, or a pattern of \
                  Java's `SimpleDateFormat`",
        source: REPOSE,
        form: Form::Time,
    },
    Entry {
        letter: 'T',
        syntax: &["%T", "%{s}T", "%{ms}T", "%{us}T"],
        meaning: "seconds since the request was received, with at most two decimals; whole milliseconds; \
                  whole microseconds",
        source: BOTH,
        form: Form::Choice(Value::Seconds, UNITS),
    },
    plain('u', &["%u"], Value::User, "the remote user, else `-`", BOTH),
    plain('U', &["%U"], Value::Path, "the path of the request, without the query", BOTH),
    plain('v', &["%v"], Value::Host, "the host that was asked for, without the port", APACHE),
    lookup(
        'x',
        &["%{body}x", "%{body:/pointer}x", "%{name}x"],
        Kind::Fact,
        "the upstream's body, decoded, to 64 KiB; a value in it, found by a JSON pointer; or `reason`, the \
         registered phrase of the status that is sent, `rule`, `message`, counted from 0, `source`, `cause`, \
         `upstream`, `trace-id`, `span-id`, `hostname`, `language`",
        RETORT,
    ),
];

/// Those that tell of a response that is over, and so are for access logs alone.
pub static LOG_TABLE: [Entry; 2] = [
    plain('l', &["%l"], Value::Nothing, "always `-`, as the remote log name mostly is", APACHE),
    plain(
        'X',
        &["%X"],
        Value::End,
        "how the response ended: `+` and the connection was kept, `-` and it was closed, `X` before it \
         was whole",
        APACHE,
    ),
];

/// What `%{…}a` can be of.
const ADDRESSES: &[(&str, Value)] = &[("c", Value::Peer)];

/// What `%{…}p` can be of.
const PORTS: &[(&str, Value)] =
    &[("canonical", Value::CanonicalPort), ("local", Value::LocalPort), ("remote", Value::PeerPort)];

/// The units of `%{…}T`. Some have a directive of their own.
const UNITS: &[(&str, Value)] =
    &[("s", Value::Seconds), ("ms", Value::Milliseconds), ("us", Value::Microseconds)];

/// Directives of Apache that are not supported.
const UNSUPPORTED: [(char, &str); 12] = [
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
    ('V', "the server name"),
    ('X', "the state of the connection"),
];

/// The directive with this letter.
pub(super) fn find(letter: char, purpose: Purpose) -> Option<&'static Entry> {
    let more = if purpose == Purpose::LogLine { &LOG_TABLE[..] } else { &[] };
    TABLE.iter().chain(more).find(|entry| entry.letter == letter)
}

/// What to do about a letter that no directive has.
pub(super) fn help(letter: char) -> String {
    let apache = UNSUPPORTED.iter().find(|(other, _)| *other == letter);
    let known = TABLE.iter().find(|entry| entry.letter.eq_ignore_ascii_case(&letter));
    let unsupported =
        apache.map(|(letter, meaning)| format!("Apache's `%{letter}` ({meaning}) is not supported"));
    let percent = Some("a percent sign is written `%%`".to_owned());
    let known = known.map(|entry| format!("did you mean `%{}`?", entry.letter));
    let help: Vec<_> = [unsupported, percent, known].into_iter().flatten().collect();
    help.join("; ")
}

/// The ways to write the directive with this letter.
pub(super) fn spellings(letter: char) -> String {
    find(letter, Purpose::LogLine).map_or_else(String::new, |entry| entry.syntax.join("` or `"))
}

/// The first of them.
pub(super) fn example(letter: char) -> &'static str {
    find(letter, Purpose::LogLine).and_then(|entry| entry.syntax.first()).copied().unwrap_or_default()
}

const fn plain(
    letter: char,
    syntax: &'static [&'static str],
    value: Value,
    meaning: &'static str,
    source: &'static str,
) -> Entry {
    Entry { letter, syntax, meaning, source, form: Form::Plain(value) }
}

const fn lookup(
    letter: char,
    syntax: &'static [&'static str],
    kind: Kind,
    meaning: &'static str,
    source: &'static str,
) -> Entry {
    Entry { letter, syntax, meaning, source, form: Form::Lookup(kind) }
}
