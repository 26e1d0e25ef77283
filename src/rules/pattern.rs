//! Regular expressions that must match a value as a whole, in time linear in its length.

use std::{fmt, ops::Range};

use regex::{Regex, RegexBuilder};
use regex_syntax::{
    ParserBuilder,
    hir::{Dot, Hir, HirKind, Look},
};

/// An expression that must match a value as a whole.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    /// What every match begins with. Of many rules for one status, each for a path of its own, this
    /// rules out most.
    start: Box<[u8]>,
    rest: Rest,
}

/// What else a match must be.
#[derive(Clone, Debug)]
enum Rest {
    /// At its end.
    Nothing,
    /// On one line: `.*`.
    Line,
    /// Whatever the whole expression says. To compile it takes a thousand times as long as the rest
    /// of a rule.
    Regex(Regex),
}

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong, in words.
    pub message: String,
    /// Where: bytes of the expression.
    pub span: Range<usize>,
}

/// Bytes that one compiled expression may take.
const MAX_COMPILED: usize = 1 << 20;

/// Bytes of states that a thread may keep of one expression that it matches with.
const MAX_STATES: usize = 1 << 18;

impl Pattern {
    /// Compiles an expression in the syntax of the `regex` crate.
    ///
    /// The anchors are put around what was parsed, not around its text: no group, flag or comment
    /// of the author's reaches them.
    pub fn new(source: &str, ignores_case: bool) -> Result<Self, PatternError> {
        match plain(source).filter(|_| !ignores_case) {
            Some((start, rest)) => {
                Ok(Self { source: source.to_owned(), start: start.as_bytes().into(), rest })
            }
            None => Self::parse(source, ignores_case),
        }
    }

    fn parse(source: &str, ignores_case: bool) -> Result<Self, PatternError> {
        let parsed = ParserBuilder::new().case_insensitive(ignores_case).build().parse(source);
        let hir = parsed.map_err(|error| PatternError::of(&error, source))?;
        let start = start(&hir).into();
        if let Some(rest) = Rest::of_simple(&hir) {
            return Ok(Self { source: source.to_owned(), start, rest });
        }
        let whole = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
        let regex = RegexBuilder::new(&whole.to_string())
            // Printing what was parsed may add a group here and there.
            .nest_limit(1000)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_STATES)
            .build()
            .map_err(|error| PatternError::too_large(&error, source))?;
        Ok(Self { source: source.to_owned(), start, rest: Rest::Regex(regex) })
    }

    /// What every value that it matches begins with.
    pub(super) fn start(&self) -> &[u8] {
        &self.start
    }

    /// Whether it matches the whole value. A byte that is not UTF-8 is matched as U+FFFD.
    pub fn matches(&self, value: &[u8]) -> bool {
        match std::str::from_utf8(value) {
            Ok(text) => self.matches_text(text),
            Err(_) => self.matches_text(&String::from_utf8_lossy(value)),
        }
    }

    fn matches_text(&self, text: &str) -> bool {
        let Some(rest) = text.as_bytes().strip_prefix(&*self.start) else { return false };
        match &self.rest {
            Rest::Nothing => rest.is_empty(),
            Rest::Line => !rest.contains(&b'\n'),
            Rest::Regex(whole) => whole.is_match(text),
        }
    }
}

impl Rest {
    /// What follows the start, where the expression is that and little more.
    fn of_simple(hir: &Hir) -> Option<Self> {
        match hir.kind() {
            HirKind::Literal(_) => Some(Self::Nothing),
            HirKind::Concat(parts) => match &**parts {
                [first, last] if matches!(first.kind(), HirKind::Literal(_)) && is_line(last) => {
                    Some(Self::Line)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// The parts of an expression that is a text, or one and `.*`. That is what most paths are, and can be
/// seen without parsing it.
fn plain(source: &str) -> Option<(&str, Rest)> {
    let (start, rest) = match source.strip_suffix(".*") {
        Some(start) => (start, Rest::Line),
        None => (source, Rest::Nothing),
    };
    let means_something = |c: char| r"\.+*?()|[]{}^$".contains(c);
    (!start.is_empty() && !start.contains(means_something)).then_some((start, rest))
}

/// Whether this is `.*`.
fn is_line(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Repetition(many) => {
            (many.min, many.max) == (0, None) && *many.sub == Hir::dot(Dot::AnyCharExceptLF)
        }
        _ => false,
    }
}

/// What every match of the whole begins with, where that is easily seen.
fn start(hir: &Hir) -> &[u8] {
    match hir.kind() {
        HirKind::Literal(literal) => &literal.0,
        HirKind::Capture(capture) => start(&capture.sub),
        HirKind::Concat(parts) => parts.first().map(start).unwrap_or_default(),
        _ => &[],
    }
}

/// Prints the expression as it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl PatternError {
    fn of(error: &regex_syntax::Error, source: &str) -> Self {
        let (message, span) = match error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span()),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span()),
            other => return Self { message: other.to_string(), span: 0..source.len() },
        };
        Self { message, span: span.start.offset..span.end.offset }
    }

