//! How a message was chosen, step by step.

use crate::{
    Decision, Exchange,
    accept::{Accept, Negotiation, Offer},
    media::QValue,
    rules::{Reason, StatusRule},
};

/// What the client accepts, and what each message is worth to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// How ranges and messages were brought together.
    pub negotiation: Negotiation,
    /// The ranges in the order of the field.
    pub ranges: Vec<Ranged>,
    /// The messages of the rule.
    pub messages: Vec<Offered>,
}

/// A range that the client accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranged {
    /// As it was sent.
    pub text: String,
    /// What it gives.
    pub quality: QValue,
    /// The positions of the messages whose quality it decides.
    pub decides: Vec<usize>,
}

/// A message, and what it is worth to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Its position in the rule.
    pub index: usize,
    /// What the client has to accept.
    pub media_type: String,
    /// The language that it is in.
    pub language: Option<String>,
    /// What it is worth; `None` where no range describes it.
    pub quality: Option<QValue>,
    /// Whether it was chosen.
    pub chosen: Option<Chosen>,
}

/// Why a message was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The client would like it best.
    Wanted,
    /// It answers where nothing is acceptable.
    Fallback,
}

impl Negotiated {
    /// `None` where the rules did not come as far as the client's Accept.
    pub(super) fn by(
        decision: &Decision<'_>,
        negotiation: Negotiation,
        exchange: &Exchange<'_>,
    ) -> Option<Self> {
        let rule = decision.rule().filter(|_| was_negotiated(decision))?;
        Some(Self::among(rule, decision.message(), negotiation, exchange))
    }

    fn among(
        rule: &StatusRule,
        chosen: Option<usize>,
        negotiation: Negotiation,
        exchange: &Exchange<'_>,
    ) -> Self {
        let accept = Accept::new(exchange.request.fields);
        let weights: Vec<_> = rule.offers().iter().map(|offer| accept.weigh(offer, rule.offers())).collect();
        let ranges = accept.ranges().enumerate().map(|(position, range)| {
            let decides = weights
                .iter()
                .enumerate()
                .filter(|(_, weight)| weight.is_some_and(|weight| weight.position == position));
            Ranged {
                text: super::harmless(String::from_utf8_lossy(range.text()).trim()),
                quality: range.quality(),
                decides: decides.map(|(index, _)| index).collect(),
            }
        });
        let messages = rule.offers().iter().zip(&weights).enumerate().map(|(index, (offer, weight))| {
            let language = rule.messages().get(index).and_then(|message| message.language.as_ref());
            Offered {
                index,
                media_type: media_type(offer),
                language: language.map(ToString::to_string),
                quality: weight.map(|weight| weight.quality),
                chosen: (chosen == Some(index)).then(|| match weight {
                    Some(weight) if weight.quality > QValue::ZERO => Chosen::Wanted,
                    _ => Chosen::Fallback,
                }),
            }
        });
        Self { negotiation, ranges: ranges.collect(), messages: messages.collect() }
    }
}

impl Chosen {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Chosen::Wanted => "chosen",
            Chosen::Fallback => "chosen: it answers where nothing is acceptable",
        }
    }
}

/// What a client has to accept.
pub fn media_type(offer: &Offer) -> String {
    match offer {
        Offer::Any => "*/*".to_owned(),
        Offer::Type(media_type) => media_type.to_string(),
        Offer::Never => "(none that a client can name)".to_owned(),
    }
}

/// Whether the rules came as far as the client's Accept.
fn was_negotiated(decision: &Decision<'_>) -> bool {
    match decision {
        Decision::Keep(kept) => kept.message.is_some() || kept.reason == Reason::NotAcceptable,
        Decision::Replace(_) | Decision::Steer(_) | Decision::Wait(_) => true,
    }
}
