//! Which of the statuses each rule has: computed, and drawn as a strip.

use std::fmt::Write;

use maud::{Markup, html};

use crate::{
    rules::{Rules, StatusRule},
    status::StatusSet,
};

/// What a rule has of the statuses that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// It applies to every response of these.
    pub(super) always: StatusSet,
    /// To some: its own conditions decide, or those of a rule before it.
    pub(super) sometimes: StatusSet,
    /// To none: a rule before it always applies.
    pub(super) shadowed: StatusSet,
}

/// What rules have, from the first on.
#[derive(Debug)]
pub(super) struct Shares {
    taken: StatusSet,
    perhaps_taken: StatusSet,
}

/// The statuses that are drawn.
const DRAWN: std::ops::Range<u16> = 100..600;

/// How wide each class of a hundred is drawn. Rules are mostly for 4xx and 5xx.
const CLASSES: [u32; 5] = [88, 120, 120, 376, 320];

/// The sum of them.
const WIDTH: u32 = 1024;

/// The statuses of a class that are in use; each is drawn four times as wide as one beyond.
const IN_USE: u32 = 52;

impl Shares {
    pub(super) fn new() -> Self {
        Self { taken: StatusSet::EMPTY, perhaps_taken: StatusSet::EMPTY }
    }

    /// What the next rule has.
    pub(super) fn next(&mut self, rule: &StatusRule) -> Share {
        let open = rule.statuses().difference(&self.taken);
        let shadowed = rule.statuses().difference(&open);
        if !rule.conditions().is_empty() {
            self.perhaps_taken = self.perhaps_taken.union(&open);
            return Share { always: StatusSet::EMPTY, sometimes: open, shadowed };
        }
        let always = open.difference(&self.perhaps_taken);
        self.taken = self.taken.union(&open);
        Share { sometimes: open.difference(&always), always, shadowed }
    }

    /// What no rule has.
    pub(super) fn rest(&self) -> Share {
        let drawn: StatusSet = DRAWN.collect();
        let open = drawn.difference(&self.taken);
        let always = open.difference(&self.perhaps_taken);
        Share { sometimes: open.difference(&always), always, shadowed: StatusSet::EMPTY }
    }

    /// What no rule of these has.
    pub(super) fn rest_of(rules: &Rules) -> Share {
        let mut shares = Self::new();
        for rule in rules.iter() {
            _ = shares.next(rule);
        }
        shares.rest()
    }
}

impl Share {
    /// In words: what cannot be seen can be read.
    pub(super) fn words(&self) -> String {
        let mut out = String::new();
        let parts = [
            ("always", &self.always),
            ("on conditions", &self.sometimes),
            ("never, shadowed", &self.shadowed),
        ];
        for (how, statuses) in parts.into_iter().filter(|(_, statuses)| !statuses.is_empty()) {
            let separator = if out.is_empty() { "" } else { "; " };
            _ = write!(out, "{separator}{how}: {statuses}");
        }
        if out.is_empty() { "no status".to_owned() } else { out }
    }

    /// The strip: full height where the rule always applies, half where it may, a line where it never does.
    pub(super) fn strip(&self) -> Markup {
        let kinds = [
            ("always", &self.always, 0, 16),
            ("sometimes", &self.sometimes, 8, 8),
            ("never", &self.shadowed, 13, 3),
        ];
        html! {
            svg.strip viewBox={ "0 0 " (WIDTH) " 16" } preserveAspectRatio="none" role="img" aria-label=(self.words()) {
                title { (self.words()) }
                @for edge in edges() { rect.edge x=(edge) y="0" width="1.5" height="16" {} }
                @for (class, statuses, y, height) in kinds {
                    @for (start, end) in runs(statuses) {
                        rect class=(class) x=(start) y=(y) width=(end - start) height=(height) {}
                    }
                }
            }
        }
    }
}

/// What the classes are called, above the strips.
pub(super) fn axis() -> Markup {
    html! {
        span.axis aria-hidden="true" { @for class in 1..=5 { span { (class) "xx" } } }
    }
}

