//! The processor as a whole: its listeners, its runtime, its beginning and its end.

use std::{fmt, fs, io, net::SocketAddr, os::unix::net::UnixStream, path::Path, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, UnixListener},
    runtime::{Builder, Runtime},
    sync::watch,
    task::JoinSet,
    time,
};
use tokio_stream::{StreamExt as _, wrappers::UnixListenerStream};
use tonic::transport::{self, server::TcpIncoming};
use tonic_health::{
    ServingStatus,
    server::{HealthReporter, HealthService},
};

use super::{
    Endpoint, Observer, Options,
    counters::{Counted, Counters},
    service::{self, Processor, Services},
};
use crate::host::{
    end::{End, Handle, Signals},
    live::Live,
    readiness::{Need, Readiness, State},
    telemetry::Telemetry,
};

/// Streams at once on one connection; for more, Envoy opens another.
pub(super) const MAX_STREAMS: u32 = 1024;

/// Bytes of the head of a call.
const MAX_HEAD: u32 = 16 * 1024;

/// Between two pings to a connection on which nothing happens, and how long to wait for the answer:
/// a peer that is gone must not be kept.
const PING: Duration = Duration::from_secs(60);
const PONG: Duration = Duration::from_secs(20);

/// Between two looks at what is still lacking.
const NEEDS: Duration = Duration::from_millis(250);

/// An external processor that is bound to its endpoints.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    listeners: Vec<Listener>,
    endpoints: Vec<Endpoint>,
    processor: Processor,
    end: Arc<watch::Sender<End>>,
    readiness: Arc<Readiness>,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Streams that were cut off; Envoy went on without an answer.
    pub cut: usize,
}

/// Why a server cannot start.
#[derive(Debug)]
pub enum Error {
    /// The endpoint cannot be listened on.
    Listen {
        /// The endpoint.
        endpoint: Endpoint,
        /// Why not.
        source: io::Error,
    },
    /// The threads could not be started.
    Runtime(io::Error),
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Server {
    /// A processor at the endpoints of `options`. Connections wait until [`Server::run`].
    pub fn bind(options: Options, live: Arc<Live>) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("retort")
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let (mut listeners, mut endpoints) = (Vec::new(), Vec::new());
        for endpoint in &options.listen {
            let entered = runtime.enter();
            let opened = runtime.block_on(open(endpoint));
            drop(entered);
            let refused = |source| Error::Listen { endpoint: endpoint.clone(), source };
            let (listener, endpoint) = opened.map_err(refused)?;
            listeners.push(listener);
            endpoints.push(endpoint);
        }
        let (end, _) = watch::channel(End::NotYet);
        let (telemetry, counters) = (Arc::default(), Arc::default());
        let processor = Processor { live, options: Arc::new(options), telemetry, counters };
        let (end, readiness) = (Arc::new(end), Arc::new(Readiness::new()));
        Ok(Self { runtime, listeners, endpoints, processor, end, readiness })
    }

    /// Where it listens, in the order of the options.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// What is counted of finished requests.
    pub fn telemetry(&self) -> Arc<Telemetry> {
        Arc::clone(&self.processor.telemetry)
    }

    /// What tells how it is, also while it runs.
    pub fn observer(&self) -> Observer {
        Observer {
            endpoints: self.endpoints.clone(),
            options: Arc::clone(&self.processor.options),
            counters: Arc::clone(&self.processor.counters),
            readiness: self.readiness(),
        }
    }

    /// What stops it.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.end))
    }

    /// Whether it is ready, for those who ask.
    pub fn readiness(&self) -> Arc<Readiness> {
        Arc::clone(&self.readiness)
    }

    /// Runs this on the server's threads, for as long as there are any.
    pub fn accompany(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Serves until a [`Handle`] says to stop.
    pub fn run(self) -> Stopped {
        let Self { runtime, listeners, endpoints, processor, end, readiness } = self;
        let stopped = runtime.block_on(serve(listeners, processor, end.subscribe(), readiness));
        runtime.shutdown_background();
        for endpoint in endpoints {
            if let Endpoint::Unix(path) = endpoint {
                // Whoever took its place meanwhile may have removed it.
                _ = fs::remove_file(path);
            }
        }
        stopped
    }

    /// Serves until a [`Handle`] or a signal says to stop. SIGTERM stops as [`Handle::stop`] does,
    /// SIGINT as [`Handle::stop_accepting`]; a second signal stops at once.
    pub fn run_until_signal(self) -> Stopped {
        self.obey_signals();
        self.run()
    }

    /// Heeds these signals from now on, also before it runs; to be called once.
    pub fn obey_signals(&self) {
        Signals::obey(&self.runtime, self.handle());
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Listen { endpoint, source } => write!(f, "cannot listen on {endpoint}: {source}"),
            Error::Runtime(source) => write!(f, "cannot start the worker threads: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Listen { source, .. } | Error::Runtime(source) => Some(source),
        }
    }
}

