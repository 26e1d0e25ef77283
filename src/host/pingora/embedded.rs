//! The filter as the proxy of a Pingora service, or as a part of somebody's own.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::{
    BError, Error, Result,
    http::{RequestHeader, ResponseHeader},
    modules::http::HttpModules,
    proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session},
    upstreams::peer::HttpPeer,
};

use super::{context::Context, filter::Filter, phases::Phases};

#[async_trait]
impl ProxyHttp for Filter {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Phases::new_ctx(self)
    }

    /// Leaves out Pingora's compression.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        Phases::early_request_filter(self, session, ctx).await
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        Phases::request_body_filter(self, session, body, end, ctx)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        Phases::upstream_peer(self, session, ctx).await
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        peer: &HttpPeer,
        ctx: &mut Context,
        error: BError,
    ) -> BError {
        Phases::fail_to_connect(self, session, peer, ctx, error)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        Phases::upstream_request_filter(self, session, request, ctx)
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        Phases::upstream_response_filter(self, session, response, ctx)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        Phases::response_filter(self, session, response, ctx)
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        Phases::response_body_filter(self, session, body, end, ctx)
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        Phases::fail_to_proxy(self, session, error, ctx).await
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        Phases::logging(self, session, error, ctx);
    }

    /// What failed is logged where the answer to it is made, and with every request.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Context, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &Context,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}
