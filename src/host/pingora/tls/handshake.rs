//! The beginning of connections over TLS.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use pingora::{
    listeners::tls::Acceptor,
    protocols::{Stream, l4::stream::Stream as Socket},
    time::timeout,
};

use super::TARGET;
use crate::host::pingora::guard::{Bound, Counters};

/// Puts TLS between a client and what speaks HTTP with it.
#[derive(Clone)]
pub(in crate::host::pingora) struct Handshake {
    acceptor: Arc<ArcSwap<Acceptor>>,
    patience: Duration,
    counters: Arc<Counters>,
}

impl Handshake {
    /// With the certificates that are in force when a client comes; each handshake may take so long.
    pub(in crate::host::pingora) fn new(
        acceptor: Arc<ArcSwap<Acceptor>>,
        patience: Duration,
        counters: Arc<Counters>,
    ) -> Self {
        Self { acceptor, patience, counters }
    }

    /// What is said over TLS; `None` where it comes to nothing.
    pub(in crate::host::pingora) async fn shake(&self, stream: Stream) -> Option<Stream> {
        let digest = stream.get_socket_digest();
        let peer = || Some(digest.as_ref()?.peer_addr()?.to_string());
        // Pingora's handshake takes a stream of a known type only, which is that of what it accepts.
        let Ok(socket) = stream.into_any().downcast::<Socket>() else {
            self.tell(peer(), &"it is no socket");
            return None;
        };
        let acceptor = self.acceptor.load_full();
        match timeout(self.patience, acceptor.tls_handshake(*socket)).await {
            Ok(Ok(stream)) => return Some(Box::new(stream)),
            Ok(Err(error)) => self.tell(peer(), &error),
            Err(_) => self.tell(peer(), &"it took too long"),
        }
        None
    }

    /// Counts a handshake that failed, and says so: the first, the second, the fourth, and so on
    /// for whoever runs the proxy, since it may be the certificate; the others are noise of the
    /// Internet.
    fn tell(&self, peer: Option<String>, why: &dyn fmt::Display) {
        let count = self.counters.add(Bound::Handshake);
        if count.is_power_of_two() {
            tracing::warn!(target: TARGET, peer, error = %why, count, "a handshake failed");
        } else {
            tracing::debug!(target: TARGET, peer, error = %why, count, "a handshake failed");
        }
    }
}
