//! The texts of messages, read as Repose read them.

use std::ops::Range;

use super::facts::{self, Fact};
use crate::template::{Escape, Syntax, Template, WarningKind};

/// A place in a text where Retort and Repose part, or nearly did.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) fact: Fact,
    /// Bytes of the text.
    pub(super) span: Range<usize>,
    /// What to write there, so that it means to Retort what it meant to Repose.
    pub(super) instead: Option<String>,
    /// The field that holds a secret, where that is what was found.
    pub(super) credential: Option<String>,
}

/// What has the shape of a directive: `%[<>]?!?(ddd,?)*({…})?[%a-zA-Z]`.
#[derive(Clone, Copy, Debug)]
struct Directive<'t> {
    end: usize,
    /// What stands between the braces, and where.
    braces: Option<(usize, &'t str)>,
    letter: char,
}

/// Which texts can be directives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grammar {
    Repose,
    /// With `\!` for `!`, and nearly anything between the braces.
    Retort,
}

/// Reads a text whose values are escaped like this. `is_old`: for a version before 8.
pub(super) fn read(text: &str, escape: Escape, is_old: bool) -> Vec<Finding> {
    let mut reader = Reader { text, escape, is_old, found: Vec::new() };
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find('%')).map(|found| at + found) {
        at = match Directive::read(text, start, Grammar::Repose) {
            Some(directive) => {
                reader.directive(start, directive);
                directive.end
            }
            None => reader.literal(start),
        };
    }
    reader.escapes();
    reader.found.sort_by_key(|finding| finding.span.start);
    reader.found
}

struct Reader<'t> {
    text: &'t str,
    escape: Escape,
    is_old: bool,
    found: Vec<Finding>,
}

impl<'t> Reader<'t> {
    /// A percent sign that was text to Repose. Returns where to read on.
    fn literal(&mut self, start: usize) -> usize {
        let Some(directive) = Directive::read(self.text, start, Grammar::Retort) else {
            self.mend(facts::LITERAL_PERCENT, start..start + 1, "%%");
            return start + 1;
        };
        let written = self.text.get(start..directive.end).unwrap_or_default();
        let parsed = Template::parse(written, Syntax::new(Escape::Text));
        // What is a mistake to Retort was text to Repose as well.
        let is_read = parsed.is_ok_and(|parsed| {
            parsed.warnings.iter().all(|warning| {
                !matches!(warning.kind, WarningKind::LiteralPercent | WarningKind::LiteralDirective(_))
            })
        });
        if !is_read {
            self.mend(facts::LITERAL_PERCENT, start..start + 1, "%%");
            return start + 1;
        }
        let is_documented = written.contains('\\');
        let fact = if is_documented { facts::COND_BACKSLASH } else { facts::WIDE_BRACES };
        self.note(fact, start..directive.end);
        directive.end
    }

    fn directive(&mut self, start: usize, directive: Directive<'t>) {
        let span = start..directive.end;
        match directive.letter {
            'i' | 'o' => self.field(start, directive),
            't' => self.time(span.clone(), directive),
            _ => {
                if let Some((at, braces)) = directive.braces {
                    self.mend(facts::IGNORED_BRACES, at - 1..at + braces.len() + 1, "");
                }
            }
        }
        if let Some((_, fact)) =
            facts::DIRECTIVES.iter().find(|(letters, _)| letters.contains(directive.letter))
        {
            self.note(*fact, span.clone());
        }
        let is_escaped = match directive.letter {
            'i' | 'o' | 'q' | 'r' | 'U' | 'u' | 'g' => {
                matches!(self.escape, Escape::Json | Escape::Xml | Escape::Html)
            }
            'M' => self.escape == Escape::Html,
            _ => false,
        };
        // Once in a message says it.
        if is_escaped && !self.found.iter().any(|finding| finding.fact.code == facts::VALUES_RAW.code) {
            self.note(facts::VALUES_RAW, span);
        }
    }

