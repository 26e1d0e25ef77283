//! Spans of requests, for tracing systems.

use std::fmt;

use crate::{
    exchange::{Trace, trace::NewTrace},
    template::Subject,
};

/// Makes a span of each request.
pub trait Spans: fmt::Debug + Send + Sync {
    /// The context of the span of a request, which the upstream is told of; `parent` is that which came
    /// with the request.
    fn begin(&self, parent: Option<Trace<'_>>) -> NewTrace;

    /// Takes a request that is over. It must wait for nothing.
    fn end(&self, subject: &Subject<'_>, span: &NewTrace);

    /// Sends what was taken, and ends.
    fn close(&self);
}
