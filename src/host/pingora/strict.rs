//! Requests that two readers could understand differently, and requests that are too large.
//!
//! Most of them Pingora refuses itself. What it repairs, or lets pass, is refused here, before
//! anything of it reaches the upstream: a proxy in front, this one and the upstream are to agree
//! where a request ends, for whom it is and who sent it.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use pingora::{
    Error,
    http::{RequestHeader, ResponseHeader},
};

use super::mend::has_many_lengths;

/// How much is demanded of requests, and of responses where they say in two ways where they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strictness {
    /// Whether what RFC 9112 lets a recipient repair is repaired, not refused: Content-Length
    /// beside Transfer-Encoding, the same Content-Length twice, lines that end in a bare LF, a
    /// fragment in the target; and whether fields pass that the upstream might
    /// take for others, like `Content_Length`. Default: no.
    pub lenient: bool,
    /// Field lines: 100. More are answered with 431; 256 is the most that can be set.
    pub max_fields: usize,
    /// Bytes of a head, the request line included: 64 KiB. More are answered with 431; 1 MiB is the
    /// most that can be set, and 64 KiB in HTTP/2.
    pub max_head_bytes: usize,
    /// Bytes of a request's target: 16 KiB. More are answered with 414; 64 KiB is the most that can
    /// be set.
    pub max_target_bytes: usize,
}

/// Why a request is refused, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) status: StatusCode,
    pub(super) what: &'static str,
}

impl Strictness {
    /// What is wrong with a request. `raw` is its head as it came, where it came as bytes (HTTP/1):
    /// what Pingora repaired can be seen only there.
    pub(super) fn objection(&self, request: &RequestHeader, raw: Option<&[u8]>) -> Option<Objection> {
        // Pingora drops a fragment on the way.
        let target = raw.map_or_else(|| request.raw_path(), raw_target);
        self.size(request, raw, target)
            .or_else(|| self.target(request, target))
            .or_else(|| host(request))
            .or_else(|| codings(&request.headers))
            .or_else(|| if self.lenient { None } else { framing(request, raw) })
    }

    /// What is wrong with a response.
    pub(super) fn objection_to_response(&self, response: &ResponseHeader) -> Option<&'static str> {
        // Nobody asked for another coding: TE does not travel.
        let objection = codings(&response.headers).filter(|_| !self.lenient);
        objection.map(|objection| objection.what)
    }

    fn size(&self, request: &RequestHeader, raw: Option<&[u8]>, target: &[u8]) -> Option<Objection> {
        if target.len() > self.max_target_bytes {
            return Some(Objection::LONG_TARGET);
        }
        if lines(&request.headers) > self.max_fields {
            return Some(Objection::MANY_FIELDS);
        }
        let size = raw.map_or_else(|| list_size(request), <[u8]>::len);
        (size > self.max_head_bytes).then_some(Objection::LARGE_HEAD)
    }

    fn target(&self, request: &RequestHeader, target: &[u8]) -> Option<Objection> {
        if request.method == Method::CONNECT {
            return Some(Objection::new(StatusCode::METHOD_NOT_ALLOWED, "no tunnels here"));
        }
        if request.method == Method::TRACE {
            return Some(Objection::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "TRACE would show the client's secrets",
            ));
        }
        if target == b"*" && request.method != Method::OPTIONS {
            return Some(Objection::bad("only OPTIONS is for `*`"));
        }
        if !is_origin_form(target) && !is_absolute_form(target) && target != b"*" {
            return Some(Objection::bad("the target is relative"));
        }
        (!self.lenient && target.contains(&b'#')).then_some(Objection::bad("a fragment in the target"))
    }
}

impl Default for Strictness {
    fn default() -> Self {
        Self { lenient: false, max_fields: 100, max_head_bytes: 64 * 1024, max_target_bytes: 16 * 1024 }
    }
}

impl Objection {
    const LONG_TARGET: Self = Self::new(StatusCode::URI_TOO_LONG, "the target is too long");
    const MANY_FIELDS: Self = Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too many fields");
    const LARGE_HEAD: Self = Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large");

    /// The head of a request did not come in time.
    pub(super) const LATE: Self = Self::new(StatusCode::REQUEST_TIMEOUT, "the head of the request is late");

    /// Why Pingora could not read a request.
    pub(super) fn to_unreadable(error: &Error) -> Self {
        // Pingora has one type of error for all of this, and says more in words only.
        if error.root_cause().to_string() == "too many headers" {
            return Self::MANY_FIELDS;
        }
        match error.context.as_ref().map(|context| context.as_str()) {
            Some(context) if context.starts_with("Request header larger than") => Self::LARGE_HEAD,
            Some(context) if context.starts_with("invalid uri") && context.len() > MAX_URI => {
                Self::LONG_TARGET
            }
            _ => Self::bad("the request cannot be read"),
        }
    }

