//! One `message` element: what it offers, its Content-Type, its text.

use std::{ops::Range, path::Path, sync::Arc};

use http::HeaderValue;

use super::{Schema, attribute, value_span};
use crate::{
    accept::Offer,
    config::{
        diagnostic::{Diagnostic, Severity, Source},
        document::{Attribute, Element, Node, Text},
        href::Target,
        sample,
    },
    media::{MediaType, ParseError},
    rules::Message,
    template::{Escape, Parsed, Syntax, Template},
};

/// Where the text of a message stands: in the rules file or in one of its own.
struct Origin<'e> {
    source: Arc<Source>,
    text: std::borrow::Cow<'e, str>,
    /// Maps the text into the rules file; a message file is its own text.
    inline: Option<&'e Text>,
}

impl Origin<'_> {
    fn span(&self, range: Range<usize>) -> Range<usize> {
        self.inline.map_or(range.clone(), |text| text.source_span(range))
    }
}

/// The Content-Type of a message, ready to send, and what follows from it.
struct ContentType {
    media_type: MediaType,
    value: HeaderValue,
}

impl Schema<'_> {
    /// Reads a message. `status` is one that its rule is for.
    pub(super) fn message(&mut self, element: &Element, status: u16) -> Option<(Offer, Message)> {
        self.known_attributes(
            element,
            &["media-type", "content-type", "href", "prepend-origin", "overwrite-origin"],
        );
        self.markup(element);
        let offer = self.offer(element);
        let content_type = self.content_type(element);
        if let (Some(offer), Some(content_type)) = (&offer, &content_type) {
            self.mislabelled(element, offer, &content_type.media_type);
        }
        // A message whose type is wrong may have mistakes in its text, too.
        let escape = content_type.as_ref().map_or(Escape::Text, |sent| Escape::of(&sent.media_type));
        let origin = self.origin(element)?;
        let template = self.template(&origin, escape)?;
        self.well_formed(&template, escape, &origin, element, status);
        Some((offer?, Message::new(template, content_type?.value)))
    }

    /// What the message offers: a media type, or `*/*`.
    fn offer(&mut self, element: &Element) -> Option<Offer> {
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
    fn content_type(&mut self, element: &Element) -> Option<ContentType> {
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

    /// The text of the message. A file wins over text in place.
    fn origin<'e>(&mut self, element: &'e Element) -> Option<Origin<'e>> {
        let inline = element.children.iter().find_map(Node::text);
        let Some(href) = attribute(element, "href") else {
            let text = inline.map_or("", |text| text.value.as_str()).into();
            return Some(Origin { source: self.report.source().clone(), text, inline });
        };
        if inline.is_some_and(|text| !text.value.trim().is_empty()) {
            let message = "the text of the message is not used: `href` names a file";
            self.report.warn("text-beside-href", message, href.name_span.clone(), "remove one of the two");
        }
        let base = self.report.source().path.parent().unwrap_or(Path::new(""));
        let read = Target::new(&href.value.value, base)
            .and_then(|target| self.files.read(&target).map(|text| (target.path, text)));
        match read {
            Ok((path, text)) => Some(Origin {
                source: Arc::new(Source::new(path, text.clone())),
                text: text.into(),
                inline: None,
            }),
            Err(error) => {
                self.report.error("href", error.to_string(), value_span(href), error.help());
                None
            }
        }
    }

    fn template(&mut self, origin: &Origin<'_>, escape: Escape) -> Option<Template> {
        let diagnostic = |severity, code, message: String, span, help| Diagnostic {
            severity,
            code,
            message,
            source: origin.source.clone(),
            span: Some(origin.span(span)),
            help,
        };
        match Template::parse(&origin.text, Syntax::new(escape)) {
            Ok(Parsed { template, warnings }) => {
                for warning in warnings {
                    let (code, help) = (warning.kind.code(), warning.kind.help());
                    let message = warning.kind.to_string();
                    self.report.push(diagnostic(Severity::Warning, code, message, warning.span, help));
                }
                Some(template)
            }
            Err(errors) => {
                for error in errors {
                    let (code, help) = (error.kind.code(), error.kind.help());
                    let message = error.kind.to_string();
                    self.report.push(diagnostic(Severity::Error, code, message, error.span, help));
                }
                None
            }
        }
    }

    /// Warns of a JSON or XML message that is none once rendered.
    fn well_formed(
        &mut self,
        template: &Template,
        escape: Escape,
        origin: &Origin<'_>,
        element: &Element,
        status: u16,
    ) {
        let Some(problem) = sample::problem(template, escape, status) else { return };
        let span = match origin.inline {
            Some(text) => text.span(),
            None if origin.text.is_empty() => element.span.clone(),
            None => 0..origin.text.len(),
        };
        let source = if origin.text.is_empty() { self.report.source() } else { &origin.source };
        self.report.push(Diagnostic {
            severity: Severity::Warning,
            code: "not-well-formed",
            message: problem.message,
            source: source.clone(),
            span: Some(span),
            help: Some(problem.help),
        });
    }

    /// Warns of a message for clients of JSON or XML that is sent as plain text.
    fn mislabelled(&mut self, element: &Element, offer: &Offer, sent: &MediaType) {
        let Offer::Type(offered) = offer else { return };
        if Escape::of(offered) == Escape::Text || sent.kind() != "text" || sent.subtype() != "plain" {
            return;
        }
        let span = attribute(element, "media-type").map_or(element.span.clone(), value_span);
        let message = format!("the message for `{offered}` is sent as `text/plain`");
        self.report.warn("sent-as-plain-text", message, span, format!("write content-type=\"{offered}\""));
    }

    /// Reports elements in a message: markup is text here.
    fn markup(&mut self, element: &Element) {
        for child in element.children.iter().filter_map(Node::element) {
            let message = format!("unknown element `{}` in `message`", child.name);
            let help = "markup of a message is text: wrap it in <![CDATA[ … ]]>";
            self.report.error("unknown-element", message, child.span.clone(), Some(help));
        }
    }
}
