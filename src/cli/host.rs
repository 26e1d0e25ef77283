//! What all servers have that verbs start, whatever they speak.

use std::sync::Arc;

#[cfg(feature = "ext-proc")]
use crate::host::ext_proc;
use crate::host::{
    pingora,
    readiness::Readiness,
    telemetry::{Observe, Telemetry},
};

/// A server that was bound and is yet to run.
pub(super) trait Host {
    /// What is counted of finished requests.
    fn telemetry(&self) -> Arc<Telemetry>;

    /// What tells how it is.
    fn observer(&self) -> Arc<dyn Observe>;

    /// Whether it is ready.
    fn readiness(&self) -> Arc<Readiness>;

    /// Runs this on its threads.
    fn accompany(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Serves until it is told to stop.
    fn run(self);
}

impl Host for pingora::Server {
    fn telemetry(&self) -> Arc<Telemetry> {
        self.telemetry()
    }

    fn observer(&self) -> Arc<dyn Observe> {
        Arc::new(self.observer())
    }

    fn readiness(&self) -> Arc<Readiness> {
        self.readiness()
    }

    fn accompany(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.accompany(task);
    }

    fn run(self) {
        self.run();
    }
}

#[cfg(feature = "ext-proc")]
impl Host for ext_proc::Server {
    fn telemetry(&self) -> Arc<Telemetry> {
        self.telemetry()
    }

    fn observer(&self) -> Arc<dyn Observe> {
        Arc::new(self.observer())
    }

    fn readiness(&self) -> Arc<Readiness> {
        self.readiness()
    }

    fn accompany(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.accompany(task);
    }

    fn run(self) {
        self.run();
    }
}
