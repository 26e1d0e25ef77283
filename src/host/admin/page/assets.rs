//! The style, the script and the icon: part of the program, and fetched once by a browser.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
    sync::LazyLock,
};

use super::Document;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const ICON: &str = include_str!("page.svg");

/// What tells these files from those of another build.
static BUILD: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    (STYLE, SCRIPT, ICON).hash(&mut hasher);
    format!("{:08x}", hasher.finish() >> 32)
});

pub(super) fn style() -> String {
    format!("/page.css?v={}", *BUILD)
}

pub(super) fn script() -> String {
    format!("/page.js?v={}", *BUILD)
}

pub(super) fn icon() -> String {
    format!("/page.svg?v={}", *BUILD)
}

/// The file of this path.
pub(super) fn answer(path: &str) -> Option<Document> {
    let (content_type, body) = match path {
        "/page.css" => ("text/css; charset=utf-8", STYLE),
        "/page.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "/page.svg" => ("image/svg+xml", ICON),
        _ => return None,
    };
    Some(Document {
        status: 200,
        content_type,
        policy: "default-src 'none'; frame-ancestors 'none'",
        // A new build asks for them under another query.
        caching: "max-age=31536000, immutable",
        body: Cow::Borrowed(body),
    })
}
