//! The wrapper around a client's session that lets a response be held back.
//!
//! It stands in the session's place from the moment a rule needs it until the request is over,
//! and passes on every call as it is, but for the writing of the response, which goes through a
//! [`Hold`]. When it is dropped it leaves the real session in a [`Slot`], from where it is put
//! back, so that the connection can serve the next request.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, Version, header};
use pingora::{
    BError, Error, ErrorType, Result,
    http::{RequestHeader, ResponseHeader},
    protocols::{
        Digest,
        http::{
            HttpTask, ServerSession, custom::CustomMessageWrite, custom::server::Session as CustomSession,
        },
        l4::socket::SocketAddr,
    },
    proxy::Session,
};
use tokio::time::{Instant, timeout_at};

use super::{
    guard::Pace,
    hold::{Hold, Progress},
};
use crate::host::outcome::Outcome;

/// The type of the error that ends a request whose message is out while the upstream still
/// sends, or still doesn't: nothing is wrong but that the upstream connection is of no more use.
pub(super) const REPLIED: ErrorType = ErrorType::new("the message is out; the replaced content was cut off");

/// Where the real session waits once the wrapper is gone.
#[derive(Debug, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Left>>>);

/// When to stop reading content that was replaced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    /// How long it may take to come.
    pub(super) time: Duration,
    /// Whether the request may end in [`REPLIED`] without harm to the client's connection.
    pub(super) may_cut: bool,
}

struct Held {
    real: Box<ServerSession>,
    /// What stands for the head of a request that could not be read.
    unreadable: Option<Box<RequestHeader>>,
    hold: Hold,
    drain: Drain,
    deadline: Option<Instant>,
    /// How fast the content of the request has to come.
    pace: Option<Pace>,
    slot: Arc<Mutex<Option<Left>>>,
}

struct Left {
    real: Box<ServerSession>,
    outcome: Option<Outcome>,
}

impl std::fmt::Debug for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Left").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

impl Slot {
    /// Puts a wrapper in the place of the client's session.
    pub(super) fn install(session: &mut Session, hold: Hold, drain: Drain, pace: Option<Pace>) -> Self {
        let real = mem::replace(&mut session.downstream_session, placeholder());
        let (held, slot) = Held::around(real, None, hold, drain, pace);
        *session.downstream_session = held;
        slot
    }

    /// Wraps a session whose request was read: Pingora does not read it once more. Where there
    /// was nothing to be read, `unreadable` stands for the head of the request.
    pub(super) fn wrap(
        session: Box<ServerSession>,
        unreadable: Option<Box<RequestHeader>>,
    ) -> (ServerSession, Self) {
        let drain = Drain { time: Duration::ZERO, may_cut: false };
        Held::around(session, unreadable, Hold::passing(), drain, None)
    }

    /// Puts the client's session back, and tells what was decided meanwhile.
    pub(super) fn restore(self, session: &mut Session) -> Option<Outcome> {
        *session.downstream_session = ServerSession::new_custom(Box::new(()));
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        session.downstream_session = left.real;
        left.outcome
    }
}

/// A session that stands where a real one was taken away. Pingora panics on most of its methods.
pub(super) fn placeholder() -> Box<ServerSession> {
    Box::new(ServerSession::new_custom(Box::new(())))
}

impl Held {
    fn around(
        real: Box<ServerSession>,
        unreadable: Option<Box<RequestHeader>>,
        hold: Hold,
        drain: Drain,
        pace: Option<Pace>,
    ) -> (ServerSession, Slot) {
        let slot = Arc::default();
        let held = Self { real, unreadable, hold, drain, deadline: None, pace, slot: Arc::clone(&slot) };
        (ServerSession::new_custom(Box::new(held)), Slot(slot))
    }

    /// Takes what the upstream sent; tells whether the client's response has ended.
    async fn pass_on(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let mut out = Vec::with_capacity(tasks.len() + 1);
        for task in tasks {
            let request = self.unreadable.as_deref().unwrap_or_else(|| self.real.req_header());
            self.hold.feed(request, task, &mut out);
        }
        if out.is_empty() {
            return Ok(false);
        }
        self.write(out).await
    }

    /// Writes what the client is to get. One of HTTP/1.0 knows no chunks: the end of the connection
    /// is the end for it.
    async fn write(&mut self, mut tasks: Vec<HttpTask>) -> Result<bool> {
        if self.req_header().version < Version::HTTP_11 {
            for task in &mut tasks {
                if let HttpTask::Header(head, _) = task {
                    head.remove_header(&header::TRANSFER_ENCODING);
                }
            }
        }
        self.real.response_duplex_vec(tasks).await
    }

