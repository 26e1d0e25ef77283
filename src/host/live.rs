//! The rules in force: an immutable snapshot, swapped whole.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwap;

use super::telemetry::{Ledger, Tallies, Tally};
use crate::Rules;

/// The rules in force. A request takes one [`Snapshot`] and keeps it to its end.
#[derive(Debug)]
pub struct Live {
    current: ArcSwap<Snapshot>,
    ledger: Ledger,
    is_loaded: AtomicBool,
}

/// One version of the rules.
#[derive(Debug)]
pub struct Snapshot {
    /// The rules.
    pub rules: Rules,
    /// Counts the versions from 1.
    pub generation: u64,
    /// Where it is counted what they do.
    pub tallies: Tallies,
}

impl Live {
    /// Puts the first version in force.
    pub fn new(rules: Rules) -> Self {
        let ledger = Ledger::default();
        let tallies = ledger.open(&rules);
        let current = ArcSwap::from_pointee(Snapshot { rules, generation: 1, tallies });
        Self { current, ledger, is_loaded: AtomicBool::new(true) }
    }

    /// There are no rules yet, and nothing to be replaced by any.
    pub fn awaiting_rules() -> Self {
        Self { is_loaded: AtomicBool::new(false), ..Self::new(Rules::default()) }
    }

    /// Whether there have been rules yet.
    pub fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Acquire)
    }

    /// The version in force, to keep.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// What each rule did since the start, by its id, those of earlier versions included.
    pub fn tallies(&self) -> Vec<(Arc<str>, Tally)> {
        self.ledger.read()
    }

    /// Puts the next version in force and returns it. Meant for one caller: of two at once, the
    /// version of one would be lost.
    pub fn replace(&self, rules: Rules) -> Arc<Snapshot> {
        let generation = self.current.load().generation + 1;
        let tallies = self.ledger.open(&rules);
        let next = Arc::new(Snapshot { rules, generation, tallies });
        self.current.store(next.clone());
        self.is_loaded.store(true, Ordering::Release);
        next
    }
}
