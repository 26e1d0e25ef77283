//! What came of reloading, for whoever wants to know.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};

use super::sighting::Fingerprint;
use crate::{config::Diagnostics, host::live::Snapshot};

/// The state of reloading at one moment.
#[derive(Clone, Debug)]
pub struct Status {
    /// Since when the version in force is.
    pub since: DateTime<Utc>,
    /// What its files hold; `None` while there never was a rules file.
    pub fingerprint: Option<Fingerprint>,
    /// What came of the last content that was not seen before; its version is in force.
    pub last: Attempt,
}

/// One content of the files, and what came of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What came of it.
    pub outcome: Outcome,
    /// What the files held.
    pub fingerprint: Fingerprint,
    /// What is in force since: the new version, or the one that was kept.
    pub version: Arc<Snapshot>,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// How long it took to look, read and judge.
    pub took: Duration,
    /// The mistakes of a refused content, the warnings of an applied one.
    pub diagnostics: Arc<Diagnostics>,
}

/// What came of a look at the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Their rules were put in force.
    Applied,
    /// They hold mistakes. The rules that were in force stay.
    Refused,
    /// There was no rules file at the start: there are no rules until there is one.
    Missing,
    /// They hold what is in force already.
    Unchanged,
}

/// What is counted. The rules that were loaded at the start are no reload.
#[derive(Debug)]
pub struct Metrics {
    applied: AtomicU64,
    refused: AtomicU64,
    healthy: AtomicBool,
    applied_at: AtomicI64,
}

impl Metrics {
    pub(super) fn new(start: &Attempt) -> Self {
        let healthy = start.outcome != Outcome::Refused;
        Self {
            applied: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            healthy: AtomicBool::new(healthy),
            applied_at: AtomicI64::new(start.at.timestamp()),
        }
    }

    pub(super) fn count(&self, attempt: &Attempt) {
        match attempt.outcome {
            Outcome::Applied => {
                self.applied.fetch_add(1, Ordering::Relaxed);
                self.applied_at.store(attempt.at.timestamp(), Ordering::Relaxed);
                self.healthy.store(true, Ordering::Relaxed);
            }
            Outcome::Refused => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                self.healthy.store(false, Ordering::Relaxed);
            }
            Outcome::Missing | Outcome::Unchanged => {}
        }
    }

    /// How many reloads put new rules in force.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    /// How many reloads were refused; each content counts once.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether the files are in force as they are now.
    pub fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// When rules were last put in force, in seconds of Unix time.
    pub fn applied_at(&self) -> i64 {
        self.applied_at.load(Ordering::Relaxed)
    }
}
