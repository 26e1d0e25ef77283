//! The `DATE` conversion of header fields: reading and writing instants.

mod read;

use std::fmt;

use chrono::{DateTime, Datelike, Duration, SubsecRound, Utc};

use super::scan::Scanner;
use read::{http_date, iso_date};

/// How an instant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateFormat {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    Rfc1123,
    /// `1994-11-06T08:49:37Z`.
    Iso8601,
}

/// What a `DATE` conversion does to each line of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Conversion {
    pub(super) to: DateFormat,
    pub(super) from: DateFormat,
}

/// No date is written in more bytes.
pub(super) const MAX_DATE: usize = 29;

/// The weekdays, as Java counts them.
pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The months.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl DateFormat {
    /// The format with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [DateFormat::Rfc1123, DateFormat::Iso8601]
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// Its name in templates.
    pub(super) fn name(self) -> &'static str {
        match self {
            DateFormat::Rfc1123 => "RFC_1123",
            DateFormat::Iso8601 => "ISO_8601",
        }
    }

    /// Reads an instant. `now` tells the century of a year of two digits.
    pub(super) fn read(self, text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut scanner = Scanner::new(text.trim_matches([' ', '\t']), 0);
        let instant = match self {
            DateFormat::Rfc1123 => http_date(&mut scanner, now.year()),
            DateFormat::Iso8601 => iso_date(&mut scanner),
        }?;
        (scanner.rest().is_empty() && (0..=9999).contains(&instant.year())).then_some(instant)
    }

    /// Writes an instant, in whole seconds of UTC.
    pub(super) fn write(self, instant: DateTime<Utc>, out: &mut impl fmt::Write) -> fmt::Result {
        let (year, day) = (instant.year(), instant.day());
        match self {
            DateFormat::Rfc1123 => {
                let weekday = short_name(&WEEKDAYS, instant.weekday().num_days_from_sunday());
                let month = short_name(&MONTHS, instant.month0());
                write!(out, "{weekday}, {day:02} {month} {year:04} {} GMT", instant.time().trunc_subsecs(0))
            }
            DateFormat::Iso8601 => {
                write!(out, "{year:04}-{:02}-{day:02}T{}Z", instant.month(), instant.time().trunc_subsecs(0))
            }
        }
    }
}

/// The instant that lies as many seconds after `now` as the text says (RFC 9110 §10.2.3).
pub(super) fn after(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = text.trim_matches([' ', '\t']);
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = is_number.then(|| text.parse().ok()).flatten()?;
    let instant = now.checked_add_signed(Duration::try_seconds(seconds)?)?;
    (instant.year() <= 9999).then_some(instant)
}

