//! Rules and exchanges made by hand.

use retort::{
    Exchange,
    accept::Offer,
    exchange::{Content, Fields, record::Record},
    language::Language,
    media::MediaType,
    rules::{
        Condition, Conditions, FieldRule, Message, Overwrite, Pattern, StatusRule,
        field::{Action, Value},
    },
    status::StatusSet,
    template::{Escape, Syntax, Template},
};

pub(crate) fn template(text: &str) -> Template {
    Template::parse(text, Syntax::new(Escape::Text)).unwrap().template
}

pub(crate) fn message(text: &str) -> Message {
    Message::new(template(text), "text/plain; charset=utf-8".parse().unwrap())
}

/// A message of this type, whose text is the type.
pub(crate) fn typed(media_type: &str) -> (Offer, Message) {
    (offer(media_type), Message::new(template(media_type), media_type.parse().unwrap()))
}

/// The message of [`typed`] in a language.
pub(crate) fn spoken(media_type: &str, language: &str) -> (Offer, Message) {
    let (offer, message) = typed(media_type);
    (offer, Message { language: Language::parse(language), ..message })
}

pub(crate) fn offer(media_type: &str) -> Offer {
    match media_type {
        "*/*" => Offer::Any,
        media_type => Offer::Type(MediaType::parse(media_type).unwrap()),
    }
}

/// A rule of which each message says the rule's id.
pub(crate) fn rule(id: &str, statuses: &str, overwrite: Overwrite, offers: &[Offer]) -> StatusRule {
    let messages = offers.iter().map(|offer| (offer.clone(), message(id))).collect();
    StatusRule::new(id, StatusSet::from_regex(statuses).unwrap(), overwrite, messages)
}

/// A rule for 503 with one message for everybody, under these conditions.
pub(crate) fn under(id: &str, conditions: impl IntoIterator<Item = Condition>) -> StatusRule {
    let conditions = Conditions::new(conditions.into_iter().collect());
    rule(id, "503", Overwrite::Always, &[Offer::Any]).under(conditions)
}

pub(crate) fn pattern(source: &str) -> Pattern {
    Pattern::new(source, false).unwrap()
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(template(text))
}

pub(crate) fn field(name: &str, action: Action) -> FieldRule {
    FieldRule { name: name.parse().unwrap(), action }
}

pub(crate) fn record(json: serde_json::Value) -> Record {
    serde_json::from_value(json).unwrap()
}

/// The exchange while nothing of the content has come.
pub(crate) fn pending(record: &Record) -> Exchange<'_> {
    let mut exchange = record.exchange("id", None);
    exchange.response.is_pending = true;
    exchange.response.content = None;
    exchange.response.length = None;
    exchange
}

pub(crate) fn content(text: &str) -> Content {
    Content::new(Fields::Lines(&[]), text.as_bytes(), false)
}
