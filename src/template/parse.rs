//! From text to a template.

use std::ops::Range;

use http::HeaderName;

use super::{
    Condition, Error, ErrorKind, Escape, Parsed, Segment, Template, Warning, WarningKind,
    date::{Conversion, DateFormat},
    directive::{self, Directive, Form},
    field::{Field, Message},
    pattern::Pattern,
    token::{Part, Token, is_separator},
};

/// Compiles a text.
pub(super) fn parse(text: &str, escape: Escape) -> Result<Parsed, Vec<Error>> {
    let mut parser = Parser {
        text,
        escape,
        literal: String::new(),
        in_json_string: false,
        segments: Vec::new(),
        errors: Vec::new(),
        warnings: Vec::new(),
    };
    parser.run();
    if !parser.errors.is_empty() {
        return Err(parser.errors);
    }
    let template = Template { escape, segments: parser.segments };
    Ok(Parsed { template, warnings: parser.warnings })
}

struct Parser<'t> {
    text: &'t str,
    escape: Escape,
    /// The literal text since the last directive.
    literal: String,
    /// Whether it ends inside a string of JSON.
    in_json_string: bool,
    segments: Vec<Segment>,
    /// Once there is one, what else comes of the text is of no use but for more of them.
    errors: Vec<Error>,
    warnings: Vec<Warning>,
}

impl<'t> Parser<'t> {
    fn run(&mut self) {
        // Literal text is taken up to `done`; the next percent sign is looked for from `at`.
        let (mut done, mut at) = (0, 0);
        while let Some(start) = self.text.get(at..).and_then(|rest| rest.find('%')).map(|found| at + found) {
            match self.token(start) {
                Some(token) => {
                    self.literal(done..start);
                    self.directive(token);
                    (done, at) = (token.end, token.end);
                }
                None => at = start + 1,
            }
        }
        self.literal(done..self.text.len());
        self.flush();
    }

    /// The directive that starts here, if one does.
    fn token(&mut self, start: usize) -> Option<Token<'t>> {
        let Some(token) = Token::read(self.text, start) else {
            self.warn(WarningKind::LiteralPercent, start..start + 1);
            return None;
        };
        if !token.braces.is_none_or(|braces| can_have(token.letter, braces)) {
            self.warn(WarningKind::LiteralDirective(token.letter), token.start..token.end);
            return None;
        }
        Some(token)
    }

    fn directive(&mut self, token: Token<'t>) {
        let condition = self.condition(token);
        let span = token.start..token.end;
        let Some(entry) = directive::find(token.letter) else {
            return self.fail(ErrorKind::UnknownDirective(token.letter), span);
        };
        let directive = match &entry.form {
            Form::Plain(directive) => {
                if let Some(braces) = token.braces {
                    self.warn(WarningKind::IgnoredBraces(token.letter), braces.start - 1..braces.end() + 1);
                }
                directive.clone()
            }
            Form::Field(message) => self.field(*message, token),
            Form::Time => self.time(token),
        };
        match (condition, directive) {
            (None, Directive::Percent) => self.literal.push('%'),
            (condition, directive) => {
                self.flush();
                self.segments.push(Segment::Directive { condition, directive });
            }
        }
    }

    fn condition(&mut self, token: Token<'t>) -> Option<Condition> {
        let Token { is_negated, statuses: list, .. } = token;
        if list.text.is_empty() {
            if is_negated {
                self.fail(ErrorKind::EmptyStatusList, token.start..token.end);
            }
            return None;
        }
        let mut statuses = Vec::new();
        for status in list.words() {
            match status.text.parse() {
                Ok(code) if status.text.len() == 3 => statuses.push(code),
                _ => self.fail(ErrorKind::GluedStatuses(status.text.into()), status.start..status.end()),
            }
        }
        Some(Condition { is_negated, statuses })
    }

    fn field(&mut self, message: Message, token: Token<'t>) -> Directive {
        let mut words = token.braces.into_iter().flat_map(Part::words);
        let name = words.next().and_then(|name| HeaderName::from_bytes(name.text.as_bytes()).ok());
        let Some(name) = name else {
            self.warn(WarningKind::NoFieldName(token.letter), token.start..token.end);
            return Directive::NoField(message);
        };
        let field = Field::new(message, name, self.conversion(words));
        if field.is_credential() {
            self.warn(WarningKind::EchoesCredential(field.name().as_str().into()), token.start..token.end);
        }
        Directive::Field(field)
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

    fn time(&mut self, token: Token<'t>) -> Directive {
        let braces = token.braces.unwrap_or(Part { text: "", start: token.end });
        let pattern = time_pattern(braces.text);
        let (pattern, errors) = Pattern::parse(if pattern.is_empty() { Pattern::DEFAULT } else { pattern });
        for Error { kind, span } in errors {
            self.fail(kind, braces.start + span.start..braces.start + span.end);
        }
        Directive::Received(pattern)
    }

    /// Takes literal text. `\t` and `\n` become what they mean; inside a string of JSON every
    /// escape stays, since there it already means something.
    fn literal(&mut self, span: Range<usize>) {
        let mut chars = self.text.get(span).unwrap_or_default().chars();
        while let Some(c) = chars.next() {
            if c == '"' && self.escape == Escape::Json {
                self.in_json_string = !self.in_json_string;
            }
            if c != '\\' {
                self.literal.push(c);
                continue;
            }
            let escaped = match chars.clone().next() {
                Some('t') if !self.in_json_string => Some('\t'),
                Some('n') if !self.in_json_string => Some('\n'),
                _ => None,
            };
            match escaped {
                Some(escaped) => {
                    chars.next();
                    self.literal.push(escaped);
                }
                None => {
                    self.literal.push(c);
                    self.literal.extend(self.in_json_string.then(|| chars.next()).flatten());
                }
            }
        }
    }

    /// Ends the literal text before a directive.
    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.segments.push(Segment::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn fail(&mut self, kind: ErrorKind, span: Range<usize>) {
        self.errors.push(Error { kind, span });
    }

    fn warn(&mut self, kind: WarningKind, span: Range<usize>) {
        self.warnings.push(Warning { kind, span });
    }
}

/// Whether the directive with this letter can have this between its braces: what Repose knew, and
/// a header directive the name of any field. With any other content Repose printed the directive
/// as it stood.
fn can_have(letter: char, braces: Part<'_>) -> bool {
    let is_known = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.') || is_separator(c))
    };
    let takes_name = directive::find(letter).is_some_and(|entry| matches!(entry.form, Form::Field(_)));
    let (name, rest) = braces.text.split_at(braces.text.find(is_separator).unwrap_or(braces.text.len()));
    let is_name = takes_name && crate::media::is_token(name.as_bytes());
    is_known(rest) && (is_known(name) || is_name)
}

/// The pattern between the braces of `%t`. As in Repose, separators at its end do not count, but
/// for the first after the first word.
fn time_pattern(braces: &str) -> &str {
    let end = braces.trim_end_matches(is_separator);
    let kept = usize::from(!end.contains(|c| is_separator(c) || c == '_'));
    braces.get(..end.len() + kept).unwrap_or(braces)
}
