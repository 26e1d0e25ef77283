//! What is being served: connections of clients, and requests on them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts what is being served, and tells it when the end has begun.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    requests: Count,
    connections: Count,
    is_leaving: AtomicBool,
}

/// One request, or one connection, that is being served.
#[derive(Debug)]
pub(super) struct Guard {
    in_flight: Arc<InFlight>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Request,
    Connection,
}

#[derive(Debug, Default)]
struct Count {
    number: AtomicUsize,
    /// Since the beginning.
    total: AtomicU64,
    none: Notify,
}

impl InFlight {
    /// Counts a request until the guard is dropped.
    pub(super) fn enter(this: &Arc<Self>) -> Guard {
        Guard::count(this, Kind::Request).0
    }

    /// Counts a connection until the guard is dropped; tells how many others there are.
    pub(super) fn connect(this: &Arc<Self>) -> (Guard, usize) {
        Guard::count(this, Kind::Connection)
    }

    /// How many requests there are.
    pub(super) fn requests(&self) -> usize {
        self.requests.get()
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> usize {
        self.connections.get()
    }

    /// How many connections there have been.
    pub(super) fn connections_so_far(&self) -> u64 {
        self.connections.total.load(Ordering::Relaxed)
    }

    /// Returns when there is no request.
    pub(super) async fn no_requests(&self) {
        self.requests.none().await;
    }

    /// Returns when there is no connection.
    pub(super) async fn no_connections(&self) {
        self.connections.none().await;
    }

    /// From now on, each response is the last one on its connection.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Release);
    }

    /// Whether each response is the last one on its connection.
    pub(super) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Acquire)
    }

    fn count(&self, kind: Kind) -> &Count {
        match kind {
            Kind::Request => &self.requests,
            Kind::Connection => &self.connections,
        }
    }
}

impl Guard {
    fn count(in_flight: &Arc<InFlight>, kind: Kind) -> (Self, usize) {
        let count = in_flight.count(kind);
        let others = count.number.fetch_add(1, Ordering::Relaxed);
        if let Kind::Connection = kind {
            count.total.fetch_add(1, Ordering::Relaxed);
        }
        (Self { in_flight: Arc::clone(in_flight), kind }, others)
    }
}

impl Count {
    fn get(&self) -> usize {
        self.number.load(Ordering::Acquire)
    }

    async fn none(&self) {
        loop {
            let none = self.none.notified();
            if self.get() == 0 {
                return;
            }
            none.await;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let count = self.in_flight.count(self.kind);
        if count.number.fetch_sub(1, Ordering::AcqRel) == 1 {
            count.none.notify_waiters();
        }
    }
}
