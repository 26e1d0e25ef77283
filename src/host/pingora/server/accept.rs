//! Accepting connections, and what each goes through from then on.

use std::{
    net::{SocketAddr, TcpListener},
    os::fd::IntoRawFd,
    sync::Arc,
};

use arc_swap::ArcSwap;
use pingora::{
    apps::HttpServerOptions,
    listeners::{ListenerConfig, tls::Acceptor},
    protocols::l4::stream::L4BufferSettings,
    proxy::{HttpProxy, ProxyHttp},
    server::{Fds, ListenFds, ShutdownWatch},
    services::{Service as _, listening::Service},
};
use tokio::task::JoinSet;

use crate::host::pingora::{
    app::App,
    context::Context,
    entrance::Entrance,
    guard::{Counters, Guard},
    options::Options,
    proxy_protocol::Gate,
    tls::Handshake,
};

/// Bytes that are read from a connection at once, where less was asked for. Pingora's 64 KiB would be
/// occupied by every idle connection; a head is much shorter, and content is read past this buffer.
const READ_BUFFER: usize = 8 * 1024;

/// Bytes that are collected before they are written: a head and most messages leave as one. In
/// Pingora's 1460, few messages have room. Nothing waits in it for long (`prompt`).
const WRITE_BUFFER: usize = 8 * 1024;

/// What accepts connections, and what tells it to stop.
pub(super) struct Bound {
    pub(super) plain: Vec<(TcpListener, SocketAddr)>,
    /// Where TLS is spoken, and what is in force there.
    pub(super) secure: Vec<(TcpListener, SocketAddr)>,
    pub(super) acceptor: Option<Arc<ArcSwap<Acceptor>>>,
    pub(super) counters: Arc<Counters>,
    /// Tells when no more connections are to be accepted.
    pub(super) accepting: ShutdownWatch,
    /// Tells when those that were accepted are to close.
    pub(super) closing: ShutdownWatch,
}

/// Accepts connections until told otherwise.
pub(super) fn accept<P>(bound: Bound, mut proxy: HttpProxy<P>, options: &Options) -> JoinSet<()>
where
    P: ProxyHttp<CTX = Box<Context>> + Send + Sync + 'static,
{
    let Bound { plain, secure, acceptor, counters, accepting, closing } = bound;
    proxy.server_options = Some(server_options(options));
    let app = Arc::new(App::new(proxy, options));
    let guard = Arc::new(Guard::new(options, Arc::clone(&counters)));
    let gate = Arc::new(Gate::new(&options.front, options.timeouts.head, Arc::clone(&counters)));
    let entrance = Entrance::new(app, guard, gate, closing);

    let (mut fds, mut services) = (Fds::new(), Vec::new());
    if let Some(acceptor) = acceptor {
        let handshake = Handshake::new(acceptor, options.tls.handshake, counters);
        services.push(service("retort-tls", entrance.over_tls(handshake), secure, &mut fds));
    }
    services.push(service("retort", entrance, plain, &mut fds));

    let fds: ListenFds = Arc::new(fds.into());
    let mut tasks = JoinSet::new();
    for mut service in services {
        let (fds, accepting) = (Arc::clone(&fds), accepting.clone());
        tasks.spawn(async move { service.start_service(Some(fds), accepting, 1).await });
    }
    tasks
}

/// What accepts the connections of listeners.
fn service<A>(name: &str, app: A, bound: Vec<(TcpListener, SocketAddr)>, fds: &mut Fds) -> Service<A> {
    let mut service = Service::new(name.to_owned(), app);
    for (listener, address) in bound {
        // Pingora takes a listener over by the name of its address.
        let endpoint = ListenerConfig::tcp(address.to_string());
        service.add_listener(endpoint.l4_buffer(L4BufferSettings::new(READ_BUFFER, WRITE_BUFFER)));
        fds.add(address.to_string(), listener.into_raw_fd());
    }
    service
}

fn server_options(options: &Options) -> HttpServerOptions {
    let mut server_options = HttpServerOptions::default();
    server_options.h2c = options.h2c;
    // The filter refuses it, and says so.
    server_options.allow_connect_method_proxying = true;
    server_options
}
