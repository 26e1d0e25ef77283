//! Watches the rules file and its message files, and reloads them as one; and other files that
//! belong together (`follow`).
//!
//! All of it happens on one thread of its own: wait for a reason to look (`inbox`), arm the watch
//! (`watch`), hash every file (`sighting`), and, where the content is new, load it (`unit`) and
//! put it in force, or say what is wrong with it and keep what is in force (`worker`).

mod follow;
mod hangup;
mod inbox;
mod mount;
mod rules_file;
mod sighting;
mod status;
mod unit;
mod verdicts;
mod watch;
mod way;
mod worker;

use std::{
    fmt, io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tracing::dispatcher;

pub(in crate::host) use self::{follow::Follower, unit::Source};
use self::{inbox::Inbox, worker::Worker};
pub use self::{
    sighting::Fingerprint,
    status::{Attempt, Metrics, Outcome, Status},
    verdicts::Verdicts,
};
use super::live::Live;
use crate::config::Refused;

/// The target of all log messages.
const TARGET: &str = "retort::reload";

/// How changes are noticed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How often to look even though nothing seems to have changed: not every file system tells.
    /// At most a day.
    pub poll_interval: Duration,
    /// Whether to ask the file system for notifications.
    pub notify: bool,
}

/// Keeps the rules in force up to date with their files, until it is dropped.
#[derive(Debug)]
pub struct Reloader {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

/// Why there is no reloader.
#[derive(Debug)]
pub enum StartError {
    /// The rules cannot be used.
    Refused(Refused),
    /// The system gives no thread.
    Thread(io::Error),
}

/// A fault kept the reloader from answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

/// What the thread and the handle share.
#[derive(Debug)]
struct Shared {
    live: Arc<Live>,
    metrics: Metrics,
    status: Mutex<Status>,
    subscribers: Mutex<Vec<Sender<Attempt>>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { poll_interval: Duration::from_secs(5), notify: true }
    }
}

impl Reloader {
    /// Loads the rules, and keeps them up to date from then on. A missing rules file is no error:
    /// there are no rules then, until it appears.
    pub fn start(path: &Path, options: Options) -> Result<Self, StartError> {
        let worker = Worker::new(path, options).map_err(StartError::Refused)?;
        let (shared, inbox) = worker.shared();
        // Log messages go where those of the caller go.
        let log = dispatcher::get_default(Clone::clone);
        let run = move || dispatcher::with_default(&log, || worker.run());
        let thread = thread::Builder::new().name("retort-reload".into()).spawn(run);
        Ok(Self { shared, inbox, thread: Some(thread.map_err(StartError::Thread)?) })
    }

    /// The rules in force.
    pub fn live(&self) -> &Arc<Live> {
        &self.shared.live
    }

    /// Looks at once, and tells what came of it: [`Outcome::Unchanged`] where the files are those in
    /// force, [`Outcome::Refused`] also where they are still those that were refused. Requests that
    /// come while the files are being looked at share the next look.
    ///
    /// This waits for disk and loader; asynchronous code should call it where it may block.
    pub fn reload_now(&self) -> Result<Attempt, NoAnswer> {
        let (answer, answered) = mpsc::channel();
        self.inbox.ask(Some(answer));
        answered.recv().map_err(|_| NoAnswer)
    }

    /// From now on, SIGHUP does as [`reload_now`](Self::reload_now), and no longer ends the process.
    pub fn reload_on_hangup(&self) -> io::Result<()> {
        hangup::listen(&self.inbox)
    }

    /// The state of reloading.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Receives every content that is applied or refused from now on.
    pub fn subscribe(&self) -> Receiver<Attempt> {
        let (sender, receiver) = mpsc::channel();
        lock(&self.shared.subscribers).push(sender);
        receiver
    }
}

impl Drop for Reloader {
    fn drop(&mut self) {
        self.inbox.stop();
        if let Some(thread) = self.thread.take() {
            // It catches its own panics; there is nothing to learn from how it ended.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn new(live: Arc<Live>, start: Attempt) -> Self {
        let metrics = Metrics::new(&start);
        let fingerprint = (start.outcome == Outcome::Applied).then_some(start.fingerprint);
        let status = Status { since: start.at, fingerprint, last: start };
        Self { live, metrics, status: Mutex::new(status), subscribers: Mutex::default() }
    }

    fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// Counts, notes and publishes an attempt.
    fn record(&self, attempt: &Attempt) {
        self.metrics.count(attempt);
        let mut status = lock(&self.status);
        if attempt.outcome == Outcome::Applied {
            status.since = attempt.at;
            status.fingerprint = Some(attempt.fingerprint);
        }
        status.last = attempt.clone();
        drop(status);
        lock(&self.subscribers).retain(|subscriber| subscriber.send(attempt.clone()).is_ok());
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Refused(refused) => refused.diagnostics.fmt(f),
            StartError::Thread(error) => write!(f, "no thread to watch the rules: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault ended the reload")
    }
}

impl std::error::Error for NoAnswer {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whatever is behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
