//! The content of a response as templates and rules read it: decoded, as text, cut at a limit.

use std::sync::OnceLock;

use serde_json::Value;

use super::Fields;

/// Bytes of content that are held for templates, before and after decoding.
pub const MAX_CONTENT: usize = 64 * 1024;

/// The content of a response, as far as it was held.
#[derive(Clone, Debug, Default)]
pub struct Content {
    text: String,
    is_cut: bool,
    json: OnceLock<Option<Value>>,
}

impl Content {
    /// Reads what was held of a response with these fields. `is_cut`: there was more.
    pub fn new(_fields: Fields<'_>, held: &[u8], is_cut: bool) -> Self {
        Self { text: String::from_utf8_lossy(held).into_owned(), is_cut, json: OnceLock::new() }
    }

    /// The text, cut between characters where there was more than [`MAX_CONTENT`].
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the text is not the whole content.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The content as JSON, if it is whole and JSON.
    pub fn json(&self) -> Option<&Value> {
        let read = || serde_json::from_str(&self.text).ok().filter(|_| !self.is_cut);
        self.json.get_or_init(read).as_ref()
    }
}
