//! Templates in the manner of Apache's LogFormat: compiled once at load, rendered without fail.

pub mod error;
pub mod escape;

use std::fmt;

use crate::Exchange;
pub use error::{Error, Warning};
pub use escape::Escape;

/// A compiled message.
#[derive(Clone, Debug)]
pub struct Template {}

/// What parsing yields beside errors.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The template.
    pub template: Template,
    /// What was accepted, but is likely not what was meant.
    pub warnings: Vec<Warning>,
}

impl Template {
    /// Compiles a text. All mistakes are reported.
    pub fn parse(_text: &str, _escape: Escape) -> Result<Parsed, Vec<Error>> {
        unimplemented!()
    }

    /// Appends the rendered text to `out`; allocates at most once.
    pub fn render(&self, _exchange: &Exchange<'_>, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    /// x
    pub fn field_names(&self) -> impl Iterator<Item = &http::HeaderName> {
        std::iter::empty()
    }

    /// Whether the text depends on the length of the response's content, so that the length must
    /// be known first.
    pub fn reads_length(&self) -> bool {
        unimplemented!()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}
