//! Time as RFC 3339 has it, in UTC and to the millisecond.

use std::cell::RefCell;

use chrono::{DateTime, SecondsFormat, Utc};

thread_local! {
    /// A second, and its text up to the fraction. Many requests begin in the same.
    static LAST: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
}

/// Appends a time.
pub(super) fn write(time: &DateTime<Utc>, out: &mut Vec<u8>) {
    let (second, millis) = (time.timestamp(), time.timestamp_subsec_millis());
    if millis >= 1000 {
        // A second that was put in between.
        return out.extend_from_slice(time.to_rfc3339_opts(SecondsFormat::Millis, true).as_bytes());
    }
    LAST.with_borrow_mut(|(last, text)| {
        if *last != second {
            *text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
            // The `Z`.
            text.pop();
            *last = second;
        }
        out.extend_from_slice(text.as_bytes());
    });
    let digit = |number: u32| b'0' + (number % 10) as u8;
    out.extend_from_slice(&[b'.', digit(millis / 100), digit(millis / 10), digit(millis), b'Z']);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_chrono_has_it() {
        for text in [
            "2026-11-23T02:58:13.123Z",
            "2026-11-23T02:58:13.009Z",
            "2026-11-23T02:58:14Z",
            "1969-12-31T23:59:59.5Z",
            "2016-12-31T23:59:60.250Z",
            "2017-01-01T00:00:00.9999Z",
        ] {
            let time: DateTime<Utc> = text.parse().unwrap();
            let mut out = Vec::new();
            write(&time, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), time.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
    }
}
