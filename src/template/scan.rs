//! A reader that walks over a text and takes what it knows.

/// A text and a place in it.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    /// A reader that starts at byte `at`.
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    /// The place: a byte of the text.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is left of the text.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What was read since the place `from`.
    pub(super) fn since(&self, from: usize) -> &'t str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// Takes this token, if it is next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Takes one character, if it is the next and fits.
    pub(super) fn eat_if(&mut self, fits: impl Fn(char) -> bool) -> Option<char> {
        let c = self.rest().chars().next().filter(|&c| fits(c))?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Takes all characters that fit, at most `most` of them.
    pub(super) fn eat_while(&mut self, most: usize, fits: impl Fn(char) -> bool) -> &'t str {
        let from = self.at;
        for _ in 0..most {
            if self.eat_if(&fits).is_none() {
                break;
            }
        }
        self.since(from)
    }

    /// Takes a number of `least` to `most` digits; nothing if there are fewer.
    pub(super) fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.eat_while(most, |c| c.is_ascii_digit());
        (digits.len() >= least).then(|| digits.parse().ok()).flatten()
    }

    /// Takes letters of ASCII.
    pub(super) fn word(&mut self) -> &'t str {
        self.eat_while(usize::MAX, |c| c.is_ascii_alphabetic())
    }
}
