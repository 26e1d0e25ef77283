//! Keeps something else than the rules up to date with its files, in the same way.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tracing::{dispatcher, error, warn};

use super::{
    Options, TARGET, hangup,
    inbox::{Call, Inbox, QUIET},
    mount,
    unit::{Source, TICK, Unit},
    watch::Watch,
    worker::{DAY, RETRY},
};

/// Keeps something up to date with its files, until it is dropped.
#[derive(Debug)]
pub(in crate::host) struct Follower {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

/// One that has looked once, and does not yet look again.
pub(in crate::host) struct Begun<S> {
    inbox: Arc<Inbox>,
    unit: Unit<S>,
    watch: Watch,
    poll_interval: Duration,
}

impl Follower {
    /// Loads what the files hold now.
    pub(in crate::host) fn begin<S: Source>(
        source: S,
        options: Options,
    ) -> (Result<S::Good, S::Bad>, Begun<S>) {
        let inbox = Arc::new(Inbox::default());
        let mut watch = if options.notify { Watch::new(Arc::clone(&inbox)) } else { Watch::off() };
        let mut unit = Unit::new(source, Vec::new());
        let first = unit.load(&mut watch, TICK).verdict;
        mount::warn_of(unit.files());
        let poll_interval = options.poll_interval.clamp(TICK, DAY);
        (first, Begun { inbox, unit, watch, poll_interval })
    }
}

impl<S: Source + Send + 'static> Begun<S> {
    /// From now on, looks whenever there is a reason, SIGHUP included, and passes on what is new,
    /// or that nothing is.
    pub(in crate::host) fn start(
        self,
        mut news: impl FnMut(Option<Result<S::Good, S::Bad>>) + Send + 'static,
    ) -> io::Result<Follower> {
        let Self { inbox, mut unit, mut watch, poll_interval } = self;
        if let Err(error) = hangup::listen(&inbox) {
            warn!(target: TARGET, %error, "SIGHUP cannot be received");
        }
        let calls = Arc::clone(&inbox);
        let run = move || {
            let mut next = Instant::now() + poll_interval;
            loop {
                let pause = match calls.wait(next) {
                    Call::Stop => return,
                    Call::Asked(_) | Call::Changed => TICK,
                    // What only the clock tells of has not been waited for yet.
                    Call::Clock => QUIET,
                };
                // A fault in the loader must cost one reload, not all that were to follow.
                let look = AssertUnwindSafe(|| match unit.look(&mut watch, pause) {
                    Some(judged) if !judged.steady => false,
                    judged => {
                        news(judged.map(|judged| judged.verdict));
                        true
                    }
                });
                let settled = catch_unwind(look).unwrap_or_else(|_| {
                    error!(target: TARGET, "a fault of Retort's own ended the reload; what is in force stays");
                    true
                });
                next = Instant::now() + if settled { poll_interval } else { RETRY };
            }
        };
        // Log messages go where those of the caller go.
        let log = dispatcher::get_default(Clone::clone);
        let thread = thread::Builder::new()
            .name("retort-follow".into())
            .spawn(move || dispatcher::with_default(&log, run))?;
        Ok(Follower { inbox, thread: Some(thread) })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.inbox.stop();
        if let Some(thread) = self.thread.take() {
            // It catches its own panics; there is nothing to learn from how it ended.
            let _ = thread.join();
        }
    }
}