/// The first three letters of a name.
pub(super) fn short_name(names: &[&'static str], index: u32) -> &'static str {
    let name = names.get(index as usize).copied().unwrap_or_default();
    name.get(..3).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2019-01-24T15:34:07Z".parse().unwrap()
    }

    fn to_iso(text: &str) -> Option<String> {
        let mut out = String::new();
        DateFormat::Iso8601.write(DateFormat::Rfc1123.read(text, now())?, &mut out).unwrap();
        Some(out)
    }

    fn from_iso(text: &str) -> Option<String> {
        let mut out = String::new();
        DateFormat::Rfc1123.write(DateFormat::Iso8601.read(text, now())?, &mut out).unwrap();
        Some(out)
    }

    #[test]
    fn the_three_forms_of_http_dates() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "sunday, 6 november 1994 8:49:37 gmt",
            " Sun, 06 Nov 1994 08:49:37  GMT\t",
        ] {
            assert_eq!(to_iso(text).as_deref(), Some("1994-11-06T08:49:37Z"), "{text}");
        }
    }

    #[test]
    fn zones_of_http_dates() {
        for (zone, expected) in [
            ("EST", "19:56:32"),
            ("PDT", "21:56:32"),
            ("cest", "12:56:32"),
            ("UT", "14:56:32"),
            ("Z", "14:56:32"),
            ("+0330", "11:26:32"),
            ("-03:30", "18:26:32"),
            ("GMT-03:30", "18:26:32"),
            ("UTC+1:00", "13:56:32"),
        ] {
            let iso = to_iso(&format!("Fri, 09 Mar 2012 14:56:32 {zone}"));
            assert_eq!(iso, Some(format!("2012-03-09T{expected}Z")), "{zone}");
        }
        for zone in
            ["", "QQQ", "IST", "+03", "+2400", "+0060", "GMT+0330", "GMT+3", "EST+01:00", "GMT and more"]
        {
            assert_eq!(to_iso(&format!("Fri, 09 Mar 2012 14:56:32 {zone}")), None, "{zone}");
        }
    }

    #[test]
    fn what_no_calendar_has_is_not_read() {
        for text in [
            "",
            "09 Mar 2012 14:56:32 GMT",
            "Fri 09 Mar 2012 14:56:32 GMT",
            "Fri,09 Mar 2012 14:56:32 GMT",
            "Fri, 09 Mar 12 14:56:32 GMT",
            "Fri, 32 Mar 2012 14:56:32 GMT",
            "Wed, 31 Feb 2012 14:56:32 GMT",
            "Fri, 09 Mar 2012 24:00:00 GMT",
            "Fri, 09 Mar 2012 14:60:32 GMT",
            "Fri, 09 Mar 2012 14:56:61 GMT",
            "Fri, 09 Mar 2012 14:56 GMT",
            "Fri, 09 Mai 2012 14:56:32 GMT",
            "Fri, 09-Mar-2012 14:56:32 GMT",
            "Sat, 01 Jan 0000 00:00:00 +0100",
        ] {
            assert_eq!(to_iso(text), None, "{text}");
        }
        assert_eq!(to_iso("Fri, 09 Mar 2012 14:56:60 GMT").as_deref(), Some("2012-03-09T14:57:00Z"));
    }

    #[test]
    fn the_century_of_two_digits() {
        let year =
            |digits: &str| to_iso(&format!("Sunday, 06-Nov-{digits} 08:49:37 GMT")).unwrap()[..4].to_owned();
        assert_eq!(year("69"), "2069");
        assert_eq!(year("70"), "1970");
        assert_eq!(year("00"), "2000");
    }

    #[test]
    fn seconds_from_now() {
        let iso = |text| {
            let mut out = String::new();
            after(text, now())
                .map(|instant| DateFormat::Iso8601.write(instant, &mut out).map(|()| out).unwrap())
        };
        assert_eq!(iso(" 120 ").as_deref(), Some("2019-01-24T15:36:07Z"));
        assert_eq!(iso("0").as_deref(), Some("2019-01-24T15:34:07Z"));
        for text in ["", "-1", "+1", "1.5", "1 2", "999999999999", "99999999999999999999"] {
            assert_eq!(iso(text), None, "{text}");
        }
    }

    #[test]
    fn iso_dates() {
        for text in [
            "2012-03-09T14:56:32Z",
            "2012-03-09t14:56:32z",
            "2012-03-09T14:56:32.987654321012Z",
            "2012-03-09T16:56:32+02",
            "2012-03-09T17:26:32+0230",
            "2012-03-09T12:26:32-02:30",
        ] {
            assert_eq!(from_iso(text).as_deref(), Some("Fri, 09 Mar 2012 14:56:32 GMT"), "{text}");
        }
        for text in [
            "2012-03-09T14:56:32",
            "2012-03-09 14:56:32Z",
            "2012-3-9T1:2:3Z",
            "2012-03-09T14:56Z",
            "2012-03-09T14:56:32.Z",
            "2012-03-09T14:56:32+02:",
            "2012-03-09T14:56:32+24:00",
            "2012-02-30T14:56:32Z",
            "20120309T145632Z",
            "2012-03-09T14:56:32Z!",
        ] {
            assert_eq!(from_iso(text), None, "{text}");
        }
    }
}
