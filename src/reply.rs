//! A reply: the message that goes out in place of a body, and every edit of the header that the
//! replacement implies.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

use crate::{
    exchange::{Exchange, Fields, title_case},
    language::Language,
    rules::{Choice, Decision},
    template::Subject,
};

/// What a host does to a response.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status to send.
    pub status: u16,
    /// The content to write in place of the upstream's, whose length Content-Length tells also
    /// where no content is sent (HEAD); `None`: the upstream's passes.
    pub body: Option<Bytes>,
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
    /// Add a line of this name, with this value.
    Add(HeaderName, HeaderValue),
}

/// What describes the old body and nothing else (RFC 9110 §8, RFC 9112 §6, RFC 9530). Trailers go
/// with it.
static OF_THE_OLD_BODY: [HeaderName; 14] = [
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::CONTENT_ENCODING,
    header::ETAG,
    header::LAST_MODIFIED,
    header::ACCEPT_RANGES,
    header::CONTENT_RANGE,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    header::CONTENT_LOCATION,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LANGUAGE,
];

impl Reply {
    /// What a decision makes of the response; `None` where it passes unaltered, or is not decided.
    pub fn of(decision: &Decision<'_>, exchange: &Exchange<'_>) -> Option<Self> {
        match decision {
            Decision::Replace(choice) => Some(Self::new(choice, exchange)),
            Decision::Keep(_) | Decision::Steer(_) | Decision::Wait(_) => None,
        }
    }

    /// Renders the chosen message and lists the edits.
    fn new(choice: &Choice<'_>, exchange: &Exchange<'_>) -> Self {
        let fields = exchange.response.fields;
        let body = render(choice, exchange);
        let mut edits = Vec::with_capacity(8);
        // A 416 says in Content-Range how long the representation is (RFC 9110 §15.5.17).
        let kept = |name: &HeaderName| exchange.response.status == 416 && *name == header::CONTENT_RANGE;
        let stale = OF_THE_OLD_BODY.iter().filter(|name| fields.contains(name) && !kept(name));
        edits.extend(stale.cloned().map(Edit::Remove));
        edits.push(Edit::Set(header::CONTENT_TYPE, choice.message.content_type.clone()));
        if !fields.contains(&header::X_CONTENT_TYPE_OPTIONS) {
            edits.push(Edit::Set(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
        }
        if choice.rule.depends_on_accept() {
            edits.extend(vary(fields).map(|value| Edit::Set(header::VARY, value)));
        }
        edits.push(Edit::Set(header::CONTENT_LENGTH, HeaderValue::from(body.len())));
        Self { status: exchange.response.status, body: Some(body), edits }
    }

    /// Edits field lines: a field that is set takes the place of its first line.
    pub fn apply(&self, lines: &mut Vec<(String, Vec<u8>)>) {
        self.edits.iter().for_each(|edit| edit.apply(lines));
    }
}

impl Edit {
    fn apply(&self, lines: &mut Vec<(String, Vec<u8>)>) {
        let (Edit::Remove(name) | Edit::Set(name, _) | Edit::Add(name, _)) = self;
        if let Edit::Add(_, value) = self {
            return lines.push((title_case(name), value.as_bytes().to_vec()));
        }
        let is_named = |line: &(String, Vec<u8>)| line.0.eq_ignore_ascii_case(name.as_str());
        let first = lines.iter().position(is_named);
        lines.retain(|line| !is_named(line));
        if let Edit::Set(name, value) = self {
            let line = (title_case(name), value.as_bytes().to_vec());
            lines.insert(first.unwrap_or(lines.len()), line);
        }
    }
}

/// The rendered message without the characters up to U+0020 at both ends, as Repose trims it.
fn render(choice: &Choice<'_>, exchange: &Exchange<'_>) -> Bytes {
    let mut text = Vec::new();
    let subject = Subject {
        exchange,
        status: exchange.response.status,
        rule: choice.rule.id(),
        message: Some(choice.index),
        language: choice.message.language.as_ref().map(Language::as_str),
    };
    choice.message.template.render(&subject, &mut text);
    let end = text.iter().rposition(|&byte| byte > b' ').map_or(0, |last| last + 1);
    text.truncate(end);
    let start = text.iter().position(|&byte| byte > b' ').unwrap_or(0);
    Bytes::from(text).slice(start..)
}

/// The Vary field with `Accept` added; `None` where it says so already.
fn vary(fields: Fields<'_>) -> Option<HeaderValue> {
    let members = || fields.lines(&header::VARY).flat_map(|line| line.split(|&byte| byte == b','));
    let enough = |member: &[u8]| member.eq_ignore_ascii_case(b"accept") || member == b"*";
    if members().any(|member| enough(member.trim_ascii())) {
        return None;
    }
    let mut value = Vec::new();
    for member in members().map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()) {
        value.extend_from_slice(member);
        value.extend_from_slice(b", ");
    }
    value.extend_from_slice(b"Accept");
    Some(HeaderValue::from_bytes(&value).unwrap_or(HeaderValue::from_static("Accept")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(edit: &Edit) -> Vec<(String, String)> {
        let mut lines = [("A", "1"), ("vary", "x"), ("B", "2"), ("Vary", "y")]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .to_vec();
        edit.apply(&mut lines);
        lines.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect()
    }

    fn lines(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn removing_takes_every_line_of_the_name() {
        assert_eq!(edited(&Edit::Remove(header::VARY)), lines(&[("A", "1"), ("B", "2")]));
        assert_eq!(edited(&Edit::Remove(header::ETAG)).len(), 4);
    }

    #[test]
    fn setting_leaves_one_line_where_the_first_stood() {
        let set = |name| Edit::Set(name, HeaderValue::from_static("z"));
        assert_eq!(edited(&set(header::VARY)), lines(&[("A", "1"), ("Vary", "z"), ("B", "2")]));
        assert_eq!(edited(&set(header::RETRY_AFTER)).last().unwrap().0, "Retry-After");
    }
}
