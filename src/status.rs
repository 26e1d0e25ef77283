//! Sets of status codes, and the `code-regex` that describes them.

mod java;

use std::{fmt, iter, ops::Range};

/// The status codes that a rule can be for: three digits, RFC 9110 §15.
pub const CODES: std::ops::RangeInclusive<u16> = 100..=999;

/// A set of status codes: what a `code-regex` matches, evaluated once at load.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusSet([u64; 15]);

/// Why a `code-regex` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong, in words.
    pub message: String,
    /// Where: bytes of the expression.
    pub span: Range<usize>,
}

impl StatusSet {
    /// The set of no status.
    pub const EMPTY: Self = Self([0; 15]);

    /// Evaluates a regular expression, in Java's syntax, which must match the whole of a status.
    ///
    /// Look-around, possessive quantifiers and back-references are understood. Nothing is matched
    /// by regex afterwards.
    pub fn from_regex(expression: &str) -> Result<Self, Error> {
        if let Some(status) = plain(expression) {
            return Ok([status].into_iter().collect());
        }
        let whole = 0..expression.len();
        let error = |message: String| Error { message, span: whole.clone() };
        let translated = java::translate(expression)?;
        let regex = fancy_regex::RegexBuilder::new(&format!(r"\A(?:{translated})\z"))
            .backtrack_limit(100_000)
            .build()
            .map_err(|cause| error(describe(&cause)))?;
        let mut set = Self::EMPTY;
        for code in CODES {
            if regex.is_match(&code.to_string()).map_err(|cause| error(describe(&cause)))? {
                set.insert(code);
            }
        }
        Ok(set)
    }

    /// Adds a status. One outside of [`CODES`] is passed over.
    pub fn insert(&mut self, status: u16) {
        if let Some((word, bit)) = position(status)
            && let Some(word) = self.0.get_mut(word)
        {
            *word |= bit;
        }
    }

    /// Whether the status is in the set.
    pub fn contains(&self, status: u16) -> bool {
        position(status).is_some_and(|(word, bit)| self.0.get(word).is_some_and(|word| word & bit != 0))
    }

    /// Whether no status is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// The statuses of both sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut set = self.clone();
        set.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
        set
    }

    /// The statuses that are in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut set = self.clone();
        set.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= !other);
        set
    }

    /// The statuses in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        let firsts = CODES.step_by(u64::BITS as usize);
        self.0.iter().zip(firsts).flat_map(|(&word, first)| {
            let without_lowest = |word: &u64| Some(word & word.wrapping_sub(1));
            let words = iter::successors(Some(word), without_lowest).take_while(|&word| word != 0);
            words.map(move |word| first + word.trailing_zeros() as u16)
        })
    }
}

/// Runs of consecutive statuses: `400-417,419,500-599`.
impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(u16, u16)> = Vec::new();
        for status in self.iter() {
            match runs.last_mut() {
                Some((_, end)) if *end + 1 == status => *end = status,
                _ => runs.push((status, status)),
            }
        }
        for (index, (start, end)) in runs.into_iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            match start == end {
                true => write!(f, "{start}")?,
                false => write!(f, "{start}-{end}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusSet({self})")
    }
}

impl FromIterator<u16> for StatusSet {
    fn from_iter<I: IntoIterator<Item = u16>>(statuses: I) -> Self {
        let mut set = Self::EMPTY;
        statuses.into_iter().for_each(|status| set.insert(status));
        set
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The registered reason phrase of a status, in the words of RFC 9110.
pub fn reason_phrase(status: u16) -> Option<&'static str> {
    match status {
        // The http crate has those of RFC 7231.
        413 => Some("Content Too Large"),
        422 => Some("Unprocessable Content"),
        _ => http::StatusCode::from_u16(status).ok()?.canonical_reason(),
    }
}

fn position(status: u16) -> Option<(usize, u64)> {
    let index = CODES.contains(&status).then(|| usize::from(status - CODES.start()))?;
    Some((index / 64, 1 << (index % 64)))
}

/// The status that an expression without any operator is for: most rules of a large file.
fn plain(expression: &str) -> Option<u16> {
    let digits = expression.len() == 3 && expression.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| expression.parse().ok()).flatten().filter(|status| CODES.contains(status))
}

/// The innermost cause in one line: positions would be those of the translated expression.
fn describe(error: &fancy_regex::Error) -> String {
    let text = match error {
        fancy_regex::Error::ParseError(_, kind) => kind.to_string(),
        fancy_regex::Error::CompileError(cause) => match cause.as_ref() {
            fancy_regex::CompileError::InnerError(inner) => {
                inner.syntax_error().map_or_else(|| inner.to_string(), ToString::to_string)
            }
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    let line = text.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_runs() {
        let set: StatusSet = [100, 101, 404, 999, 99, 1000].into_iter().collect();
        assert_eq!(set.to_string(), "100-101,404,999");
        assert!(set.contains(404) && !set.contains(405) && !set.contains(99) && !set.contains(1000));
        let rest = set.difference(&[404, 101].into_iter().collect());
        assert_eq!(rest.to_string(), "100,999");
        assert_eq!(rest.union(&[404].into_iter().collect()).to_string(), "100,404,999");
        assert!(StatusSet::EMPTY.is_empty() && !rest.is_empty());
    }
}
