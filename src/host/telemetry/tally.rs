//! What each rule did.
//!
//! A version of the rules finds the counts of its rules once, when it comes in force. Rules of the
//! same id share theirs with those of earlier versions, so that counts never go back.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::Action;
use crate::{Rules, rules::Reason};

/// How many rules are told apart; ids are labels of metrics.
const MOST: usize = 1000;

/// The id under which all others are counted.
pub const OTHER: &str = "other";

/// The counts of all rules that there ever were.
#[derive(Debug, Default)]
pub(in crate::host) struct Ledger {
    counts: Mutex<BTreeMap<Arc<str>, Arc<Counts>>>,
    other: Arc<Counts>,
}

/// The counts of the rules of one version.
#[derive(Debug, Default)]
pub struct Tallies {
    rules: HashMap<Arc<str>, Arc<Counts>>,
    other: Arc<Counts>,
}

/// What a rule did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Responses that it was the rule for.
    pub matched: u64,
    /// Those whose content a message took the place of.
    pub replaced: u64,
    /// Those that the upstream steered by a meta object.
    pub steered: u64,
    /// Those whose content passed, by the reason, those that never were left out.
    pub kept: Vec<(&'static str, u64)>,
}

#[derive(Debug, Default)]
struct Counts {
    matched: AtomicU64,
    replaced: AtomicU64,
    steered: AtomicU64,
    /// In the order of [`Reason::ALL`].
    kept: [AtomicU64; Reason::ALL.len()],
}

impl Ledger {
    /// Finds the counts of these rules. Of rules that are gone, only those that did something are
    /// remembered.
    pub(in crate::host) fn open(&self, rules: &Rules) -> Tallies {
        let ids: HashSet<&str> = rules.iter().map(|rule| &**rule.id()).collect();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|id, counts| ids.contains(&**id) || counts.matched.load(Relaxed) > 0);
        let mut found = HashMap::new();
        for rule in rules.iter().filter(|rule| rule.id().as_ref() != OTHER) {
            let id = rule.id();
            let has_room = counts.len() < MOST;
            let counts = match counts.get(id) {
                Some(counts) => Arc::clone(counts),
                None if has_room => Arc::clone(counts.entry(Arc::clone(id)).or_default()),
                None => continue,
            };
            found.insert(Arc::clone(id), counts);
        }
        Tallies { rules: found, other: Arc::clone(&self.other) }
    }

    /// What each rule did, by its id; what was counted under [`OTHER`] comes last, if there is any.
    pub(in crate::host) fn read(&self) -> Vec<(Arc<str>, Tally)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = counts.iter().map(|(id, counts)| (Arc::clone(id), counts.read())).collect();
        drop(counts);
        let other = self.other.read();
        if other.matched > 0 {
            all.push((OTHER.into(), other));
        }
        all
    }
}

impl Tallies {
    /// What the rule of this id did; all that are not told apart did it together.
    pub fn of(&self, rule: &str) -> Tally {
        self.counts(rule).read()
    }

    pub(super) fn count(&self, rule: &str, action: Action, reason: &'static str) {
        let counts = self.counts(rule);
        counts.matched.fetch_add(1, Relaxed);
        match action {
            Action::Replace => _ = counts.replaced.fetch_add(1, Relaxed),
            Action::Steer => _ = counts.steered.fetch_add(1, Relaxed),
            Action::Keep => {
                let place = Reason::ALL.iter().position(|known| known.code() == reason);
                if let Some(kept) = place.and_then(|place| counts.kept.get(place)) {
                    kept.fetch_add(1, Relaxed);
                }
            }
            Action::Wait | Action::Panic => {}
        }
    }

    fn counts(&self, rule: &str) -> &Counts {
        self.rules.get(rule).unwrap_or(&self.other)
    }
}

impl Tally {
    /// Responses whose content passed, whatever the reason.
    pub fn all_kept(&self) -> u64 {
        self.kept.iter().map(|(_, count)| count).sum()
    }
}

impl Counts {
    fn read(&self) -> Tally {
        let kept =
            Reason::ALL.iter().zip(&self.kept).map(|(reason, count)| (reason.code(), count.load(Relaxed)));
        Tally {
            matched: self.matched.load(Relaxed),
            replaced: self.replaced.load(Relaxed),
            steered: self.steered.load(Relaxed),
            kept: kept.filter(|(_, count)| *count > 0).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accept::Negotiation,
        rules::{Overwrite, StatusRule},
        status::StatusSet,
    };

    fn rules(ids: impl IntoIterator<Item = String>) -> Rules {
        let statuses = StatusSet::from_regex("404").unwrap();
        let rule = |id: String| StatusRule::new(id, statuses.clone(), Overwrite::IfEmpty, Vec::new());
        Rules::new(ids.into_iter().map(rule).collect(), Negotiation::default())
    }

    fn named(ids: &[&str]) -> Rules {
        rules(ids.iter().map(|id| (*id).to_owned()))
    }

    #[test]
    fn counts_go_on_where_a_rule_of_the_same_id_comes() {
        let ledger = Ledger::default();
        let first = ledger.open(&named(&["a", "b", "never"]));
        first.count("a", Action::Replace, "always");
        first.count("b", Action::Keep, "body-present");
        let second = ledger.open(&named(&["a", "c"]));
        first.count("a", Action::Steer, "meta");
        second.count("a", Action::Wait, "body-unknown");
        let tally = second.of("a");
        assert_eq!((tally.matched, tally.replaced, tally.steered, tally.kept), (3, 1, 1, vec![]));
        let all = ledger.read();
        assert_eq!(all.iter().map(|(id, _)| &**id).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(all[1].1.kept, [("body-present", 1)]);
    }

    #[test]
    fn too_many_rules_are_counted_together() {
        let ledger = Ledger::default();
        let many =
            ledger.open(&rules((0..MOST + 5).map(|index| format!("rule-{index}")).chain([OTHER.to_owned()])));
        many.count("rule-0", Action::Replace, "always");
        many.count(&format!("rule-{MOST}"), Action::Replace, "always");
        many.count(OTHER, Action::Replace, "always");
        let all = ledger.read();
        assert_eq!(all.len(), MOST + 1);
        assert_eq!((&*all[MOST].0, all[MOST].1.matched), (OTHER, 2));
        // Those that are gone and did nothing make room.
        ledger.open(&named(&["late"])).count("late", Action::Replace, "always");
        let ids: Vec<_> = ledger.read().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids.iter().map(|id| &**id).collect::<Vec<_>>(), ["late", "rule-0", OTHER]);
    }
}
