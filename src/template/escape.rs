//! How inserted values are escaped, fixed by the message's content type at load.

use crate::media::MediaType;

/// The syntax that an inserted value is made safe for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// The inside of a JSON string (RFC 8259 §7).
    Json,
    /// XML 1.0 text or attribute value.
    Xml,
    /// HTML text or attribute value.
    Html,
    /// Any other type: as it is, without control characters other than tab and newline.
    Text,
}

impl Escape {
    /// The syntax of a content type: JSON or XML where its subtype contains the name.
    pub fn of(content_type: &MediaType) -> Self {
        let subtype = content_type.subtype();
        if subtype.contains("json") {
            Escape::Json
        } else if subtype.contains("html") {
            // XHTML is served as `application/xhtml+xml`: the HTML references are XML's too.
            Escape::Html
        } else if subtype.contains("xml") {
            Escape::Xml
        } else {
            Escape::Text
        }
    }
}
