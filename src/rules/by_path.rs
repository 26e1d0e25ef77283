//! Which of many rules a path may be for, found by a search, not by asking each.

use super::{Condition, StatusRule};

/// Rules in order, by what the paths that they are for begin with. It is worth its while where there
/// are many for one status, each for a path of its own.
#[derive(Debug)]
pub(super) struct ByPath {
    /// Those for any path, as far as this can tell.
    any: Vec<u32>,
    /// In the order of their starts.
    groups: Vec<Group>,
}

/// The rules for paths that begin alike.
#[derive(Debug)]
struct Group {
    start: Box<[u8]>,
    /// The group whose start is the longest that this one's begins with.
    wider: Option<usize>,
    rules: Vec<u32>,
}

impl ByPath {
    /// These of all rules, in ascending order.
    pub(super) fn new(all: &[StatusRule], listed: &[u32]) -> Self {
        let mut any = Vec::new();
        let mut starts = Vec::new();
        for &position in listed {
            match all.get(position as usize).and_then(start) {
                Some(start) => starts.push((start, position)),
                None => any.push(position),
            }
        }
        // A stable sort: the rules of a group stay in order.
        starts.sort_by_key(|&(start, _)| start);
        let mut groups: Vec<Group> = Vec::new();
        for (start, position) in starts {
            match groups.last_mut() {
                Some(group) if *group.start == *start => group.rules.push(position),
                _ => {
                    let wider = wider(&groups, groups.len().checked_sub(1), start).next();
                    groups.push(Group { start: start.into(), wider, rules: vec![position] });
                }
            }
        }
        Self { any, groups }
    }

    /// The first rule that holds, of those that a path may be for.
    pub(super) fn first(&self, path: &[u8], mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
        let last = self.groups.partition_point(|group| *group.start <= *path).checked_sub(1);
        let groups = wider(&self.groups, last, path).filter_map(|index| self.groups.get(index));
        let lists = groups.map(|group| &*group.rules).chain([&*self.any]);
        lists.fold(None, |best, rules| {
            let mut earlier = rules.iter().copied().take_while(|&rule| best.is_none_or(|best| rule < best));
            earlier.find(|&rule| holds(rule)).or(best)
        })
    }
}

/// From this group to ever wider ones, those with whose start a path begins. The last group whose start
/// is not after the path, and those wider than it, are the only ones that can be.
fn wider<'g>(groups: &'g [Group], from: Option<usize>, path: &'g [u8]) -> impl Iterator<Item = usize> {
    let next = |&index: &usize| groups.get(index).and_then(|group| group.wider);
    let begins = move |index: &usize| groups.get(*index).is_some_and(|group| path.starts_with(&group.start));
    std::iter::successors(from, next).filter(begins)
}

/// What each path that a rule is for begins with.
fn start(rule: &StatusRule) -> Option<&[u8]> {
    rule.conditions.iter().find_map(|condition| match condition {
        Condition::Path(pattern) => Some(pattern.start()).filter(|start| !start.is_empty()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Conditions, Overwrite, Pattern};

    fn rule(path: &str) -> StatusRule {
        let conditions = match path {
            "" => vec![Condition::Upstream],
            path => vec![Condition::Upstream, Condition::Path(Pattern::new(path, false).unwrap())],
        };
        StatusRule::new("r", [500].into_iter().collect(), Overwrite::Always, Vec::new())
            .under(Conditions::new(conditions))
    }

    fn matches(rule: &StatusRule, path: &str) -> bool {
        rule.conditions.iter().all(|condition| match condition {
            Condition::Path(pattern) => pattern.matches(path.as_bytes()),
            _ => true,
        })
    }

    #[test]
    fn it_finds_what_asking_each_in_turn_finds() {
        let letters = ["/", "a", "b", "/a", "ab"];
        let mut seed = 7_u32;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as usize % below
        };
        let mut found = 0;
        for _ in 0..200 {
            let paths: Vec<String> = (0..next(40))
                .map(|_| {
                    let text: String = (0..next(5)).map(|_| letters[next(letters.len())]).collect();
                    let end = ["", ".*", "[ab]", "(a|b)?/.*"][next(4)];
                    format!("{text}{end}")
                })
                .collect();
            let rules: Vec<_> = paths.iter().map(|path| rule(path)).collect();
            // Some are for other statuses.
            let listed: Vec<u32> = (0..rules.len() as u32).filter(|_| next(4) > 0).collect();
            let by_path = ByPath::new(&rules, &listed);
            for _ in 0..40 {
                let path: String = (0..next(7)).map(|_| letters[next(letters.len())]).collect();
                let expected = listed.iter().copied().find(|&at| matches(&rules[at as usize], &path));
                let first = by_path.first(path.as_bytes(), |at| matches(&rules[at as usize], &path));
                assert_eq!(first, expected, "{path:?} of {paths:?}");
                found += usize::from(first.is_some());
            }
        }
        assert!(found > 1000, "{found}");
    }

    #[test]
    fn few_are_asked() {
        let mut rules: Vec<_> = (0..1000).map(|n| rule(&format!("/p{n}/.*"))).collect();
        rules.push(rule(""));
        let by_path = ByPath::new(&rules, &(0..1001).collect::<Vec<_>>());
        for (path, expected, most) in [("/p7/x", 7, 1), ("/p12/", 12, 1), ("/other", 1000, 1), ("", 1000, 1)]
        {
            let mut asked = 0;
            let first = by_path.first(path.as_bytes(), |at| {
                asked += 1;
                matches(&rules[at as usize], path)
            });
            assert_eq!(first, Some(expected));
            assert!(asked <= most, "{path}: {asked}");
        }
    }
}