    fn too_large(error: &regex::Error, source: &str) -> Self {
        let message = match error {
            regex::Error::CompiledTooBig(limit) => format!(
                "compiled, it is larger than {limit} bytes; classes such as `\\w` hold the letters of all \
                 scripts, `[0-9A-Za-z_]` is much smaller"
            ),
            other => other.to_string(),
        };
        Self { message, span: 0..source.len() }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(source: &str, value: &str) -> bool {
        Pattern::new(source, false).unwrap().matches(value.as_bytes())
    }

    fn error(source: &'static str) -> (String, &'static str) {
        let error = Pattern::new(source, false).unwrap_err();
        (error.message, &source[error.span])
    }

    #[test]
    fn the_whole_value_or_nothing() {
        assert!(
            matches("GET|POST", "POST") && !matches("GET|POST", "POSTS") && !matches("GET|POST", "A GET")
        );
        assert!(matches("a|ab", "ab"), "the first alternative that fits the whole counts");
        assert!(matches("", "") && !matches("", "a"));
        // `$` before a line feed is no end.
        assert!(!matches("a", "a\n") && !matches("(?m)^a$", "b\na\nb") && !matches("(?R)a$", "a\r\n"));
    }

    #[test]
    fn nothing_in_the_text_reaches_the_anchors() {
        for source in ["(?x) a # comment", "(?x) a # comment\n", "(?x)a#", "(?s-u:a)", "(?mx: a # )\n)"] {
            assert!(matches(source, "a") && !matches(source, "ab") && !matches(source, "ba"), "{source}");
        }
        assert_eq!(error("a)|(b"), ("unopened group".to_owned(), ")"));
        assert_eq!(
            error("a\\"),
            ("incomplete escape sequence, reached end of pattern prematurely".to_owned(), "\\")
        );
    }

    #[test]
    fn mistakes_have_places() {
        assert_eq!(error("ab(c").1, "(");
        assert_eq!(
            error("é[z-a]"),
            ("invalid character class range, the start must be <= the end".to_owned(), "z-a")
        );
        assert_eq!(error(r"x\p{Nope}").1, r"\p{Nope}");
        assert!(error("(?=a)b").0.starts_with("look-around"));
        assert_eq!(error(r"\pL{1000}").1, r"\pL{1000}");
        assert!(error(r"(\pL{9}){99}").0.contains("larger than 1048576 bytes"));
    }

    #[test]
    fn what_matches_begin_with() {
        let start = |source| String::from_utf8(Pattern::new(source, false).unwrap().start.into()).unwrap();
        let cases = [
            ("/a/.*", "/a/"),
            ("(/a/(b|c))+", ""),
            ("(/a)/b", "/a"),
            ("/a?", "/"),
            ("(?i)a.*", ""),
            ("^a", ""),
            ("", ""),
            ("é.*", "é"),
        ];
        for (source, expected) in cases {
            assert_eq!(start(source), expected, "{source}");
        }
        assert!(matches("/a?", "/") && matches("/ab|/ac", "/ac") && !matches("/ab|/ac", "/ad"));
    }

    #[test]
    fn simple_ones_need_no_automaton() {
        let is_simple = |source| !matches!(Pattern::new(source, false).unwrap().rest, Rest::Regex(_));
        assert!(["/a/.*", "/a/.*?", "GET", "é", "a\\.b"].into_iter().all(is_simple));
        assert!(!["(?s)a.*", "a.+", "a.{0,9}", "a.*b", "(?i)a", "", ".*"].into_iter().any(is_simple));
        assert!(matches("/a/.*", "/a/") && matches("/a/.*", "/a/b/é") && !matches("/a/.*", "/a"));
        assert!(!matches("/a/.*", "/a/b\n") && !matches("/a/.*", "/a/\nb") && !matches("GET", "GETS"));
        let (lossy, line) = (Pattern::new("\u{FFFD}", false).unwrap(), Pattern::new("a.*", false).unwrap());
        assert!(lossy.matches(b"\xe9") && line.matches(b"a\xe9") && !line.matches(b"\xe9a"));
    }

    #[test]
    fn case_and_bytes() {
        let host = Pattern::new(r"(www\.)?EXAMPLE\.com", true).unwrap();
        assert!(host.matches(b"www.Example.COM") && !host.matches(b"www_example.com"));
        assert_eq!(host.to_string(), r"(www\.)?EXAMPLE\.com");
        assert!(Pattern::new(".*", false).unwrap().matches(b"caf\xe9"));
        assert!(Pattern::new("caf\u{FFFD}", false).unwrap().matches(b"caf\xe9"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_not_parsed_means_the_same(source in r"[a/#&~\- é.*\\^|]{0,5}(\.\*)?") {
            let parsed = Pattern::parse(&source, false);
            match (Pattern::new(&source, false), parsed) {
                (Ok(new), Ok(parsed)) => {
                    assert_eq!(std::mem::discriminant(&new.rest), std::mem::discriminant(&parsed.rest));
                    assert!(matches!(new.rest, Rest::Regex(_)) || new.start == parsed.start);
                }
                (new, parsed) => assert_eq!(new.err(), parsed.err()),
            }
        }
    }
}
