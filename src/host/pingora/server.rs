//! The proxy, or the error backend, as a whole: its listeners, its runtime, its beginning and its
//! end.

mod end;
mod handover;
mod leave;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    os::fd::{IntoRawFd, OwnedFd},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use pingora::{
    apps::HttpServerOptions,
    proxy::{HttpProxy, ProxyHttp, http_proxy},
    server::{Fds, ShutdownWatch, configuration::ServerConf},
    services::{Service as _, listening::Service},
};
use tokio::{
    net::TcpSocket,
    runtime::{Builder, Runtime},
    sync::watch,
    task::JoinHandle,
    time,
};

pub use self::end::Handle;
use self::{
    end::End,
    handover::{Offer, Predecessor},
    leave::{Cause, Leave},
};
use super::{
    app::App,
    error_backend::ErrorBackend,
    filter::{Context, Filter},
    guarded::Guarded,
    in_flight::InFlight,
    options::Options,
    prompt::Promptly,
    proxy_protocol::{Gate, Gated},
    upstream::Upstreams,
};
use crate::{
    exchange::error_request::Forwarded,
    host::{
        live::Live,
        readiness::{Need, Readiness},
    },
};

/// Connections that the kernel keeps for us until they are accepted.
const BACKLOG: u32 = 1024;

/// How long the first resolution of names may hold up the first requests.
const FIRST_RESOLUTION: Duration = Duration::from_secs(2);

/// Between two looks at what is still lacking.
const NEEDS: Duration = Duration::from_millis(250);

/// How long requests that are cut off have to be logged.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A reverse proxy, or an error backend, that is bound to its addresses.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    sockets: Sockets,
    options: Options,
    upstreams: Arc<Upstreams>,
    live: Arc<Live>,
    role: Role,
    end: Arc<watch::Sender<End>>,
    readiness: Arc<Readiness>,
}

/// What a server listens on.
#[derive(Debug)]
struct Sockets {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    /// The server that listens on them as well, until it is dismissed.
    predecessor: Option<Predecessor>,
    /// For the server that will be next.
    offer: Option<Offer>,
}

/// What becomes of the requests.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// They go to an upstream, and the rules answer for it.
    Proxy,
    /// They tell of others that failed, and the rules answer those.
    ErrorBackend(Forwarded),
}

/// How a server ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Requests that were cut off.
    pub cut: usize,
}

/// Why a server cannot start.
#[derive(Debug)]
pub enum Error {
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The upgrade socket cannot be used, or who is behind it.
    Upgrade {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The threads could not be started.
    Runtime(io::Error),
}

impl Server {
    /// A reverse proxy on the addresses of `options`. Connections wait until [`Server::run`].
    pub fn bind(options: Options, live: Arc<Live>) -> Result<Self, Error> {
        Self::listening(options, live, Role::Proxy)
    }

    /// An error backend on the addresses of `options`, whose upstreams are never asked: it answers
    /// what other proxies send to one. Connections wait until [`Server::run`].
    pub fn bind_error_backend(
        options: Options,
        forwarded: Forwarded,
        live: Arc<Live>,
    ) -> Result<Self, Error> {
        Self::listening(options, live, Role::ErrorBackend(forwarded))
    }

    fn listening(options: Options, live: Arc<Live>, role: Role) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("retort")
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let entered = runtime.enter();
        let sockets = Sockets::open(&options)?;
        drop(entered);
        let (end, _) = watch::channel(End::NotYet);
        let upstreams = Arc::new(Upstreams::new(&options));
        let (end, readiness) = (Arc::new(end), Arc::new(Readiness::new()));
        Ok(Self { runtime, sockets, options, upstreams, live, role, end, readiness })
    }

