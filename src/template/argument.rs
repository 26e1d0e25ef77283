//! What stands between the braces of a directive.

use http::HeaderName;

use super::{
    Error, ErrorKind, Purpose, WarningKind,
    date::{Conversion, DateFormat},
    directive::{self, Form},
    error::Secret,
    fact::{Fact, NoFact},
    field::{Field, Message},
    lookup::{Kind, Lookup, Name},
    parse::Parser,
    pattern::Pattern,
    token::{Part, Token, is_separator},
    value::Value,
};
use crate::media::is_token;

/// Stands before the text for where there is no value.
const DEFAULT: &str = ":-";

/// Stands between names.
const OR: char = '?';

impl<'t> Parser<'t> {
    /// Reads names, of header fields with a conversion, and a default:
    ///
    /// ```text
    /// name *( "?" name ) [ " DATE " out [ " " in ] ] [ ":-" default ]
    /// ```
    pub(super) fn lookup(&mut self, kind: Kind, token: Token<'t>) -> Lookup {
        let braces = token.braces.unwrap_or(Part { text: "", start: token.end });
        let (names, default) =
            braces.split_once(DEFAULT).map_or((braces, ""), |(names, default)| (names, default.text));
        match kind {
            Kind::Field(message) => {
                let mut words = names.words();
                let names = words.next().unwrap_or(names);
                let names = self.fields(message, names, token);
                // Without a field there is nothing to convert.
                let conversion = if names.is_empty() { None } else { self.conversion(words) };
                Lookup::new(kind, names, conversion, default)
            }
            _ => {
                let names =
                    names.split(OR).map(Part::trim).filter_map(|name| self.name(kind, name, token)).collect();
                Lookup::new(kind, names, None, default)
            }
        }
    }

    /// The names of header fields. As in Repose, one that no field can have is no mistake, as long
    /// as it is the only one.
    fn fields(&mut self, message: Message, names: Part<'t>, token: Token<'t>) -> Vec<Name> {
        let mut fields = Vec::new();
        for name in names.split(OR) {
            let Ok(field) = HeaderName::from_bytes(name.text.as_bytes()) else {
                if name == names {
                    self.warn(WarningKind::NoFieldName(token.letter), token.start..token.end);
                } else {
                    self.fail_name(name, token);
                }
                continue;
            };
            let field = Field::new(message, field);
            if field.is_credential() && !self.syntax.expose.has_field(field.name()) {
                self.fail(ErrorKind::NotExposed(Secret::Field, name.text.into()), name.span());
            }
            fields.push(Name::Field(field));
        }
        fields
    }

    /// One name of anything but a header field.
    fn name(&mut self, kind: Kind, part: Part<'t>, token: Token<'t>) -> Option<Name> {
        let name = part.text.to_owned();
        match kind {
            Kind::Cookie if is_token(name.as_bytes()) => {
                self.see_exposed(Secret::Cookie, part);
                Some(Name::Cookie(name))
            }
            Kind::Variable if !name.is_empty() && !name.contains('=') => {
                self.see_exposed(Secret::Variable, part);
                let value = std::env::var_os(&name).unwrap_or_default().to_string_lossy().into_owned();
                Some(Name::Variable(name, value))
            }
            Kind::Parameter if !name.is_empty() => Some(Name::Parameter(name)),
            Kind::Fact if !name.is_empty() => match Fact::named(&name, self.purpose) {
                Ok(Fact::Body(_)) if self.purpose == Purpose::LogLine => {
                    self.fail(ErrorKind::ContentIsGone(name), part.span());
                    None
                }
                Ok(fact) => Some(Name::Fact(fact)),
                Err(NoFact::Unknown) => {
                    self.fail(ErrorKind::UnknownValue(name), part.span());
                    None
                }
                Err(NoFact::Pointer) => {
                    let pointer = part.split_once(":").map_or(part, |(_, pointer)| pointer);
                    self.fail(ErrorKind::InvalidPointer(pointer.text.into()), pointer.span());
                    None
                }
            },
            _ => {
                self.fail_name(part, token);
                None
            }
        }
    }

