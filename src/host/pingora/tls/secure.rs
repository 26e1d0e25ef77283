//! An application whose connections begin with a handshake.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use pingora::{
    apps::ServerApp, listeners::tls::Acceptor, protocols::Stream, server::ShutdownWatch, time::timeout,
};

use super::TARGET;
use crate::host::pingora::prompt::Prompt;

/// An application behind TLS.
pub(in crate::host::pingora) struct Secure<A> {
    app: Arc<A>,
    acceptor: Arc<ArcSwap<Acceptor>>,
    patience: Duration,
    failed: AtomicU64,
}

impl<A> Secure<A> {
    /// Puts TLS before an application; a handshake may take so long.
    pub(in crate::host::pingora) fn new(
        app: A,
        acceptor: Arc<ArcSwap<Acceptor>>,
        patience: Duration,
    ) -> Self {
        Self { app: Arc::new(app), acceptor, patience, failed: AtomicU64::new(0) }
    }

    /// Counts a handshake that failed, and says so: the first, the second, the fourth, and so on
    /// for whoever runs the proxy, since it may be the certificate; the others are noise of the
    /// Internet.
    fn tell(&self, peer: Option<String>, why: &dyn std::fmt::Display) {
        let count = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            tracing::warn!(target: TARGET, peer, error = %why, count, "a handshake failed");
        } else {
            tracing::debug!(target: TARGET, peer, error = %why, count, "a handshake failed");
        }
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> ServerApp for Secure<A> {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let digest = stream.get_socket_digest();
        let peer = || Some(digest.as_ref()?.peer_addr()?.to_string());
        let acceptor = self.acceptor.load_full();
        let mut stopped = shutdown.clone();
        let handshake = tokio::select! {
            biased;
            // Pingora's handshake takes a stream of a known type only.
            handshake = timeout(self.patience, acceptor.tls_handshake(Prompt::new(stream))) => handshake,
            _ = stopped.wait_for(|stopped| *stopped) => return None,
        };
        match handshake {
            Ok(Ok(stream)) => return self.app.process_new(Box::new(stream), shutdown).await,
            Ok(Err(error)) => self.tell(peer(), &error),
            Err(_) => self.tell(peer(), &"it took too long"),
        }
        None
    }

    async fn cleanup(&self) {
        self.app.cleanup().await;
    }
}