/// Where one class ends and the next begins.
fn edges() -> impl Iterator<Item = u32> {
    CLASSES.into_iter().take(4).scan(0, |at, width| {
        *at += width;
        Some(*at)
    })
}

/// Where the runs of consecutive statuses begin and end, in units of the drawing.
fn runs(statuses: &StatusSet) -> Vec<(f64, f64)> {
    let mut runs: Vec<(f64, f64)> = Vec::new();
    for status in DRAWN.filter(|status| statuses.contains(*status)) {
        let (start, end) = (place(status), place(status + 1));
        match runs.last_mut() {
            Some((_, last)) if *last == start => *last = end,
            _ => runs.push((start, end)),
        }
    }
    runs
}

/// Where a status begins.
fn place(status: u16) -> f64 {
    let (class, code) = (usize::from(status / 100).saturating_sub(1), u32::from(status % 100));
    let before: u32 = CLASSES.iter().take(class).sum();
    let width = CLASSES.get(class).copied().unwrap_or_default();
    let units = code.min(IN_USE) * 4 + code.saturating_sub(IN_USE);
    // A class is 52 times 4 and 48 units wide.
    f64::from(before) + f64::from(width) * f64::from(units) / 256.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accept::Negotiation,
        rules::{Condition, Conditions, Overwrite},
    };

    fn rule(statuses: impl IntoIterator<Item = u16>, is_conditional: bool) -> StatusRule {
        let conditions = if is_conditional { vec![Condition::Proxy] } else { Vec::new() };
        StatusRule::new("r", statuses.into_iter().collect(), Overwrite::Always, Vec::new())
            .under(Conditions::new(conditions))
    }

    fn told(rules: &[StatusRule]) -> Vec<String> {
        let mut shares = Shares::new();
        let mut told: Vec<_> = rules.iter().map(|rule| shares.next(rule).words()).collect();
        told.push(shares.rest().words());
        told
    }

    #[test]
    fn who_has_what() {
        let rules = [
            rule([404], false),
            rule(400..=499, true),
            rule(400..=410, false),
            rule([404, 405], false),
            rule(400..=599, true),
            rule([], false),
        ];
        assert_eq!(
            told(&rules),
            [
                "always: 404",
                "on conditions: 400-403,405-499; never, shadowed: 404",
                "on conditions: 400-403,405-410; never, shadowed: 404",
                "never, shadowed: 404-405",
                "on conditions: 411-599; never, shadowed: 400-410",
                "no status",
                "always: 100-399; on conditions: 411-599",
            ]
        );
    }

    #[test]
    fn every_rule_agrees_with_the_decision() {
        let rules =
            [rule(400..=499, true), rule([404, 503], false), rule(500..=599, false), rule([503], true)];
        let mut shares = Shares::new();
        let all: Vec<_> = rules.iter().map(|rule| shares.next(rule)).collect();
        for status in DRAWN {
            let owners = all.iter().filter(|share| share.always.contains(status)).count();
            let perhaps = all.iter().filter(|share| share.sometimes.contains(status)).count();
            let is_covered = rules.iter().any(|rule| rule.statuses().contains(status));
            assert!(owners <= 1, "{status}");
            assert_eq!(owners + perhaps > 0, is_covered, "{status}");
            assert_eq!(
                owners == 1 && perhaps == 0,
                rules
                    .iter()
                    .find(|r| r.statuses().contains(status))
                    .is_some_and(|r| r.conditions().is_empty()),
                "{status}"
            );
        }
        let rules = Rules::new(rules.into(), Negotiation::default());
        assert_eq!(Shares::rest_of(&rules), shares.rest());
    }

    #[test]
    fn the_drawing_has_no_gaps_and_no_overlaps() {
        assert_eq!(CLASSES.iter().sum::<u32>(), WIDTH);
        assert_eq!(runs(&DRAWN.collect()), [(0.0, f64::from(WIDTH))]);
        assert_eq!(place(100), 0.0);
        assert_eq!(place(500), 704.0);
        for status in DRAWN {
            assert!(place(status) < place(status + 1), "{status}");
        }
        assert_eq!(runs(&[403, 404, 406].into_iter().collect()).len(), 2);
    }
}
