//! What makes a server stop, and how soon.

use std::sync::Arc;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Stops a server from anywhere.
#[derive(Clone, Debug)]
pub struct Handle(pub(in crate::host) Arc<watch::Sender<End>>);

/// Whether, and how soon, to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::host) enum End {
    NotYet,
    /// Once balancers had time to learn of it, and what was begun is served.
    InGoodTime,
    /// When what was begun is served.
    Soon,
    Now,
}

impl Handle {
    /// Is not ready from now on. Where no connection is open, it stops at once. Else connections
    /// are accepted for the lame-duck time; then those that are open may end what they have begun,
    /// but for the time for that.
    pub fn stop(&self) {
        self.raise(End::InGoodTime);
    }

    /// The same, but accepts no more connections.
    pub fn stop_accepting(&self) {
        self.raise(End::Soon);
    }

    /// Stops at once.
    pub fn stop_now(&self) {
        self.raise(End::Now);
    }

    fn raise(&self, end: End) {
        self.0.send_if_modified(|now| {
            let more = *now < end;
            *now = end.max(*now);
            more
        });
    }
}

/// Stops a server as signals say. On a terminal no balancer has to be told.
pub(in crate::host) async fn obey_signals(handle: Handle) {
    let signals =
        signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    let (mut term, mut int) = match signals {
        Ok(signals) => signals,
        Err(error) => return tracing::error!(%error, "signals cannot be received"),
    };
    tokio::select! {
        _ = term.recv() => handle.stop(),
        _ = int.recv() => handle.stop_accepting(),
    }
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    handle.stop_now();
}
