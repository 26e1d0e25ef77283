//! The trace context of a request (W3C Trace Context, Level 1).

use http::HeaderName;

use super::{Fields, request_id::random_bits};

/// The field that carries it.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What tracing systems add to it; it means nothing without.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The trace that a request is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace<'a> {
    /// 32 hexadecimal digits, not all zero.
    pub trace_id: &'a str,
    /// 16 hexadecimal digits, not all zero: the span of the caller.
    pub span_id: &'a str,
    /// Whether the caller records the trace.
    pub is_sampled: bool,
}

/// A trace that begins here, or a span of one that began elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTrace {
    traceparent: String,
    /// The span that it is under.
    parent: Option<String>,
}

impl<'a> Trace<'a> {
    /// The trace that the request's `traceparent` names. Where there are several lines of it,
    /// none counts (§3.2.1).
    pub fn of(request: Fields<'a>) -> Option<Self> {
        let name = TRACEPARENT;
        let mut lines = request.lines(&name);
        let line = lines.next().filter(|_| lines.next().is_none())?;
        Self::parse(std::str::from_utf8(line).ok()?)
    }

    /// Reads a `traceparent` (§3.2): `version-traceid-parentid-flags`, and more after another dash
    /// in versions to come.
    pub fn parse(traceparent: &'a str) -> Option<Self> {
        let mut parts = traceparent.trim_matches([' ', '\t']).split('-');
        let version = parts.next().filter(|version| is_hex(version, 2) && *version != "ff")?;
        let trace_id = parts.next().filter(|id| is_id(id, 32))?;
        let span_id = parts.next().filter(|id| is_id(id, 16))?;
        let flags = parts.next().filter(|flags| is_hex(flags, 2))?;
        let is_sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & SAMPLED != 0);
        (version != "00" || parts.next().is_none()).then_some(Self { trace_id, span_id, is_sampled })
    }
}

impl NewTrace {
    /// A trace with random ids, which nobody is asked to record (§3.2.2.5).
    pub fn generate() -> Self {
        // Zero stands for no id.
        let (trace_id, span_id) = (random_bits().max(1), (random_bits() as u64).max(1));
        Self { traceparent: format!("00-{trace_id:032x}-{span_id:016x}-00"), parent: None }
    }

    /// A span with a random id, in the trace of `parent` if there is one. Whether it is recorded, is
    /// asked with the id of the trace.
    pub fn under(parent: Option<Trace<'_>>, is_sampled: impl FnOnce(u128) -> bool) -> Self {
        let trace_id = parent.and_then(|parent| u128::from_str_radix(parent.trace_id, 16).ok());
        let trace_id = trace_id.unwrap_or_else(|| random_bits().max(1));
        let (span_id, flags) = ((random_bits() as u64).max(1), u8::from(is_sampled(trace_id)) * SAMPLED);
        let traceparent = format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}");
        Self { traceparent, parent: parent.map(|parent| parent.span_id.to_owned()) }
    }

    /// The id of the span that it is under, if it is under one.
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// Whether it is recorded.
    pub fn is_sampled(&self) -> bool {
        self.trace().is_some_and(|trace| trace.is_sampled)
    }

    /// Its `traceparent`.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// Its ids.
    pub fn trace(&self) -> Option<Trace<'_>> {
        Trace::parse(&self.traceparent)
    }
}

/// The flag of a trace that is recorded (§3.2.2.5.1).
const SAMPLED: u8 = 1;

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
        assert_eq!(
            Trace::parse(&text),
            Some(Trace { trace_id: TRACE_ID, span_id: SPAN_ID, is_sampled: true })
        );
        assert!(parse("cc", "01-what-comes"));
    }

    #[test]
    fn what_is_none() {
        assert!(!parse("ff", "01") && !parse("00", "01-more") && !parse("00", "1") && !parse("0", "01"));
        assert_eq!(Trace::parse(&format!("00-{TRACE_ID}-0000000000000000-01")), None);
        assert_eq!(Trace::parse(&format!("00-{}-{SPAN_ID}-01", TRACE_ID.to_uppercase())), None);
        assert_eq!(Trace::parse(""), None);
    }

    #[test]
    fn one_line_and_no_more() {
        let line = ("traceparent".to_owned(), format!("00-{TRACE_ID}-{SPAN_ID}-01").into_bytes());
        let lines = [line.clone(), line];
        assert!(Trace::of(Fields::Lines(&lines[..1])).is_some());
        assert_eq!(Trace::of(Fields::Lines(&lines)), None);
    }

    #[test]
    fn spans_of_a_trace() {
        let text = format!("00-{TRACE_ID}-{SPAN_ID}-01");
        let span = NewTrace::under(Trace::parse(&text), |_| false);
        let own = span.trace().unwrap();
        assert_eq!((own.trace_id, span.parent(), span.is_sampled()), (TRACE_ID, Some(SPAN_ID), false));
        assert_ne!(own.span_id, SPAN_ID);
        let first = NewTrace::under(None, |_| true);
        assert_eq!((first.parent(), first.is_sampled()), (None, true));
    }

    #[test]
    fn new_ones_can_be_read_and_differ() {
        let (one, other) = (NewTrace::generate(), NewTrace::generate());
        let (this, that) = (one.trace().unwrap(), other.trace().unwrap());
        assert!(this.trace_id != that.trace_id && this.span_id != that.span_id);
        assert!(one.traceparent().ends_with("-00"));
    }
}
