//! The meta object, by which an upstream steers its response:
//! `{…, "meta": {"status": 402, "header": {"Set-Cookie": ["a=1", "b=2"]}}}`.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use serde::{
    Deserialize, Deserializer as _,
    de::{MapAccess, Visitor},
};
use serde_json::{Deserializer, value::RawValue};

use crate::rules::FieldRule;

/// What the content of a steered response says.
#[derive(Debug)]
pub(super) struct Steering<'c> {
    /// The status to send.
    pub(super) status: Option<u16>,
    /// The header fields to send, each with the values of its lines.
    pub(super) fields: Vec<(HeaderName, Vec<HeaderValue>)>,
    /// What it asks for in vain, in words.
    pub(super) refused: Vec<String>,
    /// The other members of the content.
    members: Vec<(Cow<'c, str>, &'c RawValue)>,
}

/// Refusals that are told; an upstream that errs more often errs always.
const MAX_REFUSED: usize = 16;

/// Whether a Content-Type is that of one JSON text.
pub(crate) fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    let subtype = essence.trim_ascii().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let suffix = subtype.rsplit(|&byte| byte == b'+').next().unwrap_or_default();
    suffix.eq_ignore_ascii_case(b"json")
}

/// Whether the content is an object with a meta object.
pub(crate) fn is_in(content: &str) -> bool {
    let mut meta = None;
    let read = members(content, |name, value| meta = (name == "meta").then_some(value).or(meta));
    read.and(meta).is_some_and(is_object)
}

impl<'c> Steering<'c> {
    /// Reads the content; `None` where it has no meta object. Of several members of one name the
    /// last counts.
    pub(super) fn read(content: &'c str) -> Option<Self> {
        let mut steering =
            Self { status: None, fields: Vec::new(), refused: Vec::new(), members: Vec::new() };
        let (mut meta, mut status, mut fields) = (None, None, None);
        members(content, |name, value| match &*name {
            "meta" => meta = Some(value),
            _ => steering.members.push((name, value)),
        })?;
        members(meta.filter(|meta| is_object(meta))?.get(), |name, value| match &*name {
            "status" => status = Some(value),
            "header" => fields = Some(value),
            _ => {}
        })?;
        status.into_iter().for_each(|status| steering.take_status(status));
        fields.into_iter().for_each(|fields| steering.take_fields(fields));
        Some(steering)
    }

    /// What describes the error, if anything does.
    pub(super) fn error(&self) -> Option<Bytes> {
        let error = self.members.iter().rev().find(|(name, _)| name == "error");
        error
            .map(|(_, value)| value.get())
            .filter(|value| *value != "null")
            .map(|value| value.to_owned().into())
    }

    /// The content without the meta object; the values of the others are as they came.
    pub(super) fn content(&self) -> Bytes {
        let mut content = String::from("{");
        for (name, value) in &self.members {
            let comma = if content.len() > 1 { "," } else { "" };
            let name = serde_json::Value::from(&**name).to_string();
            content.extend([comma, &name, ":", value.get()]);
        }
        content.push('}');
        content.into()
    }

    fn take_status(&mut self, value: &RawValue) {
        match serde_json::from_str(value.get()) {
            Ok(status @ 300..=599_u16) => self.status = Some(status),
            _ if value.get() == "null" => {}
            _ => self.refuse("status", value.get(), "it is no number from 300 to 599"),
        }
    }

    fn take_fields(&mut self, value: &RawValue) {
        let mut fields = Vec::new();
        if members(value.get(), |name, values| fields.push((name, values))).is_none() && value.get() != "null"
        {
            self.refuse("header", value.get(), "it is no object");
        }
        for (name, values) in fields {
            match self.field(&name, values) {
                Ok(field) => self.fields.push(field),
                Err(reason) => self.refuse("header", &name, reason),
            }
        }
    }

    fn field(
        &mut self,
        name: &str,
        values: &RawValue,
    ) -> Result<(HeaderName, Vec<HeaderValue>), &'static str> {
        let field = HeaderName::try_from(name).map_err(|_| "it is no name of a header field")?;
        if is_refused(&field) {
            return Err("only the proxy sets this field");
        }
        let Values(values) =
            serde_json::from_str(values.get()).map_err(|_| "its value is no array of strings")?;
        let mut lines = Vec::with_capacity(values.len());
        for value in values {
            match HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes()) {
                Ok(line) => lines.push(line),
                Err(_) => self.refuse("header", name, "a value has characters that no field can have"),
            }
        }
        Ok((field, lines))
    }

    fn refuse(&mut self, member: &str, text: &str, reason: &str) {
        if self.refused.len() < MAX_REFUSED {
            let text: String = text.chars().take(64).collect();
            self.refused.push(format!("meta.{member} {text:?}: {reason}"));
        }
    }
}

/// Fields that no upstream sets by a meta object: those that rules cannot set either, and what is
/// decided by the response that carries the object.
fn is_refused(name: &HeaderName) -> bool {
    let prefixes = ["content-", "access-control-", "sec-websocket-"];
    FieldRule::is_forbidden(name)
        || *name == header::VARY
        || prefixes.iter().any(|prefix| name.as_str().starts_with(prefix))
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// Walks over the members of an object; `None` where the text is none.
fn members<'c>(json: &'c str, each: impl FnMut(Cow<'c, str>, &'c RawValue)) -> Option<()> {
    let mut reader = Deserializer::from_str(json);
    reader.deserialize_map(Members(each)).ok()?;
    reader.end().ok()
}

struct Members<F>(F);

#[derive(Deserialize)]
struct Key<'c>(#[serde(borrow)] Cow<'c, str>);

impl<'c, F: FnMut(Cow<'c, str>, &'c RawValue)> Visitor<'c> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'c>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(name)) = map.next_key()? {
            (self.0)(name, map.next_value()?);
        }
        Ok(())
    }
}

/// The values of a field: an array of strings, or one string.
struct Values(Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            One(String),
            Many(Vec<String>),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::One(value) => vec![value],
            Written::Many(values) => values,
        }))
    }
}
