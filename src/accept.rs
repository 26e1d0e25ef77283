//! The Accept field (RFC 9110 §12.5.1): field lines become ranges, ranges choose among offers.
//!
//! Nothing a client sends fails here: a member that cannot be read is passed over, and a field of
//! which nothing can be read counts as absent.

use std::cmp::Reverse;

use http::header::ACCEPT;

use crate::{
    exchange::Fields,
    media::{ContentType, MediaRange, MediaType, Members, QValue, Specificity},
};

/// What one message offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// `*/*`: answers every request.
    Any,
    /// A media type.
    Type(MediaType),
    /// Something that no request can name; Repose compares such a media type as it stands.
    Never,
}

/// How ranges and offers are brought together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Negotiation {
    /// As RFC 9110 §12.5.1 has it.
    #[default]
    Rfc9110,
    /// As Repose read it: only the ranges of the best quality count, and a wildcard of the client
    /// finds `*/*` offers only.
    Exact,
}

/// All Accept lines of a request, read as one list.
#[derive(Clone, Copy, Debug)]
pub struct Accept<'a> {
    ranges: [MediaRange<'a>; AT_HAND],
    count: usize,
    /// The lines that hold more than fits at hand.
    rest: Option<Fields<'a>>,
}

/// The ranges that are kept as read: browsers send eight. Beyond that, lines are read again.
const AT_HAND: usize = 16;

/// The ranges that are read at all; a list longer than this is cut (RFC 9110 §12.5.1 obliges a
/// server to none of them).
const MAX_RANGES: usize = 256;

/// How a request weighs one offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// The position in the field of the range that decides.
    pub position: usize,
    /// The quality that it gives.
    pub quality: QValue,
    /// How closely it describes the offer.
    pub specificity: Specificity,
}

impl Offer {
    /// Whether the range names the type, and not a kind of types.
    fn is_named_by(&self, range: &MediaRange<'_>) -> bool {
        match self {
            Offer::Type(media_type) => range.describes(media_type) >= Some(Specificity::Exact),
            Offer::Any | Offer::Never => false,
        }
    }
}

impl<'a> Accept<'a> {
    /// Reads the field lines.
    pub fn new(fields: Fields<'a>) -> Self {
        let mut accept = Self { ranges: [MediaRange::ANY; AT_HAND], count: 0, rest: None };
        for range in read(fields) {
            match accept.ranges.get_mut(accept.count) {
                Some(place) => *place = range,
                None => {
                    accept.rest = Some(fields);
                    break;
                }
            }
            accept.count += 1;
        }
        // Absent, empty or wholly malformed: everything is acceptable.
        accept.count = accept.count.max(1);
        accept
    }

    /// The ranges in the order of the field.
    pub fn ranges(&self) -> impl Iterator<Item = MediaRange<'a>> + '_ {
        let more = self.rest.map(|fields| read(fields).skip(self.count)).into_iter().flatten();
        self.ranges.iter().copied().take(self.count).chain(more)
    }

    /// Chooses among the offers; `None` where none is acceptable.
    pub fn choose(&self, offers: &[Offer], negotiation: Negotiation) -> Option<usize> {
        let chosen = match negotiation {
            Negotiation::Rfc9110 => self.best(offers),
            Negotiation::Exact => self.equal(offers),
        };
        // A 406 helps nobody: the catch-all answers (RFC 9110 §12.4.1 allows it).
        chosen.or_else(|| offers.iter().position(|offer| *offer == Offer::Any))
    }

    /// The weight of one of the offers: that of the range that describes it most closely.
    ///
    /// A `*/*` offer has the weight of `*/*` in the field, and of nothing else. `application/json`
    /// also asks for `application/problem+json` where that is all there is, and the reverse.
    pub fn weigh(&self, offer: &Offer, offers: &[Offer]) -> Option<Weight> {
        self.weight(|range| match offer {
            Offer::Any => range.is_any().then_some(Specificity::Any),
            Offer::Type(media_type) => range.describes(media_type).or_else(|| {
                let is_alias =
                    range.is_alias_of(media_type) && !offers.iter().any(|other| other.is_named_by(range));
                is_alias.then_some(Specificity::Alias)
            }),
            Offer::Never => None,
        })
    }

    /// Whether content of this type is acceptable. What cannot be read is.
    pub fn accepts(&self, content_type: &[u8]) -> bool {
        let Some(content) = ContentType::parse(content_type) else { return true };
        let weight = self.weight(|range| range.describes_content(&content));
        weight.is_some_and(|weight| weight.quality > QValue::ZERO)
    }

    /// The weight that the closest range gives; `closeness` says how close each is.
    fn weight(&self, closeness: impl Fn(&MediaRange<'_>) -> Option<Specificity>) -> Option<Weight> {
        let weights = self.ranges().enumerate().filter_map(|(position, range)| {
            let (specificity, quality) = (closeness(&range)?, range.quality());
            // Who refuses a type has not refused its alias.
            let counts = specificity != Specificity::Alias || quality > QValue::ZERO;
            counts.then_some(Weight { position, quality, specificity })
        });
        weights.max_by_key(|weight| (weight.specificity, weight.quality, Reverse(weight.position)))
    }

    /// The offer with the highest quality; among equals that of the earlier range; a `*/*` range
    /// takes the `*/*` offer first; then the earlier offer.
    fn best(&self, offers: &[Offer]) -> Option<usize> {
        let weighed = offers.iter().enumerate().filter_map(|(index, offer)| {
            let weight = self.weigh(offer, offers).filter(|weight| weight.quality > QValue::ZERO)?;
            Some((weight.quality, Reverse(weight.position), *offer == Offer::Any, Reverse(index)))
        });
        weighed.max().map(|(_, _, _, Reverse(index))| index)
    }

    /// The first offer that equals a range of the best quality.
    fn equal(&self, offers: &[Offer]) -> Option<usize> {
        let best = self.ranges().map(|range| range.quality()).max()?;
        self.ranges().filter(|range| range.quality() == best).find_map(|range| {
            offers.iter().position(|offer| match offer {
                Offer::Any => range.is_any(),
                Offer::Type(media_type) => media_type.parameters().is_empty() && offer.is_named_by(&range),
                Offer::Never => false,
            })
        })
    }
}

/// The members of all lines that can be read.
fn read<'a>(fields: Fields<'a>) -> impl Iterator<Item = MediaRange<'a>> {
    fields.lines(&ACCEPT).flat_map(Members).filter_map(MediaRange::parse).take(MAX_RANGES)
}
