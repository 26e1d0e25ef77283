//! The proxy, or the error backend, as a whole: its listeners, its runtime, its beginning and its
//! end.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    os::fd::IntoRawFd,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use pingora::{
    apps::HttpServerOptions,
    listeners::tls::Acceptor,
    proxy::{HttpProxy, ProxyHttp, http_proxy},
    server::{Fds, ListenFds, configuration::ServerConf},
    services::{Service as _, listening::Service},
};
use tokio::{
    net::TcpSocket,
    runtime::{Builder, Runtime},
    sync::watch,
    time,
};

use super::{
    app::App,
    error_backend::ErrorBackend,
    filter::{Context, Filter},
    in_flight::InFlight,
    options::Options,
    prompt::Promptly,
    proxy_protocol::{Gate, Gated},
    tls::{Keeper, Problems, Secure, Unkept},
    upstream::{self, Upstreams, tls::UpstreamTlsError},
};
use crate::{exchange::error_request::Forwarded, host::live::Live};

/// Connections that the kernel keeps for us until they are accepted.
const BACKLOG: u32 = 1024;

/// How long the first resolution of names may hold up the first requests.
const FIRST_RESOLUTION: Duration = Duration::from_secs(2);

/// How long connections without a request may take to notice that they are to close.
const LINGER: Duration = Duration::from_millis(100);

/// A reverse proxy, or an error backend, that is bound to its addresses.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    tls: Option<Keeper>,
    options: Options,
    upstreams: Arc<Upstreams>,
    live: Arc<Live>,
    role: Role,
    end: Arc<watch::Sender<End>>,
}

/// What becomes of the requests.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// They go to an upstream, and the rules answer for it.
    Proxy,
    /// They tell of others that failed, and the rules answer those.
    ErrorBackend(Forwarded),
}

/// The listeners of a server, with their addresses.
struct Bound {
    plain: Vec<(TcpListener, SocketAddr)>,
    /// Those where TLS is spoken, and what is in force there.
    secure: Vec<(TcpListener, SocketAddr)>,
    acceptor: Option<Arc<ArcSwap<Acceptor>>>,
}

/// Stops a [`Server`] from anywhere.
#[derive(Clone, Debug)]
pub struct Handle(Arc<watch::Sender<End>>);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The certificates cannot be used.
    Tls(Problems),
    /// TLS cannot be spoken with upstreams.
    UpstreamTls(UpstreamTlsError),
    /// The threads could not be started.
    Runtime(io::Error),
}

/// Whether, and how soon, to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    NotYet,
    /// When the requests in flight are served.
    Gracefully,
    Now,
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
        upstream::tls::check(&options).map_err(Error::UpstreamTls)?;
        let tls = match options.tls.listen.is_empty() {
            true => None,
            false => Some(Keeper::start(&options.tls)?),
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("retort")
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        let entered = runtime.enter();
        for &address in options.listen.iter().chain(&options.tls.listen) {
            let failed = |source| Error::Listen { address, source };
            let listener = listener(address).map_err(failed)?;
            addresses.push(listener.local_addr().map_err(failed)?);
            listeners.push(listener);
        }
        drop(entered);
        let (end, _) = watch::channel(End::NotYet);
        let upstreams = Arc::new(Upstreams::new(&options));
        let end = Arc::new(end);
        Ok(Self { runtime, listeners, addresses, tls, options, upstreams, live, role, end })
    }

    /// The addresses that it listens on, in the order of the options.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.addresses.get(..self.options.listen.len()).unwrap_or_default()
    }

    /// The same of those where it speaks TLS.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        self.addresses.get(self.options.listen.len()..).unwrap_or_default()
    }

    /// The upstreams, whose state can be read.
    pub fn upstreams(&self) -> Arc<Upstreams> {
        Arc::clone(&self.upstreams)
    }

    /// What stops it.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.end))
    }

    /// Serves until a [`Handle`] says to stop.
    pub fn run(self) -> Stopped {
        let Self { runtime, listeners, addresses, tls, options, upstreams, live, role, end } = self;
        let mut plain: Vec<_> = listeners.into_iter().zip(addresses).collect();
        let secure = plain.split_off(options.listen.len().min(plain.len()));
        let bound = Bound { plain, secure, acceptor: tls.as_ref().map(Keeper::acceptor) };
        let serving = serve(bound, options, upstreams, live, role, end.subscribe());
        let stopped = runtime.block_on(serving);
        // A name that is being resolved must not hold up the end.
        runtime.shutdown_background();
        stopped
    }

    /// Serves until a [`Handle`], SIGTERM or SIGINT says to stop; a second signal stops at once.
    pub fn run_until_signal(self) -> Stopped {
        self.runtime.spawn(obey_signals(self.handle()));
        self.run()
    }
}

