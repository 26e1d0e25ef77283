//! The forms of a line.

use std::fmt;

use super::json;
use crate::template::{self, ErrorKind, Expose, Subject, Template, Warning};

/// Apache's `common`.
const COMMON: &str = "%h %l %u %t \"%r\" %>s %b";

/// Apache's `combined`.
const COMBINED: &str = "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\"";

/// How a line is written.
#[derive(Clone, Debug)]
pub enum Format {
    /// An object with all there is to tell, but for header fields other than Referer and User-Agent.
    Json,
    /// What a template says.
    Template(Box<Template>),
}

/// Why a text is no format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// It is no name of one, and has no directive in it.
    Unknown(String),
    /// The mistakes of a template.
    Template(Vec<template::Error>),
}

impl Format {
    /// Reads `json`, `common`, `combined`, or a template, which may show the secrets that `expose`
    /// names. What is read but is likely not meant, is told of.
    pub fn parse(text: &str, expose: &Expose) -> Result<(Self, Vec<Warning>), FormatError> {
        let template = match text {
            "json" => return Ok((Format::Json, Vec::new())),
            "common" => COMMON,
            "combined" => COMBINED,
            text if !text.contains('%') => return Err(FormatError::Unknown(text.to_owned())),
            text => text,
        };
        let parsed = Template::parse_log_line(template, expose).map_err(FormatError::Template)?;
        Ok((Format::Template(Box::new(parsed.template)), parsed.warnings))
    }

    /// Appends a line, without its end.
    pub(super) fn render(&self, subject: &Subject<'_>, line: &mut Vec<u8>) {
        match self {
            Format::Json => json::render(subject, line),
            Format::Template(template) => template.render(subject, line),
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = match self {
            FormatError::Unknown(text) => {
                return write!(
                    f,
                    "`{text}` is not json, common or combined, and no template: it has no directive"
                );
            }
            FormatError::Template(errors) => errors,
        };
        for (index, error) in errors.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{} at {}", error.kind, error.span.start)?;
            match &error.kind {
                ErrorKind::NotExposed(_, name) => {
                    write!(f, " (it may hold a secret; to log it all the same, expose `{name}`)")?;
                }
                kind => kind.help().map_or(Ok(()), |help| write!(f, " ({help})"))?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for FormatError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, expose: &[&str]) -> Result<Format, String> {
        let expose = Expose::new(expose.iter().map(|&name| name.to_owned()));
        Format::parse(text, &expose).map(|(format, _)| format).map_err(|error| error.to_string())
    }

    #[test]
    fn names_and_templates() {
        assert!(matches!(parse("json", &[]), Ok(Format::Json)));
        for text in ["common", "combined", "%h %l %X %{decision}x %{decision-reason}x %{condition}x"] {
            assert!(matches!(parse(text, &[]), Ok(Format::Template(_))), "{text}");
        }
    }

    #[test]
    fn secrets_have_to_be_exposed() {
        for (text, name) in [
            ("%{Authorization}i", "Authorization"),
            ("%{Cookie}i", "Cookie"),
            ("%{set-cookie}o", "set-cookie"),
            ("%{sid}C", "sid"),
            ("%{HOME}e", "HOME"),
        ] {
            let refused = parse(text, &[]).unwrap_err();
            assert!(refused.contains(&format!("expose `{name}`")), "{refused}");
            assert!(parse(text, &[name]).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_line_is_one_line_and_has_no_content() {
        for text in ["a\nb", "a\\nb", "%h\r", "\u{1b}[31m%h", "%{body}x", "%{body:/a}x", "%Z", "apache", ""] {
            assert!(parse(text, &[]).is_err(), "{text:?}");
        }
        assert!(parse("%h\t%U\\t%r", &[]).is_ok());
        assert!(parse(r#"{"a":"\n","b":"%U"}"#, &[]).is_ok(), "an escape of JSON is no line break");
    }
}