async fn serve(
    listeners: Vec<Listener>,
    processor: Processor,
    mut end: watch::Receiver<End>,
    readiness: Arc<Readiness>,
) -> Stopped {
    let reporter = HealthReporter::new();
    tell(&reporter, ServingStatus::NotServing).await;
    let Processor { live, options, counters, .. } = processor.clone();
    let services = Services::new(processor, HealthService::from_health_reporter(reporter.clone()));
    let (close, closing) = watch::channel(false);
    let mut serving = JoinSet::new();
    for listener in listeners {
        serving.spawn(listen(listener, services.clone(), Arc::clone(&counters), closing.clone()));
    }
    readiness.meet(Need::Listeners);
    // It has none of its own.
    readiness.meet(Need::Upstream);
    let ready = tokio::spawn(tell_when_ready(live, Arc::clone(&readiness), reporter.clone()));

    _ = end.wait_for(|end| *end > End::NotYet).await;
    readiness.drain();
    ready.abort();
    tell(&reporter, ServingStatus::NotServing).await;
    let lame_duck_ms = options.lame_duck.as_millis() as u64;
    let drain_ms = options.drain.as_millis() as u64;
    let streams = counters.streams();
    tracing::info!(target: "retort::life", streams, lame_duck_ms, drain_ms, "stopping");
    tokio::select! {
        () = time::sleep(options.lame_duck) => {}
        _ = end.wait_for(|end| *end >= End::Soon) => {}
    }
    close.send_replace(true);
    let in_time = tokio::select! {
        () = ended(&mut serving) => true,
        () = time::sleep(options.drain) => false,
        _ = end.wait_for(|end| *end == End::Now) => false,
    };
    last_words(in_time, counters.streams())
}

fn last_words(in_time: bool, cut: usize) -> Stopped {
    if in_time || cut == 0 {
        tracing::info!(target: "retort::life", "stopped: all streams have ended");
        return Stopped::default();
    }
    tracing::warn!(target: "retort::life", cut, "stopped: streams are cut off, and Envoy goes on alone");
    Stopped { cut }
}

/// Serves what comes in, until it is time to close.
async fn listen(
    listener: Listener,
    services: Services,
    counters: Arc<Counters>,
    mut closing: watch::Receiver<bool>,
) {
    let server = transport::Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEAD)
        .http2_keepalive_interval(Some(PING))
        .http2_keepalive_timeout(Some(PONG));
    let close = async move { _ = closing.wait_for(|closing| *closing).await };
    let served = match listener {
        Listener::Tcp(listener) => {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            let incoming = incoming.map(|stream| Ok::<_, io::Error>(Counted::new(stream?, &counters)));
            server.serve_with_incoming_shutdown(services, incoming, close).await
        }
        Listener::Unix(listener) => {
            let incoming = UnixListenerStream::new(listener);
            let incoming = incoming.map(|stream| Ok::<_, io::Error>(Counted::new(stream?, &counters)));
            server.serve_with_incoming_shutdown(services, incoming, close).await
        }
    };
    if let Err(error) = served {
        tracing::error!(target: "retort::life", %error, "connections are no longer accepted");
    }
}

async fn ended(serving: &mut JoinSet<()>) {
    while let Some(ended) = serving.join_next().await {
        if let Err(error) = ended {
            tracing::error!(target: "retort::life", %error, "connections were no longer accepted");
        }
    }
}

/// Notes when the rules are there, and tells those who ask over gRPC.
async fn tell_when_ready(live: Arc<Live>, readiness: Arc<Readiness>, reporter: HealthReporter) {
    while readiness.report().state() == State::Starting {
        if live.is_loaded() {
            readiness.meet(Need::Rules);
        } else {
            time::sleep(NEEDS).await;
        }
    }
    tell(&reporter, ServingStatus::Serving).await;
}

/// Sets the health of the server as a whole, and of the service.
async fn tell(reporter: &HealthReporter, status: ServingStatus) {
    for service in ["", service::NAME] {
        reporter.set_service_status(service, status).await;
    }
}

async fn open(endpoint: &Endpoint) -> io::Result<(Listener, Endpoint)> {
    match endpoint {
        Endpoint::Address(address) => {
            let listener = TcpListener::bind(address).await?;
            let address: SocketAddr = listener.local_addr()?;
            Ok((Listener::Tcp(listener), Endpoint::Address(address)))
        }
        Endpoint::Unix(path) => {
            remove_stale(path)?;
            Ok((Listener::Unix(UnixListener::bind(path)?), endpoint.clone()))
        }
    }
}

/// Removes a socket at which nobody listens any more.
fn remove_stale(path: &Path) -> io::Result<()> {
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Ok(()),
    }
}
