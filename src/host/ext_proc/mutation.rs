//! From what becomes of a response to what Envoy is told.
//!
//! A message goes out as an immediate response: it is the one way in which Envoy sends a
//! Content-Length with content of ours, no content to HEAD, and none of the old trailers. All that
//! is kept of the head is sent along, therefore. Edits alone are told as such.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    head::ResponseHead,
    wire::{
        Answer, BodyMutation, Bool, CONTINUE_AND_REPLACE, CommonResponse, Continue, HeaderLine,
        HeaderMutation, HeaderOption, HttpStatus, ImmediateResponse,
    },
};

/// What belongs to the connection, or to the old content, and is Envoy's to say.
static NOT_TO_BE_SENT: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The whole of a response.
pub(super) fn immediate(head: &ResponseHead, body: Bytes, rule: Option<&str>) -> Answer {
    let names = head.fields.keys().filter(|name| !NOT_TO_BE_SENT.contains(name));
    let set = names.flat_map(|name| lines(name, &head.fields)).collect();
    let rule = rule.unwrap_or("generic").replace(|c: char| c.is_whitespace() || c.is_control(), "_");
    Answer::Immediate(ImmediateResponse {
        status: Some(HttpStatus { code: head.status.into() }),
        fields: Some(HeaderMutation { set, remove: Vec::new() }),
        body,
        details: format!("retort{{{rule}}}"),
    })
}

/// The response goes on with another head.
pub(super) fn amended(before: &ResponseHead, after: &ResponseHead) -> Continue {
    Continue { common: mutation(before, after).map(|mutation| common(0, mutation, None)) }
}

/// The response goes on with another head, and with this content.
pub(super) fn replaced(before: &ResponseHead, after: &ResponseHead, body: Bytes) -> Continue {
    let mutation = mutation(before, after).unwrap_or_default();
    Continue { common: Some(common(CONTINUE_AND_REPLACE, mutation, Some(BodyMutation { body }))) }
}

fn common(status: i32, mutation: HeaderMutation, body: Option<BodyMutation>) -> CommonResponse {
    CommonResponse { status, mutation: Some(mutation), body }
}

/// What makes one head of the other; `None` where they are alike. Envoy removes before it sets.
fn mutation(before: &ResponseHead, after: &ResponseHead) -> Option<HeaderMutation> {
    let (old, new) = (&before.fields, &after.fields);
    let is_like = |name: &HeaderName| old.get_all(name).iter().eq(new.get_all(name));
    let is_gone = |name: &&HeaderName| !new.contains_key(*name) && **name != header::TRANSFER_ENCODING;
    let remove = old.keys().filter(is_gone).map(|name| name.as_str().to_owned()).collect();
    let changed = new.keys().filter(|name| !is_like(name));
    let mut set: Vec<HeaderOption> = changed.flat_map(|name| lines(name, new)).collect();
    if after.status != before.status {
        set.push(line(":status", after.status.to_string().into(), false));
    }
    let mutation = HeaderMutation { set, remove };
    (mutation != HeaderMutation::default()).then_some(mutation)
}

/// The lines of a field: the first takes the place of whatever is there.
fn lines<'a>(name: &'a HeaderName, fields: &'a HeaderMap) -> impl Iterator<Item = HeaderOption> + 'a {
    let values = fields.get_all(name).iter().enumerate();
    let bytes = |value: &HeaderValue| Bytes::copy_from_slice(value.as_bytes());
    values.map(move |(index, value)| line(name.as_str(), bytes(value), index > 0))
}

/// A line of a head, for Envoy.
pub(super) fn line(name: &str, value: Bytes, append: bool) -> HeaderOption {
    let line = HeaderLine { name: name.to_owned(), text: Bytes::new(), raw: value };
    HeaderOption { line: Some(line), append: append.then_some(Bool { value: true }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, lines: &[(&'static str, &'static str)]) -> ResponseHead {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_static(value));
        }
        ResponseHead { status, fields, is_all: false }
    }

    fn told(set: &[HeaderOption]) -> Vec<String> {
        let told = |option: &HeaderOption| {
            let line = option.line.as_ref().unwrap();
            let sign = if option.append.is_some() { "+" } else { "=" };
            format!("{}{sign}{}", line.name, String::from_utf8_lossy(&line.raw))
        };
        set.iter().map(told).collect()
    }

    #[test]
    fn edits_are_what_differs() {
        let before = head(503, &[("a", "1"), ("b", "1"), ("c", "1"), ("transfer-encoding", "chunked")]);
        let after = head(502, &[("a", "1"), ("b", "2"), ("b", "3")]);
        let common = amended(&before, &after).common.unwrap();
        let mutation = common.mutation.unwrap();
        assert_eq!(mutation.remove, ["c"]);
        assert_eq!(told(&mutation.set), ["b=2", "b+3", ":status=502"]);
        assert_eq!(amended(&before, &before).common, None);
    }

    #[test]
    fn an_immediate_response_brings_the_whole_head() {
        let head = head(
            502,
            &[("set-cookie", "a"), ("connection", "x"), ("set-cookie", "b"), ("content-length", "9")],
        );
        let Answer::Immediate(response) = immediate(&head, Bytes::from_static(b"m"), Some("a b")) else {
            panic!("no immediate response");
        };
        assert_eq!(response.status.unwrap().code, 502);
        assert_eq!(told(&response.fields.unwrap().set), ["set-cookie=a", "set-cookie+b"]);
        assert_eq!((&*response.body, &*response.details), (&b"m"[..], "retort{a_b}"));
    }
}
