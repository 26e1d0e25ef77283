//! What a message offers, and what it is sent as: media type, Content-Type, language, escaping.

use http::HeaderValue;

use super::{
    Schema,
    element::{attribute, language, value_span},
};
use crate::{
    accept::Offer,
    config::document::{Attribute, Element},
    language::Language,
    media::{MediaType, ParseError},
    template::Escape,
};

/// The Content-Type of a message, ready to send, and what follows from it.
pub(super) struct ContentType {
    pub(super) media_type: MediaType,
    pub(super) value: HeaderValue,
}

/// How inserted values are escaped; `None`: as the Content-Type needs it.
const ESCAPES: [(&str, Option<Escape>); 6] = [
    ("auto", None),
    ("none", Some(Escape::None)),
    ("json", Some(Escape::Json)),
    ("xml", Some(Escape::Xml)),
    ("html", Some(Escape::Html)),
    ("url", Some(Escape::Url)),
];

impl Schema<'_> {
    /// What the message offers: a media type, or `*/*`.
    pub(super) fn offer(&mut self, element: &Element) -> Option<Offer> {
        let Some(attribute) = attribute(element, "media-type") else { return Some(Offer::Any) };
        let value = attribute.value.value.as_str();
        if value == "*/*" {
            return Some(Offer::Any);
        }
        if value != value.trim() && MediaType::parse(value.trim()).is_ok() {
            let message = "blanks around a media type: no request can ask for it";
            self.report.warn("blank-in-media-type", message, value_span(attribute), "remove the blanks");
            return Some(Offer::Never);
        }
        match MediaType::parse(value) {
            Ok(media_type) => Some(Offer::Type(media_type)),
            Err(error) => {
                let help = match error {
                    ParseError::Wildcard => {
                        "a message is of one media type, or of `*/*`, which answers every request"
                    }
                    _ => {
                        "write a media type such as `application/json`, or `*/*`, which answers every request"
                    }
                };
                self.invalid_media_type(attribute, error, help);
                None
            }
        }
    }

    fn invalid_media_type(&mut self, attribute: &Attribute, error: ParseError, help: &str) {
        let message = format!("invalid `{}`: {error}", attribute.name);
        self.report.error("invalid-media-type", message, value_span(attribute), Some(help));
    }

    /// The Content-Type: text types get the charset that messages are in.
    pub(super) fn content_type(&mut self, element: &Element) -> Option<ContentType> {
        let Some(attribute) = attribute(element, "content-type") else {
            let media_type = MediaType::parse("text/plain").ok()?;
            return Some(ContentType {
                media_type,
                value: HeaderValue::from_static("text/plain; charset=utf-8"),
            });
        };
        let written = attribute.value.value.trim();
        let media_type = match MediaType::parse(written) {
            Ok(media_type) => media_type,
            Err(error) => {
                self.invalid_media_type(attribute, error, "write a media type such as `application/json`");
                return None;
            }
        };
        let value = match media_type.parameter("charset") {
            Some(charset)
                if !charset.eq_ignore_ascii_case("utf-8") && !charset.eq_ignore_ascii_case("utf8") =>
            {
                let message = format!("messages are sent as UTF-8, not as `{charset}`");
                self.report.error(
                    "charset",
                    message,
                    value_span(attribute),
                    Some("write charset=utf-8, or leave it out"),
                );
                return None;
            }
            None if media_type.kind() == "text" => HeaderValue::try_from(format!("{written}; charset=utf-8")),
            _ => HeaderValue::try_from(written),
        };
        let Ok(value) = value else {
            self.invalid_media_type(
                attribute,
                ParseError::NotAToken,
                "write a media type such as `application/json`",
            );
            return None;
        };
        Some(ContentType { media_type, value })
    }

    /// The language that the message is in. `None`: there is a mistake in it.
    pub(super) fn language(&mut self, element: &Element) -> Option<Option<Language>> {
        let Some(attribute) = language(element) else { return Some(None) };
        let written = attribute.value.value.as_str();
        if let Some(language) = Language::parse(written) {
            return Some(Some(language));
        }
        let message = format!("`{written}` is no language tag");
        let mended = written.trim().replace('_', "-");
        let help = match Language::parse(&mended) {
            Some(_) => format!("did you mean `{mended}`?"),
            None => "write a tag such as `en`, `pt-BR` or `zh-Hant`".to_owned(),
        };
        self.report.error("invalid-language", message, value_span(attribute), Some(help));
        None
    }

    /// How values are escaped that are inserted into the message.
    pub(super) fn escape(&mut self, element: &Element, media_type: Option<&MediaType>) -> Escape {
        let chosen = self.word(element, "escape", &ESCAPES).flatten();
        // A message whose type is wrong may have mistakes in its text, too.
        chosen.unwrap_or_else(|| media_type.map_or(Escape::Text, Escape::of))
    }

    /// Warns of a message for clients of JSON or XML that is sent as plain text.
    pub(super) fn mislabelled(&mut self, element: &Element, offer: &Offer, sent: &MediaType) {
        let Offer::Type(offered) = offer else { return };
        if Escape::of(offered) == Escape::Text || sent.kind() != "text" || sent.subtype() != "plain" {
            return;
        }
        let span = attribute(element, "media-type").map_or(element.span.clone(), value_span);
        let message = format!("the message for `{offered}` is sent as `text/plain`");
        self.report.warn("sent-as-plain-text", message, span, format!("write content-type=\"{offered}\""));
    }
}
