//! What the upstream is told beside what the client sent.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use pingora::{Result, http::RequestHeader};

use super::facts::Facts;
use crate::exchange::title_case;

const FORWARDED_FOR: &str = "X-Forwarded-For";
const FORWARDED_PROTO: &str = "X-Forwarded-Proto";
const FORWARDED_HOST: &str = "X-Forwarded-Host";

/// Tells the upstream who asked, how, and for what host.
///
/// The client is appended to the list of those before it; protocol and host are what this proxy
/// saw, whatever the client claims.
pub(super) fn tell_who_asked(
    request: &mut RequestHeader,
    client_request: &RequestHeader,
    facts: &Facts,
) -> Result<()> {
    if let Some(chain) = chain(request, &facts.client) {
        request.insert_header(FORWARDED_FOR, chain)?;
    }
    request.insert_header(FORWARDED_PROTO, HeaderValue::from_static(facts.scheme()))?;
    match host(client_request) {
        Some(host) => request.insert_header(FORWARDED_HOST, host)?,
        None => {
            request.remove_header(FORWARDED_HOST);
        }
    }
    Ok(())
}

/// Tells the upstream the id of the request. One that came with the request stays as it is.
pub(super) fn tell_the_id(
    request: &mut RequestHeader,
    facts: &Facts,
    id_headers: &[HeaderName],
) -> Result<()> {
    if !facts.id_was_sent
        && let (Some(name), Ok(id)) = (id_headers.first(), HeaderValue::from_str(&facts.id))
    {
        request.insert_header(title_case(name), id)?;
    }
    Ok(())
}

/// The host that the client asked for: the authority of HTTP/2, else the Host field.
pub(super) fn host(request: &RequestHeader) -> Option<HeaderValue> {
    let authority = request.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    authority.or_else(|| request.headers.get(header::HOST).cloned())
}

fn chain(request: &RequestHeader, client: &str) -> Option<HeaderValue> {
    if client.is_empty() {
        return None;
    }
    let mut chain = Vec::new();
    for line in request.headers.get_all(FORWARDED_FOR).iter().filter(|line| !line.is_empty()) {
        chain.extend_from_slice(line.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(client.as_bytes());
    HeaderValue::from_maybe_shared(Bytes::from(chain)).ok()
}
