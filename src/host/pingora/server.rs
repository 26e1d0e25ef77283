//! The proxy as a whole: its listeners, its runtime, its beginning and its end.

use std::{
    fmt, future, io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use pingora::{
    apps::{HttpServerOptions, ServerApp},
    protocols::l4::{listener::Listener, stream::Stream},
    proxy::http_proxy,
    server::configuration::ServerConf,
};
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::{Builder, Runtime},
    sync::watch,
    task::JoinSet,
    time,
};

use super::{app::App, filter::Filter, in_flight::InFlight, options::Options};
use crate::host::live::Live;

/// Connections that the kernel keeps for us until they are accepted.
const BACKLOG: u32 = 1024;

/// How long the first resolution of names may hold up the first requests.
const FIRST_RESOLUTION: Duration = Duration::from_secs(2);

/// How long to accept nothing when there is nothing left to accept with.
const OUT_OF_FILES: Duration = Duration::from_millis(250);

/// How long connections without a request may take to notice that they are to close.
const LINGER: Duration = Duration::from_millis(500);

/// A reverse proxy that is bound to its addresses.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    options: Options,
    live: Arc<Live>,
    end: Arc<watch::Sender<End>>,
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
    /// The threads could not be started.
    Runtime(io::Error),
}

/// All that accepts connections.
struct Listeners {
    members: Vec<Listener>,
    /// The one that is asked first, lest a busy one silence the others.
    turn: usize,
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
    /// Listens on the addresses of `options`. Connections wait until [`Server::run`].
    pub fn bind(options: Options, live: Arc<Live>) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("retort")
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        let entered = runtime.enter();
        for &address in &options.listen {
            let failed = |source| Error::Listen { address, source };
            let listener = listener(address).map_err(failed)?;
            addresses.push(listener.local_addr().map_err(failed)?);
            listeners.push(listener);
        }
        drop(entered);
        let (end, _) = watch::channel(End::NotYet);
        Ok(Self { runtime, listeners, addresses, options, live, end: Arc::new(end) })
    }

    /// The addresses that it listens on, in the order of the options.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What stops it.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.end))
    }

    /// Serves until a [`Handle`] says to stop.
    pub fn run(self) -> Stopped {
        let Self { runtime, listeners, options, live, end, .. } = self;
        let stopped = runtime.block_on(serve(listeners, options, live, end.subscribe()));
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

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn serve(
    listeners: Vec<TcpListener>,
    options: Options,
    live: Arc<Live>,
    mut end: watch::Receiver<End>,
) -> Stopped {
    let (patience, head) = (options.timeouts.shutdown, options.timeouts.head);
    let server_options = server_options(&options);
    let conf = Arc::new(server_conf(&options));
    let filter = Filter::new(options, live);
    let in_flight = filter.in_flight();
    tokio::select! {
        () = filter.resolve() => {}
        () = time::sleep(FIRST_RESOLUTION) => tracing::warn!("the names of upstreams are not resolved yet"),
        _ = end.wait_for(|end| *end > End::NotYet) => {}
    }
    let mut proxy = http_proxy(&conf, filter);
    proxy.server_options = Some(server_options);
    let app = Arc::new(App::new(proxy, head));

    let (shutdown, shutdown_watch) = watch::channel(false);
    let mut listeners = Listeners::new(listeners);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listeners.accept() => match accepted {
                Ok(stream) => {
                    connections.spawn(connection(stream, Arc::clone(&app), shutdown_watch.clone()));
                }
                Err(error) => refused(&error).await,
            },
            Some(_) = connections.join_next() => {}
            _ = end.wait_for(|end| *end > End::NotYet) => break,
        }
    }
    drop(listeners);
    shutdown.send_replace(true);
    app.cleanup().await;
    tokio::select! {
        () = drained(&mut connections, &in_flight) => {}
        () = time::sleep(patience) => tracing::warn!("the time for requests in flight is over"),
        _ = end.wait_for(|end| *end == End::Now) => {}
    }
    Stopped { cut: in_flight.count() }
}

impl Listeners {
    fn new(listeners: Vec<TcpListener>) -> Self {
        Self { members: listeners.into_iter().map(Listener::from).collect(), turn: 0 }
    }

    /// The next connection of any of them.
    async fn accept(&mut self) -> io::Result<Stream> {
        let count = self.members.len();
        self.turn = (self.turn + 1) % count.max(1);
        let in_turn = self.members.iter().cycle().skip(self.turn).take(count);
        let mut accepting: Vec<_> = in_turn.map(|listener| Box::pin(listener.accept())).collect();
        let mut first = |context: &mut Context<'_>| {
            accepting.iter_mut().map(|accept| accept.as_mut().poll(context)).find(Poll::is_ready)
        };
        future::poll_fn(|context| first(context).unwrap_or(Poll::Pending)).await
    }
}

async fn connection(mut stream: Stream, app: Arc<App>, shutdown: watch::Receiver<bool>) {
    if let Err(error) = stream.set_nodelay() {
        tracing::debug!(%error, "a connection was lost before its first byte");
        return;
    }
    app.process_new(Box::new(stream), &shutdown).await;
}

/// Out of file descriptors, `accept` fails at once and for ever: others must finish first.
async fn refused(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        time::sleep(OUT_OF_FILES).await;
    }
}

/// Returns when all connections are closed, or those that are left have had no request for a
/// while: a connection of which Pingora cannot tell yet whether it speaks HTTP/2 never notices.
async fn drained(connections: &mut JoinSet<()>, in_flight: &InFlight) {
    let quiet = async || {
        loop {
            in_flight.none().await;
            time::sleep(LINGER).await;
            if in_flight.count() == 0 {
                return;
            }
        }
    };
    let closed = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = closed => {}
        () = quiet() => {}
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
        ..ServerConf::default()
    }
}
