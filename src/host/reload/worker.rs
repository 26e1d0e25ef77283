//! The thread that looks, judges and tells.

use std::{
    path::Path,
    sync::{Arc, mpsc::Sender},
    time::{Duration, Instant},
};

use chrono::Utc;
use tracing::{error, info, warn};

use super::{
    Options, Shared, TARGET,
    inbox::{Call, Inbox, QUIET},
    mount,
    rules_file::RulesFile,
    status::{Attempt, Outcome},
    unit::{Judged, TICK, Unit},
    watch::Watch,
};
use crate::{
    config::{Loaded, Refused},
    host::{fault, live::Live},
};

/// After files that would not hold still.
pub(super) const RETRY: Duration = Duration::from_millis(200);

/// A clock that is never due cannot be told from a mistake.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the thread holds.
pub(super) struct Worker {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    unit: Unit<RulesFile>,
    watch: Watch,
    poll_interval: Duration,
    /// Those who asked and have no answer yet.
    waiting: Vec<Sender<Attempt>>,
}

impl Worker {
    /// Loads the first version.
    pub(super) fn new(path: &Path, options: Options) -> Result<Self, Refused> {
        let begun = Instant::now();
        let inbox = Arc::new(Inbox::default());
        let mut watch = if options.notify { Watch::new(inbox.clone()) } else { Watch::off() };
        let mut unit = Unit::new(RulesFile::new(path), vec![path.to_owned()]);
        let Judged { fingerprint, verdict, .. } = unit.load(&mut watch, TICK);
        let (outcome, live, diagnostics) = match verdict {
            Ok(loaded) => (Outcome::Applied, Live::new(loaded.rules), loaded.warnings),
            Err(refused) if refused.missing => {
                (Outcome::Missing, Live::awaiting_rules(), refused.diagnostics)
            }
            Err(refused) => return Err(refused),
        };
        let live = Arc::new(live);
        let attempt = Attempt {
            outcome,
            fingerprint,
            version: live.snapshot(),
            at: Utc::now(),
            took: begun.elapsed(),
            diagnostics: Arc::new(diagnostics),
        };
        log(&attempt);
        mount::warn_of(unit.files());
        let shared = Arc::new(Shared::new(live, attempt));
        let poll_interval = options.poll_interval.clamp(TICK, DAY);
        Ok(Self { shared, inbox, unit, watch, poll_interval, waiting: Vec::new() })
    }

    pub(super) fn shared(&self) -> (Arc<Shared>, Arc<Inbox>) {
        (self.shared.clone(), self.inbox.clone())
    }

    /// Looks whenever there is a reason, until the end is asked for.
    pub(super) fn run(mut self) {
        let mut next = Instant::now() + self.poll_interval;
        loop {
            let (asked, pause) = match self.inbox.wait(next) {
                Call::Stop => return,
                Call::Asked(waiting) => {
                    self.waiting.extend(waiting);
                    (true, TICK)
                }
                Call::Changed => (false, TICK),
                // What only the clock tells of has not been waited for yet.
                Call::Clock => (false, QUIET),
            };
            // A fault in the loader must cost one reload, not all that were to follow.
            let settled = fault::caught(|| self.look(asked, pause));
            let settled = settled.unwrap_or_else(|| {
                error!(target: TARGET, "a fault of Retort's own ended the reload; the rules stay");
                self.waiting.clear();
                true
            });
            next = Instant::now() + if settled { self.poll_interval } else { RETRY };
        }
    }

    /// Looks once. `false`: the files were not steady; it is too early to tell anything.
    fn look(&mut self, asked: bool, pause: Duration) -> bool {
        let begun = Instant::now();
        let attempt = match self.unit.look(&mut self.watch, pause) {
            Some(judged) if !judged.steady => return false,
            Some(judged) => self.conclude(judged, begun),
            None => self.unchanged(asked, begun),
        };
        for waiting in self.waiting.drain(..) {
            // Who no longer waits need not be told.
            let _ = waiting.send(attempt.clone());
        }
        true
    }

    /// Puts new rules in force, or keeps the old.
    fn conclude(&self, judged: Judged<Loaded, Refused>, begun: Instant) -> Attempt {
        let Judged { fingerprint, verdict, .. } = judged;
        let live = &self.shared.live;
        let (outcome, version, diagnostics) = match verdict {
            Ok(loaded) => (Outcome::Applied, live.replace(loaded.rules), loaded.warnings),
            Err(refused) => (Outcome::Refused, live.snapshot(), refused.diagnostics),
        };
        let attempt = Attempt {
            outcome,
            fingerprint,
            version,
            at: Utc::now(),
            took: begun.elapsed(),
            diagnostics: Arc::new(diagnostics),
        };
        log(&attempt);
        self.shared.record(&attempt);
        attempt
    }

    /// Answers those who asked; a bad content is still bad, though it is neither logged in full nor
    /// counted again.
    fn unchanged(&self, asked: bool, begun: Instant) -> Attempt {
        let mut attempt = self.shared.status().last;
        if attempt.outcome == Outcome::Applied {
            attempt.outcome = Outcome::Unchanged;
        }
        attempt.at = Utc::now();
        attempt.took = begun.elapsed();
        if asked {
            let generation = attempt.version.generation;
            match attempt.outcome {
                Outcome::Refused => {
                    warn!(target: TARGET, generation, "the files are still those that were refused");
                }
                Outcome::Missing => warn!(target: TARGET, "there is still no rules file"),
                Outcome::Applied | Outcome::Unchanged => {
                    info!(target: TARGET, generation, "the files are those in force");
                }
            }
        }
        attempt
    }
}

fn log(attempt: &Attempt) {
    let Attempt { fingerprint, version, diagnostics, .. } = attempt;
    let generation = version.generation;
    let took_ms = attempt.took.as_millis();
    // Begins a line of its own, after the other fields.
    let diagnostics = format_args!("\n{diagnostics}");
    match attempt.outcome {
        Outcome::Applied => {
            if !attempt.diagnostics.is_empty() {
                warn!(target: TARGET, generation, %diagnostics, "the rules have warnings");
            }
            let rules = version.rules.iter().len();
            let messages = version.rules.message_count();
            info!(target: TARGET, generation, %fingerprint, rules, messages, took_ms, "rules are in force");
        }
        Outcome::Refused => error!(
            target: TARGET, generation, %fingerprint, took_ms, %diagnostics,
            "the rules were refused; those in force stay"
        ),
        Outcome::Missing => {
            warn!(target: TARGET, %diagnostics, "there is no rules file; waiting for it");
        }
        Outcome::Unchanged => {}
    }
}
