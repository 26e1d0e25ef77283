//! One `message` element: what it offers, how it is sent, its text.

use super::{
    Schema,
    element::{attribute, language, nearest, value_span},
    text::Origin,
};
use crate::{
    accept::Offer,
    config::{
        diagnostic::{Diagnostic, Severity},
        document::{Element, Node},
        sample::{self, Statuses},
    },
    language::Language,
    rules::{FieldRule, Message},
    template::{Escape, Template},
};

const ATTRIBUTES: [&str; 7] =
    ["media-type", "content-type", "href", "xml:lang", "escape", "prepend-origin", "overwrite-origin"];

impl Schema<'_> {
    /// Reads a message. `tried` are statuses that its rule may meet and send; `earlier` are the messages before
    /// it.
    pub(super) fn message(
        &mut self,
        element: &Element,
        tried: Statuses,
        earlier: &[(Offer, Message)],
    ) -> Option<(Offer, Message)> {
        self.known_attributes(element, &ATTRIBUTES);
        let fields = self.message_fields(element, tried);
        let offer = self.offer(element);
        let language = self.language(element);
        self.language_twice(element);
        let content_type = self.content_type(element);
        let media_type = content_type.as_ref().map(|sent| &sent.media_type);
        if let (Some(offer), Some(media_type)) = (&offer, media_type) {
            self.mislabelled(element, offer, media_type);
        }
        if let (Some(offer), Some(language)) = (&offer, &language) {
            self.reachable(element, offer, language.as_ref(), earlier);
        }
        let escape = self.escape(element, media_type);
        let origin = self.origin(element)?;
        let template = self.template(&origin, escape)?;
        // Who asks for values as they are has seen to it that they fit.
        if let Some(media_type) = media_type.filter(|_| escape != Escape::None) {
            self.well_formed(&template, Escape::of(media_type), &origin, element, tried);
        }
        let message = Message::new(template, content_type?.value);
        Some((offer?, Message { language: language?, fields, ..message }))
    }

    /// The `header` elements of a message. Everything else between its tags is text, markup
    /// included, which has to be written as such.
    fn message_fields(&mut self, element: &Element, tried: Statuses) -> Vec<FieldRule> {
        let mut fields = Vec::new();
        for child in element.children.iter().filter_map(Node::element) {
            if self.is_named(child, &["header"]) {
                let field = self.header(child, tried, &fields);
                fields.extend(field);
                continue;
            }
            let message = format!("unknown element `{}` in `message`", child.name);
            let is_field = child.attributes.iter().any(|attribute| &*attribute.name.local == "name")
                && nearest(&child.name.local, &["header"]).is_some();
            let help = match is_field {
                true => "did you mean `header`?",
                false => "markup of a message is text: wrap it in <![CDATA[ … ]]>",
            };
            self.report.error("unknown-element", message, child.span.clone(), Some(help));
        }
        fields
    }

    /// Warns of a Content-Language that `xml:lang` overrides.
    fn language_twice(&mut self, element: &Element) {
        let Some(language) = language(element) else { return };
        let children = element.children.iter().filter_map(Node::element);
        let names = children.filter_map(|child| attribute(child, "name"));
        for name in names.filter(|name| name.value.value.trim().eq_ignore_ascii_case("content-language")) {
            let message =
                format!("this message is sent as `{}`, as its `xml:lang` says", language.value.value);
            self.report.warn("overridden-header", message, value_span(name), "remove one of the two");
        }
    }

    /// Warns of a message that a request can never be answered with.
    fn reachable(
        &mut self,
        element: &Element,
        offer: &Offer,
        language: Option<&Language>,
        earlier: &[(Offer, Message)],
    ) {
        let tag = |language: &Language| language.as_str().to_ascii_lowercase();
        let is_taken = |(other, message): &(Offer, Message)| {
            other == offer && message.language.as_ref().map(tag) == language.map(tag)
        };
        if *offer == Offer::Never || !earlier.iter().any(is_taken) {
            return;
        }
        let message = match language {
            None => "the message can never be sent: an earlier one has the same media type",
            Some(_) => "the message can never be sent: an earlier one has the same media type and language",
        };
        let help = "the first one answers; remove this one";
        self.report.warn("unreachable-message", message, element.span.clone(), help);
    }

    /// Warns of a JSON or XML message that is none once rendered.
    fn well_formed(
        &mut self,
        template: &Template,
        syntax: Escape,
        origin: &Origin<'_>,
        element: &Element,
        tried: Statuses,
    ) {
        let Some(problem) = sample::problem(template, syntax, tried) else { return };
        let is_empty = origin.text.is_empty();
        let source = if is_empty { self.report.source() } else { &origin.source };
        self.report.push(Diagnostic {
            severity: Severity::Warning,
            code: "not-well-formed",
            message: problem.message,
            source: source.clone(),
            span: Some(if is_empty { element.span.clone() } else { origin.whole() }),
            help: Some(problem.help),
        });
    }
}
