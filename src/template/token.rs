//! What has the shape of a directive.

use std::ops::Range;

use super::scan::Scanner;

/// Something that has the shape of a directive:
///
/// ```text
/// % [<>]? (\?!)? ([0-9]{3},?)* ({ … })? [%a-zA-Z]
/// ```
///
/// This is Repose's own grammar, with the backslash that its documentation has before `!`, and
/// with anything between the braces but braces, percent signs, backslashes and control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// `<` or `>`.
    pub(super) modifier: Option<char>,
    pub(super) is_negated: bool,
    pub(super) statuses: Part<'t>,
    pub(super) braces: Option<Part<'t>>,
    pub(super) letter: char,
}

/// A piece of the text, and where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'t> {
    pub(super) text: &'t str,
    pub(super) start: usize,
}

impl<'t> Token<'t> {
    /// Reads the token that starts at byte `start`.
    pub(super) fn read(text: &'t str, start: usize) -> Option<Self> {
        let mut scanner = Scanner::new(text, start);
        scanner.eat("%").then_some(())?;
        let modifier = scanner.eat_if(|c| matches!(c, '<' | '>'));
        let is_negated = scanner.eat("\\!") || scanner.eat("!");
        let statuses = Part::read(&mut scanner, statuses);
        let braces = if scanner.eat("{") {
            let content = Part::read(&mut scanner, |scanner| {
                scanner.eat_while(usize::MAX, |c| !matches!(c, '{' | '}' | '%' | '\\') && !c.is_control());
            });
            scanner.eat("}").then_some(Some(content))?
        } else {
            None
        };
        let letter = scanner.eat_if(|c| c == '%' || c.is_ascii_alphabetic())?;
        Some(Self { start, end: scanner.at(), modifier, is_negated, statuses, braces, letter })
    }
}

impl<'t> Part<'t> {
    fn read(scanner: &mut Scanner<'t>, walk: impl FnOnce(&mut Scanner<'t>)) -> Self {
        let start = scanner.at();
        walk(scanner);
        Self { text: scanner.since(start), start }
    }

    /// Where it ends.
    pub(super) fn end(self) -> usize {
        self.start + self.text.len()
    }

    /// The bytes that it takes of the text.
    pub(super) fn span(self) -> Range<usize> {
        self.start..self.end()
    }

    /// What stands before and after the first `delimiter`.
    pub(super) fn split_once(self, delimiter: &str) -> Option<(Self, Self)> {
        let (before, after) = self.text.split_once(delimiter)?;
        let start = self.start + before.len() + delimiter.len();
        Some((Part { text: before, ..self }, Part { text: after, start }))
    }

    /// What stands between the delimiters: all of it where there is none.
    pub(super) fn split(self, delimiter: char) -> impl Iterator<Item = Part<'t>> {
        let mut start = self.start;
        self.text.split(delimiter).map(move |text| {
            let part = Part { text, start };
            start = part.end() + delimiter.len_utf8();
            part
        })
    }

    /// Without the blanks at both ends.
    pub(super) fn trim(self) -> Self {
        let start = self.start + self.text.len() - self.text.trim_start_matches(' ').len();
        Part { text: self.text.trim_matches(' '), start }
    }

    /// The words between spaces and commas. The first is empty if a separator comes first.
    pub(super) fn words(self) -> impl Iterator<Item = Part<'t>> {
        let mut scanner = Scanner::new(self.text, 0);
        std::iter::from_fn(move || {
            let part = Part::read(&mut scanner, |scanner| {
                scanner.eat_while(usize::MAX, |c| !is_separator(c));
            });
            let more = !part.text.is_empty() || !scanner.rest().is_empty();
            scanner.eat_while(usize::MAX, is_separator);
            more.then_some(Part { start: self.start + part.start, ..part })
        })
    }
}

/// Whether the character stands between arguments.
pub(super) fn is_separator(c: char) -> bool {
    matches!(c, ' ' | ',')
}

/// Walks over statuses, each with a comma or without.
fn statuses(scanner: &mut Scanner<'_>) {
    loop {
        let mut ahead = *scanner;
        if ahead.eat_while(3, |c| c.is_ascii_digit()).len() < 3 {
            return;
        }
        ahead.eat(",");
        *scanner = ahead;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    fn words(text: &str) -> Vec<(usize, &str)> {
        Part { text, start: 10 }.words().map(|word| (word.start, word.text)).collect()
    }

    #[test]
    fn words_and_where_they_start() {
        assert_eq!(words(""), []);
        assert_eq!(words("X-A"), [(10, "X-A")]);
        assert_eq!(words("X-A, DATE  b "), [(10, "X-A"), (15, "DATE"), (21, "b")]);
        assert_eq!(words(" X-A"), [(10, ""), (11, "X-A")]);
    }

    #[test]
    fn pieces_and_where_they_start() {
        let part = Part { text: " A? B :-c:-d", start: 10 };
        let (names, rest) = part.split_once(":-").unwrap();
        assert_eq!(rest, Part { text: "c:-d", start: 18 });
        let names: Vec<_> = names.split('?').map(Part::trim).map(|name| (name.text, name.span())).collect();
        assert_eq!(names, [("A", 11..12), ("B", 14..15)]);
        assert_eq!(Part { text: "  ", start: 3 }.trim().span(), 5..5);
    }

    proptest! {
        /// The grammar as one expression, in the notation of Repose.
        #[test]
        fn the_grammar(
            text in "%[<>]{0,2}(\\\\?!)?([0-9]{2,4},{0,2}){0,3}(\\{[{}%\\\\\u{1} a-z_/-]{0,3}\\}?)?[%a-cX {]?",
        ) {
            let grammar = Regex::new(
                r"^%([<>])?(\\?!)?((?:[0-9]{3},?)*)(?:\{([^{}%\\\x00-\x1F\x7F]*)\})?([%a-zA-Z])",
            )
            .unwrap();
            let expected = grammar.captures(&text).map(|found| {
                let part = |index| found.get(index).map(|part| Part { text: part.as_str(), start: part.start() });
                Token {
                    start: 0,
                    end: found[0].len(),
                    modifier: found.get(1).and_then(|part| part.as_str().chars().next()),
                    is_negated: found.get(2).is_some(),
                    statuses: part(3).unwrap(),
                    braces: part(4),
                    letter: found[5].chars().next().unwrap(),
                }
            });
            prop_assert_eq!(Token::read(&text, 0), expected);
        }
    }
}