    /// The addresses that it listens on, in the order of the options.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.sockets.addresses
    }

    /// The upstreams, whose state can be read.
    pub fn upstreams(&self) -> Arc<Upstreams> {
        Arc::clone(&self.upstreams)
    }

    /// What stops it.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.end))
    }

    /// Whether it is ready, for those who ask.
    pub fn readiness(&self) -> Arc<Readiness> {
        Arc::clone(&self.readiness)
    }

    /// Serves until a [`Handle`] says to stop, or another server has taken over.
    pub fn run(self) -> Stopped {
        let Self { runtime, sockets, options, upstreams, live, role, end, readiness } = self;
        let filter = Filter::before(upstreams, options, live);
        let stopped = runtime.block_on(serve(sockets, filter, role, end.subscribe(), readiness));
        if stopped.cut > 0 {
            runtime.shutdown_timeout(LAST_WORDS);
        } else {
            // A name that is being resolved must not hold up the end.
            runtime.shutdown_background();
        }
        stopped
    }

    /// Serves until a [`Handle`] or a signal says to stop, or another server has taken over. SIGTERM
    /// stops as [`Handle::stop`] does, SIGINT as [`Handle::stop_accepting`]; a second signal stops
    /// at once.
    pub fn run_until_signal(self) -> Stopped {
        self.runtime.spawn(end::obey_signals(self.handle()));
        self.run()
    }
}

