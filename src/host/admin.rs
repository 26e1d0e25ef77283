//! The admin listener: health, metrics, state, reload, and the page, for those who run the proxy.
//!
//! It has a port, a thread and a runtime of its own, so that whoever asks here takes nothing from
//! the requests that the proxy is for. Who can reach the port can read the rules and have them
//! reloaded, no more; it belongs on the loopback interface or on a network of one's own.

mod about;
mod door;
pub mod page;
mod pages;
mod route;
mod server;
mod status;
pub mod view;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{runtime::Builder, sync::watch};
use tracing::dispatcher;

pub use self::{
    about::{About, Rulebook},
    pages::{PageRequest, PageResponse, Pages},
};
use self::{door::Door, route::Site};

/// The target of all log messages.
const TARGET: &str = "retort::admin";

/// Between two tries to listen where another process still does.
const AGAIN: Duration = Duration::from_millis(500);

/// How the admin listener is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Names by which it may be called, beside IP addresses and `localhost`.
    pub hosts: Vec<String>,
    /// What to do where another process listens there.
    pub taken: Taken,
}

/// What to do where another process listens already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is a mistake.
    Fail,
    /// Do without, and say so.
    GoWithout,
    /// Wait until that process, whose place is taken, has ended.
    Wait,
}

/// A running admin listener; it ends when this is dropped.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Why there is none.
#[derive(Debug)]
pub enum Error {
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The system gives no thread, or what belongs to one.
    Thread(io::Error),
}

impl Admin {
    /// Listens, and answers from then on. `None` where another process listens there, and that is
    /// no mistake.
    pub fn start(
        options: &Options,
        about: About,
        pages: Option<Box<dyn Pages>>,
    ) -> Result<Option<Self>, Error> {
        let bound = TcpListener::bind(options.listen);
        let listener = match (bound, options.taken) {
            (Ok(listener), _) => Some(listener),
            (Err(error), Taken::GoWithout) if is_taken(&error) => {
                let address = options.listen;
                tracing::warn!(
                    target: TARGET,
                    %address,
                    "another process listens there: no metrics, no health, no page; `--admin` says where else"
                );
                return Ok(None);
            }
            (Err(error), Taken::Wait) if is_taken(&error) => {
                tracing::info!(target: TARGET, address = %options.listen, "waiting for another process to end");
                None
            }
            (Err(source), _) => return Err(Error::Listen { address: options.listen, source }),
        };
        let address = match &listener {
            Some(listener) => listener.local_addr().map_err(Error::Thread)?,
            None => options.listen,
        };
        let site = Arc::new(Site::new(about, Door::new(&options.hosts), pages));
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
        let runtime = runtime.map_err(Error::Thread)?;
        let (stop, mut stopping) = watch::channel(false);
        // Log messages go where those of the caller go.
        let log = dispatcher::get_default(Clone::clone);
        let run = move || {
            let serving = async {
                let listener = match listener {
                    Some(listener) => listener,
                    None => listen_again(address).await?,
                };
                server::serve(listener, site).await
            };
            let serve = async {
                tokio::select! {
                    result = serving => match result {
                        Ok(never) => match never {},
                        Err(error) => tracing::error!(target: TARGET, %error, "the admin listener ended"),
                    },
                    _ = stopping.wait_for(|stop| *stop) => {}
                }
            };
            dispatcher::with_default(&log, || runtime.block_on(serve));
            // What reads files does not hold up the end.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("retort-admin".into()).spawn(run).map_err(Error::Thread)?;
        tracing::info!(target: TARGET, %address, "health, metrics and the page");
        Ok(Some(Self { address, stop, thread: Some(thread) }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // There is nothing to learn from how it ended.
            let _ = thread.join();
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Error::Thread(source) => write!(f, "cannot start the admin listener: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Listen { source, .. } | Error::Thread(source) => Some(source),
        }
    }
}

/// Listens as soon as the process that does has ended.
async fn listen_again(address: SocketAddr) -> io::Result<TcpListener> {
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => {
                tracing::info!(target: TARGET, %address, "took the address over");
                return Ok(listener);
            }
            Err(error) if is_taken(&error) => tokio::time::sleep(AGAIN).await,
            Err(error) => return Err(error),
        }
    }
}

fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}
