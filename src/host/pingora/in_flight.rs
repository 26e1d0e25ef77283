//! How many requests are being served.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts the requests that are being served.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    count: AtomicUsize,
    idle: Notify,
}

/// One request that is being served.
#[derive(Debug)]
pub(super) struct Guard(Arc<InFlight>);

impl InFlight {
    /// Counts a request until the guard is dropped.
    pub(super) fn enter(this: &Arc<Self>) -> Guard {
        this.count.fetch_add(1, Ordering::Relaxed);
        Guard(Arc::clone(this))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Returns when there is none.
    pub(super) async fn none(&self) {
        loop {
            let idle = self.idle.notified();
            if self.count() == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
