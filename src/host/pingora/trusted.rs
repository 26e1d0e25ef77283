//! Who asked, where other proxies stand in front.
//!
//! What a request says of those before it can be written by anybody. So it is read from the end,
//! where the nearest proxy wrote, and one hop is believed only if the hop that wrote it down is
//! trusted. The first that is not trusted is the client.

use std::{
    fmt, iter,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;
use pingora::protocols::{SocketDigest, l4::socket::SocketAddr as Address};

use super::{plain, proxy_protocol::ProxyProtocol};

/// What is believed of the proxies in front.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// Those that are believed. Default: none.
    pub trusted: Vec<TrustedProxy>,
    /// Where they write down who asked.
    pub header: ForwardedHeader,
    /// Whether they say it before the first request, too.
    pub proxy_protocol: ProxyProtocol,
}

/// Proxies in front that are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedProxy {
    /// Those with an address in a network.
    Network(IpNet),
    /// Those on this machine: 127.0.0.0/8 and `::1`.
    Loopback,
    /// Those in networks for private use (RFC 1918, RFC 4193): 10.0.0.0/8, 172.16.0.0/12,
    /// 192.168.0.0/16, `fc00::/7`.
    Private,
    /// Those that connect to a Unix socket.
    Unix,
}

/// The fields in which proxies write down who asked.
///
/// Only one of the two can be believed: a proxy that writes one lets the other pass as the client
/// made it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto`, `X-Forwarded-Host` and `X-Forwarded-Port`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Why a text names no proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedProxyError {
    /// It is neither a network nor one of the words.
    Unreadable,
    /// The address has bits that are no part of its network, which is this.
    HostBits(IpNet),
    /// It is written as IPv6 what is a network of IPv4.
    Mapped(IpNet),
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    Ip(IpAddr),
    Unix,
    /// Nobody that could be trusted.
    Unknown,
}

/// Who asked, as far as it can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    /// The first that is not trusted; where all are, the first of all.
    pub(super) client: Hop,
    /// Whether the last hop is trusted, and what it wrote down thus believed.
    pub(super) is_believed: bool,
    /// Whether the client asked over an encrypted connection, if a proxy says.
    pub(super) is_secure: Option<bool>,
}

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

impl Front {
    /// Who asked, by what the request says on a connection from `source`.
    pub(super) fn asker(&self, source: Hop, request: &HeaderMap) -> Asker {
        let mut asker = Asker { client: source, is_believed: self.trusts(source), is_secure: None };
        if !asker.is_believed {
            return asker;
        }
        match self.header {
            ForwardedHeader::XForwardedFor => {
                asker.is_secure = scheme(request);
                self.walk(
                    &mut asker,
                    members(request, &X_FORWARDED_FOR).map(|member| (address(member), None)),
                );
            }
            ForwardedHeader::Forwarded => self.walk(&mut asker, members(request, &FORWARDED).map(element)),
        }
        asker
    }

    /// Goes back, the nearest first, from one that is trusted to whom it wrote down.
    fn walk(&self, asker: &mut Asker, steps: impl Iterator<Item = (Option<IpAddr>, Option<bool>)>) {
        for (ip, is_secure) in steps {
            asker.is_secure = is_secure.or(asker.is_secure);
            let Some(ip) = ip else { return };
            asker.client = Hop::Ip(ip);
            if !self.trusts(asker.client) {
                return;
            }
        }
    }

    pub(super) fn trusts(&self, hop: Hop) -> bool {
        self.trusted.iter().any(|proxy| proxy.covers(hop))
    }
}

