//! One request and its response, as the rules see them: a struct of borrows.
//!
//! A host fills an [`Exchange`] from what it already holds; nothing is copied. The clock is part
//! of it, so that nothing in the core asks for the time.

pub mod authority;
pub mod content;
pub mod error_request;
pub mod query;
pub mod record;
pub mod request_id;
pub mod source;
pub mod trace;
pub mod user;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use http::{HeaderMap, HeaderName};

pub use self::{
    content::Content,
    source::{Cause, Source},
    trace::Trace,
};

/// One request, the response to it, and the facts of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The request as the client sent it.
    pub request: Request<'a>,
    /// The response as it came from the upstream, or as the proxy made it.
    pub response: Response<'a>,
    /// Who talked to whom.
    pub connection: Connection<'a>,
    /// When.
    pub clock: Clock,
}

/// The head of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, `GET`.
    pub method: &'a str,
    /// The path as it was sent, without the query.
    pub path: &'a str,
    /// The query as it was sent, without the question mark.
    pub query: Option<&'a str>,
    /// The protocol as an access log writes it: `HTTP/1.1`, `HTTP/2.0`.
    pub protocol: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Whom the request is for, as it was sent: the Host field or `:authority`, a port included;
    /// empty where neither came.
    pub authority: &'a str,
    /// The header fields.
    pub fields: Fields<'a>,
    /// The id of the request, from the client or generated.
    pub id: &'a str,
    /// The remote user, if the request names one.
    pub user: Option<&'a str>,
    /// The trace that the request is part of, if it says so.
    pub trace: Option<Trace<'a>>,
}

/// The head of a response, and what is known of its content.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The reason phrase that came with it. `None` where the protocol has none (HTTP/2) or the
    /// phrase was left empty: the registered phrase then stands in.
    pub reason: Option<&'a str>,
    /// The header fields.
    pub fields: Fields<'a>,
    /// Bytes of content: counted where it could be, else declared. `None`: not known.
    pub length: Option<u64>,
    /// The content, decoded, as far as it was held; `None` where it was not.
    pub content: Option<&'a Content>,
    /// Whether waiting can tell more of the content: its first byte, its length, its text.
    pub is_pending: bool,
    /// Who made the response.
    pub source: Source,
    /// Whether the upstream asked to leave the response alone; see [`hands_off`].
    pub hands_off: bool,
}

/// Who talked to whom.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// The client's IP address; empty where it has none (a Unix socket).
    pub client: &'a str,
    /// The client's host name where the host knows one, else its IP address.
    pub client_host: &'a str,
    /// The IP address of the TCP peer: the client, or a proxy in front that spoke for it.
    pub peer: &'a str,
    /// The port of the TCP peer.
    pub peer_port: Option<u16>,
    /// The IP address that the client connected to.
    pub local: &'a str,
    /// The port that the client connected to.
    pub local_port: Option<u16>,
    /// The upstream that handled the request, as an address with a port; empty where none did.
    pub upstream: &'a str,
    /// Its port.
    pub upstream_port: Option<u16>,
    /// The name of this machine.
    pub hostname: &'a str,
}

/// The readings of the clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// When the request was received.
    pub received: DateTime<Utc>,
    /// Microseconds from then until now; `None` where the start is not known, negative where the
    /// clock was set back.
    pub elapsed_us: Option<i64>,
    /// The zone in which local times are written.
    pub zone: Tz,
}

/// Header fields in either of the two shapes that hosts hold them.
#[derive(Clone, Copy, Debug)]
pub enum Fields<'a> {
    /// A header map, as Pingora has it.
    Map(&'a HeaderMap),
    /// Field lines in the order of arrival, as recordings have them. Such a value may hold bytes
    /// that no HTTP parser would let through.
    Lines(&'a [(String, Vec<u8>)]),
}

impl<'a> Fields<'a> {
    /// The values of all lines with this name, in order.
    pub fn lines(self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a, '_> {
        let (map, list) = match self {
            Fields::Map(map) => (Some(map.get_all(name).into_iter()), None),
            Fields::Lines(list) => (None, Some(list.iter())),
        };
        let from_map = map.into_iter().flatten().map(http::HeaderValue::as_bytes);
        let from_list = list
            .into_iter()
            .flatten()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_str()))
            .map(|(_, value)| value.as_slice());
        from_map.chain(from_list)
    }

    /// The value of the first line with this name.
    pub fn first(self, name: &HeaderName) -> Option<&'a [u8]> {
        match self {
            Fields::Map(map) => map.get(name).map(http::HeaderValue::as_bytes),
            Fields::Lines(_) => self.lines(name).next(),
        }
    }

    /// Whether there is a line with this name.
    pub fn contains(self, name: &HeaderName) -> bool {
        self.first(name).is_some()
    }
}

/// The response field by which an upstream asks to leave its response alone, unless another is
/// set.
pub const OPT_OUT: HeaderName = HeaderName::from_static("x-retort");

/// Whether the response has the field `name` with the value `leave`.
pub fn hands_off(response: Fields<'_>, name: &HeaderName) -> bool {
    response.first(name).is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"leave"))
}

/// Reads a Content-Length (RFC 9110 §8.6): digits, nothing else.
pub fn content_length(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The name as header lines are mostly written: `Retry-After`.
pub fn title_case(name: &HeaderName) -> String {
    let mut title = String::with_capacity(name.as_str().len());
    let mut start = true;
    for letter in name.as_str().chars() {
        title.push(if start { letter.to_ascii_uppercase() } else { letter });
        start = letter == '-';
    }
    title
}
