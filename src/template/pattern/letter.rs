//! The letters of time patterns.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, Offset, Timelike};
use chrono_tz::Tz;

use crate::template::{
    date::{MONTHS, WEEKDAYS, short_name},
    zone,
};

/// The letters of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    Era,
    Year,
    WeekYear,
    Month,
    StandaloneMonth,
    WeekOfYear,
    WeekOfMonth,
    DayOfYear,
    DayOfMonth,
    WeekdayInMonth,
    Weekday,
    WeekdayNumber,
    HalfDay,
    Hour,
    HourFrom1,
    HalfDayHour,
    HalfDayHourFrom1,
    Minute,
    Second,
    Millisecond,
    ZoneName,
    Offset,
    IsoOffset,
}

/// How they are written.
pub(super) const LETTERS: [(char, Letter); 23] = [
    ('G', Letter::Era),
    ('y', Letter::Year),
    ('Y', Letter::WeekYear),
    ('M', Letter::Month),
    ('L', Letter::StandaloneMonth),
    ('w', Letter::WeekOfYear),
    ('W', Letter::WeekOfMonth),
    ('D', Letter::DayOfYear),
    ('d', Letter::DayOfMonth),
    ('F', Letter::WeekdayInMonth),
    ('E', Letter::Weekday),
    ('u', Letter::WeekdayNumber),
    ('a', Letter::HalfDay),
    ('H', Letter::Hour),
    ('k', Letter::HourFrom1),
    ('K', Letter::HalfDayHour),
    ('h', Letter::HalfDayHourFrom1),
    ('m', Letter::Minute),
    ('s', Letter::Second),
    ('S', Letter::Millisecond),
    ('z', Letter::ZoneName),
    ('Z', Letter::Offset),
    ('X', Letter::IsoOffset),
];

impl Letter {
    /// Writes what the letter stands for, `count` of it in a row.
    pub(super) fn write(self, count: usize, time: &DateTime<Tz>, out: &mut impl fmt::Write) -> fmt::Result {
        let date = time.date_naive();
        let number = match self {
            Letter::Era => return out.write_str(if date.year() > 0 { "AD" } else { "BC" }),
            Letter::Year | Letter::WeekYear => {
                let year = if self == Letter::Year { year_of_era(date) } else { week_year(date) };
                if count == 2 { year % 100 } else { year }
            }
            Letter::Month | Letter::StandaloneMonth if count >= 3 => {
                return write_name(&MONTHS, date.month0(), count, out);
            }
            Letter::Month | Letter::StandaloneMonth => date.month(),
            Letter::WeekOfYear => week_of_year(date),
            Letter::WeekOfMonth => (date.day0() + weekday_of_first(date, date.day0())) / 7 + 1,
            Letter::DayOfYear => date.ordinal(),
            Letter::DayOfMonth => date.day(),
            Letter::WeekdayInMonth => date.day0() / 7 + 1,
            Letter::Weekday => {
                return write_name(&WEEKDAYS, date.weekday().num_days_from_sunday(), count, out);
            }
            Letter::WeekdayNumber => date.weekday().number_from_monday(),
            Letter::HalfDay => return out.write_str(if time.hour() < 12 { "AM" } else { "PM" }),
            Letter::Hour => time.hour(),
            Letter::HourFrom1 => (time.hour() + 23) % 24 + 1,
            Letter::HalfDayHour => time.hour() % 12,
            Letter::HalfDayHourFrom1 => time.hour12().1,
            Letter::Minute => time.minute(),
            Letter::Second => time.second(),
            Letter::Millisecond => time.timestamp_subsec_millis().min(999),
            Letter::ZoneName => return zone::write(time, count >= 4, out),
            Letter::Offset => return write_offset(time, 2, out),
            Letter::IsoOffset if time.offset().fix().local_minus_utc() == 0 => return out.write_char('Z'),
            Letter::IsoOffset => return write_offset(time, count, out),
        };
        write!(out, "{number:0count$}")
    }
}

fn write_name(names: &[&'static str], index: u32, count: usize, out: &mut impl fmt::Write) -> fmt::Result {
    let long = names.get(index as usize).filter(|_| count >= 4);
    out.write_str(long.copied().unwrap_or_else(|| short_name(names, index)))
}

/// `+05`, `+0530`, `+05:30`.
fn write_offset(time: &DateTime<Tz>, form: usize, out: &mut impl fmt::Write) -> fmt::Result {
    let minutes = time.offset().fix().local_minus_utc() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    match form {
        1 => write!(out, "{sign}{hours:02}"),
        2 => write!(out, "{sign}{hours:02}{minutes:02}"),
        _ => write!(out, "{sign}{hours:02}:{minutes:02}"),
    }
}

fn year_of_era(date: NaiveDate) -> u32 {
    date.year_ce().1
}

/// The year that the week belongs to. A week starts on Sunday and belongs to the later year if it
/// reaches into that.
fn week_year(date: NaiveDate) -> u32 {
    year_of_era(date) + u32::from(is_in_first_week_of_next_year(date))
}

fn week_of_year(date: NaiveDate) -> u32 {
    if is_in_first_week_of_next_year(date) {
        return 1;
    }
    (date.ordinal0() + weekday_of_first(date, date.ordinal0())) / 7 + 1
}

fn is_in_first_week_of_next_year(date: NaiveDate) -> bool {
    date.month() == 12 && date.day() + 6 - date.weekday().num_days_from_sunday() > 31
}

/// The weekday, from Sunday, of the day that lies `days` before.
fn weekday_of_first(date: NaiveDate, days: u32) -> u32 {
    (date.weekday().num_days_from_sunday() + 7 - days % 7) % 7
}
