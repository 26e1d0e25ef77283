//! What can be wrong with a template. Knows nothing of files.

use std::{fmt, ops::Range};

use super::{directive, fact, pattern};

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
    /// A time pattern has a quote that does not end.
    OpenQuote,
    /// Something that may be a secret, and that the rules file does not expose.
    NotExposed(Secret, String),
    /// A directive names nothing, or what cannot have this name.
    InvalidName {
        /// The letter of the directive.
        letter: char,
        /// The name.
        name: String,
    },
    /// `%{…}x` knows nothing of this name.
    UnknownValue(String),
    /// Not a JSON pointer.
    InvalidPointer(String),
    /// A character that a header field cannot hold.
    ControlCharacter(char),
    /// A character that a line of a log cannot hold.
    NotOneLine(char),
    /// The content of a response, in a log.
    ContentIsGone(String),
}

/// What may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// A header field with credentials.
    Field,
    /// A cookie.
    Cookie,
    /// An environment variable.
    Variable,
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
            ErrorKind::OpenQuote => f.write_str("a quote in a time pattern does not end"),
            ErrorKind::NotExposed(secret, name) => write!(f, "{secret} `{name}` is not exposed"),
            ErrorKind::InvalidName { letter, name } if name.is_empty() => {
                write!(f, "`%{letter}` without a name")
            }
            ErrorKind::InvalidName { letter, name } => {
                write!(f, "`%{letter}` cannot have the name `{name}`")
            }
            ErrorKind::UnknownValue(name) => write!(f, "unknown value `{name}`"),
            ErrorKind::InvalidPointer(pointer) => write!(f, "`{pointer}` is not a JSON pointer"),
            ErrorKind::NotOneLine(c) => {
                write!(f, "a line of a log cannot hold the control character U+{:04X}", u32::from(*c))
            }
            ErrorKind::ContentIsGone(name) => write!(f, "`{name}` is gone when the log is written"),
            ErrorKind::ControlCharacter('\r' | '\n') => {
                f.write_str("a header field cannot hold a line break")
            }
            ErrorKind::ControlCharacter(c) => {
                write!(f, "a header field cannot hold the control character U+{:04X}", u32::from(*c))
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
            ErrorKind::UnknownDateFormat(name) => did_you_mean(name, ["RFC_1123", "ISO_8601"])
                .unwrap_or_else(|| "the formats are RFC_1123 and ISO_8601".into()),
            ErrorKind::PatternLetter { letter, count } => pattern::help(*letter, *count),
            ErrorKind::OpenQuote => "close it, as in `'T'`; a quote itself is written `''`".into(),
            ErrorKind::NotExposed(_, name) => {
                format!("it may hold a secret; to print it all the same, list it on the root element: `expose=\"{name}\"`")
            }
            ErrorKind::InvalidName { letter, .. } => format!("write a name between the braces: `{}`", directive::example(*letter)),
            ErrorKind::UnknownValue(name) => did_you_mean(name, fact::names()).unwrap_or_else(|| {
                format!("the names are {}", fact::names().collect::<Vec<_>>().join(", "))
            }),
            ErrorKind::InvalidPointer(_) => {
                "write a slash before each step, as in `%{body:/errors/0/detail}x`; within one `/` is written `~1`, `~` is `~0`".into()
            }
            ErrorKind::NotOneLine(_) => "each request is told of on one line; a tab may stand in it".into(),
            ErrorKind::ContentIsGone(_) => "`%B` is its length".into(),
            ErrorKind::ControlCharacter(_) => {
                "write the value on one line; for several lines of one name repeat the `<header>` with `action=\"add\"`".into()
            }
        })
    }

    /// A stable name for machines.
    pub fn code(&self) -> &'static str {
        match self {
            ErrorKind::UnknownDirective(_) => "unknown-directive",
            ErrorKind::EmptyStatusList => "empty-status-list",
            ErrorKind::GluedStatuses(_) => "glued-statuses",
            ErrorKind::UnknownDateFormat(_) => "unknown-date-format",
            ErrorKind::PatternLetter { .. } | ErrorKind::OpenQuote => "unsupported-time-pattern",
            ErrorKind::NotExposed(..) => "not-exposed",
            ErrorKind::InvalidName { .. } => "invalid-name",
            ErrorKind::UnknownValue(_) => "unknown-value",
            ErrorKind::InvalidPointer(_) => "invalid-pointer",
            ErrorKind::ControlCharacter(_) | ErrorKind::NotOneLine(_) => "control-character",
            ErrorKind::ContentIsGone(_) => "content-is-gone",
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Secret::Field => "the header field",
            Secret::Cookie => "the cookie",
            Secret::Variable => "the environment variable",
        })
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
        }
    }
}

impl WarningKind {
    /// How to mend it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            WarningKind::LiteralPercent => "for a percent sign write `%%`".into(),
            WarningKind::LiteralDirective('t') => {
                "a time pattern may hold letters, digits, space, `-`, `.`, `:`, `/` and `,`, and anything \
                 else in quotes, `'T'`; for a percent sign write `%%`"
                    .into()
            }
            WarningKind::LiteralDirective(_) => "for a percent sign write `%%`".into(),
            WarningKind::IgnoredBraces(letter) => format!("write `{}`", directive::spellings(*letter)),
            WarningKind::NoFieldName(letter) => {
                format!("write the name in braces: `%{{Retry-After}}{letter}`")
            }
            WarningKind::UnknownConversion(word) => {
                did_you_mean(word, ["DATE"]).unwrap_or_else(|| "the only conversion is DATE".into())
            }
            WarningKind::NoDateFormat => "write it as in `%{Date DATE ISO_8601}o`".into(),
            WarningKind::IgnoredWords(_) => {
                "`DATE` takes the format to print and, after it, the format to read".into()
            }
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
        }
    }
}

fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_ascii_lowercase());
    let (distance, name) = known.into_iter().map(|name| (distance(name), name)).min()?;
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
