//! Values of flags: how durations, sizes, and header lines are written.

use std::{net::SocketAddr, time::Duration};

use http::{HeaderName, HeaderValue};

use crate::exchange::Cause;

/// Units of time in nanoseconds.
const TIME: [(&str, u64); 6] =
    [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", MINUTE), ("h", 60 * MINUTE)];
const MINUTE: u64 = 60_000_000_000;

/// Units of size in bytes.
const SIZE: [(&str, u64); 8] = [
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// Why the proxy made a response itself.
pub(super) fn cause(text: &str) -> Result<Cause, String> {
    Cause::named(text).ok_or_else(|| format!("the causes are {}", Cause::ALL.map(Cause::as_str).join(", ")))
}

/// A line of a header, `Name: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldLine {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
}

/// Reads `2s`, `500ms`, `1.5s`, `1m30s`. Zero needs no unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "a duration is a number and a unit (ns, us, ms, s, m, h): 500ms, 2s, 1m30s";
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    loop {
        let (amount, after) = quantity(rest, &TIME).ok_or(EXPECTED)?;
        total = total.checked_add(amount).ok_or("that is longer than 500 years")?;
        if after.is_empty() {
            return Ok(Duration::from_nanos(total));
        }
        rest = after;
    }
}

/// Reads `65536`, `64KiB`, `1.5MB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    match quantity(text, &SIZE) {
        Some((bytes, "")) => Ok(bytes),
        _ => {
            Err("a size is a number of bytes, or a number and a unit (kB, KiB, MB, MiB, GB, GiB): 64KiB"
                .into())
        }
    }
}

/// Reads `Name: value`.
pub(super) fn field_line(text: &str) -> Result<FieldLine, String> {
    let (name, value) = text.split_once(':').ok_or("a header line is written `Name: value`")?;
    let name = header_name(name)?;
    let value = HeaderValue::from_str(value.trim_matches([' ', '\t']))
        .map_err(|_| "a header value holds no control characters")?;
    Ok(FieldLine { name, value })
}

/// Reads the name of a header field.
pub(super) fn header_name(text: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| "a header name is letters, digits, and `!#$%&'*+-.^_|~`".to_owned())
}

/// Reads an address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address is an IP address and a port: 127.0.0.1:8080, [::]:80".to_owned())
}

/// Reads an address that only this machine can reach.
pub(super) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = address(text)?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("this has to be a loopback address: 127.0.0.1:0, [::1]:0".to_owned())
}

/// Reads a status code.
pub(super) fn status(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(status @ 100..=999) => Ok(status),
        _ => Err("a status is a number from 100 to 999".into()),
    }
}

/// Takes a decimal number and one of `units` off the front of `text`.
fn quantity<'t>(text: &'t str, units: &[(&str, u64)]) -> Option<(u64, &'t str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    let (unit, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()));
    let scale = units.iter().find(|(name, _)| *name == unit)?.1;
    let mut amount = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        amount = amount.checked_add(place * u64::from(digit - b'0'))?;
    }
    Some((amount, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "2", "s", "2 s", "2S", "-1s", "1h2", "99999999999h", "1e3s"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("65536"), Ok(65536));
        assert_eq!(size("64KiB"), Ok(65536));
        assert_eq!(size("1.5MB"), Ok(1_500_000));
        assert_eq!(size("0"), Ok(0));
        for wrong in ["", "KiB", "64 KiB", "64kib", "1KiB1", "99999999999GiB"] {
            assert!(size(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn header_lines() {
        let line = field_line("Retry-After:  30 ").unwrap();
        assert_eq!((line.name.as_str(), line.value.as_bytes()), ("retry-after", &b"30"[..]));
        assert_eq!(field_line("X-Empty:").unwrap().value, "");
        for wrong in ["", "no colon", "bad name: x", ": x", "X: a\nb"] {
            assert!(field_line(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(address("[::]:80"), Ok(SocketAddr::from(([0u16; 8], 80))));
        assert!(address("localhost:80").is_err() && address(":80").is_err());
        assert!(loopback("127.0.0.1:0").is_ok() && loopback("[::1]:0").is_ok());
        assert!(loopback("0.0.0.0:80").is_err());
    }

    #[test]
    fn statuses() {
        assert_eq!(status("503"), Ok(503));
        assert!(status("99").is_err() && status("1000").is_err() && status("5xx").is_err());
    }
}
