//! A reply: the message that goes out in place of a body, and every edit of the header that the
//! replacement implies.

use http::{HeaderName, HeaderValue};

use crate::{exchange::Exchange, rules::Choice};

/// What a host does to a response to replace its body.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The content. Its length is that of Content-Length, also where no content is sent (HEAD).
    pub body: bytes::Bytes,
    /// The edits of the header, in order.
    pub edits: Vec<Edit>,
}

/// One edit of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Remove every line of this name.
    Remove(HeaderName),
    /// Leave one line of this name, with this value.
    Set(HeaderName, HeaderValue),
}

impl Reply {
    /// Renders the chosen message.
    pub fn new(_choice: &Choice<'_>, _exchange: &Exchange<'_>) -> Self {
        unimplemented!()
    }
}
