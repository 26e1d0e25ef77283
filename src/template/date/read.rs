//! Reading dates.

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::{MONTHS, WEEKDAYS};
use crate::template::scan::Scanner;

/// Names of zones, with their minutes east of Greenwich. Names that mean different zones in
/// different places and have no usual meaning (IST) are left out.
const ZONES: [(&str, i64); 46] = [
    ("Z", 0),
    ("GMT", 0),
    ("UTC", 0),
    ("UT", 0),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("AKDT", -480),
    ("HST", -600),
    ("HDT", -540),
    ("AST", -240),
    ("ADT", -180),
    ("NST", -210),
    ("NDT", -150),
    ("ART", -180),
    ("BRT", -180),
    ("WET", 0),
    ("WEST", 60),
    ("BST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("MET", 60),
    ("MEST", 120),
    ("EET", 120),
    ("EEST", 180),
    ("WAT", 60),
    ("CAT", 120),
    ("SAST", 120),
    ("EAT", 180),
    ("HKT", 480),
    ("SGT", 480),
    ("AWST", 480),
    ("JST", 540),
    ("KST", 540),
    ("ACST", 570),
    ("ACDT", 630),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
];

/// Reads one of the three forms of RFC 9110 §5.6.7, the first with any zone. The name of the
/// weekday must be one, but not that of the date.
pub(super) fn http_date(scanner: &mut Scanner<'_>, this_year: i32) -> Option<DateTime<Utc>> {
    index_of(scanner.word(), &WEEKDAYS)?;
    if !scanner.eat(",") {
        return asctime_date(scanner);
    }
    blank(scanner)?;
    let day = scanner.number(1, 2)?;
    let (month, year) = if scanner.eat("-") {
        let month = month(scanner)?;
        scanner.eat("-").then_some(())?;
        (month, full_year(exactly(scanner, 2)?, this_year))
    } else {
        blank(scanner)?;
        let month = month(scanner)?;
        blank(scanner)?;
        (month, exactly(scanner, 4)?)
    };
    blank(scanner)?;
    let date = NaiveDate::from_ymd_opt(year.try_into().ok()?, month, day)?;
    let seconds = time(scanner, 1)?;
    blank(scanner)?;
    instant(date, seconds, zone(scanner)?)
}

/// `Sun Nov  6 08:49:37 1994`, after the weekday.
fn asctime_date(scanner: &mut Scanner<'_>) -> Option<DateTime<Utc>> {
    blank(scanner)?;
    let month = month(scanner)?;
    blank(scanner)?;
    let day = scanner.number(1, 2)?;
    blank(scanner)?;
    let seconds = time(scanner, 1)?;
    blank(scanner)?;
    let date = NaiveDate::from_ymd_opt(exactly(scanner, 4)?.try_into().ok()?, month, day)?;
    instant(date, seconds, 0)
}

/// Reads an RFC 3339 date and time, and offsets without colon or minutes.
pub(super) fn iso_date(scanner: &mut Scanner<'_>) -> Option<DateTime<Utc>> {
    let year = exactly(scanner, 4)?;
    scanner.eat("-").then_some(())?;
    let month = exactly(scanner, 2)?;
    scanner.eat("-").then_some(())?;
    let date = NaiveDate::from_ymd_opt(year.try_into().ok()?, month, exactly(scanner, 2)?)?;
    scanner.eat_if(|c| matches!(c, 'T' | 't'))?;
    let seconds = time(scanner, 2)?;
    if scanner.eat(".") && scanner.eat_while(usize::MAX, |c| c.is_ascii_digit()).is_empty() {
        return None;
    }
    if scanner.eat_if(|c| matches!(c, 'Z' | 'z')).is_some() {
        return instant(date, seconds, 0);
    }
    let sign = sign(scanner)?;
    let hours = exactly(scanner, 2)?;
    let minutes = if scanner.eat(":") || !scanner.rest().is_empty() { exactly(scanner, 2)? } else { 0 };
    instant(date, seconds, sign * offset(hours, minutes)?)
}

/// Reads hours, minutes and seconds of at least `least` digits each: seconds of the day.
fn time(scanner: &mut Scanner<'_>, least: usize) -> Option<u32> {
    let hour = scanner.number(least, 2).filter(|&hour| hour < 24)?;
    scanner.eat(":").then_some(())?;
    let minute = scanner.number(least, 2).filter(|&minute| minute < 60)?;
    scanner.eat(":").then_some(())?;
    // A leap second is the first second of the next minute.
    let second = scanner.number(least, 2).filter(|&second| second <= 60)?;
    Some((hour * 60 + minute) * 60 + second)
}

/// Reads a zone: minutes east of Greenwich.
fn zone(scanner: &mut Scanner<'_>) -> Option<i64> {
    let name = scanner.word();
    if name.is_empty() {
        let sign = sign(scanner)?;
        let hours = exactly(scanner, 2)?;
        scanner.eat(":");
        return Some(sign * offset(hours, exactly(scanner, 2)?)?);
    }
    if matches!(scanner.rest().chars().next(), Some('+' | '-'))
        && (name.eq_ignore_ascii_case("GMT") || name.eq_ignore_ascii_case("UTC"))
    {
        let sign = sign(scanner)?;
        let hours = scanner.number(1, 2)?;
        scanner.eat(":").then_some(())?;
        return Some(sign * offset(hours, exactly(scanner, 2)?)?);
    }
    ZONES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|&(_, minutes)| minutes)
}

fn sign(scanner: &mut Scanner<'_>) -> Option<i64> {
    scanner.eat_if(|c| matches!(c, '+' | '-')).map(|sign| if sign == '-' { -1 } else { 1 })
}

fn offset(hours: u32, minutes: u32) -> Option<i64> {
    (hours < 24 && minutes < 60).then(|| i64::from(hours * 60 + minutes))
}

fn instant(date: NaiveDate, seconds: u32, minutes_east: i64) -> Option<DateTime<Utc>> {
    let midnight = date.and_hms_opt(0, 0, 0)?.and_utc();
    midnight.checked_add_signed(Duration::seconds(i64::from(seconds) - minutes_east * 60))
}

fn month(scanner: &mut Scanner<'_>) -> Option<u32> {
    index_of(scanner.word(), &MONTHS)
}

/// The number, from one, of a name that is written in full or by its first three letters.
fn index_of(word: &str, names: &[&str]) -> Option<u32> {
    let is = |name: &&str| {
        name.eq_ignore_ascii_case(word) || name.get(..3).is_some_and(|short| short.eq_ignore_ascii_case(word))
    };
    (1..).zip(names).find(|(_, name)| is(name)).map(|(number, _)| number)
}

/// The year with these last two digits that is at most 50 years ahead (RFC 9110 §5.6.7).
fn full_year(two_digits: u32, this_year: i32) -> u32 {
    let first = this_year - 49;
    (first + (two_digits as i32 - first).rem_euclid(100)).try_into().unwrap_or(two_digits)
}

fn exactly(scanner: &mut Scanner<'_>, digits: usize) -> Option<u32> {
    scanner.number(digits, digits)
}

fn blank(scanner: &mut Scanner<'_>) -> Option<()> {
    (!scanner.eat_while(usize::MAX, |c| matches!(c, ' ' | '\t')).is_empty()).then_some(())
}
