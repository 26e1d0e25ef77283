//! One case, run.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Rules,
    case::{Answer, Case, Mismatch},
    config::Diagnostics,
};

/// A file of exchanges, and what came of it.
pub(super) struct Suite {
    pub(super) path: PathBuf,
    /// The mistakes, where the case or its rules cannot be used.
    pub(super) outcomes: Result<Vec<Outcome>, Diagnostics>,
    pub(super) took: Duration,
}

/// What came of one exchange.
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) mismatches: Vec<Mismatch>,
    pub(super) took: Duration,
}

impl Suite {
    /// Runs a file. `rules` take the place of its own.
    pub(super) fn run(path: PathBuf, rules: Option<&Rules>) -> Self {
        let start = Instant::now();
        let outcomes = outcomes(&path, rules);
        Self { path, outcomes, took: start.elapsed() }
    }

    /// The exchanges that came out otherwise than expected.
    pub(super) fn failed(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().flatten().filter(|outcome| !outcome.mismatches.is_empty())
    }

    /// How many exchanges were run.
    pub(super) fn count(&self) -> usize {
        self.outcomes.as_ref().map_or(0, Vec::len)
    }
}

fn outcomes(path: &Path, given: Option<&Rules>) -> Result<Vec<Outcome>, Diagnostics> {
    let case = Case::load(path)?;
    let own;
    let rules = match given {
        Some(rules) => rules,
        None => {
            (own, _) = case.rules()?;
            &own
        }
    };
    let outcomes = case.trials.into_iter().map(|trial| {
        let start = Instant::now();
        let mismatches = trial.expect.mismatches(&Answer::of(rules, &trial.record));
        Outcome { name: trial.name, line: trial.line, mismatches, took: start.elapsed() }
    });
    Ok(outcomes.collect())
}
