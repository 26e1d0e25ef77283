//! What a rule does to a header field.

use http::{HeaderName, header};

use crate::template::{Needs, Template};

/// One `header` element.
#[derive(Clone, Debug)]
pub struct FieldRule {
    /// The field.
    pub name: HeaderName,
    /// What is done to it.
    pub action: Action,
}

/// What is done to a field. A value that renders empty does nothing: no line of it is added, and
/// none is removed for it.
#[derive(Clone, Debug)]
pub enum Action {
    /// One line with this value takes the place of all lines.
    Set(Value),
    /// A line with this value is added.
    Add(Value),
    /// A line with this value is added if there is none.
    Default(Value),
    /// All lines go.
    Remove,
}

/// The value of a field.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text.
    Text(Template),
    /// Members with commas between them, each percent-encoded (OpenAPI `style: simple`). One that
    /// renders empty is left out.
    Items(Vec<Template>),
    /// Keys and values, each percent-encoded: `k,v,k,v`, or `k=v,k=v`. One whose value renders
    /// empty is left out with its key.
    Entries {
        /// The keys and values in order.
        entries: Vec<(String, Template)>,
        /// Whether a key and its value are joined by an equals sign.
        explode: bool,
    },
}

/// Fields that frame a message or belong to one connection (RFC 9110 §7.6.1, RFC 9112), and those
/// that say what the content is, which follow from the content itself.
static FORBIDDEN: [HeaderName; 11] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
];

impl FieldRule {
    /// Whether no rule may set or remove the field: those that frame a message or belong to one
    /// connection; Content-Type, which a message says in an attribute of its own; and
    /// Content-Encoding, since the content is not coded anew.
    pub fn is_forbidden(name: &HeaderName) -> bool {
        FORBIDDEN.contains(name)
    }

    /// What its value reads of the response's content.
    pub fn needs(&self) -> Needs {
        match &self.action {
            Action::Set(value) | Action::Add(value) | Action::Default(value) => value.needs(),
            Action::Remove => Needs::default(),
        }
    }
}

impl Value {
    /// What it reads of the response's content.
    pub fn needs(&self) -> Needs {
        match self {
            Value::Text(template) => template.needs(),
            Value::Items(items) => all(items.iter().map(Template::needs)),
            Value::Entries { entries, .. } => all(entries.iter().map(|(_, template)| template.needs())),
        }
    }
}

/// The field that a response with this status must have, or should where the rest of it means
/// little without (RFC 9110 §15).
pub fn mandatory(status: u16) -> Option<HeaderName> {
    match status {
        301 | 302 | 303 | 307 | 308 => Some(header::LOCATION),
        401 => Some(header::WWW_AUTHENTICATE),
        405 => Some(header::ALLOW),
        407 => Some(header::PROXY_AUTHENTICATE),
        416 => Some(header::CONTENT_RANGE),
        426 => Some(header::UPGRADE),
        _ => None,
    }
}

/// What the values of these rules read of the response's content.
pub(super) fn needs(fields: &[FieldRule]) -> Needs {
    all(fields.iter().map(FieldRule::needs))
}

fn all(needs: impl Iterator<Item = Needs>) -> Needs {
    needs.fold(Needs::default(), Needs::and)
}
