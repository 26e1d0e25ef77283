//! What is being served: connections of Envoy's, and streams on them.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// Counts what is being served.
#[derive(Debug, Default)]
pub(super) struct Counters {
    streams: AtomicUsize,
    connections: AtomicUsize,
    accepted: AtomicU64,
}

/// A stream, which counts until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream(Arc<Counters>);

/// A connection, which counts until it is dropped.
#[derive(Debug)]
pub(super) struct Counted<S> {
    stream: S,
    counters: Arc<Counters>,
}

impl Counters {
    /// Requests of Envoy's that are in the middle of something.
    pub(super) fn streams(&self) -> usize {
        self.streams.load(Relaxed)
    }

    /// Connections that are open.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// Connections that there have been.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }
}

impl OpenStream {
    pub(super) fn count(counters: &Arc<Counters>) -> Self {
        counters.streams.fetch_add(1, Relaxed);
        Self(Arc::clone(counters))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Relaxed);
    }
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S, counters: &Arc<Counters>) -> Self {
        counters.connections.fetch_add(1, Relaxed);
        counters.accepted.fetch_add(1, Relaxed);
        Self { stream, counters: Arc::clone(counters) }
    }
}

impl<S> Drop for Counted<S> {
    fn drop(&mut self) {
        self.counters.connections.fetch_sub(1, Relaxed);
    }
}

impl<S: Connected> Connected for Counted<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
