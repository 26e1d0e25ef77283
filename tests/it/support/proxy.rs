//! The proxy under test, in this process.

use std::{net::SocketAddr, path::Path, sync::Arc, thread, time::Duration};

use retort::{
    Rules,
    config::{self, href::Disk},
    exchange::error_request::Forwarded,
    host::{
        live::Live,
        pingora::{Counters, Handle, Observer, Options, Server, Stopped, UpstreamStatus, Upstreams},
        readiness::Readiness,
        telemetry::Telemetry,
    },
};

use super::{Client, Upstream};

/// A running proxy, stopped when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    tls: Vec<SocketAddr>,
    handle: Handle,
    running: Option<thread::JoinHandle<Stopped>>,
    readiness: Arc<Readiness>,
    pub(crate) live: Arc<Live>,
    upstreams: Arc<Upstreams>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) observer: Observer,
}

/// Rules from `status-code` elements.
pub(crate) fn rules(elements: &str) -> Rules {
    let namespace = "http://docs.openrepose.org/repose/response-messaging/v1.0";
    let xml = format!("<response-messaging xmlns='{namespace}'>{elements}</response-messaging>");
    let parsed = config::parse(xml.as_bytes(), Path::new("rules.xml"), &mut Disk::default());
    parsed.unwrap_or_else(|mistakes| panic!("{mistakes:?}")).0
}

impl Proxy {
    /// Answers for an upstream by these `status-code` elements.
    pub(crate) fn start(elements: &str, upstream: &Upstream) -> Self {
        Self::with(elements, &[upstream.address()], |_| {})
    }

    pub(crate) fn with(elements: &str, upstreams: &[SocketAddr], adjust: impl FnOnce(&mut Options)) -> Self {
        Self::serving(rules(elements), upstreams, adjust)
    }

    pub(crate) fn serving(rules: Rules, upstreams: &[SocketAddr], adjust: impl FnOnce(&mut Options)) -> Self {
        Self::following(Arc::new(Live::new(rules)), upstreams, adjust)
    }

    /// Answers by rules that may change.
    pub(crate) fn following(
        live: Arc<Live>,
        upstreams: &[SocketAddr],
        adjust: impl FnOnce(&mut Options),
    ) -> Self {
        let urls = upstreams.iter().map(|address| format!("http://{address}").parse().unwrap()).collect();
        let mut options = Options::new(vec!["127.0.0.1:0".parse().unwrap()], urls);
        options.threads = 1;
        options.life.lame_duck = Duration::ZERO;
        // Tests that ask until something happens ask as often as the machine can.
        options.limits.requests_per_connection = u32::MAX;
        adjust(&mut options);
        Self::running(Server::bind(options, Arc::clone(&live)).unwrap(), live)
    }

    /// An error backend with these `status-code` elements.
    pub(crate) fn error_backend(
        elements: &str,
        forwarded: Forwarded,
        adjust: impl FnOnce(&mut Options),
    ) -> Self {
        let mut options = Options::new(vec!["127.0.0.1:0".parse().unwrap()], Vec::new());
        options.threads = 1;
        options.life.lame_duck = Duration::ZERO;
        adjust(&mut options);
        let live = Arc::new(Live::new(rules(elements)));
        let server = Server::bind_error_backend(options, forwarded, Arc::clone(&live)).unwrap();
        Self::running(server, live)
    }

    fn running(server: Server, live: Arc<Live>) -> Self {
        let (address, handle) = (server.addresses()[0], server.handle());
        let (upstreams, tls) = (server.upstreams(), server.tls_addresses().to_vec());
        let (counters, readiness) = (server.counters(), server.readiness());
        let (telemetry, observer) = (server.telemetry(), server.observer());
        let running = Some(thread::spawn(move || server.run()));
        Self { address, tls, handle, running, readiness, live, upstreams, counters, telemetry, observer }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it speaks TLS.
    pub(crate) fn tls(&self) -> SocketAddr {
        self.tls[0]
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub(crate) fn readiness(&self) -> Arc<Readiness> {
        Arc::clone(&self.readiness)
    }

    /// What it knows of its upstreams.
    pub(crate) fn upstreams(&self) -> Vec<UpstreamStatus> {
        self.upstreams.status()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Waits until it has ended.
    pub(crate) fn join(mut self) -> Stopped {
        self.running.take().unwrap().join().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.handle.stop_now();
        if let Some(running) = self.running.take() {
            let ended = running.join();
            assert!(ended.is_ok() || thread::panicking(), "the server panicked");
        }
    }
}
