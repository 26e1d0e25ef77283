//! The rules in force: an immutable snapshot, swapped whole.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::Rules;

/// The rules in force. A request takes one [`Snapshot`] and keeps it to its end.
#[derive(Debug)]
pub struct Live(ArcSwap<Snapshot>);

/// One version of the rules.
#[derive(Debug)]
pub struct Snapshot {
    /// The rules.
    pub rules: Rules,
    /// Counts the versions from 1.
    pub generation: u64,
}

impl Live {
    /// Puts the first version in force.
    pub fn new(rules: Rules) -> Self {
        Self(ArcSwap::from_pointee(Snapshot { rules, generation: 1 }))
    }

    /// The version in force, to keep.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Puts the next version in force and returns it. Meant for one caller: of two at once, the
    /// version of one would be lost.
    pub fn replace(&self, rules: Rules) -> Arc<Snapshot> {
        let generation = self.0.load().generation + 1;
        let next = Arc::new(Snapshot { rules, generation });
        self.0.store(next.clone());
        next
    }
}
