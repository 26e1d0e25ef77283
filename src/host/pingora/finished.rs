//! Tells what is known of a request when it is over.

use http::{Method, Uri};
use pingora::{http::RequestHeader, proxy::Session};

use super::context::Context;
use crate::host::{outcome::Outcome, telemetry::Finished};

/// A request that came to its end, whatever that was.
pub(super) fn record(ctx: &Context, session: &Session, request: &RequestHeader, status: Option<u16>) {
    let bytes = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    ctx.telemetry.record(&Finished {
        status,
        sent: bytes(session.body_bytes_sent()),
        received: bytes(session.body_bytes_read()),
        ..known(ctx, request.method.as_str(), request.uri.path())
    });
}

/// A request that was cut off.
pub(super) fn record_cut(ctx: &Context, method: &Method, uri: &Uri) {
    ctx.telemetry.record(&known(ctx, method.as_str(), uri.path()));
}

fn known<'a>(ctx: &'a Context, method: &'a str, path: &'a str) -> Finished<'a> {
    let decided = ctx.outcome.as_ref().map(Outcome::decided);
    Finished {
        snapshot: &ctx.facts.snapshot,
        id: &ctx.facts.id,
        method,
        path,
        status: None,
        upstream_status: ctx.upstream_status,
        decided,
        cause: ctx.cause,
        took: ctx.facts.started.elapsed(),
        upstream_took: ctx.upstream_took,
        sent: 0,
        received: 0,
    }
}
