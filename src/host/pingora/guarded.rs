//! The proxy's phases, each of which may panic without taking the request with it.
//!
//! What is caught here was not caught closer by: where a response is judged, made, or amended, a
//! panic already leaves the response as it was (`facts`, `hold`, `amend`). A phase that panics
//! before there is a response is a failure of the proxy, and answered as one. So is one that was
//! to tell whether a response is sound: nothing passes unseen.

use std::{any::Any, os::fd::RawFd, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pingora::{
    BError, Error, Result,
    http::{RequestHeader, ResponseHeader},
    modules::http::HttpModules,
    protocols::Digest,
    proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session},
    upstreams::peer::HttpPeer,
};

use super::filter::Context;
use crate::{
    exchange::Cause,
    host::fault::{caught, survived},
};

/// A proxy whose phases are let panic.
///
/// All phases are passed on but those of Pingora's cache, which is off.
pub(super) struct Guarded<P>(pub(super) P);

#[async_trait]
impl<P: ProxyHttp<CTX = Context> + Send + Sync> ProxyHttp for Guarded<P> {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        self.0.new_ctx()
    }

    fn init_downstream_modules(&self, modules: &mut HttpModules) {
        self.0.init_downstream_modules(modules);
    }

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        let filtered = survived(self.0.early_request_filter(session, ctx)).await;
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        let filtered = survived(self.0.request_filter(session, ctx)).await;
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        let filtered = survived(self.0.request_body_filter(session, body, end, ctx)).await;
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn proxy_upstream_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        let filtered = survived(self.0.proxy_upstream_filter(session, ctx)).await;
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        let peer = survived(self.0.upstream_peer(session, ctx)).await;
        peer.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn connected_to_upstream(
        &self,
        session: &mut Session,
        reused: bool,
        peer: &HttpPeer,
        fd: RawFd,
        digest: Option<&Digest>,
        ctx: &mut Context,
    ) -> Result<()> {
        let connected = survived(self.0.connected_to_upstream(session, reused, peer, fd, digest, ctx)).await;
        connected.unwrap_or_else(|| Err(failed(ctx)))
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        peer: &HttpPeer,
        ctx: &mut Context,
        error: BError,
    ) -> BError {
        caught(|| self.0.fail_to_connect(session, peer, ctx, error)).unwrap_or_else(|| failed(ctx))
    }

    fn error_while_proxy(
        &self,
        peer: &HttpPeer,
        session: &mut Session,
        error: BError,
        ctx: &mut Context,
        client_reused: bool,
    ) -> BError {
        let told = caught(|| self.0.error_while_proxy(peer, session, error, ctx, client_reused));
        told.unwrap_or_else(|| failed(ctx))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        // Half of what the upstream is to be told may be worse than nothing.
        let filtered = survived(self.0.upstream_request_filter(session, request, ctx)).await;
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let filtered = survived(self.0.upstream_response_filter(session, response, ctx)).await;
        filtered.unwrap_or_else(|| Err(failed(ctx)))
    }

    fn upstream_response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        caught(|| self.0.upstream_response_body_filter(session, body, end, ctx)).unwrap_or(Ok(None))
    }

    fn upstream_response_trailer_filter(
        &self,
        session: &mut Session,
        trailers: &mut HeaderMap,
        ctx: &mut Context,
    ) -> Result<()> {
        caught(|| self.0.upstream_response_trailer_filter(session, trailers, ctx)).unwrap_or(Ok(()))
    }

    /// The response passes as it came.
    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        survived(self.0.response_filter(session, response, ctx)).await.unwrap_or(Ok(()))
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        caught(|| self.0.response_body_filter(session, body, end, ctx)).unwrap_or(Ok(None))
    }

    async fn response_trailer_filter(
        &self,
        session: &mut Session,
        trailers: &mut HeaderMap,
        ctx: &mut Context,
    ) -> Result<Option<Bytes>> {
        survived(self.0.response_trailer_filter(session, trailers, ctx)).await.unwrap_or(Ok(None))
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
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

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        survived(self.0.logging(session, error, ctx)).await;
    }

    fn suppress_error_log(&self, session: &Session, ctx: &Context, error: &Error) -> bool {
        self.0.suppress_error_log(session, ctx, error)
    }

    fn suppress_proxy_warn_log(
        &self,
        session: &Session,
        ctx: &Context,
        error: &Error,
        context: ProxyWarnLogContext,
    ) -> bool {
        self.0.suppress_proxy_warn_log(session, ctx, error, context)
    }

    fn request_summary(&self, session: &Session, ctx: &Context) -> String {
        self.0.request_summary(session, ctx)
    }

    fn persist_connection_context(
        &self,
        session: &Session,
        ctx: &Context,
    ) -> Option<Box<dyn Any + Send + Sync>> {
        self.0.persist_connection_context(session, ctx)
    }

    fn on_connection_reuse(
        &self,
        session: &mut Session,
        ctx: &mut Context,
        previous: Box<dyn Any + Send + Sync>,
    ) {
        self.0.on_connection_reuse(session, ctx, previous);
    }
}

/// The error of a request in one of whose phases there was a panic.
fn failed(ctx: &mut Context) -> BError {
    ctx.refuse(StatusCode::INTERNAL_SERVER_ERROR, Cause::Internal, "a panic")
}
