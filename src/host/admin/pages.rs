//! The seam to the page: who serves knows nothing of what is on it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// Answers what is asked for beside health, metrics, state and reload. It is called where it may
/// take its time; a panic costs the answer alone.
pub trait Pages: Send + Sync {
    /// The answer; `None` where there is no such page. HEAD is asked as GET.
    fn answer(&self, request: &PageRequest) -> Option<PageResponse>;
}

/// A request that came through the door: for a host by the right name, and from no other site.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// GET or POST.
    pub method: Method,
    /// The path as it was sent.
    pub path: String,
    /// The query, without the question mark.
    pub query: Option<String>,
    /// The fields.
    pub headers: HeaderMap,
    /// The content, 64 KiB at most; that of POST alone.
    pub body: Bytes,
}

/// An answer. Fields that protect a browser are added where they are missing; the strictest
/// Content-Security-Policy is, so that a page has to bring its own.
#[derive(Clone, Debug)]
pub struct PageResponse {
    /// The status.
    pub status: StatusCode,
    /// The fields, Content-Type among them, without a length.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The content.
    pub body: Bytes,
}