impl Handle {
    /// Accepts no more connections, and stops when the requests in flight are served, or when the
    /// time for that is over.
    pub fn stop(&self) {
        self.raise(End::Gracefully);
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Error::Tls(problems) => problems.fmt(f),
            Error::UpstreamTls(source) => source.fmt(f),
            Error::Runtime(source) => write!(f, "cannot start the worker threads: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Listen { source, .. } | Error::Runtime(source) => Some(source),
            Error::Tls(problems) => Some(problems),
            Error::UpstreamTls(source) => Some(source),
        }
    }
}

impl From<Unkept> for Error {
    fn from(unkept: Unkept) -> Self {
        match unkept {
            Unkept::Refused(problems) => Error::Tls(problems),
            Unkept::Thread(source) => Error::Runtime(source),
        }
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

async fn serve(
    bound: Bound,
    options: Options,
    upstreams: Arc<Upstreams>,
    live: Arc<Live>,
    role: Role,
    mut end: watch::Receiver<End>,
) -> Stopped {
    let conf = Arc::new(server_conf(&options));
    let filter = Filter::before(upstreams, options.clone(), live);
    let in_flight = filter.in_flight();
    tokio::select! {
        () = filter.watch_upstreams() => {}
        () = time::sleep(FIRST_RESOLUTION) => tracing::warn!("the names of upstreams are not resolved yet"),
        _ = end.wait_for(|end| *end > End::NotYet) => {}
    }
    match role {
        Role::Proxy => accept(bound, http_proxy(&conf, filter), &options, &mut end).await,
        Role::ErrorBackend(forwarded) => {
            let backend = ErrorBackend::new(filter, forwarded, options.timeouts.drain);
            accept(bound, http_proxy(&conf, backend), &options, &mut end).await;
        }
    }
    tokio::select! {
        () = drained(&in_flight) => {}
        () = time::sleep(options.timeouts.shutdown) => {
            tracing::warn!("the time for requests in flight is over");
        }
        _ = end.wait_for(|end| *end == End::Now) => {}
    }
    Stopped { cut: in_flight.count() }
}

/// Accepts connections until the end begins.
async fn accept<P>(bound: Bound, mut proxy: HttpProxy<P>, options: &Options, end: &mut watch::Receiver<End>)
where
    P: ProxyHttp<CTX = Context> + Send + Sync + 'static,
{
    proxy.server_options = Some(server_options(options));
    let gate = Arc::new(Gate::new(&options.front, options.timeouts.head));
    let app = Promptly::new(App::new(proxy, options.timeouts.head));
    let mut fds = Fds::new();
    let mut plain = Service::new("retort".to_owned(), Gated::new(app.clone(), Arc::clone(&gate)));
    listen(&mut plain, bound.plain, &mut fds);
    let mut secure = bound.acceptor.map(|acceptor| {
        let app = Gated::new(Secure::new(app, acceptor, options.tls.handshake), gate);
        let mut service = Service::new("retort-tls".to_owned(), app);
        listen(&mut service, bound.secure, &mut fds);
        service
    });

    let fds: ListenFds = Arc::new(fds.into());
    let (shutdown, shutdown_watch) = watch::channel(false);
    let accepting = async {
        let plain = plain.start_service(Some(Arc::clone(&fds)), shutdown_watch.clone(), 1);
        match &mut secure {
            None => plain.await,
            Some(secure) => {
                tokio::join!(plain, secure.start_service(Some(Arc::clone(&fds)), shutdown_watch.clone(), 1));
            }
        }
    };
    let stopping = async {
        // The sender lives as long as the server.
        let _ = end.wait_for(|end| *end > End::NotYet).await;
        shutdown.send_replace(true);
    };
    tokio::join!(accepting, stopping);
}

/// Has a service accept the connections of listeners.
fn listen<A>(service: &mut Service<A>, bound: Vec<(TcpListener, SocketAddr)>, fds: &mut Fds) {
    for (listener, address) in bound {
        // Pingora takes a listener over by the name of its address.
        service.add_tcp(&address.to_string());
        fds.add(address.to_string(), listener.into_raw_fd());
    }
}

/// Returns when there has been no request for a while. Connections that wait for one see the
/// shutdown and close; one of which Pingora cannot tell yet whether it speaks HTTP/2 never does.
async fn drained(in_flight: &InFlight) {
    loop {
        in_flight.none().await;
        time::sleep(LINGER).await;
        if in_flight.count() == 0 {
            return;
        }
    }
}

async fn obey_signals(handle: Handle) {
    use tokio::signal::unix::{SignalKind, signal};

    let signals =
        signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    let (mut term, mut int) = match signals {
        Ok(signals) => signals,
        Err(error) => return tracing::error!(%error, "signals cannot be received"),
    };
    for stop in [Handle::stop, Handle::stop_now] {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        stop(&handle);
    }
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
        ca_file: upstream::tls::roots(options),
        ..ServerConf::default()
    }
}
