//! What the proxy says itself: a response made up on the spot, which goes through the rules like
//! any other, and gets a generic message where they have none for it.

use bytes::Bytes;
use http::{Method, StatusCode, header};
use pingora::{
    Result,
    http::{RequestHeader, ResponseHeader},
    protocols::http::HttpTask,
    proxy::Session,
};

use super::{
    facts::{Content, Facts, Outcome, Verdict},
    generic, hold,
    options::Options,
};
use crate::Reply;

/// Answers with this status, and returns what the rules said of it.
pub(super) async fn send(session: &mut Session, facts: &Facts, status: StatusCode) -> Result<Outcome> {
    let request = session.req_header();
    let (head, body, outcome) = compose(facts, request, status)?;
    write(session, head, body).await?;
    Ok(outcome)
}

/// The same, where the request that is to be answered is another than the one that came.
pub(super) async fn send_about(
    session: &mut Session,
    facts: &Facts,
    request: &RequestHeader,
    status: StatusCode,
) -> Result<Outcome> {
    let (head, body, outcome) = compose(facts, request, status)?;
    write(session, head, body).await?;
    Ok(outcome)
}

/// Writes a whole response; no content where the request is for the head alone.
pub(super) async fn write(
    session: &mut Session,
    head: Box<ResponseHeader>,
    body: Option<Bytes>,
) -> Result<()> {
    let is_sent = session.req_header().method != Method::HEAD;
    let body = body.filter(|body| is_sent && !body.is_empty());
    let mut tasks = vec![HttpTask::Header(head, body.is_none())];
    tasks.extend(body.map(|body| HttpTask::Body(Some(body), true)));
    session.as_downstream_mut().response_duplex_vec(tasks).await?;
    Ok(())
}

/// Reads what is left of a request's body where that is little, so that the connection can be
/// kept, and is not reset under the client's eyes.
pub(super) async fn drop_request_body(session: &mut Session, options: &Options) {
    let headers = &session.req_header().headers;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let little = length.is_some_and(|length: u64| length <= options.limits.drain);
    // Who asks first whether to send the body does not send it after this answer.
    if !little || headers.contains_key(header::EXPECT) {
        return;
    }
    session.set_total_drain_timeout(Some(options.timeouts.drain));
    if let Err(error) = session.drain_request_body().await {
        tracing::debug!(target: "retort::proxy", %error, "the rest of a request's body did not come");
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
) -> Result<(Box<ResponseHeader>, Option<Bytes>, Outcome)> {
    let mut head = Box::new(made_up(status)?);
    let (reply, outcome) = judge(facts, request, &head);
    let mut body = None;
    if let Some(reply) = reply {
        hold::edit(&mut head, &reply.edits);
        body = reply.body;
    }
    Ok((head, body, outcome))
}

fn judge(facts: &Facts, request: &RequestHeader, head: &ResponseHeader) -> (Option<Reply>, Outcome) {
    let mut outcome = Outcome::no_rule();
    if facts.snapshot.rules.covers(head.status.as_u16()) {
        let (verdict, said) = facts.judge(request, head, Content::NONE);
        if let Verdict::Replace(reply) = verdict {
            return (Some(reply), said);
        }
        outcome = said;
    }
    let generic = generic::rules().map(|rules| facts.judge_by(rules, request, head, Content::NONE).0);
    match generic {
        Some(Verdict::Replace(reply)) => (Some(reply), outcome),
        _ => (None, outcome),
    }
}