impl TrustedProxy {
    pub(super) fn covers(&self, hop: Hop) -> bool {
        match (self, hop) {
            (TrustedProxy::Network(network), Hop::Ip(ip)) => network.contains(&ip),
            (TrustedProxy::Loopback, Hop::Ip(ip)) => ip.is_loopback(),
            (TrustedProxy::Private, Hop::Ip(IpAddr::V4(ip))) => ip.is_private(),
            (TrustedProxy::Private, Hop::Ip(IpAddr::V6(ip))) => ip.is_unique_local(),
            (TrustedProxy::Unix, hop) => hop == Hop::Unix,
            (_, Hop::Unix | Hop::Unknown) => false,
        }
    }
}

impl Hop {
    /// The other end of a connection.
    pub(super) fn of(socket: &SocketDigest) -> Self {
        match (socket.peer_addr(), socket.local_addr()) {
            (Some(Address::Inet(peer)), _) => Self::from(*peer),
            // A client mostly has no name there.
            (_, Some(Address::Unix(_))) => Hop::Unix,
            _ => Hop::Unknown,
        }
    }

    pub(super) fn ip(self) -> Option<IpAddr> {
        match self {
            Hop::Ip(ip) => Some(ip),
            Hop::Unix | Hop::Unknown => None,
        }
    }
}

/// The address; nothing where there is none.
impl Hop {
    /// Its address; empty where it has none.
    pub(super) fn text(self) -> String {
        self.ip().map(plain::ip).unwrap_or_default()
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().map_or(Ok(()), |ip| ip.fmt(f))
    }
}

impl From<SocketAddr> for Hop {
    fn from(address: SocketAddr) -> Self {
        Hop::Ip(address.ip().to_canonical())
    }
}

impl FromStr for TrustedProxy {
    type Err = TrustedProxyError;

    fn from_str(text: &str) -> Result<Self, TrustedProxyError> {
        match text {
            "loopback" => return Ok(TrustedProxy::Loopback),
            "private" => return Ok(TrustedProxy::Private),
            "unix" => return Ok(TrustedProxy::Unix),
            _ => {}
        }
        let one = || text.parse::<IpAddr>().map(IpNet::from);
        let network = text.parse::<IpNet>().or_else(|_| one()).map_err(|_| TrustedProxyError::Unreadable)?;
        if network != network.trunc() {
            return Err(TrustedProxyError::HostBits(network.trunc()));
        }
        // Addresses of IPv4 are taken for such wherever they come from.
        if let IpNet::V6(mapped) = network
            && let (Some(v4), Some(length)) =
                (mapped.addr().to_ipv4_mapped(), mapped.prefix_len().checked_sub(96))
            && let Ok(network) = IpNet::new(v4.into(), length)
        {
            return Err(TrustedProxyError::Mapped(network));
        }
        Ok(TrustedProxy::Network(network))
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrustedProxy::Network(network) => network.fmt(f),
            TrustedProxy::Loopback => f.write_str("loopback"),
            TrustedProxy::Private => f.write_str("private"),
            TrustedProxy::Unix => f.write_str("unix"),
        }
    }
}

impl fmt::Display for TrustedProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrustedProxyError::Unreadable => f.write_str(
                "a trusted proxy is a network (10.0.0.0/8, 2001:db8::/32), an address, `loopback`, \
                 `private` or `unix`",
            ),
            TrustedProxyError::HostBits(network) => {
                write!(f, "the address has bits beyond the length of its network; write {network}")
            }
            TrustedProxyError::Mapped(network) => write!(f, "this is a network of IPv4; write {network}"),
        }
    }
}

impl std::error::Error for TrustedProxyError {}

/// Whether the nearest proxy says that the client asked over an encrypted connection.
pub(super) fn scheme(request: &HeaderMap) -> Option<bool> {
    is_https(members(request, &X_FORWARDED_PROTO).next()?)
}

/// The members of a list over all its lines, the last first. Empty ones count as little as
/// anywhere (RFC 9110 §5.6.1).
fn members<'a>(request: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = request.get_all(name).into_iter().rev();
    lines.flat_map(|line| parts(line.as_bytes(), b',')).filter(|member| !member.is_empty())
}

