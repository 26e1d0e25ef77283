//! The outcome for people: what is not as expected, and how many are.

use std::{fmt::Write, io};

use similar::{Algorithm, ChangeTag, capture_diff_slices};

use super::suite::{Outcome, Suite};
use crate::{
    case::Mismatch,
    cli::{console::Console, exit::Exit},
};

/// Tells of each case as it ends.
pub(super) struct Report {
    console: Console,
    /// Whether to tell of what is fine.
    is_verbose: bool,
    cases: usize,
    exchanges: usize,
    failed: usize,
    unusable: usize,
}

impl Report {
    pub(super) fn new(console: Console, is_verbose: bool) -> Self {
        Self { console, is_verbose, cases: 0, exchanges: 0, failed: 0, unusable: 0 }
    }

    /// What is wrong goes to standard error, what is fine to standard output.
    pub(super) fn add(&mut self, suite: &Suite) -> io::Result<()> {
        self.cases += 1;
        self.exchanges += suite.count();
        self.failed += suite.failed().count();
        let file = harmless(suite.path.display().to_string());
        let outcomes = match &suite.outcomes {
            Ok(outcomes) => outcomes,
            Err(diagnostics) => {
                self.unusable += 1;
                self.console.show(diagnostics);
                return Ok(());
            }
        };
        for Outcome { name, line, mismatches, .. } in outcomes {
            let name = harmless(name.clone());
            if !mismatches.is_empty() {
                let failed = self.painted("failed", RED);
                let differences: String =
                    mismatches.iter().map(|mismatch| self.difference(mismatch)).collect();
                self.console.tell(format!("{file}:{line}: {failed}: {name}\n{differences}\n"));
            } else if self.is_verbose {
                self.console.print(format!("ok {file}:{line}: {name}\n"))?;
            }
        }
        Ok(())
    }

    /// Sums up.
    pub(super) fn finish(self) -> io::Result<Exit> {
        let exchanges = counted(self.exchanges, "exchange");
        if self.failed == 0 && self.unusable == 0 {
            let cases = counted(self.cases, "case");
            self.console.print(format!("ok: {exchanges} in {cases}\n"))?;
            return Ok(Exit::Fine);
        }
        if self.failed > 0 {
            let legend = format!("({} expected, {} got)", self.painted("-", RED), self.painted("+", GREEN));
            self.console.tell(format!("{} of {exchanges} failed {legend}\n", self.failed));
        }
        if self.unusable > 0 {
            let of = counted(self.cases, "case");
            self.console.tell(format!("{} of {of} cannot be used\n", self.unusable));
            return Ok(Exit::Trouble);
        }
        Ok(Exit::Findings)
    }

    /// Where it is, then the lines that should be there and those that are.
    fn difference(&self, mismatch: &Mismatch) -> String {
        let mut out = format!("  {}\n", harmless(mismatch.place.clone()));
        for Line { mark, text } in lines(mismatch) {
            let line = harmless(format!("{mark} {text}"));
            let line = match mark {
                '-' => self.painted(&line, RED),
                '+' => self.painted(&line, GREEN),
                _ => line,
            };
            _ = writeln!(out, "  {line}");
        }
        out
    }

    /// The text in this colour (ECMA-48 §8.3.117).
    fn painted(&self, text: &str, colour: &str) -> String {
        match self.console.colours_errors() {
            true => format!("\x1b[{colour}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

const RED: &str = "31";
const GREEN: &str = "32";

/// One line of a difference.
pub(super) struct Line {
    /// `-`: expected; `+`: there; a blank: both.
    pub(super) mark: char,
    pub(super) text: String,
}

/// The difference line by line; a side that is not there is one line that says so.
pub(super) fn lines(mismatch: &Mismatch) -> Vec<Line> {
    let split = |text: &'_ Option<String>| -> Vec<String> {
        text.as_deref().unwrap_or("(nothing)").split('\n').map(str::to_owned).collect()
    };
    let (expected, got) = (split(&mismatch.expected), split(&mismatch.got));
    let changes = capture_diff_slices(Algorithm::Myers, &expected, &got);
    let lines = changes.iter().flat_map(|change| change.iter_changes(&expected, &got)).map(|change| Line {
        mark: match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        },
        text: change.value(),
    });
    lines.collect()
}

/// Text of a case or of a message, which has no business driving the terminal.
fn harmless(text: String) -> String {
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}")
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
