//! Which rules a status is for, found by a look-up.

use super::{StatusRule, by_path::ByPath};
use crate::status::{CODES, StatusSet};

/// For each status its candidates: the rules for it in order, up to the first that has no
/// conditions. Statuses with the same candidates share one list, of which there are never more
/// than statuses.
#[derive(Debug)]
pub(super) struct Index {
    lists: Vec<List>,
    /// For each status from 100 the position of its list.
    by_status: Box<[u16]>,
}

/// Rules in order.
#[derive(Debug)]
struct List {
    rules: Vec<u32>,
    /// The same, where there are many.
    by_path: Option<ByPath>,
}

/// So many rules are asked one after the other.
const FEW: usize = 8;

/// Entries of all lists that are searched by path: some ten MiB. Rules for statuses that overlap in
/// every way can make hundreds of lists of nearly all of them.
const MOST: usize = 1 << 17;

/// Statuses that all rules so far treat alike, and the rules for them.
struct Class {
    statuses: StatusSet,
    rules: Vec<u32>,
}

impl Index {
    /// The index of these rules.
    pub(super) fn new(rules: &[StatusRule]) -> Self {
        // Each rule splits the classes that it is for in part. One that has met a rule without
        // conditions is closed: nothing that follows is asked for its statuses.
        let mut open = vec![Class { statuses: CODES.collect(), rules: Vec::new() }];
        let mut closed = Vec::new();
        for (position, rule) in (0..).zip(rules) {
            let mut rest = Vec::with_capacity(open.len());
            for class in open {
                let (with, without) = class.split(rule, position);
                rest.extend(without);
                match rule.conditions.is_empty() {
                    true => closed.extend(with),
                    false => rest.extend(with),
                }
            }
            open = rest;
        }
        let mut room = MOST;
        let mut index = Self { lists: Vec::new(), by_status: CODES.map(|_| 0).collect() };
        for (list, class) in (0..).zip(open.into_iter().chain(closed)) {
            let places = index.by_status.iter_mut().zip(CODES);
            places
                .filter(|(_, status)| class.statuses.contains(*status))
                .for_each(|(place, _)| *place = list);
            let count = class.rules.len();
            let by_path = (FEW + 1..=room).contains(&count).then(|| ByPath::new(rules, &class.rules));
            room -= by_path.as_ref().map_or(0, |_| count);
            index.lists.push(List { rules: class.rules, by_path });
        }
        index
    }

    /// The positions of the rules that may be for this status, in order.
    pub(super) fn candidates(&self, status: u16) -> &[u32] {
        self.list(status).map_or(&[], |list| &list.rules)
    }

    /// The position of the first rule for this status that holds. Those that cannot hold for this path
    /// may not be asked.
    pub(super) fn first(&self, status: u16, path: &str, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
        let list = self.list(status)?;
        match &list.by_path {
            Some(by_path) => by_path.first(path.as_bytes(), holds),
            None => list.rules.iter().copied().find(|&position| holds(position)),
        }
    }

    fn list(&self, status: u16) -> Option<&List> {
        let index = status.checked_sub(*CODES.start()).map(usize::from)?;
        self.lists.get(usize::from(*self.by_status.get(index)?))
    }
}

impl Class {
    /// The part that the rule is for, and the part that it is not for.
    fn split(mut self, rule: &StatusRule, position: u32) -> (Option<Self>, Option<Self>) {
        let without = self.statuses.difference(&rule.statuses);
        if without == self.statuses {
            return (None, Some(self));
        }
        if without.is_empty() {
            self.rules.push(position);
            return (Some(self), None);
        }
        let with = Self {
            statuses: self.statuses.difference(&without),
            rules: self.rules.iter().copied().chain([position]).collect(),
        };
        (Some(with), Some(Self { statuses: without, rules: self.rules }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Condition, Conditions, Overwrite};

    fn rule(statuses: impl IntoIterator<Item = u16>, is_conditional: bool) -> StatusRule {
        let conditions = if is_conditional { vec![Condition::Proxy] } else { Vec::new() };
        StatusRule::new("r", statuses.into_iter().collect(), Overwrite::Always, Vec::new())
            .under(Conditions::new(conditions))
    }

    #[test]
    fn candidates_end_with_the_first_that_always_applies() {
        let rules = [
            rule(400..=499, true),
            rule([404, 500], false),
            rule([404], false),
            rule(400..=599, true),
            rule([499, 503], false),
        ];
        let index = Index::new(&rules);
        assert_eq!(index.candidates(404), [0, 1]);
        assert_eq!(index.candidates(403), [0, 3]);
        assert_eq!(index.candidates(499), [0, 3, 4]);
        assert_eq!(index.candidates(500), [1]);
        assert_eq!(index.candidates(503), [3, 4]);
        assert_eq!(index.candidates(501), [3]);
        for status in [0, 99, 100, 399, 600, 999, 1000, u16::MAX] {
            assert_eq!(index.candidates(status), [0_u32; 0], "{status}");
        }
    }

    #[test]
    fn a_thousand_conditional_rules_are_listed_once() {
        let rules: Vec<_> = (0..1000).map(|_| rule(CODES, true)).collect();
        let index = Index::new(&rules);
        assert_eq!(index.lists.len(), 1);
        assert_eq!(index.candidates(503).len(), 1000);
    }

    #[test]
    fn what_is_searched_by_path_is_bounded() {
        // A class for nearly each status, each with half of all rules.
        let rules: Vec<_> = (0..500_u16)
            .map(|n| rule((0..450).map(|k| 100 + (n * 7 + k * (n % 89 + 1)) % 900), true))
            .collect();
        let index = Index::new(&rules);
        let by_path: Vec<_> = index.lists.iter().filter(|list| list.by_path.is_some()).collect();
        let entries: usize = by_path.iter().map(|list| list.rules.len()).sum();
        assert!(entries <= MOST && by_path.len() < index.lists.len(), "{entries}");
        for status in [100, 404, 999] {
            assert_eq!(index.first(status, "/", |_| true), index.candidates(status).first().copied());
        }
    }

    #[test]
    fn there_are_as_many_lists_as_statuses_at_most() {
        let rules: Vec<_> =
            (0..2000).map(|n| rule((0..10).map(|k| 100 + (n * 7 + k * 31) % 900), true)).collect();
        let index = Index::new(&rules);
        assert!(index.lists.len() <= CODES.len());
        for status in CODES {
            let mut expected = (0..).zip(&rules).filter(|(_, rule)| rule.statuses.contains(status));
            let mut candidates = index.candidates(status).iter();
            assert!(expected.all(|(position, _): (u32, _)| candidates.next() == Some(&position)));
        }
    }
}
