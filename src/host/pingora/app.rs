//! What stands between Pingora's connections and its proxy, and does three things that cannot be
//! done from within.
//!
//! It ends connections that are over, as their [`Link`] tells. It reads the head of each request
//! before Pingora's proxy does, which would answer what it cannot read without asking anybody. And
//! it keeps client connections that the proxy would give up: that closes the connection after every
//! failed request, and offers no way to say that the client got a whole answer. The filter leaves
//! the session of such a request in its [`Scope`], and the connection goes on from there.

use std::{
    mem,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use http::header;
use pingora::{
    ErrorType,
    apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp},
    http::RequestHeader,
    protocols::{
        Stream,
        http::{
            ServerSession,
            v2::server::{H2Options, default_h2_options},
        },
    },
    proxy::Session,
    server::ShutdownWatch,
};
use tokio::{sync::watch, time::Instant};

use super::{
    aside::Aside,
    guard::Link,
    held::{Slot, placeholder},
    options::Options,
    prompt::Prompt,
    strict::Objection,
};

/// How long a connection that is to end may take for that: in HTTP/2, both sides say so first.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes of responses that wait on a stream of HTTP/2 while the client takes no more. There can be
/// many streams.
const H2_SEND_BUFFER: usize = 64 * 1024;

tokio::task_local! {
    static SCOPE: Arc<Scope>;
}

/// Pingora's proxy as an application of its own.
pub(super) struct App<P> {
    proxy: Arc<P>,
    h2: H2Options,
}

/// A connection of it, on which Pingora serves HTTP.
struct Connection<P> {
    app: Arc<App<P>>,
    link: Arc<Link>,
}

/// What a request shares with the connection that it came on, where this is a connection of
/// [`App`], and not of another proxy in which the filter is embedded.
pub(super) struct Scope {
    link: Arc<Link>,
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

/// What came of reading the head of a request.
enum Read {
    Whole,
    /// Something that is none, or not in time.
    Not(Objection),
}

impl<P> App<P> {
    pub(super) fn new(proxy: P, options: &Options) -> Self {
        let mut h2 = default_h2_options();
        h2.max_concurrent_streams(options.limits.h2_streams).max_send_buffer_size(H2_SEND_BUFFER);
        Self { proxy: Arc::new(proxy), h2 }
    }
}

impl<P: HttpServerApp + Send + Sync + 'static> App<P> {
    /// Serves the requests on a connection, to its end.
    pub(super) async fn serve(self: &Arc<Self>, stream: Stream, link: Arc<Link>, mut closing: ShutdownWatch) {
        link.awaits_first();
        // Pingora ends a connection in order when it hears that the server is to end.
        let (ends, ending) = watch::channel(*closing.borrow());
        let stream = Box::new(Prompt::new(stream, Arc::clone(&link), ending.clone()));
        let connection = Arc::new(Connection { app: Arc::clone(self), link: Arc::clone(&link) });
        let mut serving = pin!(connection.process_new(stream, &ending));
        let over = Aside::new(async {
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => {}
                () = link.has_ended() => {}
            }
        });
        tokio::select! {
            biased;
            _ = &mut serving => return,
            () = over => {}
        }
        link.leaves();
        ends.send_replace(true);
        tokio::select! {
            _ = serving => {}
            // The client may leave that unanswered.
            () = link.quiet(LINGER, Instant::now()) => {}
        }
    }

    /// Ends what is kept for connections to come.
    pub(super) async fn cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}

impl<P> Connection<P> {
    /// Reads the head of a request; `None` where none comes.
    async fn read(&self, session: &mut ServerSession) -> Option<Read> {
        self.link.awaits_request();
        if session.get_keepalive().is_some() {
            // For ever, to Pingora: the link knows better.
            session.set_keepalive(Some(0));
        }
        let objection = match session.read_request().await {
            Ok(true) => {
                if self.link.is_used_up() {
                    session.set_keepalive(None);
                }
                self.expect_body(session);
                return Some(Read::Whole);
            }
            Err(error) if *error.etype() == ErrorType::InvalidHTTPHeader => {
                tracing::debug!(target: "retort::proxy", %error, "a request cannot be read");
                Objection::to_unreadable(&error)
            }
            Err(_) if self.link.has_half_a_head() => Objection::LATE,
            // The client left, or came with nothing, or the connection is to end.
            Ok(false) | Err(_) => return None,
        };
        self.link.awaits_nothing();
        session.set_keepalive(None);
        Some(Read::Not(objection))
    }

    /// Tells the link what comes after a head.
    fn expect_body(&self, session: &mut ServerSession) {
        if session.is_body_done() {
            return self.link.awaits_nothing();
        }
        self.link.awaits_body(session.req_header().headers.contains_key(header::EXPECT));
    }
}

impl Scope {
    fn of(link: &Arc<Link>) -> Self {
        Self { link: Arc::clone(link), entry: Mutex::default(), spare: Mutex::default() }
    }

    /// Whether there is one.
    pub(super) fn is_there() -> bool {
        SCOPE.try_with(|_| ()).is_ok()
    }

    /// The link of the connection.
    pub(super) fn link() -> Option<Arc<Link>> {
        SCOPE.try_with(|scope| Arc::clone(&scope.link)).ok()
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
impl<P: HttpServerApp + Send + Sync + 'static> HttpServerApp for Connection<P> {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let scope = Arc::new(Scope::of(&self.link));
        if !session.is_http2() {
            let mut real = Box::new(session);
            let (stand_in, objection) = match self.read(&mut real).await? {
                Read::Whole => (None, None),
                Read::Not(objection) => (Some(Box::new(unreadable().ok()?)), Some(objection)),
            };
            let (wrapped, slot) = Slot::wrap(real, stand_in);
            *scope.entry.lock().unwrap_or_else(PoisonError::into_inner) = Some(Entry { slot, objection });
            session = wrapped;
        }
        let _serving = self.link.serve();
        let request = self.app.proxy.process_new_http(session, shutdown);
        let reused = SCOPE.scope(Arc::clone(&scope), request).await;
        if reused.is_some() {
            return reused;
        }
        let session = scope.spare.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let settings = HttpPersistentSettings::for_session(&session);
        let stream = session.finish().await.ok().flatten()?;
        Some(ReusedHttpStream::from_reusable_stream(stream, settings))
    }

    /// Pingora asks when a connection turns out to speak HTTP/2, and then only.
    fn h2_options(&self) -> Option<H2Options> {
        self.link.awaits_h2();
        Some(self.app.h2.clone())
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        self.app.proxy.server_options()
    }
}

/// What stands for the head of a request that could not be read. `-` is what access logs write
/// for what is not known.
fn unreadable() -> pingora::Result<RequestHeader> {
    RequestHeader::build("-", b"*", Some(0))
}
