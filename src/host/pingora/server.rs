//! The proxy, or the error backend, as a whole: its listeners, its runtime, its beginning and its
//! end.

mod accept;
mod handover;
mod leave;
mod sockets;

use std::{fmt, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use pingora::{listeners::tls::Acceptor, proxy::http_proxy, server::configuration::ServerConf};
use tokio::{
    runtime::{Builder, Runtime},
    sync::watch,
    time,
};

use self::{
    accept::{Bound, accept},
    handover::{Offer, Predecessor},
    leave::{Cause, Leave},
    sockets::Sockets,
};
use super::{
    error_backend::ErrorBackend,
    filter::Filter,
    guard::{self, Counters},
    guarded::Guarded,
    observer::Observer,
    options::Options,
    tls::{Keeper, Problems, Unkept},
    upstream::{self, Upstreams, tls::UpstreamTlsError},
};
use crate::{
    exchange::error_request::Forwarded,
    host::{
        end::{End, Handle, Signals},
        live::Live,
        readiness::{Need, Readiness},
        telemetry::Telemetry,
    },
};

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
    tls: Option<Keeper>,
    options: Options,
    upstreams: Arc<Upstreams>,
    live: Arc<Live>,
    role: Role,
    counters: Arc<Counters>,
    telemetry: Arc<Telemetry>,
    end: Arc<watch::Sender<End>>,
    readiness: Arc<Readiness>,
}

/// What becomes of the requests.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// They go to an upstream, and the rules answer for it.
    Proxy,
    /// They tell of others that failed, and the rules answer those.
    ErrorBackend(Forwarded),
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Role::Proxy => "proxy",
            Role::ErrorBackend(_) => "error-backend",
        }
    }
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
    /// The certificates cannot be used.
    Tls(Problems),
    /// TLS cannot be spoken with upstreams.
    UpstreamTls(UpstreamTlsError),
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

    fn listening(mut options: Options, live: Arc<Live>, role: Role) -> Result<Self, Error> {
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
        let entered = runtime.enter();
        let sockets = Sockets::open(&options)?;
        drop(entered);
        let (end, _) = watch::channel(End::NotYet);
        options.limits = guard::settled(options.limits, options.threads);
        let upstreams = Arc::new(Upstreams::new(&options));
        let (end, readiness) = (Arc::new(end), Arc::new(Readiness::new()));
        let (counters, telemetry) = (Arc::default(), Arc::default());
        Ok(Self {
            runtime,
            sockets,
            tls,
            options,
            upstreams,
            live,
            role,
            counters,
            telemetry,
            end,
            readiness,
        })
    }

    /// The addresses that it listens on, in the order of the options.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.sockets.addresses.get(..self.options.listen.len()).unwrap_or_default()
    }

    /// The same of those where it speaks TLS.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        self.sockets.addresses.get(self.options.listen.len()..).unwrap_or_default()
    }

    /// The upstreams, whose state can be read.
    pub fn upstreams(&self) -> Arc<Upstreams> {
        Arc::clone(&self.upstreams)
    }

    /// What its limits do while it runs.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// What is counted of finished requests.
    pub fn telemetry(&self) -> Arc<Telemetry> {
        Arc::clone(&self.telemetry)
    }

    /// What tells how it is, also while it runs.
    pub fn observer(&self) -> Observer {
        Observer {
            role: self.role.as_str(),
            addresses: self.addresses().to_vec(),
            tls_addresses: self.tls_addresses().to_vec(),
            upstreams: matches!(self.role, Role::Proxy).then(|| self.upstreams()),
            counters: self.counters(),
            readiness: self.readiness(),
            certificates: self.tls.as_ref().map(Keeper::certificates),
            limits: self.options.limits,
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

    /// Serves until a [`Handle`] says to stop, or another server has taken over.
    pub fn run(self) -> Stopped {
        let Self {
            runtime,
            sockets,
            tls,
            options,
            upstreams,
            live,
            role,
            counters,
            telemetry,
            end,
            readiness,
        } = self;
        let filter = Filter::before(upstreams, options, live, counters.in_flight(), telemetry);
        let acceptor = tls.as_ref().map(Keeper::acceptor);
        let serving = serve(sockets, acceptor, filter, role, counters, end.subscribe(), readiness);
        let stopped = runtime.block_on(serving);
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
            Error::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Error::Upgrade { path, source } => {
                write!(f, "cannot use the upgrade socket {}: {source}", path.display())
            }
            Error::Tls(problems) => problems.fmt(f),
            Error::UpstreamTls(source) => source.fmt(f),
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

async fn serve(
    sockets: Sockets,
    acceptor: Option<Arc<ArcSwap<Acceptor>>>,
    filter: Filter,
    role: Role,
    counters: Arc<Counters>,
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

    let shared = offer.as_ref().map(|_| sockets::share(&listeners));
    let (stop_accepting, accepting) = watch::channel(false);
    let (close, closing) = watch::channel(false);
    let mut plain: Vec<_> = listeners.into_iter().zip(addresses).collect();
    let secure = plain.split_off(options.listen.len().min(plain.len()));
    let bound = Bound { plain, secure, acceptor, counters, accepting, closing };
    let upstreams = matches!(role, Role::Proxy).then(|| filter.upstreams());
    let needs = tokio::spawn(meet_needs(filter.live(), upstreams, Arc::clone(&readiness)));
    let conf = Arc::new(server_conf(&options));
    let accepting = match role {
        Role::Proxy => accept(bound, http_proxy(&conf, Guarded(filter)), &options),
        Role::ErrorBackend(forwarded) => {
            let backend = ErrorBackend::new(filter, forwarded, options.timeouts.drain);
            accept(bound, http_proxy(&conf, Guarded(backend)), &options)
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
        if upstreams.as_ref().is_none_or(|upstreams| upstreams.is_any_usable()) {
            readiness.meet(Need::Upstream);
        }
        time::sleep(NEEDS).await;
    }
    tracing::debug!(target: "retort::life", "ready");
}

fn server_conf(options: &Options) -> ServerConf {
    ServerConf {
        threads: options.threads.max(1),
        upstream_keepalive_pool_size: options.limits.pool_size,
        ca_file: upstream::tls::roots(options),
        ..ServerConf::default()
    }
}
