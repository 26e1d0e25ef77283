//! What can be wrong with a template. Knows nothing of files.

use std::{fmt, ops::Range};

use super::{directive, pattern};

/// A mistake that keeps a template from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where: bytes of the template's text.
    pub span: Range<usize>,
}

/// The kinds of mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No directive has this letter.
    UnknownDirective(char),
    /// A `!` without a status after it.
    EmptyStatusList,
    /// Digits that are not one status of three.
    GluedStatuses(String),
    /// `DATE` knows no such format.
    UnknownDateFormat(String),
    /// A time pattern has no such letter, or not so often in a row.
    PatternLetter {
        /// The letter.
        letter: char,
        /// How often it stands in a row.
        count: usize,
    },
}

/// Something that is accepted but likely not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is.
    pub kind: WarningKind,
    /// Where: bytes of the template's text.
    pub span: Range<usize>,
}

/// The kinds of warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {
    /// A `%` that starts no directive.
    LiteralPercent,
    /// Braces with a content that this directive cannot have: all of it is printed as it stands.
    LiteralDirective(char),
    /// Braces after a directive that makes no use of them.
    IgnoredBraces(char),
    /// A header directive without a name that a header field can have.
    NoFieldName(char),
    /// A conversion other than `DATE`.
    UnknownConversion(String),
    /// A `DATE` that does not say to what.
    NoDateFormat,
    /// Words after the two formats of a `DATE`.
    IgnoredWords(String),
    /// The message will repeat a secret of the client or of the upstream.
    EchoesCredential(String),
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::UnknownDirective(letter) => write!(f, "unknown directive `%{letter}`"),
            ErrorKind::EmptyStatusList => f.write_str("`!` without a list of statuses"),
            ErrorKind::GluedStatuses(digits) => write!(f, "`{digits}` is not a status"),
            ErrorKind::UnknownDateFormat(name) => write!(f, "unknown date format `{name}`"),
            ErrorKind::PatternLetter { letter, count: 1 } => {
                write!(f, "unsupported letter `{letter}` in a time pattern")
            }
            ErrorKind::PatternLetter { letter, count } => {
                write!(f, "unsupported letters `{}` in a time pattern", letter.to_string().repeat(*count))
            }
        }
    }
}

impl ErrorKind {
    /// How to mend it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            ErrorKind::UnknownDirective(letter) => directive::help(*letter),
            ErrorKind::EmptyStatusList => {
                "write the statuses after it, as in `%!200,304s`; for a percent sign write `%%`".into()
            }
            ErrorKind::GluedStatuses(_) => "write statuses of three digits with commas: `%403,404s`".into(),
            ErrorKind::UnknownDateFormat(name) => did_you_mean(name, &["RFC_1123", "ISO_8601"])
                .unwrap_or_else(|| "the formats are RFC_1123 and ISO_8601".into()),
            ErrorKind::PatternLetter { letter, count } => pattern::help(*letter, *count),
        })
    }

    /// A stable name for machines.
    pub fn code(&self) -> &'static str {
        match self {
            ErrorKind::UnknownDirective(_) => "unknown-directive",
            ErrorKind::EmptyStatusList => "empty-status-list",
            ErrorKind::GluedStatuses(_) => "glued-statuses",
            ErrorKind::UnknownDateFormat(_) => "unknown-date-format",
            ErrorKind::PatternLetter { .. } => "unsupported-time-pattern",
        }
    }
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WarningKind::LiteralPercent => {
                f.write_str("this `%` starts no directive and is printed as it is")
            }
            WarningKind::LiteralDirective(letter) => {
                write!(f, "`%{letter}` cannot have this between its braces and is printed as it is")
            }
            WarningKind::IgnoredBraces(letter) => write!(f, "`%{letter}` makes no use of the braces"),
            WarningKind::NoFieldName(letter) => {
                write!(f, "`%{letter}` names no header field and prints nothing")
            }
            WarningKind::UnknownConversion(word) => {
                write!(f, "unknown conversion `{word}`: the value is printed as it is")
            }
            WarningKind::NoDateFormat => {
                f.write_str("`DATE` without a format: the value is printed as it is")
            }
            WarningKind::IgnoredWords(words) => write!(f, "`{words}` is ignored"),
            WarningKind::EchoesCredential(name) => write!(f, "the message repeats the secret in `{name}`"),
        }
    }
}

impl WarningKind {
    /// How to mend it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            WarningKind::LiteralPercent => "for a percent sign write `%%`".into(),
            WarningKind::LiteralDirective('t') => {
                "a time pattern may hold letters, digits, space, `-`, `.`, `:` and `,`; \
                 for a percent sign write `%%`"
                    .into()
            }
            WarningKind::LiteralDirective(_) => "for a percent sign write `%%`".into(),
            WarningKind::IgnoredBraces(letter) => format!("write `%{letter}`"),
            WarningKind::NoFieldName(letter) => {
                format!("write the name in braces: `%{{Retry-After}}{letter}`")
            }
            WarningKind::UnknownConversion(word) => {
                did_you_mean(word, &["DATE"]).unwrap_or_else(|| "the only conversion is DATE".into())
            }
            WarningKind::NoDateFormat => "write it as in `%{Date DATE ISO_8601}o`".into(),
            WarningKind::IgnoredWords(_) => {
                "`DATE` takes the format to print and, after it, the format to read".into()
            }
            WarningKind::EchoesCredential(_) => return None,
        })
    }

    /// A stable name for machines.
    pub fn code(&self) -> &'static str {
        match self {
            WarningKind::LiteralPercent => "literal-percent",
            WarningKind::LiteralDirective(_) => "literal-directive",
            WarningKind::IgnoredBraces(_) => "ignored-braces",
            WarningKind::NoFieldName(_) => "no-field-name",
            WarningKind::UnknownConversion(_) => "unknown-conversion",
            WarningKind::NoDateFormat => "no-date-format",
            WarningKind::IgnoredWords(_) => "ignored-words",
            WarningKind::EchoesCredential(_) => "echoes-credential",
        }
    }
}

fn did_you_mean(word: &str, known: &[&str]) -> Option<String> {
    let upper = word.to_ascii_uppercase();
    let near = known.iter().map(|name| (strsim::damerau_levenshtein(&upper, name), name));
    let (distance, name) = near.min()?;
    (distance <= 3 && distance < name.len() / 2 + 1).then(|| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered() {
        let help = |name: &str| ErrorKind::UnknownDateFormat(name.into()).help().unwrap();
        assert_eq!(help("iso8601"), "did you mean `ISO_8601`?");
        assert_eq!(help("RFC1123"), "did you mean `RFC_1123`?");
        assert_eq!(help("UNIX"), "the formats are RFC_1123 and ISO_8601");
    }
}
