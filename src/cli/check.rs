//! `retort check`: the mistakes of rules files and settings files.

mod sarif;

use std::{
    borrow::Cow,
    io,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{console::Console, exit::Exit, settings};
use crate::config::{self, Diagnostics, Loaded};

/// Check rules files and settings files
///
/// Reads each rules file and the message files that it names, and tells of all mistakes at once. Nothing is
/// opened to the network.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Check {
    /// Rules files
    #[arg(value_name = "FILE", required_unless_present = "config")]
    files: Vec<PathBuf>,
    /// Settings file to check, as `serve` and `error-backend` read it; repeatable
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Form of the findings: text on standard error, or one document on standard output, JSON or SARIF
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Take warnings for mistakes
    #[arg(long)]
    strict: bool,
}

/// How results are written: for people, or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    Text,
    Json,
}

/// How findings are written: also as tools that gather findings of many checkers want them (SARIF 2.1.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
}

const AFTER_HELP: &str = "Examples:
  retort check response-messaging.cfg.xml
  retort check --strict conf/*.xml
  retort check --config retort.toml
  retort check --format json rules.xml | jq '.files[].diagnostics'
  retort check --format sarif rules.xml > findings.sarif

Exit codes:
  0  every file is fine
  1  mistakes, or with --strict warnings
  2  a file cannot be read";

/// What was found in one file.
#[derive(Debug, Serialize)]
struct Finding<'a> {
    file: Cow<'a, str>,
    ok: bool,
    /// How many rules and messages it has; `None` where it has mistakes.
    rules: Option<usize>,
    messages: Option<usize>,
    /// How many settings it has, if it is a settings file.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<usize>,
    diagnostics: Diagnostics,
    #[serde(skip)]
    exit: Exit,
}

/// All of it, for machines. These keys are a promise.
#[derive(Debug, Serialize)]
struct Document<'a> {
    ok: bool,
    files: &'a [Finding<'a>],
}

impl Check {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        let rules = self.files.iter().map(|file| Finding::of_rules(file, self.strict));
        let findings: Vec<_> =
            rules.chain(self.config.iter().map(|file| Finding::of_settings(file))).collect();
        let exit = findings.iter().fold(Exit::Fine, |worst, finding| worst.or(finding.exit));
        match self.format {
            Format::Text => findings.iter().try_for_each(|finding| finding.tell(console))?,
            Format::Json => {
                let document = Document { ok: exit == Exit::Fine, files: &findings };
                console.print(serde_json::to_string_pretty(&document)? + "\n")?;
            }
            Format::Sarif => {
                let diagnostics = findings.iter().flat_map(|finding| &finding.diagnostics);
                let log = sarif::log(diagnostics, exit != Exit::Trouble);
                console.print(serde_json::to_string_pretty(&log)? + "\n")?;
            }
        }
        Ok(exit)
    }
}

impl<'a> Finding<'a> {
    fn of_rules(path: &'a Path, strict: bool) -> Self {
        let (file, settings) = (path.to_string_lossy(), None);
        match config::load(path) {
            Ok(Loaded { rules, warnings, .. }) => {
                let exit = if strict && !warnings.is_empty() { Exit::Findings } else { Exit::Fine };
                let (count, messages) = (Some(rules.iter().len()), Some(rules.message_count()));
                let (ok, rules, diagnostics) = (exit == Exit::Fine, count, warnings);
                Self { file, ok, rules, messages, settings, diagnostics, exit }
            }
            Err(refused) => {
                let diagnostics = refused.diagnostics;
                let exit = if is_unreadable(&diagnostics) { Exit::Trouble } else { Exit::Findings };
                Self { file, ok: false, rules: None, messages: None, settings, diagnostics, exit }
            }
        }
    }

    fn of_settings(path: &'a Path) -> Self {
        let settings::Checked { settings, diagnostics } = settings::check(&super::command(), path);
        let exit = match diagnostics.is_empty() {
            true => Exit::Fine,
            false if is_unreadable(&diagnostics) => Exit::Trouble,
            false => Exit::Findings,
        };
        let (file, ok) = (path.to_string_lossy(), exit == Exit::Fine);
        Self { file, ok, rules: None, messages: None, settings: Some(settings), diagnostics, exit }
    }

    /// The mistakes to standard error; a line on standard output where there are none.
    fn tell(&self, console: Console) -> io::Result<()> {
        console.show(&self.diagnostics);
        if let (true, Some(rules), Some(messages)) = (self.ok, self.rules, self.messages) {
            let (rules, messages) = (counted(rules, "rule"), counted(messages, "message"));
            return console.print(format!("{}: ok: {rules}, {messages}\n", self.file));
        }
        if let (true, Some(settings)) = (self.ok, self.settings) {
            return console.print(format!("{}: ok: {}\n", self.file, counted(settings, "setting")));
        }
        if self.exit == Exit::Trouble {
            return Ok(());
        }
        let errors = self.diagnostics.errors().count();
        let warnings = self.diagnostics.warnings().count();
        let counts = [counted(errors, "error"), counted(warnings, "warning")];
        let counts: Vec<_> = counts.into_iter().filter(|count| !count.starts_with("0 ")).collect();
        console.tell(format!("{}: {}\n", self.file, counts.join(", ")));
        Ok(())
    }
}

/// Whether the file itself could not be read. A message file that cannot be is a mistake of
/// the rules that name it, and has a place in them.
fn is_unreadable(diagnostics: &Diagnostics) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.code == "unreadable-file" && diagnostic.span.is_none())
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
