//! Time patterns in the language of Java's `SimpleDateFormat`, in its English (US) locale.

mod letter;

use std::fmt::{self, Write as _};

use chrono::DateTime;
use chrono_tz::Tz;

use super::{Error, ErrorKind, insert::MAX_VALUE, scan::Scanner, token::is_separator, zone};
use letter::{LETTERS, Letter};

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
                // Two quotes are one that is meant, also where no quoted text begins before them.
                let rest = text.trim_start_matches('\'');
                (rest.len()..text.len()).try_for_each(|_| f.write_str("''"))?;
                let is_plain = |c: char| !c.is_ascii_alphabetic() && is_outside_quotes(c);
                // Blanks and commas at the end would be trimmed.
                let is_trimmed = index + 1 == self.items.len() && rest.ends_with(is_separator);
                if rest.chars().all(is_plain) && !is_trimmed {
                    return f.write_str(rest);
                }
                write!(f, "'{}'", rest.replace('\'', "''"))
            }
            Item::Field(meaning, count) => {
                let letter = LETTERS.iter().find(|(_, other)| other == meaning);
                letter.map_or(Ok(()), |(letter, _)| (0..*count).try_for_each(|_| f.write_char(*letter)))
            }
        })
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

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

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
