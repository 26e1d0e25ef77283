//! What the upstream is told beside what the client sent.

use http::{HeaderName, HeaderValue, header};
use pingora::{Result, http::RequestHeader};

use super::facts::Facts;
use crate::exchange::{Fields, request_id};

const FORWARDED_FOR: &str = "X-Forwarded-For";
const FORWARDED_PROTO: &str = "X-Forwarded-Proto";
const FORWARDED_HOST: &str = "X-Forwarded-Host";

/// Adds to the request for the upstream who asked, for what host, and under what id.
///
/// The client is appended to the list of those before it; protocol and host are what this proxy
/// saw, whatever the client claims. An id that came with the request stays as it is.
pub(super) fn prepare(
    request: &mut RequestHeader,
    client_request: &RequestHeader,
    facts: &Facts,
    id_headers: &[HeaderName],
) -> Result<()> {
    if let Some(chain) = chain(request, &facts.client) {
        request.insert_header(FORWARDED_FOR, chain)?;
    }
    request.insert_header(FORWARDED_PROTO, "http")?;
    match host(client_request) {
        Some(host) => request.insert_header(FORWARDED_HOST, host)?,
        None => {
            request.remove_header(FORWARDED_HOST);
        }
    }
    let sent = request_id::from_client(Fields::Map(&client_request.headers), id_headers);
    if sent.is_none()
        && let (Some(name), Ok(id)) = (id_headers.first(), HeaderValue::from_str(&facts.id))
    {
        request.insert_header(titled(name), id)?;
    }
    Ok(())
}

/// The host that the client asked for: the authority of HTTP/2, else the Host field.
pub(super) fn host(request: &RequestHeader) -> Option<HeaderValue> {
    let authority = request.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    authority.or_else(|| request.headers.get(header::HOST).cloned())
}

/// A name as it is usually written, `X-Request-Id`: Pingora sends names as they are given to it.
pub(super) fn titled(name: &HeaderName) -> String {
    let mut start = true;
    let mut letter = |letter: char| {
        let written = if start { letter.to_ascii_uppercase() } else { letter };
        start = letter == '-';
        written
    };
    name.as_str().chars().map(&mut letter).collect()
}

fn chain(request: &RequestHeader, client: &str) -> Option<HeaderValue> {
    if client.is_empty() {
        return None;
    }
    let lines = request.headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
    let all: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).chain([client.as_bytes()]).collect();
    HeaderValue::from_bytes(&all.join(&b", "[..])).ok()
}
