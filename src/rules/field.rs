//! What a rule does to a header field.

use http::HeaderName;

use crate::template::Template;

/// One `header` element.
#[derive(Clone, Debug)]
pub struct FieldRule {
    /// The field.
    pub name: HeaderName,
    /// What is done to it.
    pub action: Action,
}

/// What is done to a field.
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
    /// Members with commas between them, each percent-encoded (OpenAPI `style: simple`).
    Items(Vec<Template>),
    /// Keys and values, each percent-encoded: `k,v,k,v`, or `k=v,k=v`.
    Entries {
        /// The keys and values in order.
        entries: Vec<(String, Template)>,
        /// Whether a key and its value are joined by an equals sign.
        explode: bool,
    },
}