    /// `%{Name DATE out in}i`
    fn field(&mut self, start: usize, directive: Directive<'t>) {
        let Some((at, braces)) = directive.braces else { return };
        let is_separator = |c| matches!(c, ' ' | ',');
        let (name, rest) = braces.split_at(braces.find(is_separator).unwrap_or(braces.len()));
        let span = start..directive.end;
        if CREDENTIALS.iter().any(|secret| secret.eq_ignore_ascii_case(name)) {
            let credential = CREDENTIALS.into_iter().find(|secret| secret.eq_ignore_ascii_case(name));
            let credential = credential.map(str::to_owned);
            self.found.push(Finding {
                fact: facts::CREDENTIAL,
                span: span.clone(),
                instead: None,
                credential,
            });
        }
        if name.contains('_') {
            return self.note(facts::UNDERSCORE, span);
        }
        if name.contains(':') {
            return self.note(facts::COLON, span);
        }
        let arguments: Vec<&str> = rest.split(is_separator).skip(1).collect();
        let words: Vec<&str> = rest.split(is_separator).filter(|word| !word.is_empty()).collect();
        let inside = at..at + braces.len();
        let Some((kind, formats)) = words.split_first() else { return };
        if !kind.eq_ignore_ascii_case("DATE") || formats.is_empty() {
            return self.mend(facts::NO_CONVERSION, inside, name);
        }
        let known =
            |format: &&str| ["RFC_1123", "ISO_8601"].iter().any(|known| known.eq_ignore_ascii_case(format));
        if !formats.iter().take(2).all(known) || formats.len() > 2 {
            let formats: Vec<&str> = formats
                .iter()
                .take(2)
                .map(|format| if known(format) { format } else { "RFC_1123" })
                .collect();
            self.mend(facts::DATE_FORMAT, inside, &format!("{name} {kind} {}", formats.join(" ")));
        }
        if arguments != words {
            self.note(facts::DOUBLE_SEPARATOR, span);
        } else if *kind != "DATE" {
            self.note(facts::DATE_CASE, span);
        } else {
            self.note(facts::DATES, span);
        }
    }

    fn time(&mut self, span: Range<usize>, directive: Directive<'t>) {
        match directive.braces {
            Some((_, pattern)) if pattern.contains(',') => self.note(facts::TIME_COMMA, span),
            None if self.is_old => self.note(facts::TIME_DEFAULT, span),
            _ => {}
        }
    }

    /// `\t` and `\n`.
    fn escapes(&mut self) {
        let mut in_string = false;
        let mut rest = self.text.char_indices().peekable();
        let mut found = Vec::new();
        while let Some((at, c)) = rest.next() {
            if c == '"' {
                in_string = !in_string;
            }
            if c != '\\' {
                continue;
            }
            let Some((_, letter)) = rest.next() else { break };
            if letter != 't' && letter != 'n' {
                continue;
            }
            if rest.peek().is_some_and(|(_, next)| *next == letter) {
                found.push((facts::ESCAPE_COLLAPSE, at..at + 2));
            } else if in_string && self.escape == Escape::Json {
                found.push((facts::ESCAPE_IN_JSON, at..at + 2));
            }
        }
        found.into_iter().for_each(|(fact, span)| self.note(fact, span));
    }

    fn note(&mut self, fact: Fact, span: Range<usize>) {
        self.found.push(Finding { fact, span, instead: None, credential: None });
    }

    fn mend(&mut self, fact: Fact, span: Range<usize>, instead: &str) {
        self.found.push(Finding { fact, span, instead: Some(instead.to_owned()), credential: None });
    }
}

/// Header fields that hold a secret.
const CREDENTIALS: [&str; 4] = ["Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"];