    /// Reads what the client sends, at its pace.
    async fn read(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        let is_over = no_body_expected || self.real.is_body_done();
        let read = self.real.read_body_or_idle(no_body_expected);
        let Some(pace) = self.pace.as_mut().filter(|_| !is_over) else { return read.await };
        match timeout_at(pace.wait(Instant::now()), read).await {
            Ok(read) => {
                let count = read.as_ref().ok().and_then(Option::as_ref).map_or(0, Bytes::len);
                pace.moved(count);
                read
            }
            Err(_) => Error::e_explain(ErrorType::ReadTimedout, "the content of the request is late"),
        }
    }

    /// Ends a request whose message is out although the upstream has not ended. A client that
    /// still sends its own content is let finish; it might not read the message before that.
    fn cut(&mut self) -> Result<bool> {
        if self.drain.may_cut && self.real.is_body_done() { Err(replied()) } else { Ok(true) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let real = mem::replace(&mut self.real, placeholder());
        let left = Left { real, outcome: self.hold.outcome() };
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
    }
}

fn replied() -> BError {
    Error::new_in(REPLIED)
}

#[async_trait]
impl CustomSession for Held {
    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        if let Some(pace) = &mut self.pace {
            pace.rest();
        }
        if self.hold.progress() == Progress::Passing {
            return self.write(tasks).await;
        }
        let written = self.pass_on(tasks).await?;
        match self.hold.progress() {
            Progress::Held => Ok(false),
            Progress::Passing => Ok(written),
            Progress::Draining => {
                if self.drain.may_cut {
                    self.deadline.get_or_insert_with(|| Instant::now() + self.drain.time);
                }
                Ok(false)
            }
            Progress::Flooded => self.cut(),
            Progress::Done => Ok(true),
        }
    }

    /// Reads what the client sends, or waits for it to leave. This is what Pingora polls beside
    /// the upstream, and so the one place from where waiting for the upstream can be ended.
    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        let request_done = no_body_expected || self.real.is_body_done();
        let Some(deadline) = self.deadline.filter(|_| request_done) else {
            return self.read(no_body_expected).await;
        };
        // Whether the client leaves meanwhile is of no interest, and its next request can wait.
        tokio::time::sleep_until(deadline).await;
        Err(replied())
    }

    async fn finish(&mut self) -> Result<()> {
        // An upstream that is gone without a word has ended, too.
        if self.hold.progress() == Progress::Held {
            self.pass_on(vec![HttpTask::Done]).await?;
        }
        self.real.finish_body().await
    }

    async fn write_response_header(&mut self, resp: Box<ResponseHeader>, _end: bool) -> Result<()> {
        self.hold.pass();
        self.real.write_response_header(resp).await
    }

    async fn write_response_header_ref(&mut self, resp: &ResponseHeader, _end: bool) -> Result<()> {
        self.hold.pass();
        self.real.write_response_header_ref(resp).await
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.real.write_response_body(data, end).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.real.write_response_trailers(trailers).await
    }

    fn req_header(&self) -> &RequestHeader {
        match &self.unreadable {
            Some(request) => request,
            None => self.real.req_header(),
        }
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        match &mut self.unreadable {
            Some(request) => request,
            None => self.real.req_header_mut(),
        }
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        self.real.read_request_body().await
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        self.real.drain_request_body().await
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.real.set_read_timeout(timeout);
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.real.get_read_timeout()
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.real.set_write_timeout(timeout);
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.real.get_write_timeout()
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.real.set_total_drain_timeout(timeout);
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.real.get_total_drain_timeout()
    }

    fn request_summary(&self) -> String {
        self.real.request_summary()
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.real.response_written()
    }

    async fn shutdown(&mut self, _code: u32, _ctx: &str) {
        self.real.shutdown().await;
    }

    fn is_body_done(&mut self) -> bool {
        self.real.is_body_done()
    }

    fn is_body_empty(&mut self) -> bool {
        self.real.is_body_empty()
    }

    fn body_bytes_sent(&self) -> usize {
        self.real.body_bytes_sent()
    }

    fn body_bytes_read(&self) -> usize {
        self.real.body_bytes_read()
    }

    fn digest(&self) -> Option<&Digest> {
        self.real.digest()
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        self.real.digest_mut()
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.real.client_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.real.server_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        self.real.to_h1_raw()
    }

    fn enable_retry_buffering(&mut self) {
        self.real.enable_retry_buffering();
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.real.retry_buffer_truncated()
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.real.get_retry_buffer()
    }

    fn is_upgrade_req(&self) -> bool {
        self.real.is_upgrade_req()
    }

    fn was_upgraded(&self) -> bool {
        self.real.was_upgraded()
    }

    // Custom messages belong to protocols other than HTTP. Pingora asks for them before there is
    // a response, hence never here. The same goes for its API of queued tasks, which the trait
    // has switched off unless a session switches it on.

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(
        &mut self,
    ) -> Option<Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>> {
        None
    }

    fn restore_custom_message_reader(
        &mut self,
        _reader: Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>,
    ) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _writer: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }
}