/// The parts between separators, the last first. In quoted strings nothing separates; read from
/// the end, a quote that somebody left open takes nothing of what others wrote behind it.
fn parts(list: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    let next = move || {
        let list = rest.take()?;
        let mut is_quoted = false;
        let position = list.iter().enumerate().rev().position(|(at, byte)| {
            is_quoted ^= *byte == b'"' && !is_escaped(list, at);
            !is_quoted && *byte == separator
        });
        let Some(position) = position else { return Some(list) };
        let (before, part) = list.split_at_checked(list.len() - position)?;
        rest = before.split_last().map(|(_, before)| before);
        Some(part)
    };
    iter::from_fn(next).map(<[u8]>::trim_ascii)
}

/// Whether an odd number of backslashes stands before a position.
fn is_escaped(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// What an element of `Forwarded` says: who asked (RFC 7239 §5.2), and whether over an encrypted
/// connection (§5.4).
fn element(element: &[u8]) -> (Option<IpAddr>, Option<bool>) {
    let ip = parameter(element, b"for").and_then(|node| address(&node));
    (ip, parameter(element, b"proto").and_then(|proto| is_https(&proto)))
}

/// The value of a parameter, if there is one, and only one.
fn parameter(element: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut values = parts(element, b';').filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (this, value) = pair.split_at_checked(equals)?;
        this.eq_ignore_ascii_case(name).then(|| value.get(1..)).flatten()
    });
    let value = values.next().filter(|_| values.next().is_none())?;
    let Some(quoted) = value.strip_prefix(b"\"") else {
        return Some(value.to_vec());
    };
    let mut is_escape = false;
    let unescaped = quoted.strip_suffix(b"\"")?.iter().copied().filter(|byte| {
        is_escape = *byte == b'\\' && !is_escape;
        !is_escape
    });
    Some(unescaped.collect())
}

/// Reads an address, with or without a port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    bare.or_else(with_port).or_else(bracketed).map(|ip| ip.to_canonical())
}

