//! What stands between Pingora's connections and its proxy: it keeps client connections that
//! Pingora would give up.
//!
//! Pingora closes the client's connection after every failed request, and offers no way to say
//! that the client got a whole answer. Here, the filter leaves the session of such a request in
//! a [`Spare`], and the connection goes on from there.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use pingora::{
    apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ReusedHttpStream},
    protocols::http::ServerSession,
    proxy::{HttpProxy, Session},
    server::ShutdownWatch,
};

use super::{filter::Filter, held::placeholder};

tokio::task_local! {
    static SPARE: Spare;
}

/// The proxy as an application of Pingora's.
pub(super) struct App {
    proxy: Arc<HttpProxy<Filter>>,
}

/// The session of a request that failed, but was answered in full.
#[derive(Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Option<Box<ServerSession>>>>);

impl App {
    pub(super) fn new(proxy: HttpProxy<Filter>) -> Self {
        Self { proxy: Arc::new(proxy) }
    }
}

impl Spare {
    /// Whether there is one: not where the filter is embedded in another proxy.
    pub(super) fn is_there() -> bool {
        SPARE.try_with(|_| ()).is_ok()
    }

    /// Takes the session away from Pingora, which would close it.
    pub(super) fn save(session: &mut Session) {
        let save = |spare: &Spare| {
            let real = mem::replace(&mut session.downstream_session, placeholder());
            *spare.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(real);
        };
        let _ = SPARE.try_with(save);
    }

    fn take(&self) -> Option<Box<ServerSession>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl HttpServerApp for App {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let spare = Spare::default();
        let reused = SPARE.scope(spare.clone(), self.proxy.process_new_http(session, shutdown)).await;
        if reused.is_some() {
            return reused;
        }
        let session = spare.take()?;
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