    const fn new(status: StatusCode, what: &'static str) -> Self {
        Self { status, what }
    }

    const fn bad(what: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, what)
    }
}

/// The longest URI that the type for them takes.
const MAX_URI: usize = u16::MAX as usize - 1;

/// Fields that say where a message ends, who may have it, or who sent it.
const TRUSTED: [HeaderName; 16] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::CONNECTION,
    header::UPGRADE,
    header::EXPECT,
    header::HOST,
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("x-real-ip"),
];

/// What all other fields that tell who sent a request begin with.
const FORWARDED_PREFIX: &[u8] = b"x-forwarded-";

/// Pingora passes the content on without what `chunked` did to it, but says nothing of other
/// codings, which nobody could undo then.
fn codings(headers: &HeaderMap) -> Option<Objection> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let first = codings.next()?;
    if codings.next().is_some() {
        return Some(Objection::bad("Transfer-Encoding twice"));
    }
    let understood = first.as_bytes().eq_ignore_ascii_case(b"chunked");
    (!understood).then_some(Objection::new(StatusCode::NOT_IMPLEMENTED, "a coding other than chunked"))
}

fn framing(request: &RequestHeader, raw: Option<&[u8]>) -> Option<Objection> {
    let headers = &request.headers;
    if raw.is_some_and(has_bare_line_feed) {
        return Some(Objection::bad("a line of the head ends in a bare LF"));
    }
    // Pingora takes Content-Length away from such a request.
    if headers.contains_key(header::TRANSFER_ENCODING)
        && raw.is_some_and(|head| has_field(head, header::CONTENT_LENGTH.as_str()))
    {
        return Some(Objection::bad("Content-Length beside Transfer-Encoding"));
    }
    if has_many_lengths(headers) {
        return Some(Objection::bad("more than one Content-Length"));
    }
    headers.keys().any(is_look_alike).then_some(Objection::bad("a field that could be taken for another"))
}

fn is_origin_form(target: &[u8]) -> bool {
    target.starts_with(b"/")
}

pub(super) fn is_absolute_form(target: &[u8]) -> bool {
    let has_scheme = |scheme: &[u8]| {
        target.split_at_checked(scheme.len()).is_some_and(|(start, _)| start.eq_ignore_ascii_case(scheme))
    };
    has_scheme(b"http://") || has_scheme(b"https://")
}

/// The host must be there, once, and be one: it becomes part of messages, logs and decisions.
fn host(request: &RequestHeader) -> Option<Objection> {
    let authority = request.uri.authority().map(|authority| authority.as_str().as_bytes());
    if authority.is_some_and(|authority| !is_host(authority)) {
        return Some(Objection::bad("the authority is malformed"));
    }
    let mut hosts = request.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => None,
        (Some(_), None) => Some(Objection::bad("Host is malformed")),
        (Some(_), Some(_)) => Some(Objection::bad("Host twice")),
        (None, _) if request.version == Version::HTTP_11 => Some(Objection::bad("no Host field")),
        (None, _) => None,
    }
}

/// RFC 9110 §7.2: `uri-host [ ":" port ]`, where an `http` URI has no empty host (§4.2.1).
fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value.strip_prefix(b"[") {
        Some(rest) => {
            match rest.iter().position(|byte| *byte == b']').and_then(|end| rest.split_at_checked(end)) {
                Some((address, rest)) if is_ip_literal(address) => {
                    (&b"[]"[..], rest.get(1..).unwrap_or_default())
                }
                _ => return false,
            }
        }
        None => {
            let end = value.iter().position(|byte| *byte == b':').unwrap_or(value.len());
            value.split_at_checked(end).unwrap_or_default()
        }
    };
    let port = match port.strip_prefix(b":") {
        Some(port) => port,
        None if port.is_empty() => port,
        None => return false,
    };
    !host.is_empty() && (host == b"[]" || is_name(host)) && is_port(port)
}

