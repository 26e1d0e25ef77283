//! The error backend: other proxies ask it what to answer in place of a response that failed.
//!
//! It is the proxy up to the point where that would choose an upstream: heads are read, refused,
//! timed and logged in one way. Then the request is answered, as the one that it tells of.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use pingora::{
    Error, ErrorType, Result,
    http::{RequestHeader, ResponseHeader},
    proxy::{FailToProxy, Session},
    upstreams::peer::HttpPeer,
};

use super::{answer, context::Context, filter::Filter, phases::Phases, trusted::Hop};
use crate::exchange::error_request::{CODE, ErrorRequest, Forwarded};

/// Where an orchestrator asks whether the backend is there. A request with `X-Code` is no such
/// question: the path may be that of a request that failed.
const HEALTH: &str = "/healthz";

/// Answers what proxies send to a custom error backend.
pub(super) struct ErrorBackend {
    filter: Filter,
    forwarded: Forwarded,
    /// How long, once the answer is out, to wait for the rest of the request's content.
    drain: Duration,
}

impl ErrorBackend {
    pub(super) fn new(filter: Filter, forwarded: Forwarded, drain: Duration) -> Self {
        Self { filter, forwarded, drain }
    }

    /// Answers for the request that this one tells of.
    async fn answer(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        let ErrorRequest { status, request, client, upstream_port } =
            ErrorRequest::read(session.req_header(), self.forwarded);
        if let Some(client) = client {
            ctx.facts.client = Hop::Ip(client);
        }
        ctx.facts.told_port = upstream_port;
        let subject = RequestHeader::from(request);
        let outcome = answer::send_about(session, &ctx.facts, &subject, status).await?;
        ctx.answered_for(subject, status, outcome);
        Ok(())
    }

    /// Reads and drops the content of the request, which proxies pass on. A connection that is
    /// closed before it was read may be reset, and the answer lost.
    async fn drop_content(&self, session: &mut Session, id: &str) {
        session.set_total_drain_timeout(Some(self.drain));
        if let Err(error) = session.drain_request_body().await {
            tracing::debug!(target: "retort::proxy", id, %error, "the rest of a request's body did not come");
            session.set_keepalive(None);
        }
    }
}

impl Phases for ErrorBackend {
    fn new_ctx(&self) -> Context {
        self.filter.new_ctx()
    }

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        self.filter.early_request_filter(session, ctx).await
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        // Who asks first whether to send the content does not send it after this answer.
        let expects = session.req_header().headers.contains_key(header::EXPECT);
        session.set_close_on_response_before_downstream_finish(expects);
        if asks_for_health(session.req_header()) {
            say_ok(session).await?;
        } else {
            self.answer(session, ctx).await?;
        }
        if !expects {
            self.drop_content(session, &ctx.facts.id).await;
        }
        Ok(true)
    }

    /// Is not asked: every request is answered before.
    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut Context) -> Result<Box<HttpPeer>> {
        Error::e_explain(ErrorType::InternalError, "an error backend has no upstream")
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        self.filter.fail_to_proxy(session, error, ctx).await
    }

    fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        self.filter.logging(session, error, ctx);
    }
}

fn asks_for_health(request: &RequestHeader) -> bool {
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    reads && request.uri.path() == HEALTH && !request.headers.contains_key(CODE)
}

async fn say_ok(session: &mut Session) -> Result<()> {
    let body = Bytes::from_static(b"ok");
    let mut head = Box::new(ResponseHeader::build(StatusCode::OK, Some(3))?);
    head.insert_header(header::CONTENT_TYPE, "text/plain; charset=utf-8")?;
    head.insert_header(header::CACHE_CONTROL, "no-store")?;
    head.insert_header(header::CONTENT_LENGTH, body.len())?;
    answer::write(session, head, Some(body)).await
}
