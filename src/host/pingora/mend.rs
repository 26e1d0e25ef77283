//! What is let pass leaves in one way of writing, so that the next reader has nothing to interpret.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use pingora::{
    Result,
    http::{RequestHeader, ResponseHeader},
};

use super::strict::is_absolute_form;

/// What is said of a connection, and not in Connection itself.
static OF_A_CONNECTION: [HeaderName; 2] =
    [HeaderName::from_static("keep-alive"), HeaderName::from_static("proxy-connection")];

/// A request, on its way to the upstream.
pub(super) fn request(request: &mut RequestHeader) -> Result<()> {
    // RFC 9112 §3.2.1: an origin is asked by path. The URI has no more than that already.
    if is_absolute_form(request.raw_path()) {
        request.set_uri(request.uri.clone());
    }
    match one_length(&request.headers) {
        Some(length) => request.insert_header(header::CONTENT_LENGTH, length),
        None => Ok(()),
    }
}

/// A response, on its way to the client.
pub(super) fn response(response: &mut ResponseHeader) -> Result<()> {
    if response.version == Version::HTTP_10 {
        // RFC 9110 §2.5: a proxy speaks for itself.
        response.set_version(Version::HTTP_11);
    }
    if response.status != StatusCode::SWITCHING_PROTOCOLS {
        drop_connection_fields(response);
    }
    match one_length(&response.headers) {
        Some(length) => response.insert_header(header::CONTENT_LENGTH, length),
        None => Ok(()),
    }
}

/// Whether a header has more than one length, be it in lines or in a list.
pub(super) fn has_many_lengths(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::CONTENT_LENGTH).iter();
    lines.next().is_some_and(|first| first.as_bytes().contains(&b',') || lines.next().is_some())
}

/// RFC 9112 §6.3: equal lengths, which is all that Pingora lets pass, are replaced by one.
fn one_length(headers: &HeaderMap) -> Option<HeaderValue> {
    let line = headers.get(header::CONTENT_LENGTH).filter(|_| has_many_lengths(headers))?;
    let length = line.as_bytes().split(|byte| *byte == b',').next()?;
    HeaderValue::from_bytes(length.trim_ascii()).ok()
}

/// RFC 9110 §7.6.1: what is said of the upstream's connection is not true of the client's. Pingora
/// writes Connection anew, but leaves the rest.
fn drop_connection_fields(response: &mut ResponseHeader) {
    // A look at each name is less work than to look for each of these.
    let is_any = |name: &HeaderName| {
        *name == header::CONNECTION || *name == header::UPGRADE || OF_A_CONNECTION.contains(name)
    };
    if !response.headers.keys().any(is_any) {
        return;
    }
    let named: Vec<HeaderName> = named_by_connection(&response.headers).collect();
    // An upstream that wants another protocol says which (RFC 9110 §15.5.22).
    let upgrade = (response.status != StatusCode::UPGRADE_REQUIRED).then_some(header::UPGRADE);
    for name in OF_A_CONNECTION.iter().chain(&upgrade).chain(&named) {
        response.remove_header(name);
    }
}

/// What Connection names, but for what the end of the content is told by.
fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let lines = headers.get_all(header::CONNECTION).iter();
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let names = members.filter_map(|member| HeaderName::from_bytes(member.trim_ascii()).ok());
    let kept = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE];
    names.filter(move |name| !kept.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_become_paths() {
        for (target, mended) in [("http://a/b?c", "/b?c"), ("HTTPS://a", "/"), ("/b", "/b"), ("*", "*")] {
            let mut head = RequestHeader::build("GET", target.as_bytes(), None).unwrap();
            request(&mut head).unwrap();
            assert_eq!(head.raw_path(), mended.as_bytes(), "{target}");
        }
    }

    #[test]
    fn lengths_become_one() {
        for lengths in [&["5", "5"][..], &["5, 5"], &["5"]] {
            let mut head = ResponseHeader::build(200, None).unwrap();
            lengths
                .iter()
                .for_each(|length| _ = head.append_header(header::CONTENT_LENGTH, *length).unwrap());
            response(&mut head).unwrap();
            let mended: Vec<_> = head.headers.get_all(header::CONTENT_LENGTH).iter().collect();
            assert_eq!(mended, ["5"], "{lengths:?}");
        }
    }

    #[test]
    fn what_belongs_to_a_connection_stays_there() {
        let fields = [
            ("Connection", "x-hop, Content-Length, @"),
            ("Connection", "Y-Hop"),
            ("X-Hop", "1"),
            ("Y-Hop", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Upgrade", "h2c"),
            ("Content-Length", "5"),
            ("X", "1"),
        ];
        for (status, upgrade) in [(200, false), (426, true)] {
            let mut head = ResponseHeader::build(status, None).unwrap();
            fields.iter().for_each(|(name, value)| _ = head.append_header(*name, *value).unwrap());
            response(&mut head).unwrap();
            let gone = ["x-hop", "y-hop", "keep-alive"].iter().all(|name| !head.headers.contains_key(*name));
            let stayed = ["content-length", "x"].iter().all(|name| head.headers.contains_key(*name));
            assert!(gone && stayed, "{head:?}");
            assert_eq!(head.headers.contains_key(header::UPGRADE), upgrade);
        }
    }
}