/// RFC 3986 §3.2.2: an IPv6 address. Of what else may stand in brackets nobody has made use.
fn is_ip_literal(value: &[u8]) -> bool {
    str::from_utf8(value).is_ok_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// RFC 3986 §3.2.2: `reg-name`.
fn is_name(mut name: &[u8]) -> bool {
    while let Some((byte, rest)) = name.split_first() {
        name = match byte {
            b'%' => match rest.split_at_checked(2) {
                Some((digits, rest)) if digits.iter().all(u8::is_ascii_hexdigit) => rest,
                _ => return false,
            },
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => rest,
            b'-' | b'.' | b'_' | b'~' => rest,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => rest,
            _ => return false,
        };
    }
    true
}

/// RFC 3986 §3.2.3: may be empty.
fn is_port(port: &[u8]) -> bool {
    let digits = port.iter().all(u8::is_ascii_digit);
    digits && (port.is_empty() || str::from_utf8(port).is_ok_and(|port| port.parse::<u16>().is_ok()))
}

/// Whether servers that write `-` and `_` alike, as CGI and its heirs do, read a name as that of a
/// field that matters.
fn is_look_alike(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let reads_as =
        |other: &[u8]| name.iter().zip(other).all(|(byte, other)| undashed(*byte) == undashed(*other));
    name.contains(&b'_')
        && (TRUSTED
            .iter()
            .any(|other| other.as_str().len() == name.len() && reads_as(other.as_str().as_bytes()))
            || name.len() > FORWARDED_PREFIX.len() && reads_as(FORWARDED_PREFIX))
}

fn undashed(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}

/// How many field lines there are. HTTP/2 has a line for each cookie, which count as one.
fn lines(headers: &HeaderMap) -> usize {
    let cookies = headers.get_all(header::COOKIE).iter().count();
    headers.len().saturating_sub(cookies.saturating_sub(1))
}

/// The size of a header that came as a list of fields, as RFC 9113 §6.5.2 counts it.
fn list_size(request: &RequestHeader) -> usize {
    let field = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 32;
    request.raw_path().len() + request.headers.iter().map(field).sum::<usize>()
}

/// The target as it stands in a head, which may begin with empty lines (RFC 9112 §2.2).
fn raw_target(head: &[u8]) -> &[u8] {
    let mut words = head.trim_ascii_start().split(|byte| *byte == b' ');
    words.nth(1).unwrap_or_default()
}

fn has_bare_line_feed(head: &[u8]) -> bool {
    let mut ends = memchr::memchr_iter(b'\n', head);
    ends.any(|end| end.checked_sub(1).and_then(|before| head.get(before)) != Some(&b'\r'))
}

/// Whether a field of this name stands in a head.
fn has_field(head: &[u8], name: &str) -> bool {
    head.split(|byte| *byte == b'\n').skip(1).any(|line| {
        let end = line.iter().position(|byte| *byte == b':');
        end.and_then(|end| line.get(..end)).is_some_and(|other| other.eq_ignore_ascii_case(name.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request as Pingora makes it of a head, without what Pingora takes away.
    fn request(head: &str) -> RequestHeader {
        let mut lines = head.split("\r\n");
        let mut line = lines.next().unwrap().split(' ');
        let (method, target) = (line.next().unwrap(), line.next().unwrap());
        let mut request = RequestHeader::build(method, target.as_bytes(), None).unwrap();
        request.set_version(if line.next() == Some("HTTP/1.0") {
            Version::HTTP_10
        } else {
            Version::HTTP_11
        });
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            request.append_header(name.to_owned(), value).unwrap();
        }
        request
    }

    fn objection_by(strictness: Strictness, head: &str) -> Option<u16> {
        let objection = strictness.objection(&request(head), Some(head.as_bytes()));
        objection.map(|objection| objection.status.as_u16())
    }

    fn objection(fields: &str) -> Option<u16> {
        objection_by(Strictness::default(), &format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
    }

    #[test]
    fn hosts() {
        let good = ["a", "a:80", "a:", "A-b.c_d", "192.0.2.1:8080", "[::1]", "[::1]:80", "a%20b", "a,b;c=d"];
        let bad = [
            "", ":80", "a b", "a\"><b", "a/b", "a:b", "a:99999", "[::1", "[a]", "[::1]80", "a%2", "a%zz",
            "[]",
        ];
        for (hosts, well) in [(&good[..], true), (&bad, false)] {
            hosts.iter().for_each(|host| assert_eq!(is_host(host.as_bytes()), well, "{host}"));
        }
        assert!(!is_host("ä".as_bytes()));
    }

    #[test]
    fn a_host_there_must_be() {
        let head = |line: &str| objection_by(Strictness::default(), &format!("{line}\r\n\r\n"));
        assert_eq!(head("GET / HTTP/1.1"), Some(400));
        assert_eq!(head("GET / HTTP/1.0"), None);
        assert_eq!(head("GET / HTTP/1.0\r\nHost: a b"), Some(400));
        assert_eq!(head("GET / HTTP/1.1\r\nHost: a\r\nHost: a"), Some(400));
        let mut request = request("GET / HTTP/1.0");
        request.set_uri(http::Uri::from_static("http://a/"));
        assert_eq!(Strictness::default().objection(&request, None), None);
        request.set_uri("http://a:b/".parse().unwrap());
        assert!(Strictness::default().objection(&request, None).is_some());
    }

    #[test]
    fn the_end_of_a_message_is_told_once() {
        assert_eq!(objection("Content-Length: 5\r\n"), None);
        assert_eq!(objection("Content-Length: 5\r\nContent-Length: 5\r\n"), Some(400));
        assert_eq!(objection("Content-Length: 5, 5\r\n"), Some(400));
        assert_eq!(objection("Transfer-Encoding: chunked\r\n"), None);
        assert_eq!(objection("Transfer-Encoding: Chunked\r\n"), None);
        assert_eq!(objection("Transfer-Encoding: gzip, chunked\r\n"), Some(501));
        assert_eq!(objection("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Some(400));
        assert_eq!(objection("Transfer-Encoding: chunked\r\ncontent-length: 5\r\n"), Some(400));
        assert_eq!(objection("Transfer-Encoding: chunked\r\nX: content-length: 5\r\n"), None);
    }

    #[test]
    fn look_alikes() {
        for name in
            ["Content_Length", "TRANSFER_ENCODING", "X_Forwarded-For", "x-forwarded_host", "Proxy_Connection"]
        {
            assert_eq!(objection(&format!("{name}: 1\r\n")), Some(400), "{name}");
        }
        for name in ["X_Forwarded", "Content_Length_", "My_Field", "_", "X_Forwarded_"] {
            assert_eq!(objection(&format!("{name}: 1\r\n")), None, "{name}");
        }
    }

    #[test]
    fn methods_and_targets() {
        let line =
            |line: &str| objection_by(Strictness::default(), &format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(line("TRACE /"), Some(405));
        assert_eq!(line("CONNECT a:80"), Some(405));
        assert_eq!(line("GET *"), Some(400));
        assert_eq!(line("OPTIONS *"), None);
        assert_eq!(line("GET /a#b"), Some(400));
        assert_eq!(line("GET a/b"), Some(400));
        assert_eq!(line("GET HTTP://a/b"), None);
    }

    #[test]
    fn leniency_lets_pass_what_may_be_repaired() {
        let lenient = Strictness { lenient: true, ..Strictness::default() };
        let fields = ["Content-Length: 5\r\nContent-Length: 5", "Content_Length: 5"];
        for fields in fields {
            assert_eq!(
                objection_by(lenient, &format!("GET /#a HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")),
                None
            );
        }
        assert_eq!(objection_by(lenient, "GET / HTTP/1.1\r\n\r\n"), Some(400));
        assert_eq!(objection_by(lenient, "GET / HTTP/1.1\r\nHost: a\"><b\r\n\r\n"), Some(400));
        let coded = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
        assert_eq!(objection_by(lenient, coded), Some(501));
        assert_eq!(objection_by(lenient, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), Some(405));
    }

    #[test]
    fn responses() {
        let lenient = Strictness { lenient: true, ..Strictness::default() };
        for (coding, well) in [("chunked", true), ("Chunked", true), ("gzip, chunked", false), ("x", false)] {
            let mut response = ResponseHeader::build(200, None).unwrap();
            response.insert_header(header::TRANSFER_ENCODING, coding).unwrap();
            assert_eq!(Strictness::default().objection_to_response(&response).is_none(), well, "{coding}");
            assert_eq!(lenient.objection_to_response(&response), None);
        }
    }

    #[test]
    fn line_ends() {
        let head = b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n";
        let request = request("GET / HTTP/1.1\r\nHost: a\r\nX: b");
        assert!(Strictness::default().objection(&request, Some(head)).is_some());
        assert!(has_bare_line_feed(b"\nGET") && !has_bare_line_feed(b"GET\r\n\r\n"));
    }

    #[test]
    fn sizes() {
        let limits = Strictness { max_fields: 2, max_head_bytes: 64, max_target_bytes: 8, lenient: true };
        let head = |target: &str, fields: &str| {
            objection_by(limits, &format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
        };
        assert_eq!(head("/2345678", "A: b\r\n"), None);
        assert_eq!(head("/23456789", "A: b\r\n"), Some(414));
        assert_eq!(head("/", "A: b\r\nA: c\r\n"), Some(431));
        assert_eq!(head("/", &format!("A: {}\r\n", "b".repeat(28))), None);
        assert_eq!(head("/", &format!("A: {}\r\n", "b".repeat(40))), Some(431));
    }

    #[test]
    fn cookies_in_pieces_count_as_one() {
        let mut request = request("GET / HTTP/1.1\r\nHost: a");
        request.set_version(Version::HTTP_2);
        for _ in 0..200 {
            request.append_header(header::COOKIE, HeaderValue::from_static("a=b")).unwrap();
        }
        assert_eq!(Strictness::default().objection(&request, None), None);
        assert_eq!(list_size(&request), 1 + (4 + 1 + 32) + 200 * (6 + 3 + 32));
    }
}