fn is_https(scheme: &[u8]) -> Option<bool> {
    match scheme {
        scheme if scheme.eq_ignore_ascii_case(b"https") => Some(true),
        scheme if scheme.eq_ignore_ascii_case(b"http") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn hop(address: &str) -> Hop {
        Hop::Ip(address.parse().unwrap())
    }

    fn front(header: ForwardedHeader) -> Front {
        let trusted = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        Front { trusted, header, ..Front::default() }
    }

    fn request(name: HeaderName, lines: &[&[u8]]) -> HeaderMap {
        lines.iter().map(|line| (name.clone(), HeaderValue::from_bytes(line).unwrap())).collect()
    }

    #[test]
    fn who_is_covered() {
        let covers = |proxy: &str, address: &str| {
            proxy.parse::<TrustedProxy>().unwrap().covers(address.parse::<SocketAddr>().unwrap().into())
        };
        assert!(covers("192.0.2.0/24", "192.0.2.255:1") && !covers("192.0.2.0/24", "192.0.3.0:1"));
        assert!(covers("192.0.2.7", "[::ffff:192.0.2.7]:1") && !covers("192.0.2.7", "192.0.2.8:1"));
        assert!(covers("2001:db8::/32", "[2001:db8:ffff::1]:1") && !covers("::/0", "192.0.2.7:1"));
        assert!(covers("loopback", "127.9.9.9:1") && covers("loopback", "[::1]:1"));
        assert!(covers("private", "172.31.0.1:1") && !covers("private", "172.32.0.1:1"));
        assert!(covers("private", "[fd00::1]:1") && !covers("private", "[fe80::1]:1"));
        assert!(!covers("unix", "127.0.0.1:1") && TrustedProxy::Unix.covers(Hop::Unix));
        for proxy in [TrustedProxy::Loopback, TrustedProxy::Private, "0.0.0.0/0".parse().unwrap()] {
            assert!(!proxy.covers(Hop::Unix) && !proxy.covers(Hop::Unknown));
        }
        assert!(!TrustedProxy::Unix.covers(Hop::Unknown));
    }

    #[test]
    fn how_they_are_written() {
        for text in ["10.0.0.0/8", "2001:db8::/32", "loopback", "private", "unix"] {
            assert_eq!(text.parse::<TrustedProxy>().unwrap().to_string(), text);
        }
        assert_eq!("10.0.0.1".parse::<TrustedProxy>().unwrap().to_string(), "10.0.0.1/32");
        for (text, help) in [
            ("10.0.0.1/8", "write 10.0.0.0/8"),
            ("2001:db8::1/32", "write 2001:db8::/32"),
            ("::ffff:10.0.0.0/104", "write 10.0.0.0/8"),
            ("10.0.0.0/33", "a trusted proxy is"),
            ("10.0.0", "a trusted proxy is"),
            ("all", "a trusted proxy is"),
            ("", "a trusted proxy is"),
        ] {
            let error = text.parse::<TrustedProxy>().unwrap_err().to_string();
            assert!(error.contains(help), "{text}: {error}");
        }
    }

    #[test]
    fn an_open_quote_takes_nothing_from_others() {
        let split = |list: &'static str| -> Vec<_> {
            parts(list.as_bytes(), b',').map(|part| str::from_utf8(part).unwrap()).collect()
        };
        assert_eq!(split("a, b"), ["b", "a"]);
        assert_eq!(split(",a,"), ["", "a", ""]);
        assert_eq!(split(""), [""]);
        assert_eq!(split(r#"x="a,b",c"#), ["c", r#"x="a,b""#]);
        assert_eq!(split(r#"x="a\",b",c"#), ["c", r#"x="a\",b""#]);
        assert_eq!(split(r#"a,x="b,c"#), ["c", r#"a,x="b"#]);
    }

    #[test]
    fn parameters() {
        let of = |element: &str| parameter(element.as_bytes(), b"for");
        assert_eq!(of("for=a"), Some(b"a".to_vec()));
        assert_eq!(of(r#"proto=http; FOR="a;\"\\b""#), Some(br#"a;"\b"#.to_vec()));
        assert_eq!(of("for=a;for=b"), None, "which?");
        assert_eq!(of(r#"for="a"#), None);
        assert_eq!(of("fora"), None);
    }

    proptest! {
        /// Whatever the client wrote, it is the client that the trusted proxy saw.
        #[test]
        fn no_client_chooses_who_it_is(forged in "[ -~]{0,60}", v6: bool) {
            let client = if v6 { "2001:db9::1" } else { "192.0.2.1" };
            let node = if v6 { format!("\"[{client}]\"") } else { client.to_owned() };
            for (header, name, line) in [
                (ForwardedHeader::XForwardedFor, X_FORWARDED_FOR, format!("{forged}, {client}")),
                (ForwardedHeader::Forwarded, FORWARDED, format!("{forged}, for={node}")),
            ] {
                let front = front(header);
                for lines in [vec![line.as_bytes()], vec![forged.as_bytes(), line.as_bytes()]] {
                    let request = request(name.clone(), &lines);
                    prop_assert_eq!(front.asker(hop("10.0.0.1"), &request).client, hop(client));
                    prop_assert_eq!(front.asker(hop("192.0.2.9"), &request).client, hop("192.0.2.9"));
                }
            }
        }

        #[test]
        fn anything_can_be_read(line in prop::collection::vec(0x20..=0xff_u8, 0..80)) {
            let line: Vec<u8> = line.into_iter().filter(|byte| *byte != 0x7f).collect();
            for (header, name) in
                [(ForwardedHeader::XForwardedFor, X_FORWARDED_FOR), (ForwardedHeader::Forwarded, FORWARDED)]
            {
                front(header).asker(hop("10.0.0.1"), &request(name, &[&line]));
            }
        }
    }
}
