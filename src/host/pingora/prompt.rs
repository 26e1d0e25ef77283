//! A client's connection that keeps nothing back for long, and waits for nothing for long.
//!
//! Pingora collects what it writes, so that a head and a short body leave in one packet. But it
//! also holds back the head of a response whose body is late, and the first bytes of one that is
//! slow, until there is more. Here all that was written leaves as soon as the proxy has nothing
//! better to do than to wait for the client, which it does whenever it waits for the upstream.
//!
//! What waiting is too long, the [`Link`] knows. The connection fails then, in whatever Pingora is
//! about to do with it.

mod alarm;

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use pingora::{
    protocols::{
        ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
        TimingDigest, UniqueID, UniqueIDType,
        l4::ext::get_tcp_info,
        raw_connect::ProxyDigest,
        tls::{SslDigest, TlsRef},
    },
    server::ShutdownWatch,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::Instant,
};

use self::alarm::Alarm;
use super::guard::{Link, Pace, Wait};

/// A connection with its link.
#[derive(Debug)]
pub(super) struct Prompt {
    stream: Stream,
    link: Arc<Link>,
    /// When it is to close.
    closing: ShutdownWatch,
    /// What was read before its time, in the order in which it came.
    ahead: Vec<u8>,
    /// Whether something was written that may not have left.
    pending: bool,
    receiving: Alarm,
    sending: Alarm,
    pace: Pace,
    /// What the client had acknowledged when it began to keep us waiting.
    acknowledged: Option<u64>,
    /// Whether the client took too little for too long.
    is_stuck: bool,
}

impl Prompt {
    pub(super) fn new(stream: Stream, link: Arc<Link>, closing: ShutdownWatch) -> Self {
        let pace = link.send_pace();
        Self {
            stream,
            link,
            closing,
            ahead: Vec::new(),
            pending: false,
            receiving: Alarm::default(),
            sending: Alarm::default(),
            pace,
            acknowledged: None,
            is_stuck: false,
        }
    }

    /// Gives what was read before its time.
    fn read_ahead(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.ahead.len().min(buffer.remaining());
        let rest = self.ahead.split_off(count);
        buffer.put_slice(&self.ahead);
        self.ahead = rest;
        self.link.has_come(count);
    }

    /// What comes of waiting for the client to send.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.link.wait() {
            // As if the client had left.
            Wait::Over => Poll::Ready(Ok(())),
            Wait::Until(until) if self.receiving.rings(until, context) => {
                Poll::Ready(Err(self.link.is_over()))
            }
            _ => Poll::Pending,
        }
    }

    /// What comes of waiting for the client to take something.
    fn wait_to_send<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if !self.pace.is_waiting() {
            self.acknowledged = self.acknowledged();
        }
        loop {
            let until = self.pace.wait(Instant::now());
            if !self.sending.rings(until, context) {
                return Poll::Pending;
            }
            // The system takes more only when a good part of what it has is gone, which can be long
            // after the client took the first of it.
            let acknowledged = self.acknowledged();
            let moved = acknowledged.zip(self.acknowledged).map_or(0, |(now, then)| now.saturating_sub(then));
            if !self.pace.would_do(moved) {
                self.is_stuck = true;
                return Poll::Ready(Err(self.link.is_stuck()));
            }
            self.pace.rest();
            self.acknowledged = acknowledged;
        }
    }

    /// How much the client has acknowledged, if the system tells.
    fn acknowledged(&self) -> Option<u64> {
        get_tcp_info(self.stream.id()).ok().map(|info| info.tcpi_bytes_acked)
    }

    /// Notes what came of sending so many bytes.
    fn sent(&mut self, sent: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match sent {
            Poll::Pending => self.wait_to_send(context),
            Poll::Ready(sent) => {
                self.pace.moved(*sent.as_ref().unwrap_or(&0));
                self.link.has_spoken();
                Poll::Ready(sent)
            }
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.is_stuck { Err(self.link.is_stuck()) } else { Ok(()) }
    }
}

impl AsyncRead for Prompt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            self.read_ahead(buffer);
            return Poll::Ready(Ok(()));
        }
        // That the client takes nothing now is no reason not to listen to it.
        if self.pending
            && let Poll::Ready(flushed) = self.as_mut().poll_flush(context)
        {
            flushed?;
        }
        let before = buffer.filled().len();
        if Pin::new(&mut self.stream).poll_read(context, buffer)?.is_pending() {
            return self.wait(context);
        }
        let count = buffer.filled().len().saturating_sub(before);
        if count > 0 {
            self.link.has_come(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prompt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        self.pending = true;
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(sent, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        self.pending = true;
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.sent(sent, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        if Pin::new(&mut self.stream).poll_flush(context)?.is_pending() {
            return self.wait_to_send(context);
        }
        self.pending = false;
        self.pace.rest();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        if Pin::new(&mut self.stream).poll_shutdown(context)?.is_pending() {
            return self.wait_to_send(context);
        }
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Shutdown for Prompt {
    /// Says that this is all. What was written before leaves first, and that may take its time, too.
    async fn shutdown(&mut self) {
        if let Err(error) = AsyncWriteExt::shutdown(self).await {
            tracing::debug!(target: "retort::proxy", %error, "a connection broke before its end");
        }
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

/// Pingora peeks to learn whether a connection speaks HTTP/2.
#[async_trait]
impl Peek for Prompt {
    /// Fills the buffer as far as it tells something: up to the first byte that is not of the preface.
    /// A request of HTTP/1 can be shorter than that.
    async fn try_peek(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let mut closing = self.closing.clone();
        let mut peeked = Vec::with_capacity(buffer.len());
        while peeked.len() < buffer.len() && PREFACE.starts_with(&peeked) {
            let mut more = (&mut *self).take((buffer.len() - peeked.len()) as u64);
            let count = tokio::select! {
                biased;
                count = more.read_buf(&mut peeked) => count?,
                _ = closing.wait_for(|closing| *closing) => return Err(io::ErrorKind::ConnectionAborted.into()),
            };
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        buffer.iter_mut().zip(&peeked).for_each(|(to, from)| *to = *from);
        self.ahead = peeked;
        Ok(true)
    }
}

/// What every connection of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
