//! The header of the PROXY protocol, versions 1 and 2, as HAProxy's `doc/proxy-protocol.txt`
//! specifies it in §2.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The two ends of the connection that a proxy speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Ends {
    /// Where it came from: the client.
    pub(in super::super) source: SocketAddr,
    /// What the client connected to.
    pub(in super::super) destination: SocketAddr,
}

/// How far a header has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// To its end. `None`: the proxy speaks for itself, or of ends that have no IP address.
    Done(Option<Ends>),
    /// So many more bytes are part of it, at least.
    Needs(usize),
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// They begin like neither version.
    Beginning,
    /// The line of version 1 is none that there can be.
    Line,
    /// There is more of it than there may be.
    Long,
    Version,
    Command,
    Family,
    /// It ends before the addresses do.
    Short,
}

/// Bytes of the shortest header: `PROXY UNKNOWN` and the end of the line.
const SHORTEST: usize = 15;

/// Bytes of the longest line of version 1, its end included.
const LONGEST_LINE: usize = 107;

/// What is accepted after the first 16 bytes of version 2: addresses are at most 216 bytes, the
/// rest tells more of the connection than anybody here asks.
const LONGEST_BLOCK: usize = 4096;

const LINE: &[u8] = b"PROXY ";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Reads what there is of a header. As long as more is needed, no byte that is asked for lies
/// beyond its end.
pub(super) fn read(bytes: &[u8]) -> Result<Progress, Malformed> {
    let begins_like = |beginning: &[u8]| bytes.iter().zip(beginning).all(|(is, should_be)| is == should_be);
    if begins_like(LINE) && bytes.len() >= SHORTEST {
        read_line(bytes)
    } else if begins_like(SIGNATURE) && bytes.len() >= SHORTEST {
        read_block(bytes)
    } else if begins_like(LINE) || begins_like(SIGNATURE) {
        Ok(Progress::Needs(SHORTEST - bytes.len()))
    } else {
        Err(Malformed::Beginning)
    }
}

/// Version 1 (§2.1): a line of text.
fn read_line(bytes: &[u8]) -> Result<Progress, Malformed> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        None if bytes.len() >= LONGEST_LINE => Err(Malformed::Long),
        None => Ok(Progress::Needs(1)),
        Some(end) if end + 1 < bytes.len() => Err(Malformed::Line),
        Some(_) => {
            let line = bytes.strip_prefix(LINE).and_then(|rest| rest.strip_suffix(b"\r\n"));
            let line = line.and_then(|line| str::from_utf8(line).ok()).ok_or(Malformed::Line)?;
            parse_line(line).map(Progress::Done).ok_or(Malformed::Line)
        }
    }
}

fn parse_line(line: &str) -> Option<Option<Ends>> {
    let mut words = line.split(' ');
    let (family, mut rest) = (words.next()?, words.clone());
    if family == "UNKNOWN" {
        return Some(None);
    }
    let mut address = || -> Option<IpAddr> {
        let word = rest.next()?;
        match family {
            "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            _ => None,
        }
    };
    let (from, to) = (address()?, address()?);
    let (from_port, to_port) = (port(rest.next()?)?, port(rest.next()?)?);
    let nothing_more = rest.next().is_none();
    nothing_more.then(|| Some(Ends::new((from, from_port), (to, to_port))))
}

/// Reads a port: as few digits as it takes, nothing else.
fn port(word: &str) -> Option<u16> {
    let port: u16 = word.parse().ok()?;
    (port.to_string() == word).then_some(port)
}

