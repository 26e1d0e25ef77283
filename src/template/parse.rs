//! From text to a template.

use std::ops::Range;

use super::{
    Condition, Error, ErrorKind, Escape, Parsed, Purpose, Segment, Syntax, Template, Warning, WarningKind,
    argument::can_have,
    directive::{self, Form},
    token::Token,
    value::Value,
};

/// Compiles a text.
pub(super) fn parse(text: &str, syntax: Syntax<'_>, purpose: Purpose) -> Result<Parsed, Vec<Error>> {
    let mut parser = Parser {
        text,
        syntax,
        purpose,
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
    let template = Template { purpose, escape: syntax.escape, segments: parser.segments };
    Ok(Parsed { template, warnings: parser.warnings })
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) syntax: Syntax<'t>,
    pub(super) purpose: Purpose,
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
        let Range { start: mut done, end } = self.content();
        let mut at = done;
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
        self.literal(done..end);
        self.flush();
        self.trim();
    }

    /// The text without what is around it: a field value has no blanks at its ends, and may stand
    /// on lines of its own.
    fn content(&self) -> Range<usize> {
        if self.syntax.escape != Escape::Header {
            return 0..self.text.len();
        }
        let is_blank = |c: char| c <= ' ';
        let end = self.text.trim_end_matches(is_blank).len();
        self.text.len() - self.text.trim_start_matches(is_blank).len()..end
    }

    /// Takes tabs away from the ends of a field value.
    fn trim(&mut self) {
        if self.syntax.escape != Escape::Header {
            return;
        }
        if let Some(Segment::Literal(text)) = self.segments.last_mut() {
            text.truncate(text.trim_ascii_end().len());
        }
        if let Some(Segment::Literal(text)) = self.segments.first_mut() {
            *text = text.trim_ascii_start().to_owned();
        }
        self.segments.retain(|segment| !matches!(segment, Segment::Literal(text) if text.is_empty()));
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
        let Some(entry) = directive::find(token.letter, self.purpose) else {
            return self.fail(ErrorKind::UnknownDirective(token.letter), span);
        };
        let value = match &entry.form {
            Form::Plain(value) => {
                self.choose(&[], token);
                value.clone()
            }
            Form::Choice(value, words) => self.choose(words, token).unwrap_or_else(|| value.clone()),
            Form::Lookup(kind) => Value::Lookup(self.lookup(*kind, token)),
            Form::Time => self.time(token),
        };
        match (condition, token.modifier, value) {
            (None, _, Value::Percent) => self.literal.push('%'),
            (condition, modifier, value) => {
                self.flush();
                let value = match (modifier, value) {
                    (Some('<'), Value::Status) => Value::UpstreamStatus,
                    (_, value) => value,
                };
                self.segments.push(Segment::Value { condition, value });
            }
        }
    }

    /// The value that the word between the braces stands for.
    fn choose(&mut self, words: &[(&str, Value)], token: Token<'t>) -> Option<Value> {
        let braces = token.braces?;
        let value = words.iter().find(|(word, _)| *word == braces.text).map(|(_, value)| value.clone());
        if value.is_none() {
            self.warn(WarningKind::IgnoredBraces(token.letter), braces.start - 1..braces.end() + 1);
        }
        value
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

    /// Takes literal text. `\t` and `\n` become what they mean; inside a string of JSON every
    /// escape stays, since there it already means something.
    fn literal(&mut self, span: Range<usize>) {
        let escape = self.syntax.escape;
        let start = span.start;
        let mut chars = self.text.get(span).unwrap_or_default().char_indices();
        while let Some((at, c)) = chars.next() {
            if c == '"' && escape == Escape::Json {
                self.in_json_string = !self.in_json_string;
            }
            let meant = match (c, chars.clone().next()) {
                ('\\', Some((_, 't'))) if !self.in_json_string => '\t',
                ('\\', Some((_, 'n'))) if !self.in_json_string => '\n',
                _ => c,
            };
            let length = if meant == c { c.len_utf8() } else { 2 };
            if escape == Escape::Header && meant.is_control() && meant != '\t' {
                self.fail(ErrorKind::ControlCharacter(meant), start + at..start + at + length);
            }
            if self.purpose == Purpose::LogLine && meant.is_control() && meant != '\t' {
                self.fail(ErrorKind::NotOneLine(meant), start + at..start + at + length);
            }
            self.literal.push(meant);
            if meant != c {
                chars.next();
            } else if c == '\\' && self.in_json_string {
                self.literal.extend(chars.next().map(|(_, escaped)| escaped));
            }
        }
    }

    /// Ends the literal text before a directive.
    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.segments.push(Segment::Literal(std::mem::take(&mut self.literal)));
        }
    }

    pub(super) fn fail(&mut self, kind: ErrorKind, span: Range<usize>) {
        self.errors.push(Error { kind, span });
    }

    pub(super) fn warn(&mut self, kind: WarningKind, span: Range<usize>) {
        self.warnings.push(Warning { kind, span });
    }
}
