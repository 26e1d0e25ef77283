//! The external processor under test, in this process.

use std::{sync::Arc, thread, time::Duration};

use chrono_tz::Tz;
use retort::{
    Rules,
    host::{
        end::Handle,
        ext_proc::{Endpoint, Options, Server, Stopped},
        live::Live,
    },
};

/// A running processor, stopped when it is dropped.
pub(crate) struct Processor {
    endpoint: Endpoint,
    handle: Handle,
    pub(crate) live: Arc<Live>,
    running: Option<thread::JoinHandle<Stopped>>,
}

impl Processor {
    /// Answers by these rules, at a free port.
    pub(crate) fn start(rules: Rules) -> Self {
        Self::with(rules, |_| {})
    }

    pub(crate) fn with(rules: Rules, adjust: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::new(vec!["127.0.0.1:0".parse().unwrap()]);
        (options.threads, options.zone) = (1, Tz::UTC);
        options.lame_duck = Duration::ZERO;
        adjust(&mut options);
        let live = Arc::new(Live::new(rules));
        let server = Server::bind(options, Arc::clone(&live)).unwrap();
        let (endpoint, handle) = (server.endpoints()[0].clone(), server.handle());
        let running = Some(thread::spawn(move || server.run()));
        Self { endpoint, handle, live, running }
    }

    /// Where it listens, as its flag has it.
    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until it has ended.
    pub(crate) fn join(mut self) -> Stopped {
        self.running.take().unwrap().join().unwrap()
    }
}

impl Drop for Processor {
    fn drop(&mut self) {
        self.handle.stop_now();
        if let Some(running) = self.running.take() {
            let ended = running.join();
            assert!(ended.is_ok() || thread::panicking(), "the processor panicked");
        }
    }
}
