//! The proxy's phases, each of which may panic without taking the request with it.
//!
//! What is caught here was not caught closer by: where a response is judged, made, or amended, a
//! panic already leaves the response as it was (`facts`, `hold`, `amend`). A phase that panics
//! before there is a response is a failure of the proxy, and answered as one. So is one that was
//! to tell whether a response is sound: nothing passes unseen.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use pingora::{
    BError, Error, Result,
    http::{RequestHeader, ResponseHeader},
    modules::http::HttpModules,
    proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session},
    upstreams::peer::HttpPeer,
};

use super::{context::Context, phases::Phases};
use crate::{
    exchange::Cause,
    host::fault::{caught, survived},
};

/// A proxy whose phases are let panic.
pub(super) struct Guarded<P>(pub(super) P);

#[async_trait]
impl<P: Phases> ProxyHttp for Guarded<P> {
    /// Pingora moves it about.
    type CTX = Box<Context>;

    fn new_ctx(&self) -> Box<Context> {
        Box::new(self.0.new_ctx())
    }

    /// Leaves out Pingora's compression.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Box<Context>) -> Result<()> {
        let filtered = survived(self.0.early_request_filter(session, ctx)).await;
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Box<Context>) -> Result<bool> {
        let filtered = survived(self.0.request_filter(session, ctx)).await;
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Box<Context>,
    ) -> Result<()> {
        let filtered = caught(|| self.0.request_body_filter(session, body, end, ctx));
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Box<Context>) -> Result<Box<HttpPeer>> {
        let peer = survived(self.0.upstream_peer(session, ctx)).await;
        peer.unwrap_or_else(|| Err(failed(ctx)))
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        peer: &HttpPeer,
        ctx: &mut Box<Context>,
        error: BError,
    ) -> BError {
        caught(|| self.0.fail_to_connect(session, peer, ctx, error)).unwrap_or_else(|| failed(ctx))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Box<Context>,
    ) -> Result<()> {
        // Half of what the upstream is to be told may be worse than nothing.
        let filtered = caught(|| self.0.upstream_request_filter(session, request, ctx));
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Box<Context>,
    ) -> Result<()> {
        let filtered = caught(|| self.0.upstream_response_filter(session, response, ctx));
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    /// The response passes as it came.
    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Box<Context>,
    ) -> Result<()> {
        caught(|| self.0.response_filter(session, response, ctx)).unwrap_or(Ok(()))
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Box<Context>,
    ) -> Result<Option<Duration>> {
        caught(|| self.0.response_body_filter(session, body, end, ctx)).unwrap_or(Ok(None))
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Box<Context>,
    ) -> FailToProxy {
        if let Some(answered) = survived(self.0.fail_to_proxy(session, error, ctx)).await {
            return answered;
        }
        let nothing = FailToProxy { error_code: 0, can_reuse_downstream: false };
        let bare = survived(async {
            if session.response_written().is_none() {
                session.respond_error(StatusCode::INTERNAL_SERVER_ERROR.as_u16()).await?;
            }
            Ok::<(), BError>(())
        });
        if let Some(Err(error)) = bare.await {
            tracing::debug!(target: "retort::proxy", %error, "the client is gone");
        }
        nothing
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Box<Context>) {
        caught(|| self.0.logging(session, error, ctx));
    }

    /// What failed is logged where the answer to it is made, and with every request.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Box<Context>, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &Box<Context>,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}

/// The error of a request in one of whose phases there was a panic.
fn failed(ctx: &mut Context) -> BError {
    ctx.refuse(StatusCode::INTERNAL_SERVER_ERROR, Cause::Internal, "a panic")
}
