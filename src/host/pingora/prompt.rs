//! A client's connection that keeps nothing back for long.
//!
//! Pingora collects what it writes, so that a head and a short body leave in one packet. But it
//! also holds back the head of a response whose body is late, and the first bytes of one that is
//! slow, until there is more. Here all that was written leaves as soon as the proxy has nothing
//! better to do than to wait for the client, which it does whenever it waits for the upstream.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use async_trait::async_trait;
use pingora::{
    apps::ServerApp,
    protocols::{
        ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
        TimingDigest, UniqueID, UniqueIDType,
        raw_connect::ProxyDigest,
        tls::{SslDigest, TlsRef},
    },
    server::ShutdownWatch,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::in_flight::{Guard, InFlight};

/// An application whose connections are [`Prompt`], and counted.
pub(super) struct Promptly<A> {
    app: Arc<A>,
    in_flight: Arc<InFlight>,
    /// When connections are to close. That is later than when none is accepted any more, which is
    /// what Pingora tells of.
    closing: ShutdownWatch,
}

#[derive(Debug)]
struct Prompt {
    stream: Stream,
    /// Whether something was written that may not have left.
    pending: bool,
    closing: ShutdownWatch,
    _open: Guard,
}

impl<A> Promptly<A> {
    pub(super) fn new(app: A, in_flight: Arc<InFlight>, closing: ShutdownWatch) -> Self {
        Self { app: Arc::new(app), in_flight, closing }
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> ServerApp for Promptly<A> {
    async fn process_new(self: &Arc<Self>, stream: Stream, _accepting: &ShutdownWatch) -> Option<Stream> {
        let open = InFlight::connect(&self.in_flight);
        let closing = self.closing.clone();
        let stream = Box::new(Prompt { stream, pending: false, closing, _open: open });
        self.app.process_new(stream, &self.closing).await
    }

    async fn cleanup(&self) {
        self.app.cleanup().await;
    }
}

impl AsyncRead for Prompt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // That the client takes nothing now is no reason not to listen to it.
        if self.pending
            && let Poll::Ready(flushed) = self.as_mut().poll_flush(context)
        {
            flushed?;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Prompt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pending = true;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pending = true;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.pending = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for Prompt {
    async fn shutdown(&mut self) {
        self.stream.shutdown().await;
    }
}

impl UniqueID for Prompt {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl Ssl for Prompt {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.stream.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.selected_alpn_proto()
    }
}

impl GetTimingDigest for Prompt {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.stream.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.stream.get_write_pending_time()
    }
}

impl GetProxyDigest for Prompt {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.stream.set_proxy_digest(digest);
    }
}

impl GetSocketDigest for Prompt {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.stream.set_socket_digest(digest);
    }
}

#[async_trait]
impl Peek for Prompt {
    /// What Pingora waits for before it knows which HTTP is spoken.
    async fn try_peek(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        tokio::select! {
            biased;
            peeked = self.stream.try_peek(buffer) => peeked,
            _ = self.closing.wait_for(|closing| *closing) => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}
