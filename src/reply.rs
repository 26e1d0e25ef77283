//! A reply: what a decision does to a response. The status, the content that goes out in place of
//! the upstream's, and every edit of the header that this implies.

mod edits;
pub(crate) mod grpc;
pub(crate) mod meta;
mod steer;
mod value;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

use crate::{
    exchange::{Exchange, title_case},
    language::Language,
    rules::{Choice, Decision, Kept, StatusRule},
    template::Subject,
};
use edits::Edits;

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
    /// What a meta object asked for in vain, in words for the log.
    pub refused: Vec<String>,
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

impl Reply {
    /// What a decision makes of the response; `None` where it passes unaltered, or is not decided.
    pub fn of(decision: &Decision<'_>, exchange: &Exchange<'_>) -> Option<Self> {
        match decision {
            Decision::Keep(kept) => Self::amending(kept, exchange),
            Decision::Replace(choice) if grpc::is_asked_by(exchange) => Some(grpc::reply(choice, exchange)),
            Decision::Replace(choice) => Some(Self::replacing(choice, exchange)),
            Decision::Steer(steered) => steer::reply(steered, exchange),
            Decision::Wait(_) => None,
        }
    }

    /// What the rule that matched does to a response whose content passes.
    fn amending(kept: &Kept<'_>, exchange: &Exchange<'_>) -> Option<Self> {
        let rule = kept.rule.filter(|_| kept.is_amended)?;
        let upstream = exchange.response.status;
        let status = rule.status().unwrap_or(upstream);
        let mut edits = Edits::new(exchange.response.fields);
        // Of these, the header speaks of content that the new status would promise.
        let was_without_content = matches!(upstream, 204 | 205 | 304);
        if was_without_content {
            edits.strip(status, upstream);
        }
        edits.apply(rule.fields(), &of_rule(rule, exchange, status));
        if was_without_content {
            edits.set(header::CONTENT_LENGTH, HeaderValue::from(0));
        }
        let (body, edits) = (was_without_content.then(Bytes::new), edits.into_vec());
        (status != upstream || !edits.is_empty()).then_some(Self { status, body, edits, refused: Vec::new() })
    }

    /// Renders the chosen message and lists the edits.
    fn replacing(choice: &Choice<'_>, exchange: &Exchange<'_>) -> Self {
        let upstream = exchange.response.status;
        let status = choice.rule.status().unwrap_or(upstream);
        let subject = of_message(choice, exchange, status);
        let body = render(choice, &subject);
        let mut edits = Edits::new(exchange.response.fields);
        edits.strip(status, upstream);
        edits.apply(choice.rule.fields(), &of_rule(choice.rule, exchange, status));
        edits.describe(choice, &subject);
        match is_like_that_of_get(choice, exchange) {
            true => edits.set(header::CONTENT_LENGTH, HeaderValue::from(body.len())),
            false => edits.remove(&header::CONTENT_LENGTH),
        }
        Self { status, body: Some(body), edits: edits.into_vec(), refused: Vec::new() }
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

/// What a rule's own header fields are rendered for.
fn of_rule<'a>(rule: &'a StatusRule, exchange: &'a Exchange<'a>, status: u16) -> Subject<'a> {
    Subject { exchange, status, rule: rule.id(), message: None, language: None, sent: None }
}

/// What a message and its header fields are rendered for.
fn of_message<'a>(choice: &Choice<'a>, exchange: &'a Exchange<'a>, status: u16) -> Subject<'a> {
    let language = choice.message.language.as_ref().map(Language::as_str);
    Subject { message: Some(choice.index), language, ..of_rule(choice.rule, exchange, status) }
}

/// The rendered message without the characters up to U+0020 at both ends, as Repose trims it.
fn render(choice: &Choice<'_>, subject: &Subject<'_>) -> Bytes {
    let mut text = Vec::new();
    choice.message.template.render(subject, &mut text);
    let end = text.iter().rposition(|&byte| byte > b' ').map_or(0, |last| last + 1);
    text.truncate(end);
    let start = text.iter().position(|&byte| byte > b' ').unwrap_or(0);
    Bytes::from(text).slice(start..)
}

/// Whether the message has the length that it has in the answer to a GET. Where it shows what a
/// HEAD response lacks, it has not, and no length is told (RFC 9110 §8.6).
fn is_like_that_of_get(choice: &Choice<'_>, exchange: &Exchange<'_>) -> bool {
    let Exchange { request, response, .. } = exchange;
    let needs = choice.message.template.needs();
    let lacks = needs.content || needs.length && response.length.is_none();
    request.method != "HEAD" || response.length == Some(0) || !lacks
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
