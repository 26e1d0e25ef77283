//! Time patterns in the language of Java's `SimpleDateFormat`, in its English (US) locale.

use std::fmt::{self, Write as _};

use chrono::{DateTime, Datelike, NaiveDate, Offset, Timelike};
use chrono_tz::Tz;

use super::{
    Error, ErrorKind,
    date::{MONTHS, WEEKDAYS, short_name},
    insert::MAX_VALUE,
    scan::Scanner,
    token::is_separator,
    zone,
};

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    items: Vec<Item>,
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Literal(String),
    /// A letter, and how often it stands in a row.
    Field(Letter, usize),
}

/// The letters of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
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

const LETTERS: [(char, Letter); 23] = [
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

impl Pattern {
    /// Whether this can be a pattern: outside of quotes it has no other characters than Repose knew,
    /// and the slash.
    pub(super) fn is_like(text: &str) -> bool {
        text.split('\'').step_by(2).all(|outside| outside.chars().all(is_outside_quotes))
    }

    /// What `%t` prints without a pattern of its own.
    pub(super) const DEFAULT: &str = "yyyy-MM-dd HH:mm:ss";

    /// Compiles a pattern, leaving out what is wrong in it. The spans of the mistakes are bytes of
    /// the pattern.
    pub(super) fn parse(text: &str) -> (Self, Vec<Error>) {
        let (mut items, mut errors) = (Vec::new(), Vec::new());
        let mut literal = String::new();
        let mut scanner = Scanner::new(text, 0);
        while let Some(c) = scanner.rest().chars().next() {
            let at = scanner.at();
            if c == '\'' {
                match quoted(&mut scanner) {
                    Some(text) => literal.push_str(&text),
                    None => errors.push(Error { kind: ErrorKind::OpenQuote, span: at..text.len() }),
                }
                continue;
            }
            if !c.is_ascii_alphabetic() {
                literal.extend(scanner.eat_if(|_| true));
                continue;
            }
            let count = scanner.eat_while(usize::MAX, |other| other == c).len();
            match LETTERS.iter().find(|(letter, _)| *letter == c) {
                Some(&(_, meaning)) if meaning != Letter::IsoOffset || count <= 3 => {
                    items.extend(take(&mut literal));
                    items.push(Item::Field(meaning, count.min(MAX_VALUE)));
                }
                _ => errors.push(Error {
                    kind: ErrorKind::PatternLetter { letter: c, count },
                    span: at..at + count,
                }),
            }
        }
        items.extend(take(&mut literal));
        if items.iter().any(|item| matches!(item, Item::Field(Letter::ZoneName, _))) {
            zone::load();
        }
        (Self { items }, errors)
    }

    /// Writes a time.
    pub(super) fn write(&self, time: &DateTime<Tz>, out: &mut impl fmt::Write) -> fmt::Result {
        self.items.iter().try_for_each(|item| match item {
            Item::Literal(text) => out.write_str(text),
            Item::Field(letter, count) => letter.write(*count, time, out),
        })
    }

    /// No time is written in more bytes.
    pub(super) fn bound(&self) -> usize {
        let items = self.items.iter().map(|item| match item {
            Item::Literal(text) => text.len(),
            Item::Field(Letter::ZoneName, _) => zone::MAX_NAME,
            // The longest others are `September` and `Wednesday`, and a year may have six digits.
            Item::Field(_, count) => 9.max(*count),
        });
        items.sum()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.iter().enumerate().try_for_each(|(index, item)| match item {
            Item::Literal(text) => {
                let is_plain = |c: char| !c.is_ascii_alphabetic() && c != '\'' && is_outside_quotes(c);
                // Blanks and commas at the end would be trimmed.
                let is_trimmed = index + 1 == self.items.len() && text.ends_with(is_separator);
                if text.chars().all(is_plain) && !is_trimmed {
                    return f.write_str(text);
                }
                write!(f, "'{}'", text.replace('\'', "''"))
            }
            Item::Field(meaning, count) => {
                let letter = LETTERS.iter().find(|(_, other)| other == meaning);
                letter.map_or(Ok(()), |(letter, _)| (0..*count).try_for_each(|_| f.write_char(*letter)))
            }
        })
    }
}

impl Letter {
    fn write(self, count: usize, time: &DateTime<Tz>, out: &mut impl fmt::Write) -> fmt::Result {
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

/// What to do about a letter that a pattern cannot have.
pub(super) fn help(letter: char, count: usize) -> String {
    let known = LETTERS.map(|(letter, _)| letter);
    let other_case = [letter.to_ascii_lowercase(), letter.to_ascii_uppercase()];
    match letter {
        'X' => format!("write X, XX or XXX, not {count} of them"),
        'T' => "write it in quotes: `%{yyyy-MM-dd'T'HH:mm:ss}t`".into(),
        _ => match known.iter().find(|known| other_case.contains(known)) {
            Some(known) => format!(
                "did you mean `{known}`? The letters are {}",
                String::from_iter(LETTERS.map(|(letter, _)| letter))
            ),
            None => format!("the letters are {}", String::from_iter(known)),
        },
    }
}

/// Whether a pattern can hold the character outside of quotes: what Repose knew, and the slash.
fn is_outside_quotes(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '/') || is_separator(c)
}

/// Takes a quoted text; two quotes in a row are one that is meant. `None`: it does not end.
fn quoted(scanner: &mut Scanner<'_>) -> Option<String> {
    if scanner.eat("''") {
        return Some("'".into());
    }
    scanner.eat("'");
    let mut text = String::new();
    loop {
        text.push_str(scanner.eat_while(usize::MAX, |c| c != '\''));
        if scanner.eat("''") {
            text.push('\'');
        } else {
            return scanner.eat("'").then_some(text);
        }
    }
}

/// The literal text up to here, if there is any.
fn take(literal: &mut String) -> Option<Item> {
    (!literal.is_empty()).then(|| Item::Literal(std::mem::take(literal)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        let (pattern, errors) = Pattern::parse(text);
        assert_eq!(errors, [], "{text}");
        assert_eq!(pattern.to_string(), text);
        pattern
    }

    fn at(time: &str, zone: Tz, text: &str) -> String {
        let time = time.parse::<DateTime<chrono::Utc>>().unwrap().with_timezone(&zone);
        let (pattern, mut out) = (pattern(text), String::new());
        pattern.write(&time, &mut out).unwrap();
        assert!(out.len() <= pattern.bound());
        out
    }

    #[test]
    fn letters_and_how_often_they_stand() {
        let at = |text| at("2019-03-05T07:08:09.045Z", Tz::UTC, text);
        for (text, expected) in [
            ("G GGGG", "AD AD"),
            ("y yy yyy yyyyy", "2019 19 2019 02019"),
            ("Y YY YYY YYYYY", "2019 19 2019 02019"),
            ("M MM MMM MMMM MMMMM", "3 03 Mar March March"),
            ("L LL LLL LLLL", "3 03 Mar March"),
            ("w ww W WW", "10 10 2 02"),
            ("D DDDD d ddd F FF", "64 0064 5 005 1 01"),
            ("E EE EEE EEEE EEEEE u uu", "Tue Tue Tue Tuesday Tuesday 2 02"),
            ("H HHH k K h", "7 007 7 7 7"),
            ("m mm s ss S SS SSS SSSSSS", "8 08 9 09 45 45 045 000045"),
            ("a aaaa", "AM AM"),
            ("z zzz zzzz Z ZZZZ X XX XXX", "UTC UTC Coordinated Universal Time +0000 +0000 Z Z Z"),
            ("yyyy-MM-dd, HH:mm.ss_1", "2019-03-05, 07:08.09_1"),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn the_hours_of_noon_and_midnight() {
        assert_eq!(at("2019-03-05T00:00:00Z", Tz::UTC, "H k K h a"), "0 24 0 12 AM");
        assert_eq!(at("2019-03-05T12:00:00Z", Tz::UTC, "H k K h a"), "12 12 0 12 PM");
        assert_eq!(at("2019-03-05T23:00:00Z", Tz::UTC, "H k K h a"), "23 23 11 11 PM");
    }

    #[test]
    fn weeks_begin_on_sunday_and_belong_to_the_later_year() {
        for (day, expected) in [
            ("2019-01-01", "2019 1 1 3 2"),
            ("2019-12-28", "2019 52 4 7 6"),
            ("2019-12-29", "2020 1 5 1 7"),
            ("2016-12-31", "2016 53 5 7 6"),
            ("2017-01-01", "2017 1 1 1 7"),
            ("2012-12-31", "2013 1 6 2 1"),
            ("2024-02-29", "2024 9 5 5 4"),
        ] {
            let found = at(&format!("{day}T12:00:00Z"), Tz::UTC, "Y w W");
            let weekday = NaiveDate::parse_from_str(day, "%Y-%m-%d").unwrap().weekday();
            let days = format!("{} {}", weekday.number_from_sunday(), weekday.number_from_monday());
            assert_eq!(format!("{found} {days}"), expected, "{day}");
        }
    }

    #[test]
    fn offsets() {
        let time = "2019-07-05T07:08:09Z";
        assert_eq!(at(time, Tz::America__Chicago, "Z X XX XXX HH"), "-0500 -05 -0500 -05:00 02");
        assert_eq!(at(time, Tz::Asia__Kathmandu, "Z X XX XXX HH:mm"), "+0545 +05 +0545 +05:45 12:53");
        assert_eq!(at(time, Tz::America__St_Johns, "Z X XX XXX"), "-0230 -02 -0230 -02:30");
    }

    #[test]
    fn unsupported_letters() {
        let mistakes = |text: &'static str| -> Vec<&str> {
            Pattern::parse(text).1.into_iter().map(|error| &text[error.span]).collect()
        };
        assert_eq!(mistakes("foo yyyy-MM-ddTHH"), ["f", "oo", "T"]);
        assert_eq!(mistakes("XXXX"), ["XXXX"]);
        assert_eq!(help('Q', 1), "the letters are GyYMLwWDdFEuaHkKhmsSzZX");
        assert!(help('e', 1).starts_with("did you mean `E`?"));
    }

    #[test]
    fn endless_padding_is_bounded() {
        let (pattern, errors) = Pattern::parse(&"y".repeat(100_000));
        assert_eq!((pattern.bound(), errors.len()), (MAX_VALUE, 0));
    }
}