impl<'t> Directive<'t> {
    fn read(text: &'t str, start: usize, grammar: Grammar) -> Option<Self> {
        let rest = text.get(start..)?.strip_prefix('%')?;
        let rest = rest.strip_prefix(['<', '>']).unwrap_or(rest);
        let documented = rest.strip_prefix("\\!").filter(|_| grammar == Grammar::Retort);
        let mut rest = documented.or(rest.strip_prefix('!')).unwrap_or(rest);
        while let Some((status, after)) = rest.split_at_checked(3)
            && status.bytes().all(|byte| byte.is_ascii_digit())
        {
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        let mut braces = None;
        if let Some(after) = rest.strip_prefix('{') {
            let (inside, behind) = after.split_once('}')?;
            let fits = |c: char| match grammar {
                Grammar::Repose => c.is_ascii_alphanumeric() || "-_:. ,".contains(c),
                Grammar::Retort => !matches!(c, '{' | '%' | '\\') && !c.is_control(),
            };
            if !inside.chars().all(fits) {
                return None;
            }
            braces = Some((text.len() - after.len(), inside));
            rest = behind;
        }
        let letter = rest.chars().next().filter(|&c| c == '%' || c.is_ascii_alphabetic())?;
        Some(Self { end: text.len() - rest.len() + 1, braces, letter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a text: codes, and the text with all of it mended.
    fn found(text: &str, escape: Escape) -> (Vec<&'static str>, String) {
        let findings = read(text, escape, false);
        let mut mended = text.to_owned();
        for finding in findings.iter().rev() {
            if let Some(instead) = &finding.instead {
                mended.replace_range(finding.span.clone(), instead);
            }
        }
        (findings.iter().map(|finding| finding.fact.code).collect(), mended)
    }

    #[test]
    fn what_was_text_stays_text() {
        let (codes, mended) = found("100% of %5, 50% and %{a/b}t, %%", Escape::Text);
        assert_eq!(mended, "100%% of %%5, 50%% and %%{a/b}t, %%");
        assert!(codes.iter().all(|code| *code == "literal-percent"), "{codes:?}");
        let template = Template::parse(&mended, Syntax::new(Escape::Text)).unwrap();
        assert_eq!(template.warnings, []);
    }

    #[test]
    fn braces_that_meant_nothing_go() {
        let (codes, mended) = found("%{c}a %404{x}s", Escape::Text);
        assert_eq!((codes, mended.as_str()), (vec!["ignored-braces"; 2], "%a %404s"));
    }

    #[test]
    fn conversions_are_said_as_repose_took_them() {
        let mended = |text| found(text, Escape::Text).1;
        assert_eq!(mended("%{X FOO bar}i"), "%{X}i");
        assert_eq!(mended("%{X DATE}o"), "%{X}o");
        assert_eq!(mended("%{X DATE UNIX}o"), "%{X DATE RFC_1123}o");
        assert_eq!(mended("%{X DATE iso_8601 RFC_1123 more}o"), "%{X DATE iso_8601 RFC_1123}o");
        assert_eq!(mended("%{X,DATE,ISO_8601}o"), "%{X,DATE,ISO_8601}o");
    }

    #[test]
    fn differences_are_named() {
        let codes = |text, escape| found(text, escape).0;
        assert_eq!(codes("%s %m", Escape::Text), [""; 0]);
        assert_eq!(codes("%U %p", Escape::Text), ["url-full", "port-is-local"]);
        assert_eq!(codes("%\\!404s", Escape::Text), ["cond-backslash"]);
        assert_eq!(codes("%{X_Name}i", Escape::Text), ["underscore-header"]);
        assert_eq!(codes("%{X:-none}i", Escape::Text), ["header-default"]);
        assert_eq!(codes("%{cookie}i", Escape::Text), ["credential"]);
        assert_eq!(codes("%{X}i %{Y}i", Escape::Xml), ["values-raw"]);
        assert_eq!(codes("%{X, DATE, ISO_8601}i", Escape::Text), ["arg-double-space"]);
        assert_eq!(codes("%{X date ISO_8601}i", Escape::Text), ["date-type-case"]);
        assert_eq!(codes("{\"a\":\"\\n\"}\\n \\tt", Escape::Json), ["escape-in-json", "escape-collapse"]);
    }
}
