//! What is shown at each save.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use chrono::Local;

use crate::{
    cli::{
        console::Console,
        explain::{outcome, painted},
    },
    config::{Diagnostic, Diagnostics, Loaded, Refused},
    explain::{Explanation, Inquiry},
};

/// Where it is shown, and what of it stays.
pub(super) struct Screen {
    rules: PathBuf,
    inquiry: Inquiry,
    is_terminal: bool,
    is_coloured: bool,
    /// What the last good rules said.
    good: Option<String>,
    /// Whether something stands there already.
    is_begun: bool,
}

/// Goes to the top and clears the screen (ECMA-48 §8.3.21 and §8.3.39).
const CLEAR: &str = "\x1b[H\x1b[2J";
const SEPARATOR: &str = "----------------------------------------\n";

impl Screen {
    pub(super) fn new(console: Console, rules: PathBuf, inquiry: Inquiry) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let is_coloured = console.colours_output();
        Self { rules, inquiry, is_terminal, is_coloured, good: None, is_begun: false }
    }

    /// Shows what comes of the rules as they are now.
    pub(super) fn show(&mut self, verdict: Result<Loaded, Refused>) -> io::Result<()> {
        let block = match verdict {
            Ok(Loaded { rules, warnings, .. }) => {
                let said = outcome(&Explanation::new(&rules, &self.inquiry));
                let block =
                    self.listed(&warnings) + &if self.is_coloured { painted(&said) } else { said.clone() };
                self.good = Some(said);
                block
            }
            Err(Refused { diagnostics, .. }) => match &self.good {
                Some(good) => {
                    let good = self.dimmed(&format!("Until then\n\n{good}"));
                    self.listed(&diagnostics) + &good
                }
                None => self.listed(&diagnostics),
            },
        };
        let before = match (self.is_terminal, self.is_begun) {
            (true, _) => CLEAR,
            (false, true) => SEPARATOR,
            (false, false) => "",
        };
        self.is_begun = true;
        let heading = format!("{} at {}", self.rules.display(), Local::now().format("%H:%M:%S"));
        let heading = heading.replace(char::is_control, "\u{fffd}");
        let mut out = io::stdout().lock();
        write!(out, "{before}{heading}\n\n{block}")?;
        out.flush()
    }

    fn listed(&self, diagnostics: &Diagnostics) -> String {
        let one = |diagnostic: &Diagnostic| match self.is_coloured {
            true => format!("{}\n\n", diagnostic.colored()),
            false => format!("{diagnostic}\n\n"),
        };
        diagnostics.iter().map(one).collect()
    }

    /// Each line for itself, so that a pager or a scroll does not lose it.
    fn dimmed(&self, text: &str) -> String {
        if !self.is_coloured {
            return text.to_owned();
        }
        text.lines().map(|line| format!("\x1b[2m{line}\x1b[0m\n")).collect()
    }
}
