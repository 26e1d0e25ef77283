//! Languages of messages, and their negotiation by Accept-Language (RFC 9110 §12.5.4, RFC 4647).
//!
//! As with Accept, nothing a client sends fails here.

use std::fmt;

use http::header::ACCEPT_LANGUAGE;

use crate::{
    exchange::Fields,
    media::{Members, QValue, split_parameters, weight},
};

/// A language tag (RFC 5646) as a message has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Language(String);

/// All Accept-Language lines of a request, read as one list.
#[derive(Clone, Copy, Debug)]
pub struct AcceptLanguage<'a> {
    ranges: [LanguageRange<'a>; MAX_RANGES],
    count: usize,
}

/// The ranges that are read; a list longer than this is cut. Browsers send the few languages that
/// their user set.
const MAX_RANGES: usize = 32;

/// One member of the field: a basic language range (RFC 4647 §2.1) and its weight.
#[derive(Clone, Copy, Debug)]
struct LanguageRange<'a> {
    /// A tag, or `*`.
    text: &'a [u8],
    quality: QValue,
}

impl Language {
    /// Reads a tag: subtags of one to eight letters and digits with hyphens between them.
    pub fn parse(tag: &str) -> Option<Self> {
        is_tag(tag.as_bytes()).then(|| Self(tag.to_owned()))
    }

    /// The tag as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the tag, in whatever case.
    fn is(&self, tag: &[u8]) -> bool {
        self.0.as_bytes().eq_ignore_ascii_case(tag)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'a> AcceptLanguage<'a> {
    /// Reads the field lines. A member that cannot be read is passed over.
    pub fn new(fields: Fields<'a>) -> Self {
        let unused = LanguageRange { text: b"*", quality: QValue::ONE };
        let mut accept = Self { ranges: [unused; MAX_RANGES], count: 0 };
        let members = fields.lines(&ACCEPT_LANGUAGE).flat_map(Members);
        for (place, range) in accept.ranges.iter_mut().zip(members.filter_map(LanguageRange::parse)) {
            *place = range;
            accept.count += 1;
        }
        accept
    }

    /// Looks up the language that fits best (RFC 4647 §3.4), and returns the position of its first
    /// tag; `None` where no range finds one, and the default applies.
    ///
    /// The ranges are asked by quality, then in the order of the field. Each takes the tag that it
    /// names, or else the closest that it leads to, cut subtag by subtag: `de-AT` takes `de`, but
    /// `de` never takes `de-AT`. A `*` finds nothing: it says that the default will do.
    pub fn choose<'l>(&self, tags: impl Iterator<Item = Option<&'l Language>> + Clone) -> Option<usize> {
        let mut best: Option<(QValue, usize)> = None;
        for range in self.wanted() {
            if best.is_some_and(|(quality, _)| quality >= range.quality) {
                continue;
            }
            let found = range
                .fallbacks()
                .filter(|tag| !self.excludes(tag))
                .find_map(|tag| tags.clone().position(|other| other.is_some_and(|other| other.is(tag))));
            best = found.map(|index| (range.quality, index)).or(best);
        }
        best.map(|(_, index)| index)
    }

    /// Whether the client refuses a tag: the closest of the ranges that cover it has `q=0`.
    ///
    /// `*;q=0` is left out, since it refuses only what no other range leads to, and that is never
    /// looked up.
    fn excludes(&self, tag: &[u8]) -> bool {
        let covering = self.ranges().filter(|range| !range.is_any() && range.covers(tag));
        let closest = covering.max_by_key(|range| (range.text.len(), range.quality));
        closest.is_some_and(|range| range.quality == QValue::ZERO)
    }

    /// The ranges that name what the client would like.
    fn wanted(&self) -> impl Iterator<Item = LanguageRange<'a>> + '_ {
        self.ranges().filter(|range| !range.is_any() && range.quality > QValue::ZERO)
    }

    fn ranges(&self) -> impl Iterator<Item = LanguageRange<'a>> + '_ {
        self.ranges.iter().copied().take(self.count)
    }
}

impl<'a> LanguageRange<'a> {
    /// Reads a member. `None`: it has no language, or a weight that is none.
    fn parse(member: &'a [u8]) -> Option<Self> {
        let (text, parameters) = split_parameters(member);
        if text != b"*" && !is_tag(text) {
            return None;
        }
        Some(Self { text, quality: weight(parameters)? })
    }

    fn is_any(&self) -> bool {
        self.text == b"*"
    }

    /// Whether the tag is the range, or begins with it and a hyphen (RFC 4647 §3.3.1).
    fn covers(&self, tag: &[u8]) -> bool {
        let Some((start, rest)) = tag.split_at_checked(self.text.len()) else { return false };
        start.eq_ignore_ascii_case(self.text) && matches!(rest, [] | [b'-', ..])
    }

    /// The range, and what is left of it as subtags go from the end. A subtag of one character
    /// introduces those behind it, and goes with the last of them.
    fn fallbacks(self) -> impl Iterator<Item = &'a [u8]> {
        let without_last = |tag: &&'a [u8]| tag.get(..tag.iter().rposition(|&byte| byte == b'-')?);
        let is_introduction =
            |tag: &&[u8]| tag.rsplit(|&byte| byte == b'-').next().is_some_and(|s| s.len() == 1);
        std::iter::successors(Some(self.text), move |tag| {
            std::iter::successors(without_last(tag), without_last).find(|tag| !is_introduction(tag))
        })
    }
}

/// Whether the bytes are subtags of one to eight letters and digits, the first of letters.
fn is_tag(bytes: &[u8]) -> bool {
    let fits =
        |subtag: &[u8]| (1..=8).contains(&subtag.len()) && subtag.iter().all(u8::is_ascii_alphanumeric);
    let mut subtags = bytes.split(|&byte| byte == b'-');
    let primary = subtags.next().unwrap_or_default();
    fits(primary) && primary.iter().all(u8::is_ascii_alphabetic) && subtags.all(fits)
}
