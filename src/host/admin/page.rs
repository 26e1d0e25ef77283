//! The page at `/` of the admin listener: HTML out of a [`View`], and of nothing else.
//!
//! Three documents, each whole without the script: the overview for whoever is on call, the
//! messages as their clients see them, and `explain`. The script only saves reloading them. What
//! others wrote (ids, paths, messages) gets into a document as text alone: maud escapes it, and
//! the policy that goes with each document forbids what would slip through.

mod answer;
mod assets;
mod chart;
mod decisions;
mod explain;
mod form;
mod gallery;
mod highlight;
mod overview;
mod rules;
mod shell;
mod site;
mod state;
mod strip;
mod words;

use std::borrow::Cow;

pub use self::site::Page;
use super::view::View;
use crate::{exchange::query, explain::Explanation};

/// What is sent for a request, all but the fields that every answer of the listener has.
#[derive(Clone, Debug)]
pub struct Document {
    /// The status.
    pub status: u16,
    /// The Content-Type.
    pub content_type: &'static str,
    /// The Content-Security-Policy. It also says who may put the document into a frame, so that
    /// no X-Frame-Options should go with it.
    pub policy: &'static str,
    /// The Cache-Control.
    pub caching: &'static str,
    /// The content.
    pub body: Cow<'static, str>,
}

/// The overview.
pub const OVERVIEW: &str = "/";
/// Every message, as its client sees it.
pub const MESSAGES: &str = "/messages";
/// One HTML message, for a frame.
pub const MESSAGE: &str = "/message";
/// What becomes of an exchange.
pub const EXPLAIN: &str = "/explain";
/// Where a reload is asked for, by POST; not answered here.
pub const RELOAD: &str = "/reload";

/// Nothing is fetched but what the listener itself has, and nothing is run or painted that stands
/// in the document.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// A message may paint itself, and that is all.
const MESSAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; \
                              base-uri 'none'; frame-ancestors 'self'; sandbox";

const HTML: &str = "text/html; charset=utf-8";
const UNCACHED: &str = "no-store";

/// Answers a GET. `None`: nothing here has this path. The view is only taken where it is shown.
pub fn answer(path: &str, query: Option<&str>, view: impl FnOnce() -> View) -> Option<Document> {
    let query = query.unwrap_or_default();
    let page = |markup: maud::Markup| {
        let body = Cow::Owned(markup.into_string());
        Document { status: 200, content_type: HTML, policy: POLICY, caching: UNCACHED, body }
    };
    match path {
        OVERVIEW => Some(page(overview::page(&view(), parameter(query, "show").as_deref()))),
        MESSAGES => Some(page(gallery::page(&view(), parameter(query, "rule").as_deref()))),
        EXPLAIN => Some(page(explain::page(&view(), query))),
        MESSAGE => Some(message(query, &view())),
        _ => assets::answer(path),
    }
}

/// An explanation as the page shows it: a fragment of HTML.
pub fn explanation(explanation: &Explanation<'_>) -> String {
    answer::answer(explanation).into_string()
}

/// One message as a document of its own. Whatever it is, it is shown, and can do nothing.
fn message(query: &str, view: &View) -> Document {
    let rule = parameter(query, "rule").unwrap_or_default();
    let index = parameter(query, "message").and_then(|index| index.parse().ok());
    let text = index.and_then(|index| gallery::framed(view, &rule, index));
    let (status, text) = match text {
        Some(text) => (200, text),
        None => (404, "There is no such message, or no longer.".to_owned()),
    };
    Document { status, content_type: HTML, policy: MESSAGE_POLICY, caching: UNCACHED, body: Cow::Owned(text) }
}

/// The first value of a parameter.
fn parameter(query: &str, name: &str) -> Option<String> {
    query::parameters(query).find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}

/// The text as it can stand in a query.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