/// Version 2 (§2.2): 16 bytes, and as many as they say.
fn read_block(bytes: &[u8]) -> Result<Progress, Malformed> {
    let Some((&[.., version, family, high, low], block)) = bytes.split_first_chunk::<16>() else {
        return Ok(Progress::Needs(16 - bytes.len()));
    };
    if version >> 4 != 2 {
        return Err(Malformed::Version);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_BLOCK {
        return Err(Malformed::Long);
    }
    // For the proxy itself, as when it looks whether this one is well, or for another.
    let is_for_another = match version & 0xf {
        0 => false,
        1 => true,
        _ => return Err(Malformed::Command),
    };
    let Some(missing) = length.checked_sub(block.len()) else {
        return Err(Malformed::Long);
    };
    match missing {
        0 if is_for_another => parse_block(family, block).map(Progress::Done),
        0 => Ok(Progress::Done(None)),
        _ => Ok(Progress::Needs(missing)),
    }
}

/// The addresses stand first; what follows them is not read.
fn parse_block(family: u8, block: &[u8]) -> Result<Option<Ends>, Malformed> {
    match family {
        0x00 => Ok(None),
        // By TCP or by UDP, as clients of HTTP/3 come.
        0x11 | 0x12 => {
            let Some((&[a, b, c, d, e, f, g, h, i, j, k, l], _)) = block.split_first_chunk::<12>() else {
                return Err(Malformed::Short);
            };
            let ports = [u16::from_be_bytes([i, j]), u16::from_be_bytes([k, l])];
            Ok(Some(Ends::of(Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h), ports)))
        }
        0x21 | 0x22 => {
            let addresses = block.split_first_chunk::<16>().and_then(|(from, rest)| {
                let (to, rest) = rest.split_first_chunk::<16>()?;
                Some((from, to, rest.first_chunk::<4>()?))
            });
            let Some((from, to, &[i, j, k, l])) = addresses else {
                return Err(Malformed::Short);
            };
            let ports = [u16::from_be_bytes([i, j]), u16::from_be_bytes([k, l])];
            Ok(Some(Ends::of(Ipv6Addr::from(*from), Ipv6Addr::from(*to), ports)))
        }
        // Unix sockets: two paths of 108 bytes.
        0x31 | 0x32 if block.len() >= 216 => Ok(None),
        0x31 | 0x32 => Err(Malformed::Short),
        _ => Err(Malformed::Family),
    }
}

impl Ends {
    fn new((from, from_port): (IpAddr, u16), (to, to_port): (IpAddr, u16)) -> Self {
        Self {
            source: SocketAddr::new(from.to_canonical(), from_port),
            destination: SocketAddr::new(to.to_canonical(), to_port),
        }
    }

    fn of(from: impl Into<IpAddr>, to: impl Into<IpAddr>, [from_port, to_port]: [u16; 2]) -> Self {
        Self::new((from.into(), from_port), (to.into(), to_port))
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::Beginning => "it does not begin with a PROXY protocol header",
            Malformed::Line => "the line of its PROXY protocol header cannot be read",
            Malformed::Long => "its PROXY protocol header is too long",
            Malformed::Version => "its PROXY protocol header has a version other than 1 and 2",
            Malformed::Command => "its PROXY protocol header has a command other than LOCAL and PROXY",
            Malformed::Family => "its PROXY protocol header has an address family that there is not",
            Malformed::Short => "its PROXY protocol header ends before its addresses do",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ends(source: &str, destination: &str) -> Option<Ends> {
        Some(Ends { source: source.parse().unwrap(), destination: destination.parse().unwrap() })
    }

    fn block(version: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[version, family], &length, block].concat()
    }

