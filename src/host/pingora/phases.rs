//! The phases of a request that this proxy has a part in.
//!
//! Pingora's trait for them, `ProxyHttp`, puts the future of each into a box. These are without, so
//! that what stands around them (`guarded`, `embedded`) has to make no more than that one.

use std::time::Duration;

use bytes::Bytes;
use pingora::{
    BError, Error, Result,
    http::{RequestHeader, ResponseHeader},
    proxy::{FailToProxy, Session},
    upstreams::peer::HttpPeer,
};

use super::context::Context;

/// What a proxy does in each phase; see Pingora's `ProxyHttp`, whose names these are.
pub(super) trait Phases: Send + Sync {
    fn new_ctx(&self) -> Context;

    fn early_request_filter(
        &self,
        session: &mut Session,
        ctx: &mut Context,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Tells whether the request was answered.
    fn request_filter(
        &self,
        _session: &mut Session,
        _ctx: &mut Context,
    ) -> impl Future<Output = Result<bool>> + Send {
        async { Ok(false) }
    }

    fn request_body_filter(
        &self,
        _session: &mut Session,
        _body: &mut Option<Bytes>,
        _end: bool,
        _ctx: &mut Context,
    ) -> Result<()> {
        Ok(())
    }

    fn upstream_peer(
        &self,
        session: &mut Session,
        ctx: &mut Context,
    ) -> impl Future<Output = Result<Box<HttpPeer>>> + Send;

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        _ctx: &mut Context,
        error: BError,
    ) -> BError {
        error
    }

    fn upstream_request_filter(
        &self,
        _session: &mut Session,
        _request: &mut RequestHeader,
        _ctx: &mut Context,
    ) -> Result<()> {
        Ok(())
    }

    fn upstream_response_filter(
        &self,
        _session: &mut Session,
        _response: &mut ResponseHeader,
        _ctx: &mut Context,
    ) -> Result<()> {
        Ok(())
    }

    fn response_filter(
        &self,
        _session: &mut Session,
        _response: &mut ResponseHeader,
        _ctx: &mut Context,
    ) -> Result<()> {
        Ok(())
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        _body: &mut Option<Bytes>,
        _end: bool,
        _ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        Ok(None)
    }

    fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Context,
    ) -> impl Future<Output = FailToProxy> + Send;

    fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context);
}
