//! What a reply makes of the head of a response, and what content goes with it.

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode, Version, header};
use pingora::http::{HeaderNameVariant, RequestHeader, ResponseHeader};

use crate::{Reply, exchange::title_case, host::fault, reply::Edit, status::reason_phrase};

/// A panic kept a head from being amended: it is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unamended;

/// Sets the status and applies the edits: all of it or nothing.
pub(super) fn amend(head: &mut ResponseHeader, reply: &Reply) -> Result<(), Unamended> {
    let amended = fault::caught(|| {
        let mut head = head.clone();
        set_status(&mut head, reply.status);
        if reply.body.is_some() {
            // The message is ours, whatever version the upstream speaks.
            head.set_version(Version::HTTP_11);
            // Pingora may have put it there since the reply was made: the old content had no length.
            head.remove_header(&header::TRANSFER_ENCODING);
        }
        reply.edits.iter().for_each(|edit| apply(&mut head, edit));
        head
    });
    *head = amended.ok_or(Unamended).inspect_err(|_| tracing::error!("a panic while amending a response"))?;
    Ok(())
}

/// The content to send in place of the old one, where this response has any.
pub(super) fn content(request: &RequestHeader, head: &ResponseHeader, body: Option<Bytes>) -> Option<Bytes> {
    let may_have = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    body.filter(|body| may_have && request.method != Method::HEAD && !body.is_empty())
}

/// The head without the lines of this name. Taking them out of a header map, as edits do, would
/// also change the order of the others.
pub(super) fn without(head: &ResponseHeader, name: &HeaderName) -> pingora::Result<ResponseHeader> {
    let size = Some(head.headers.len());
    let mut rest = match head.has_case() {
        true => ResponseHeader::build(head.status, size),
        false => ResponseHeader::build_no_case(head.status, size),
    }?;
    rest.set_version(head.version);
    rest.set_reason_phrase(head.get_reason_phrase())?;
    head.map(|own, value| {
        let own = match own {
            HeaderNameVariant::Case(own) => own.as_slice(),
            HeaderNameVariant::Titled(own) => own.as_bytes(),
        };
        if !own.eq_ignore_ascii_case(name.as_str().as_bytes()) {
            rest.append_header(Bytes::copy_from_slice(own), value.clone())?;
        }
        Ok(())
    })?;
    Ok(rest)
}

fn set_status(head: &mut ResponseHeader, status: u16) {
    if head.status == status {
        return;
    }
    let set = head.set_status(status).and_then(|()| head.set_reason_phrase(reason_phrase(status)));
    if let Err(error) = set {
        tracing::error!(%error, status, "a status could not be set");
    }
}

fn apply(head: &mut ResponseHeader, edit: &Edit) {
    let applied = match edit {
        Edit::Remove(name) => {
            head.remove_header(name);
            Ok(())
        }
        Edit::Set(name, value) => head.insert_header(written(name), value.clone()),
        Edit::Add(name, value) => head.append_header(written(name), value.clone()).map(|_| ()),
    };
    if let Err(error) = applied {
        tracing::error!(%error, ?edit, "a header field could not be edited");
    }
}

/// The name as it is written; those that come with every message cost no memory.
fn written(name: &HeaderName) -> Bytes {
    let known = match *name {
        header::CONTENT_TYPE => "Content-Type",
        header::CONTENT_LENGTH => "Content-Length",
        header::VARY => "Vary",
        header::X_CONTENT_TYPE_OPTIONS => "X-Content-Type-Options",
        _ => return Bytes::from(title_case(name)),
    };
    Bytes::from_static(known.as_bytes())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn head(status: u16, fields: &[(&'static str, &str)]) -> ResponseHeader {
        let mut head = ResponseHeader::build(status, None).unwrap();
        fields.iter().for_each(|(name, value)| head.insert_header(*name, *value).unwrap());
        head
    }

    fn amended(mut head: ResponseHeader, status: u16, edits: Vec<Edit>) -> Vec<String> {
        amend(&mut head, &Reply { status, body: None, edits, refused: Vec::new() }).unwrap();
        let mut lines = vec![format!("{} {}", head.status.as_u16(), head.get_reason_phrase().unwrap_or("-"))];
        head.case_header_iter().for_each(|(name, value)| {
            lines.push(format!("{}: {}", String::from_utf8_lossy(name.as_slice()), value.to_str().unwrap()));
        });
        lines
    }

    #[test]
    fn a_new_status_has_its_own_phrase() {
        let mut own = head(404, &[]);
        own.set_reason_phrase(Some("Gone Fishing")).unwrap();
        assert_eq!(amended(own.clone(), 404, Vec::new()), ["404 Gone Fishing"]);
        assert_eq!(amended(own.clone(), 413, Vec::new()), ["413 Content Too Large"]);
        assert_eq!(amended(own, 599, Vec::new()), ["599 -"]);
    }

    #[test]
    fn names_are_written_in_title_case() {
        let names =
            [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::VARY, header::X_CONTENT_TYPE_OPTIONS];
        for name in names.iter().chain([&header::RETRY_AFTER]) {
            assert_eq!(written(name), title_case(name));
        }
    }

    #[test]
    fn edits_keep_the_case_of_names() {
        let value = HeaderValue::from_static;
        let edits = vec![
            Edit::Set(header::RETRY_AFTER, value("5")),
            Edit::Add(header::SET_COOKIE, value("a=1")),
            Edit::Add(header::SET_COOKIE, value("b=2")),
            Edit::Remove(header::SERVER),
        ];
        let lines = amended(head(503, &[("server", "x"), ("retry-after", "9")]), 503, edits);
        assert_eq!(lines.len(), 4);
        for line in ["Retry-After: 5", "Set-Cookie: a=1", "Set-Cookie: b=2"] {
            assert!(lines.contains(&line.to_owned()), "{lines:?}");
        }
    }
}