    #[test]
    fn lines() {
        for (line, expected) in [
            ("TCP4 192.0.2.1 10.0.0.1 65535 80", ends("192.0.2.1:65535", "10.0.0.1:80")),
            ("TCP6 2001:db8::1 ::1 0 443", ends("[2001:db8::1]:0", "[::1]:443")),
            ("TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.1 1 2", ends("192.0.2.1:1", "10.0.0.1:2")),
            ("UNKNOWN", None),
            ("UNKNOWN ffff:f...f:ffff  65535 what there is", None),
        ] {
            assert_eq!(read(format!("PROXY {line}\r\n").as_bytes()), Ok(Progress::Done(expected)), "{line}");
        }
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE - 16));
        assert_eq!(longest.len(), LONGEST_LINE);
        assert_eq!(read(longest.as_bytes()), Ok(Progress::Done(None)));
    }

    #[test]
    fn what_is_no_line() {
        for line in [
            "PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n",
            "PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 \r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n",
            "PROXY TCP4 192.0.2.01 10.0.0.1 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY tcp4 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY UNKNOWNS \r\n",
            "PROXY UNKNOWN \u{e9}\r\n\n",
            "PROXY \r\nGET / HTT",
        ] {
            assert_eq!(read(line.as_bytes()), Err(Malformed::Line), "{line}");
        }
        let endless = format!("PROXY UNKNOWN {}", "x".repeat(LONGEST_LINE));
        assert_eq!(read(&endless.as_bytes()[..LONGEST_LINE]), Err(Malformed::Long));
        for other in ["G", "PROXX", "proxy TCP4", "\r\n\r\nGET", "\u{16}\u{3}\u{1}"] {
            assert_eq!(read(other.as_bytes()), Err(Malformed::Beginning), "{other}");
        }
    }

    #[test]
    fn blocks() {
        let v4 = [192, 0, 2, 1, 10, 0, 0, 1, 0xff, 0xff, 0, 80];
        let v6 = [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 15], &[1, 0, 1, 1, 0]];
        let (v4_ends, v6_ends) =
            (ends("192.0.2.1:65535", "10.0.0.1:80"), ends("[2001:db8::1]:1", "[::1]:256"));
        for (version, family, addresses, expected) in [
            (0x21, 0x11, v4.to_vec(), v4_ends),
            (0x21, 0x12, [&v4[..], &[4, 0, 1, 7]].concat(), v4_ends),
            (0x21, 0x21, v6.concat(), v6_ends),
            (0x21, 0x22, [&v6.concat()[..], &[0; 4000]].concat(), v6_ends),
            (0x21, 0x31, vec![b'/'; 216], None),
            (0x21, 0x00, vec![], None),
            (0x21, 0x00, vec![9; 30], None),
            (0x20, 0x11, v4.to_vec(), None),
            (0x20, 0xff, vec![], None),
        ] {
            let bytes = block(version, family, &addresses);
            assert_eq!(read(&bytes), Ok(Progress::Done(expected)), "{version:x} {family:x}");
        }
        for (version, family, length, expected) in [
            (0x11, 0x11, 12, Malformed::Version),
            (0x22, 0x11, 12, Malformed::Command),
            (0x21, 0x11, 11, Malformed::Short),
            (0x21, 0x21, 35, Malformed::Short),
            (0x21, 0x31, 215, Malformed::Short),
            (0x21, 0x13, 12, Malformed::Family),
            (0x21, 0x10, 12, Malformed::Family),
            (0x21, 0x41, 36, Malformed::Family),
            (0x21, 0x11, LONGEST_BLOCK + 1, Malformed::Long),
        ] {
            assert_eq!(
                read(&block(version, family, &vec![0; length])),
                Err(expected),
                "{version:x} {family:x}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Nothing makes it panic, and whatever is read by its leave belongs to the header: what
        /// follows that is left for HTTP.
        #[test]
        fn it_asks_for_no_byte_too_many(
            header in prop_oneof![
                any::<([u8; 4], [u8; 4], u16, u16)>().prop_map(|(a, b, i, j)| {
                    let (a, b) = (Ipv4Addr::from(a), Ipv4Addr::from(b));
                    format!("PROXY TCP4 {a} {b} {i} {j}\r\n").into_bytes()
                }),
                any::<([u8; 16], [u8; 16], u16, u16)>().prop_map(|(a, b, i, j)| {
                    let (a, b) = (Ipv6Addr::from(a), Ipv6Addr::from(b));
                    format!("PROXY TCP6 {a} {b} {i} {j}\r\n").into_bytes()
                }),
                "PROXY UNKNOWN( [ -~]{0,90})?\r\n".prop_map(String::into_bytes),
                (0x20..0x22_u8, prop::sample::select(vec![0_u8, 0x11, 0x12, 0x21, 0x22, 0x31]),
                    prop::collection::vec(any::<u8>(), 216..400))
                    .prop_map(|(version, family, bytes)| block(version, family, &bytes)),
            ],
            after in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let sent = [&header[..], &after].concat();
            let mut read_so_far = 0;
            while let Progress::Needs(more) = read(&sent[..read_so_far]).unwrap() {
                prop_assert!(more > 0);
                read_so_far += more;
                prop_assert!(read_so_far <= header.len());
            }
            prop_assert_eq!(read_so_far, header.len());
        }

        #[test]
        fn it_survives_anything(
            start in prop::sample::select(vec![&b""[..], LINE, b"PROXY TCP4 ", b"PROXY TCP6 ::", SIGNATURE, b"\r\n\r\n\0\r\nQUIT\n\x21"]),
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = [start, &rest].concat();
            for length in 0..=bytes.len() {
                let _ = read(&bytes[..length]);
            }
        }

        /// What a line and a block say of the same ends is the same.
        #[test]
        fn both_versions_agree(from: [u8; 4], to: [u8; 4], ports: (u16, u16)) {
            let bytes = [&from[..], &to, &ports.0.to_be_bytes(), &ports.1.to_be_bytes()].concat();
            let (from, to) = (Ipv4Addr::from(from), Ipv4Addr::from(to));
            let line = format!("PROXY TCP4 {from} {to} {} {}\r\n", ports.0, ports.1);
            prop_assert_eq!(read(line.as_bytes()), read(&block(0x21, 0x11, &bytes)));
        }
    }
}
