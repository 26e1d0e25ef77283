//! What is known of finished requests, counted.
//!
//! A host tells of each request once, when it is over ([`Telemetry::record`]); metrics, the tallies
//! of rules, the recent decisions and the history all come of that. Recording takes no lock that
//! anyone waits for, and allocates nothing.

mod counts;
mod history;
mod observation;
mod process;
mod prometheus;
mod recent;
mod scrape;
mod tally;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

pub(super) use self::tally::Ledger;
use self::{counts::Counts, history::Recorder, recent::Ring};
pub use self::{
    counts::{Answers, Class, Histogram, Totals},
    history::{History, SPAN, Slot},
    observation::{Certificate, Listener, Observation, Observe},
    recent::{RECENT, Recent, RecentList},
    scrape::{CONTENT_TYPE, Scrape},
    tally::{OTHER, Tallies, Tally},
};
use super::live::Snapshot;
use crate::exchange::Cause;

/// What is counted.
#[derive(Debug)]
pub struct Telemetry {
    started: DateTime<Utc>,
    began: Instant,
    counts: Counts,
    recent: Ring,
    history: Recorder,
}

/// A request that is over.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// The rules that were in force for it.
    pub snapshot: &'a Snapshot,
    /// Its id.
    pub id: &'a str,
    /// The method.
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The status that was sent; `None` where the client got no response.
    pub status: Option<u16>,
    /// The status of the upstream, if there was a response.
    pub upstream_status: Option<u16>,
    /// What was decided, where a rule is for the status.
    pub decided: Option<Decided<'a>>,
    /// Why it failed, if it did.
    pub cause: Option<Cause>,
    /// How long it took.
    pub took: Duration,
    /// How long the head of the upstream's response took to come.
    pub upstream_took: Option<Duration>,
    /// Bytes of content that were sent.
    pub sent: u64,
    /// Bytes of content that came from the client.
    pub received: u64,
}

/// What was decided on a response.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// What was done.
    pub action: Action,
    /// Why, in a stable word.
    pub reason: &'static str,
    /// The rule that matched.
    pub rule: Option<&'a Arc<str>>,
    /// The position of the message that was chosen.
    pub message: Option<usize>,
}

/// The kind of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The content passed.
    Keep,
    /// A message took its place.
    Replace,
    /// A meta object of the upstream steered it.
    Steer,
    /// The request ended before there was a decision.
    Wait,
    /// Deciding or rendering panicked; the response passed.
    Panic,
}

impl Telemetry {
    /// Nothing is counted yet.
    pub fn new() -> Self {
        let began = Instant::now();
        Self {
            started: Utc::now(),
            began,
            counts: Counts::default(),
            recent: Ring::new(began),
            history: Recorder::new(began),
        }
    }

    /// Takes note of a request that is over.
    pub fn record(&self, finished: &Finished<'_>) {
        if let Some(decided) = &finished.decided {
            if let Some(rule) = decided.rule {
                finished.snapshot.tallies.count(rule, decided.action, decided.reason);
            }
            self.recent.add(finished, decided);
        }
        // Last: once the totals show it, so does all else.
        self.counts.add(finished);
    }

    /// When counting began.
    pub fn started(&self) -> DateTime<Utc> {
        self.started
    }

    /// How long ago that was.
    pub fn uptime(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was counted so far.
    pub fn totals(&self) -> Totals {
        self.counts.totals()
    }

    /// The last decisions, the newest first.
    pub fn recent(&self) -> RecentList {
        self.recent.list()
    }

    /// What was answered over the last hour. Whoever wants that has to [`tick`](Self::tick).
    pub fn history(&self) -> History {
        self.history.read(Instant::now(), &self.totals().answers)
    }

    /// Takes note of the time: the history tells spans apart as often as this is called.
    pub fn tick(&self) {
        self.history.note(Instant::now(), &self.totals().answers);
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Action {
    /// The stable word for logs and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Replace => "replace",
            Action::Steer => "steer",
            Action::Wait => "wait",
            Action::Panic => "panic",
        }
    }

    /// Whether the client got a message, or what a meta object asked for.
    pub fn is_replaced(self) -> bool {
        matches!(self, Action::Replace | Action::Steer)
    }
}
