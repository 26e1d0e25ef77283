//! What the proxy says itself: a response made up on the spot, which goes through the rules like
//! any other, and gets a generic message where they have none for it.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, Version, header};
use pingora::{
    Result,
    http::{RequestHeader, ResponseHeader},
    protocols::http::HttpTask,
    proxy::Session,
};

use super::{amend, debug_header, facts::Facts, options::Options};
use crate::{
    exchange::{Cause, Source},
    host::{
        judgement::{Known, Verdict},
        outcome::Outcome,
    },
    reply::grpc,
    rules,
};

/// Seconds after which a client may try again where there was too much to do.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Answers with this status, and returns what the rules said of it.
pub(super) async fn send(
    session: &mut Session,
    facts: &Facts,
    status: StatusCode,
    cause: Cause,
) -> Result<Outcome> {
    let request = session.req_header();
    let (head, body, outcome) = compose(facts, request, status, Source::Proxy(cause))?;
    write(session, head, body).await?;
    Ok(outcome)
}

/// Answers for an upstream of another proxy: about the request that went there, rather than the
/// one that came here.
pub(super) async fn send_about(
    session: &mut Session,
    facts: &Facts,
    request: &RequestHeader,
    status: StatusCode,
) -> Result<Outcome> {
    let (head, body, outcome) = compose(facts, request, status, Source::Upstream)?;
    write(session, head, body).await?;
    Ok(outcome)
}

/// Writes a whole response; no content where the request is for the head alone.
pub(super) async fn write(
    session: &mut Session,
    mut head: Box<ResponseHeader>,
    body: Option<Bytes>,
) -> Result<()> {
    let request = session.req_header();
    let body = amend::content(request, &head, body);
    if body.is_none() && request.version == Version::HTTP_2 && is_grpc(&head) {
        // The fields are the trailers, too; a length is not for them.
        head.remove_header(&header::CONTENT_LENGTH);
    }
    let mut tasks = vec![HttpTask::Header(head, body.is_none())];
    tasks.extend(body.map(|body| HttpTask::Body(Some(body), true)));
    session.as_downstream_mut().response_duplex_vec(tasks).await?;
    Ok(())
}

/// Reads what is left of a request's body where that is little, so that the connection can be
/// kept, and is not reset under the client's eyes.
pub(super) async fn drop_request_body(session: &mut Session, options: &Options, id: &str) {
    let headers = &session.req_header().headers;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let little = length.is_some_and(|length: u64| length <= options.limits.drain);
    // Who asks first whether to send the body does not send it after this answer.
    if !little || headers.contains_key(header::EXPECT) {
        return;
    }
    session.set_total_drain_timeout(Some(options.timeouts.drain));
    if let Err(error) = session.drain_request_body().await {
        tracing::debug!(target: "retort::proxy", id, %error, "the rest of a request's body did not come");
    }
}

/// The head of a response that no upstream sent.
fn made_up(status: StatusCode) -> Result<ResponseHeader> {
    let mut head = ResponseHeader::build(status, Some(6))?;
    head.insert_header(header::CACHE_CONTROL, "no-store")?;
    head.insert_header(header::CONTENT_LENGTH, 0)?;
    Ok(head)
}

/// The head and the content of the answer.
fn compose(
    facts: &Facts,
    request: &RequestHeader,
    status: StatusCode,
    source: Source,
) -> Result<(Box<ResponseHeader>, Option<Bytes>, Outcome)> {
    let mut head = Box::new(made_up(status)?);
    if source == Source::Proxy(Cause::Overload) {
        head.insert_header(header::RETRY_AFTER, RETRY_AFTER)?;
    }
    let (body, outcome) = judge(facts, request, &mut head, source);
    debug_header::mark(&mut head, &outcome, &facts.options);
    Ok((head, body, outcome))
}

/// Lets the rules edit the head and choose the content; where they leave it without, the generic
/// rules do.
fn judge(
    facts: &Facts,
    request: &RequestHeader,
    head: &mut ResponseHeader,
    source: Source,
) -> (Option<Bytes>, Outcome) {
    let mut outcome = Outcome::no_rule();
    if facts.snapshot.rules.covers(head.status.as_u16()) {
        let (verdict, said) = facts.judge(request, head, Known::NOTHING, source);
        outcome = said;
        if let Some(body) = apply(verdict, head) {
            return (Some(body), outcome);
        }
    }
    let (verdict, _) = facts.judge_by(rules::generic(), request, head, Known::NOTHING, source);
    (apply(verdict, head), outcome)
}

fn apply(verdict: Verdict, head: &mut ResponseHeader) -> Option<Bytes> {
    let Verdict::Reply(reply) = verdict else { return None };
    amend::amend(head, &reply).ok()?;
    reply.body
}

fn is_grpc(head: &ResponseHeader) -> bool {
    head.headers.get(header::CONTENT_TYPE).is_some_and(|value| grpc::is_grpc(value.as_bytes()))
}
