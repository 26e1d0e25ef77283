//! Time in the Common Log Format, as Apache writes it: `[10/Oct/2000:13:55:36 -0700]`.

use std::{
    cell::RefCell,
    fmt::{self, Write as _},
};

use chrono::{DateTime, Datelike, Offset, Timelike};
use chrono_tz::Tz;

use super::insert::Inserted;
use crate::exchange::Clock;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A second of a time zone, and its text. Many requests begin in the same.
struct Written {
    second: i64,
    zone: Tz,
    text: String,
}

thread_local! {
    static LAST: RefCell<Written> =
        const { RefCell::new(Written { second: i64::MIN, zone: Tz::UTC, text: String::new() }) };
}

/// Appends when the request came.
pub(super) fn write(clock: &Clock, out: &mut Inserted<'_>) {
    LAST.with_borrow_mut(|last| {
        let (second, zone) = (clock.received.timestamp(), clock.zone);
        // A second that was put in between has the number of the one before it.
        if (last.second, last.zone) != (second, zone) || clock.received.nanosecond() >= 1_000_000_000 {
            last.text.clear();
            // Writing to memory cannot fail.
            let _ = render(&clock.received.with_timezone(&zone), &mut last.text);
            (last.second, last.zone) = match clock.received.nanosecond() {
                0..1_000_000_000 => (second, zone),
                _ => (i64::MIN, zone),
            };
        }
        out.str(&last.text);
    });
}

fn render(time: &DateTime<Tz>, out: &mut String) -> fmt::Result {
    let month = MONTHS.get(time.month0() as usize).copied().unwrap_or_default();
    let offset = time.offset().fix().local_minus_utc() / 60;
    let (sign, offset) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    write!(
        out,
        "[{:02}/{month}/{:04}:{:02}:{:02}:{:02} {sign}{:02}{:02}]",
        time.day(),
        time.year(),
        time.hour(),
        time.minute(),
        time.second(),
        offset / 60,
        offset % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{escape::Escape, insert::MAX_VALUE};

    fn written(time: &str, zone: Tz) -> String {
        let clock = Clock { received: time.parse().unwrap(), elapsed_us: None, zone };
        let mut out = Vec::new();
        write(&clock, &mut Inserted::new(&mut out, Escape::Log, MAX_VALUE));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_second_is_rendered_anew_where_it_is_another() {
        let (berlin, kolkata) = (Tz::Europe__Berlin, Tz::Asia__Kolkata);
        for (time, zone, expected) in [
            ("2000-10-10T20:55:36Z", Tz::America__Los_Angeles, "[10/Oct/2000:13:55:36 -0700]"),
            ("2000-10-10T20:55:36.999Z", Tz::America__Los_Angeles, "[10/Oct/2000:13:55:36 -0700]"),
            ("2000-10-10T20:55:36Z", berlin, "[10/Oct/2000:22:55:36 +0200]"),
            ("2000-10-10T20:55:37Z", berlin, "[10/Oct/2000:22:55:37 +0200]"),
            ("2000-10-10T20:55:37Z", kolkata, "[11/Oct/2000:02:25:37 +0530]"),
            ("2016-12-31T23:59:59Z", Tz::UTC, "[31/Dec/2016:23:59:59 +0000]"),
        ] {
            assert_eq!(written(time, zone), expected);
        }
    }
}