    fn see_exposed(&mut self, secret: Secret, name: Part<'t>) {
        if !self.syntax.expose.has(name.text) {
            self.fail(ErrorKind::NotExposed(secret, name.text.into()), name.span());
        }
    }

    /// A name that cannot be one; where there is none at all, the directive is what is wrong.
    fn fail_name(&mut self, name: Part<'t>, token: Token<'t>) {
        let span = if name.text.is_empty() { token.start..token.end } else { name.span() };
        self.fail(ErrorKind::InvalidName { letter: token.letter, name: name.text.into() }, span);
    }

    /// What is to be done to a field, from the words after its name.
    fn conversion(&mut self, mut words: impl Iterator<Item = Part<'t>>) -> Option<Conversion> {
        let word = words.next()?;
        if !word.text.eq_ignore_ascii_case("DATE") {
            self.warn(WarningKind::UnknownConversion(word.text.into()), word.start..word.end());
            return None;
        }
        let Some(to) = words.next() else {
            self.warn(WarningKind::NoDateFormat, word.start..word.end());
            return None;
        };
        let to = self.date_format(to);
        let from = words.next().map_or(Some(DateFormat::Rfc1123), |from| self.date_format(from));
        if let Some(first) = words.next() {
            let end = words.last().unwrap_or(first).end();
            let ignored = self.text.get(first.start..end).unwrap_or_default();
            self.warn(WarningKind::IgnoredWords(ignored.into()), first.start..end);
        }
        Some(Conversion { to: to?, from: from? })
    }

    fn date_format(&mut self, name: Part<'t>) -> Option<DateFormat> {
        let format = DateFormat::named(name.text);
        if format.is_none() {
            self.fail(ErrorKind::UnknownDateFormat(name.text.into()), name.start..name.end());
        }
        format
    }

    /// Reads a time pattern.
    pub(super) fn time(&mut self, token: Token<'t>) -> Value {
        let braces = token.braces.unwrap_or(Part { text: "", start: token.end });
        let pattern = time_pattern(braces.text);
        if pattern.is_empty() && self.purpose == Purpose::LogLine {
            return Value::ReceivedInClf;
        }
        let (pattern, errors) = Pattern::parse(if pattern.is_empty() { Pattern::DEFAULT } else { pattern });
        for Error { kind, span } in errors {
            self.fail(kind, braces.start + span.start..braces.start + span.end);
        }
        Value::Received(pattern)
    }
}

/// Whether the directive with this letter can have this between its braces. With any other content
/// Repose printed the directive as it stood.
pub(super) fn can_have(letter: char, braces: Part<'_>) -> bool {
    match directive::find(letter, Purpose::LogLine).map(|entry| &entry.form) {
        Some(Form::Lookup(Kind::Field(_))) => {
            let names = braces.split_once(DEFAULT).map_or(braces, |(names, _)| names).text;
            let (names, rest) = names.split_at(names.find(is_separator).unwrap_or(names.len()));
            let is_name = |name: &str| is_known(name) || is_token(name.as_bytes());
            names.split(OR).all(is_name) && is_known(rest)
        }
        Some(Form::Lookup(_)) => true,
        Some(Form::Time) => Pattern::is_like(braces.text),
        _ => is_known(braces.text),
    }
}

/// Whether Repose knew this between braces.
fn is_known(text: &str) -> bool {
    let is_known =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.') || is_separator(c);
    text.chars().all(is_known)
}

/// The pattern between the braces of `%t`. As in Repose, separators at its end do not count, but
/// for the first after the first word.
fn time_pattern(braces: &str) -> &str {
    let end = braces.trim_end_matches(is_separator);
    let kept = usize::from(!end.contains(|c| is_separator(c) || c == '_'));
    braces.get(..end.len() + kept).unwrap_or(braces)
}
