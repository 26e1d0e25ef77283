//! The value of a `header` element: a text, `item`s, or `entry`s.

use chrono::DateTime;
use http::{HeaderName, header};

use super::{
    Schema,
    element::{attribute, texts},
    text::Origin,
};
use crate::{
    config::{
        document::Element,
        sample::{self, Statuses},
    },
    exchange::title_case,
    media::is_token,
    rules::field::Value,
    template::{Escape, Template},
};

impl Schema<'_> {
    /// Reads the value of a field.
    pub(super) fn field_value(
        &mut self,
        element: &Element,
        name: Option<&HeaderName>,
        tried: Statuses,
    ) -> Option<Value> {
        let explode = attribute(element, "explode");
        let explodes = explode.map_or(Some(false), |explode| self.flag(explode));
        if !element.children.iter().any(|node| node.element().is_some()) {
            if let Some(explode) = explode {
                let message = "`explode` has no effect without `entry` elements";
                self.report.warn("no-effect", message, explode.name_span.clone(), "leave it out");
            }
            return self.single_value(element, name, tried).map(Value::Text);
        }
        let members = self.children(element, &["item", "entry"]);
        let first = members.first()?;
        let of_first_kind = |member: &&Element| member.name.local == first.name.local;
        if let Some(odd) = members.iter().find(|member| !of_first_kind(member)) {
            let help = "a field is a list of `item` elements or a map of `entry` elements";
            let message = "`item` and `entry` in one `header`";
            self.report.error("contradiction", message, odd.span.clone(), Some(help));
            return None;
        }
        if name == Some(&header::SET_COOKIE) {
            let help = "write a `header` with action=\"add\" for each cookie";
            let message = "cookies cannot share a line with commas between them";
            self.report.error("joined-set-cookie", message, first.span.clone(), Some(help));
            return None;
        }
        if &*first.name.local == "item" {
            let items: Vec<_> = members.iter().map(|item| self.item(item)).collect();
            return items.into_iter().collect::<Option<_>>().map(Value::Items);
        }
        let entries: Vec<_> = members.iter().map(|entry| self.entry(entry)).collect();
        let entries = entries.into_iter().collect::<Option<_>>()?;
        Some(Value::Entries { entries, explode: explodes? })
    }

    fn single_value(
        &mut self,
        element: &Element,
        name: Option<&HeaderName>,
        tried: Statuses,
    ) -> Option<Template> {
        let Some(text) = texts(element).next() else {
            let help = "write the value between the tags; action=\"remove\" takes the field away";
            self.report.error("missing-value", "the field gets no value", element.span.clone(), Some(help));
            return None;
        };
        let origin = Origin::trimmed(text, self.report.source());
        let template = self.template(&origin, Escape::Header)?;
        self.doubtful_value(name, &template, &origin, tried);
        Some(template)
    }

    fn item(&mut self, element: &Element) -> Option<Template> {
        self.known_attributes(element, &[]);
        self.member(element)
    }

    fn entry(&mut self, element: &Element) -> Option<(String, Template)> {
        self.known_attributes(element, &["key"]);
        let key = attribute(element, "key").filter(|key| !key.value.value.is_empty());
        if key.is_none() {
            self.missing_attribute(element, "key", "name the entry: key=\"limit\"");
        }
        let value = self.member(element);
        Some((key?.value.value.clone(), value?))
    }

    /// A member of a list or a map. Whatever it renders to fits, since it is percent-encoded.
    fn member(&mut self, element: &Element) -> Option<Template> {
        let Some(text) = self.only_text(element) else {
            let message = format!("this `{}` has no value", element.name);
            let help = "write it between the tags";
            self.report.error("missing-value", message, element.span.clone(), Some(help));
            return None;
        };
        self.template(&Origin::trimmed(text, self.report.source()), Escape::Header)
    }

    /// Warns of a text that recipients may not understand.
    fn doubtful_value(
        &mut self,
        name: Option<&HeaderName>,
        template: &Template,
        origin: &Origin<'_>,
        tried: Statuses,
    ) {
        if let Some((at, c)) = origin.text.char_indices().find(|(_, c)| !c.is_ascii()) {
            let message = format!("`{c}` is not ASCII: recipients may read something else");
            let help = "write ASCII only, or write `item` elements, which are percent-encoded";
            self.report.warn("non-ascii-header", message, origin.span(at..at + c.len_utf8()), help);
        }
        let [value, others @ ..] = &sample::rendered(template, tried);
        if let Some(name) = name.filter(|_| others.iter().all(|other| other == value))
            && let Some(help) = misfit(name, value)
        {
            let message = format!("`{value}` is no value of `{}`", title_case(name));
            self.report.warn("invalid-header-value", message, origin.whole(), help);
        }
    }
}

/// What a value of this field looks like, where this value does not (RFC 9110 §10.2, RFC 6265
/// §4.1).
fn misfit(name: &HeaderName, value: &str) -> Option<&'static str> {
    let is_date = || DateTime::parse_from_rfc2822(value).is_ok() && value.ends_with("GMT");
    let is_number = || value.bytes().all(|byte| byte.is_ascii_digit());
    let is_method = |member: &str| is_token(member.trim().as_bytes());
    let is_cookie =
        |pair: &str| pair.split_once('=').is_some_and(|(name, _)| is_token(name.trim().as_bytes()));
    if *name == header::RETRY_AFTER && !is_number() && !is_date() {
        return Some("write seconds, `120`, or a date, `Fri, 31 Dec 1999 23:59:59 GMT`");
    }
    if *name == header::ALLOW && !value.split(',').all(is_method) {
        return Some("write methods with commas between them: `GET, HEAD`");
    }
    if *name == header::LOCATION && value.contains(char::is_whitespace) {
        return Some("write an address; a blank in it is `%20`, and in a template `%%20`");
    }
    if *name == header::SET_COOKIE && !value.split(';').next().is_some_and(is_cookie) {
        return Some("a cookie begins with `name=value`");
    }
    None
}
