//! What stands between Pingora's connections and its proxy, and does two things that cannot be
//! done from within.
//!
//! It reads the head of each request before Pingora's proxy does, which would answer what it
//! cannot read without asking anybody. And it keeps client connections that the proxy would give
//! up: that closes the connection after every failed request, and offers no way to say that the
//! client got a whole answer. The filter leaves the session of such a request in its [`Scope`],
//! and the connection goes on from there.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use pingora::{
    ErrorType,
    apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ReusedHttpStream},
    http::RequestHeader,
    protocols::http::ServerSession,
    proxy::Session,
    server::ShutdownWatch,
    time::timeout,
};

use super::{
    held::{Slot, placeholder},
    strict::Objection,
};

tokio::task_local! {
    static SCOPE: Arc<Scope>;
}

/// Pingora's proxy as an application of its own.
pub(super) struct App<P> {
    proxy: Arc<P>,
    /// How long the head of a request may take.
    head: Duration,
}

/// What a request shares with the connection that it came on, where this is a connection of
/// [`App`], and not of another proxy in which the filter is embedded.
#[derive(Default)]
pub(super) struct Scope {
    entry: Mutex<Option<Entry>>,
    /// The session of a request that failed, but was answered in full.
    spare: Mutex<Option<Box<ServerSession>>>,
}

/// A request that was read before Pingora's proxy saw it.
struct Entry {
    slot: Slot,
    /// Why it could not be read, where that is so.
    objection: Option<Objection>,
}

impl<P> App<P> {
    pub(super) fn new(proxy: P, head: Duration) -> Self {
        Self { proxy: Arc::new(proxy), head }
    }

    /// Reads the head of a request; `None` where none comes.
    async fn read(
        &self,
        mut session: ServerSession,
        scope: &Scope,
        shutdown: &ShutdownWatch,
    ) -> Option<ServerSession> {
        let mut shutdown = shutdown.clone();
        let read = tokio::select! {
            biased;
            read = timeout(self.head, session.read_request()) => read,
            _ = shutdown.wait_for(|down| *down) => return None,
        };
        let unreadable = match read {
            Ok(Ok(true)) => None,
            Ok(Err(error)) if *error.etype() == ErrorType::InvalidHTTPHeader => {
                tracing::debug!(target: "retort::proxy", %error, "a request cannot be read");
                session.set_keepalive(None);
                Some((Box::new(unreadable().ok()?), Objection::to_unreadable(&error)))
            }
            // The client left, or took its time.
            Ok(Ok(false) | Err(_)) | Err(_) => return None,
        };
        let (unreadable, objection) = unreadable.unzip();
        let (session, slot) = Slot::wrap(session, unreadable);
        *scope.entry.lock().unwrap_or_else(PoisonError::into_inner) = Some(Entry { slot, objection });
        Some(session)
    }
}

impl Scope {
    /// Whether there is one.
    pub(super) fn is_there() -> bool {
        SCOPE.try_with(|_| ()).is_ok()
    }

    /// Unwraps the session of a request that was read already; tells why it could not be.
    pub(super) fn enter(session: &mut Session) -> Result<(), Objection> {
        let entry = |scope: &Arc<Self>| scope.entry.lock().unwrap_or_else(PoisonError::into_inner).take();
        match SCOPE.try_with(entry).ok().flatten() {
            None => Ok(()),
            Some(Entry { objection: Some(objection), .. }) => Err(objection),
            Some(Entry { slot, .. }) => {
                slot.restore(session);
                Ok(())
            }
        }
    }

    /// Takes the session away from Pingora, which would close it.
    pub(super) fn save(session: &mut Session) {
        let save = |scope: &Arc<Self>| {
            let real = mem::replace(&mut session.downstream_session, placeholder());
            *scope.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(real);
        };
        // Where there is no scope, Pingora closes it.
        let _ = SCOPE.try_with(save);
    }
}

#[async_trait]
impl<P: HttpServerApp + Send + Sync + 'static> HttpServerApp for App<P> {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let scope = Arc::<Scope>::default();
        if !session.is_http2() {
            session = self.read(session, &scope, shutdown).await?;
        }
        let request = self.proxy.process_new_http(session, shutdown);
        let reused = SCOPE.scope(Arc::clone(&scope), request).await;
        if reused.is_some() {
            return reused;
        }
        let session = scope.spare.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let settings = HttpPersistentSettings::for_session(&session);
        let stream = session.finish().await.ok().flatten()?;
        Some(ReusedHttpStream::from_reusable_stream(stream, settings))
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        self.proxy.server_options()
    }

    async fn http_cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}

/// What stands for the head of a request that could not be read. `-` is what access logs write
/// for what is not known.
fn unreadable() -> pingora::Result<RequestHeader> {
    RequestHeader::build("-", b"*", Some(0))
}