impl Sockets {
    /// Opens them, or takes them over from the server that is to be replaced.
    fn open(options: &Options) -> Result<Self, Error> {
        let (mut predecessor, mut inherited, mut offer) = (None, Vec::new(), None);
        if let Some(path) = &options.life.upgrade_socket {
            let failed = |source| Error::Upgrade { path: path.clone(), source };
            offer = Some(Offer::draft(path).map_err(failed)?);
            if let Some((asked, listeners)) = Predecessor::ask(path).map_err(failed)? {
                (predecessor, inherited) = (Some(asked), listeners);
            }
        }
        let mut sockets = Self { listeners: Vec::new(), addresses: Vec::new(), predecessor, offer };
        for &address in &options.listen {
            let failed = |source| Error::Listen { address, source };
            let listener = match inherit(&mut inherited, address) {
                Some(listener) => listener,
                None => listener(address).map_err(failed)?,
            };
            sockets.addresses.push(listener.local_addr().map_err(failed)?);
            sockets.listeners.push(listener);
        }
        Ok(sockets)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Error::Upgrade { path, source } => {
                write!(f, "cannot use the upgrade socket {}: {source}", path.display())
            }
            Error::Runtime(source) => write!(f, "cannot start the worker threads: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Listen { source, .. } | Error::Upgrade { source, .. } | Error::Runtime(source) => {
                Some(source)
            }
        }
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Takes the listener for an address out of those that were taken over. Any port will do where any
/// was asked for.
fn inherit(inherited: &mut Vec<TcpListener>, address: SocketAddr) -> Option<TcpListener> {
    let find = |fits: &dyn Fn(SocketAddr) -> bool| {
        inherited.iter().position(|listener| listener.local_addr().is_ok_and(fits))
    };
    let any_port = |other: SocketAddr| address.port() == 0 && other.ip() == address.ip();
    let found = find(&|other| other == address).or_else(|| find(&any_port))?;
    Some(inherited.swap_remove(found))
}

/// The same listeners once more.
fn share(listeners: &[TcpListener]) -> io::Result<Vec<OwnedFd>> {
    listeners.iter().map(|listener| listener.try_clone().map(OwnedFd::from)).collect()
}

async fn serve(
    sockets: Sockets,
    filter: Filter,
    role: Role,
    mut end: watch::Receiver<End>,
    readiness: Arc<Readiness>,
) -> Stopped {
    let Sockets { listeners, addresses, predecessor, mut offer } = sockets;
    let (options, in_flight) = (filter.options(), filter.in_flight());
    tokio::select! {
        () = filter.watch_upstreams() => {}
        () = time::sleep(FIRST_RESOLUTION) => tracing::warn!("the names of upstreams are not resolved yet"),
        _ = end.wait_for(|end| *end > End::NotYet) => {}
    }

    let shared = offer.as_ref().map(|_| share(&listeners));
    let (stop_accepting, accepting) = watch::channel(false);
    let (close, closing) = watch::channel(false);
    let bound = Bound { sockets: listeners.into_iter().zip(addresses).collect(), accepting, closing };
    let upstreams = matches!(role, Role::Proxy).then(|| filter.upstreams());
    let needs = tokio::spawn(meet_needs(filter.live(), upstreams, Arc::clone(&readiness)));
    let conf = Arc::new(server_conf(&options));
    let accepting = match role {
        Role::Proxy => accept(bound, http_proxy(&conf, Guarded(filter)), &options, &in_flight),
        Role::ErrorBackend(forwarded) => {
            let backend = ErrorBackend::new(filter, forwarded, options.timeouts.drain);
            accept(bound, http_proxy(&conf, Guarded(backend)), &options, &in_flight)
        }
    };
    readiness.meet(Need::Listeners);
    take_over(predecessor, offer.as_mut());

    let taken = async {
        match (&offer, shared) {
            (Some(offer), Some(Ok(shared))) => offer.taken(shared).await,
            _ => std::future::pending().await,
        }
    };
    let cause = tokio::select! {
        biased;
        _ = end.wait_for(|end| *end > End::NotYet) => Cause::Told,
        () = taken => Cause::HandedOver,
    };
    if cause == Cause::HandedOver {
        tracing::info!(target: "retort::life", "another process has taken over");
    }
    // From here on there is nothing to be handed over.
    drop(offer);
    needs.abort();
    let leave = Leave { in_flight, readiness, end, stop_accepting, accepting, close };
    leave.run(cause, &options).await
}
/// What accepts connections, and what tells it to stop.
struct Bound {
    sockets: Vec<(TcpListener, SocketAddr)>,
    accepting: ShutdownWatch,
    closing: ShutdownWatch,
}

/// Accepts connections until told otherwise.
fn accept<P>(
    bound: Bound,
    mut proxy: HttpProxy<P>,
    options: &Options,
    in_flight: &Arc<InFlight>,
) -> JoinHandle<()>
where
    P: ProxyHttp<CTX = Context> + Send + Sync + 'static,
{
    proxy.server_options = Some(server_options(options));
    let head = options.timeouts.head;
    let gate = Arc::new(Gate::new(&options.front, head));
    let app = Gated::new(App::new(proxy, head), Arc::clone(&gate));
    let app = Promptly::new(app, Arc::clone(in_flight), bound.closing);
    let mut service = Service::new("retort".to_owned(), app);
    // Where there is TLS, the gate stands in front of it; else `app` asks it.
    service.endpoints().set_pre_tls_callback(gate);
    let mut fds = Fds::new();
    for (listener, address) in bound.sockets {
        // Pingora takes a listener over by the name of its address.
        service.add_tcp(&address.to_string());
        fds.add(address.to_string(), listener.into_raw_fd());
    }
    tokio::spawn(async move { service.start_service(Some(Arc::new(fds.into())), bound.accepting, 1).await })
}

/// Puts this server in the place of its predecessor.
fn take_over(predecessor: Option<Predecessor>, offer: Option<&mut Offer>) {
    // The socket first: who asks from now on is to ask this server.
    if let Some(Err(error)) = offer.map(Offer::publish) {
        tracing::error!(target: "retort::life", %error, "the upgrade socket could not be put in its place");
    }
    if let Some(predecessor) = predecessor {
        match predecessor.dismiss() {
            Ok(()) => tracing::info!(target: "retort::life", "took over from another process"),
            Err(error) => {
                tracing::warn!(target: "retort::life", %error, "the process to take over from is gone");
            }
        }
    }
}

/// Notes what is no longer lacking, until nothing is. Without upstreams, none is needed.
async fn meet_needs(live: Arc<Live>, upstreams: Option<Arc<Upstreams>>, readiness: Arc<Readiness>) {
    while readiness.report().lacking().next().is_some() {
        if live.is_loaded() {
            readiness.meet(Need::Rules);
        }
        if upstreams.as_ref().is_none_or(|upstreams| upstreams.is_another_left(&[])) {
            readiness.meet(Need::Upstream);
        }
        time::sleep(NEEDS).await;
    }
    tracing::debug!(target: "retort::life", "ready");
}

fn server_options(options: &Options) -> HttpServerOptions {
    let mut server_options = HttpServerOptions::default();
    server_options.h2c = options.h2c;
    // The filter refuses it, and says so.
    server_options.allow_connect_method_proxying = true;
    server_options.keepalive_request_limit = Some(options.limits.requests_per_connection);
    server_options.h2_idle_timeout = Some(options.timeouts.keep_alive);
    server_options
}

fn server_conf(options: &Options) -> ServerConf {
    ServerConf {
        threads: options.threads.max(1),
        upstream_keepalive_pool_size: options.limits.pool_size,
        ..ServerConf::default()
    }
}
