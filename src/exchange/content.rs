//! The content of a response as templates and rules read it: decoded, as text, cut at a limit.
//!
//! Most contents are never read, so nothing is decoded before someone asks.

mod charset;
mod coding;

use std::sync::OnceLock;

use http::header::CONTENT_TYPE;
use serde_json::Value;

use self::{charset::Charset, coding::Coding};
use super::Fields;

/// Bytes of content that are held for templates, before and after decoding.
pub const MAX_CONTENT: usize = 64 * 1024;

/// The content of a response, as far as it was held.
#[derive(Clone, Debug, Default)]
pub struct Content {
    held: Vec<u8>,
    /// Whether what was held is not all.
    is_partial: bool,
    codings: Vec<Coding>,
    charset: Charset,
    text: OnceLock<Text>,
    json: OnceLock<Option<Value>>,
}

/// A text, and whether there is more of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Text {
    text: String,
    is_cut: bool,
}

impl Content {
    /// Takes what was held of a response with these fields, no more than [`MAX_CONTENT`] of it.
    /// `is_cut`: there was more.
    pub fn new(fields: Fields<'_>, held: &[u8], is_cut: bool) -> Self {
        let first = held.get(..MAX_CONTENT).unwrap_or(held);
        Self {
            held: first.to_vec(),
            is_partial: is_cut || first.len() < held.len(),
            codings: Coding::list(fields),
            charset: fields.first(&CONTENT_TYPE).map_or(Charset::default(), Charset::of),
            text: OnceLock::new(),
            json: OnceLock::new(),
        }
    }

    /// The text, cut between characters where there was more than [`MAX_CONTENT`]; as far as it
    /// goes where the coding is broken; empty where the coding or the charset is not known.
    pub fn text(&self) -> &str {
        &self.read().text
    }

    /// Whether the text is not the whole content.
    pub fn is_cut(&self) -> bool {
        self.read().is_cut
    }

    /// The content as JSON, if it is whole and JSON.
    pub fn json(&self) -> Option<&Value> {
        let Text { text, is_cut } = self.read();
        let parse = || if *is_cut { None } else { serde_json::from_str(text).ok() };
        self.json.get_or_init(parse).as_ref()
    }

    fn read(&self) -> &Text {
        self.text.get_or_init(|| match self.codings.split_last() {
            // No content is none in whatever coding.
            Some((last, others)) if !self.held.is_empty() => {
                let mut decoded = last.decode(&self.held);
                for coding in others.iter().rev() {
                    let outer_is_whole = decoded.is_whole;
                    decoded = coding.decode(&decoded.bytes);
                    decoded.is_whole &= outer_is_whole;
                }
                self.charset.text(&decoded.bytes, self.is_partial || !decoded.is_whole)
            }
            _ => self.charset.text(&self.held, self.is_partial),
        })
    }
}
