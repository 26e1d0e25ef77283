//! What an import has to tell.

use std::fmt::Write as _;

use serde::Serialize;

use super::{
    gotcha::{Gotcha, Outcome},
    rules::MessageFile,
    system::System,
};

/// All of it. The keys are a promise to machines.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) input: String,
    pub(super) output: String,
    /// Whether the new file can be used as it is.
    pub(super) loads: bool,
    pub(super) rules: Option<usize>,
    pub(super) messages: Option<usize>,
    pub(super) gotchas: Vec<Gotcha>,
    pub(super) files: Vec<MessageFile>,
    pub(super) system: Option<System>,
    /// How the proxy is started.
    pub(super) command: String,
}

impl Report {
    /// How many of the gotchas are like this.
    pub(super) fn count(&self, outcome: Outcome) -> usize {
        self.gotchas.iter().filter(|gotcha| gotcha.outcome == outcome).count()
    }

    /// For people: what is left to do comes last, where it is seen.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let mut rest = self.gotchas.as_slice();
        while let Some(first) = rest.first() {
            let alike = rest.iter().take_while(|gotcha| is_alike(first, gotcha)).count();
            let (group, behind) = rest.split_at(alike);
            tell(group, first, &mut out);
            rest = behind;
        }
        let lines = [self.message_files(), self.summary(), format!("start it: {}\n", self.command)];
        lines.into_iter().for_each(|line| out.push_str(&line));
        out
    }

    fn message_files(&self) -> String {
        let mut out = String::new();
        for file in &self.files {
            let path = file.path.as_ref().map_or(file.href.clone(), |path| path.display().to_string());
            let state = if file.readable { "stays where it is" } else { "cannot be read" };
            let line = format!("message file {path}: {state}\n");
            if !out.contains(&line) {
                out.push_str(&line);
            }
        }
        out
    }

    fn summary(&self) -> String {
        let state = match (self.rules, self.messages) {
            (Some(rules), Some(messages)) => {
                format!("{}, {}", counted(rules, "rule"), counted(messages, "message"))
            }
            _ => "cannot be used yet".to_owned(),
        };
        let counts = [Outcome::Mended, Outcome::Differs, Outcome::Open]
            .map(|outcome| format!("{} {}", self.count(outcome), outcome.name()));
        format!("{} -> {}: {state}; {}\n", self.input, self.output, counts.join(", "))
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Whether the same can be said of both.
fn is_alike(a: &Gotcha, b: &Gotcha) -> bool {
    (a.outcome, a.code, &a.what, &a.import) == (b.outcome, b.code, &b.what, &b.import)
}

/// The places, a line for each, and what there is to say about them.
fn tell(group: &[Gotcha], first: &Gotcha, out: &mut String) {
    for gotcha in group {
        // Writing to memory cannot fail.
        let _ = writeln!(out, "{}: {}: {}", gotcha.place(), gotcha.outcome.name(), gotcha.what);
    }
    let sides = [("Repose", &first.repose), ("Retort", &first.retort), ("import", &first.import)];
    for (side, said) in sides.into_iter().filter(|(_, said)| !said.is_empty()) {
        let _ = writeln!(out, "   = {side}: {said}");
    }
    out.push('\n');
}
