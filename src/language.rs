//! Languages of messages, and their negotiation by Accept-Language (RFC 9110 §12.5.4, RFC 4647).

use std::fmt;

/// A language tag (RFC 5646) as a message has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Language(String);

impl Language {
    /// Reads a tag: subtags of one to eight letters and digits with hyphens between them.
    pub fn parse(tag: &str) -> Option<Self> {
        let fits = |subtag: &str| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        let primary = tag.split('-').next().unwrap_or_default();
        let is_tag = tag.split('-').all(fits) && primary.bytes().all(|b| b.is_ascii_alphabetic());
        is_tag.then(|| Self(tag.to_owned()))
    }

    /// The tag as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
