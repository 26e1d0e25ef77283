//! What makes a server stop, and how soon.

use std::{io, sync::Arc};

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
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

/// The signals that stop a server, received from when this is made.
#[derive(Debug)]
pub(in crate::host) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Has a server stopped by signals from now on.
    pub(in crate::host) fn obey(runtime: &Runtime, handle: Handle) {
        let _entered = runtime.enter();
        match Self::receive() {
            Ok(signals) => drop(runtime.spawn(signals.stop(handle))),
            Err(error) => tracing::error!(%error, "signals cannot be received"),
        }
    }

    fn receive() -> io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Stops a server as they say. On a terminal no balancer has to be told.
    async fn stop(self, handle: Handle) {
        let Self { mut term, mut int } = self;
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
}
