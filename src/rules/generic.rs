//! The short messages for errors that no rule has one for.
//!
//! They are rules like any others, so that they are negotiated, escaped and sent in one way.

use std::sync::LazyLock;

use http::HeaderValue;

use super::{Message, Overwrite, Rules, StatusRule};
use crate::{
    accept::{Negotiation, Offer},
    media::MediaType,
    status::CODES,
    template::{Escape, Syntax, Template},
};

/// What is offered as which Content-Type; the last answers whatever the client accepts.
const MESSAGES: [(Option<&str>, &str, &str); 4] = [
    (Some("application/json"), "application/problem+json", PROBLEM),
    (Some("application/problem+json"), "application/problem+json", PROBLEM),
    (Some("text/html"), "text/html; charset=utf-8", PAGE),
    (None, "text/plain; charset=utf-8", "%s %M"),
];

const PROBLEM: &str = r#"{"title":"%M","status":%s}"#;

const PAGE: &str =
    r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>%s %M</title><h1>%s %M</h1></html>"#;

static GENERIC: LazyLock<Rules> = LazyLock::new(|| {
    let messages = MESSAGES.into_iter().filter_map(|(offer, sent, text)| message(offer, sent, text));
    let rule = StatusRule::new("generic", CODES.collect(), Overwrite::Always, messages.collect());
    Rules::new(vec![rule], Negotiation::Rfc9110)
});

/// The rules for errors that no other rule has a message for: one that is for every status, and
/// always writes a message of JSON, HTML or text.
pub fn generic() -> &'static Rules {
    &GENERIC
}

fn message(offer: Option<&str>, sent: &'static str, text: &str) -> Option<(Offer, Message)> {
    let offer = match offer {
        Some(text) => Offer::Type(MediaType::parse(text).ok()?),
        None => Offer::Any,
    };
    let escape = Escape::of(&MediaType::parse(sent).ok()?);
    let template = Template::parse(text, Syntax::new(escape)).ok()?.template;
    Some((offer, Message::new(template, HeaderValue::from_static(sent))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_for_every_status_and_whole() {
        assert!(CODES.into_iter().all(|status| generic().covers(status)));
        assert_eq!(generic().message_count(), MESSAGES.len());
    }
}
