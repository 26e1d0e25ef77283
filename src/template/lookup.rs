//! Values that a directive looks up by name.

use std::fmt::{self, Write as _};

use super::{
    Read, Subject, cookie,
    date::Conversion,
    fact::Fact,
    field::{Field, Message},
    insert::{Inserted, MAX_VALUE},
    json,
    value::MAX_NUMBER,
};
use crate::exchange::{content::MAX_CONTENT, query};

/// The names that a directive looks for, and what it prints if none of them has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lookup {
    kind: Kind,
    names: Vec<Name>,
    conversion: Option<Conversion>,
    /// Not empty.
    default: Option<String>,
}

/// Where a directive looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Field(Message),
    Cookie,
    Parameter,
    Variable,
    Fact,
}

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Field(Field),
    Cookie(String),
    Parameter(String),
    /// An environment variable, and the value that it had at load.
    Variable(String, String),
    Fact(Fact),
}

/// A value that was found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'s> {
    /// The lines of a header field.
    Field(&'s Field),
    Bytes(&'s [u8]),
    Text(&'s str),
    /// As a query has it.
    Encoded(&'s str),
    Json(&'s str),
    Number(usize),
}

impl Lookup {
    /// The first of these names that has a value, or else the default.
    pub(super) fn new(kind: Kind, names: Vec<Name>, conversion: Option<Conversion>, default: &str) -> Self {
        Self { kind, names, conversion, default: Some(default.to_owned()).filter(|text| !text.is_empty()) }
    }

    /// Where it looks.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// What it reads from outside.
    pub(super) fn reads(&self) -> impl Iterator<Item = Read<'_>> {
        self.names.iter().filter_map(|name| match name {
            Name::Field(field) => Some(match field.message() {
                Message::Request => Read::RequestField(field.name()),
                Message::Response => Read::ResponseField(field.name()),
            }),
            Name::Cookie(name) => Some(Read::Cookie(name)),
            Name::Parameter(name) => Some(Read::Parameter(name)),
            Name::Fact(Fact::Body(pointer)) => Some(Read::Content { is_json: pointer.is_some() }),
            Name::Variable(..) | Name::Fact(_) => None,
        })
    }

    pub(super) fn write(&self, subject: &Subject<'_>, out: &mut Inserted<'_>) -> fmt::Result {
        match self.find(subject) {
            Some(Found::Field(field)) => field.write(self.conversion, subject.exchange, out)?,
            Some(Found::Bytes(bytes)) => out.bytes(bytes),
            Some(Found::Text(text)) => out.str(text),
            Some(Found::Encoded(text)) => out.decoded(query::decoded(text)),
            Some(Found::Json(text)) => json::write(text, out),
            Some(Found::Number(number)) => write!(out, "{number}")?,
            None => {}
        }
        Ok(())
    }

    /// What it writes for this subject has no more bytes before it is escaped.
    pub(super) fn bound(&self, subject: &Subject<'_>) -> usize {
        match self.find(subject) {
            Some(Found::Field(field)) => field.bound(self.conversion, subject.exchange),
            Some(Found::Bytes(bytes)) => bytes.len(),
            Some(Found::Text(text) | Found::Encoded(text) | Found::Json(text)) => text.len(),
            Some(Found::Number(_)) => MAX_NUMBER,
            None => 0,
        }
    }

    /// The bytes of the value that are inserted at most: of content, all that is held.
    pub(super) fn limit(&self) -> usize {
        let is_content = |name: &Name| matches!(name, Name::Fact(Fact::Body(_)));
        if self.names.iter().any(is_content) { MAX_CONTENT } else { MAX_VALUE }
    }

    fn find<'s>(&'s self, subject: &Subject<'s>) -> Option<Found<'s>> {
        match (self.names.as_slice(), &self.default) {
            // Repose prints the commas between blank lines.
            ([Name::Field(field)], None) => Some(Found::Field(field)),
            (names, default) => {
                let found = names.iter().find_map(|name| name.find(subject));
                found.or(default.as_deref().map(Found::Text))
            }
        }
    }
}

impl Name {
    /// Its value, if it has one and that is not empty.
    fn find<'s>(&'s self, subject: &Subject<'s>) -> Option<Found<'s>> {
        let request = &subject.exchange.request;
        match self {
            Name::Field(field) => (!field.is_blank(subject.exchange)).then_some(Found::Field(field)),
            Name::Cookie(name) => {
                cookie::find(request.fields, name).filter(|value| !value.is_empty()).map(Found::Bytes)
            }
            Name::Parameter(name) => {
                let value = query::first(request.query.unwrap_or_default(), name);
                value.filter(|value| !value.is_empty()).map(Found::Encoded)
            }
            Name::Variable(_, value) => {
                Some(value.as_str()).filter(|value| !value.is_empty()).map(Found::Text)
            }
            Name::Fact(fact) => fact.find(subject),
        }
    }
}

/// Prints the braces and what stands between them; nothing where nothing does.
impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names, conversion, default, .. } = self;
        if names.is_empty() && default.is_none() {
            return Ok(());
        }
        f.write_char('{')?;
        names.iter().enumerate().try_for_each(|(index, name)| {
            let separator = if index > 0 { "?" } else { "" };
            write!(f, "{separator}{name}")
        })?;
        if let Some(Conversion { to, from }) = conversion {
            write!(f, " DATE {} {}", to.name(), from.name())?;
        }
        if let Some(default) = default {
            write!(f, ":-{default}")?;
        }
        f.write_char('}')
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Field(field) => f.write_str(field.name().as_str()),
            Name::Cookie(name) | Name::Parameter(name) | Name::Variable(name, _) => f.write_str(name),
            Name::Fact(fact) => write!(f, "{fact}"),
        }
    }
}
