//! The trace context of a request (W3C Trace Context, Level 1).

use http::HeaderName;

use super::Fields;

/// The field that carries it.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace that a request is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace<'a> {
    /// 32 hexadecimal digits, not all zero.
    pub trace_id: &'a str,
    /// 16 hexadecimal digits, not all zero: the span of the caller.
    pub span_id: &'a str,
}

impl<'a> Trace<'a> {
    /// The trace that the request's `traceparent` names.
    pub fn of(request: Fields<'a>) -> Option<Self> {
        Self::parse(std::str::from_utf8(request.first(&TRACEPARENT)?).ok()?)
    }

    /// Reads a `traceparent` (§3.2): `version-traceid-parentid-flags`, and more after another dash
    /// in versions to come.
    pub fn parse(traceparent: &'a str) -> Option<Self> {
        let mut parts = traceparent.trim_matches([' ', '\t']).split('-');
        let version = parts.next().filter(|version| is_hex(version, 2) && *version != "ff")?;
        let trace_id = parts.next().filter(|id| is_id(id, 32))?;
        let span_id = parts.next().filter(|id| is_id(id, 16))?;
        parts.next().filter(|flags| is_hex(flags, 2))?;
        (version != "00" || parts.next().is_none()).then_some(Self { trace_id, span_id })
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|b| b != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN_ID: &str = "b7ad6b7169203331";

    fn parse(version: &str, rest: &str) -> bool {
        Trace::parse(&format!("{version}-{TRACE_ID}-{SPAN_ID}-{rest}")).is_some()
    }

    #[test]
    fn what_is_one() {
        let text = format!("00-{TRACE_ID}-{SPAN_ID}-01");
        assert_eq!(Trace::parse(&text), Some(Trace { trace_id: TRACE_ID, span_id: SPAN_ID }));
        assert!(parse("cc", "01-what-comes"));
    }

    #[test]
    fn what_is_none() {
        assert!(!parse("ff", "01") && !parse("00", "01-more") && !parse("00", "1") && !parse("0", "01"));
        assert_eq!(Trace::parse(&format!("00-{TRACE_ID}-0000000000000000-01")), None);
        assert_eq!(Trace::parse(&format!("00-{}-{SPAN_ID}-01", TRACE_ID.to_uppercase())), None);
        assert_eq!(Trace::parse(""), None);
    }
}
