//! `retort check`: the mistakes of rules files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{console::Console, exit::Exit};

/// Check rules files
///
/// Reads each file and the message files that it names, and tells of all mistakes at once. Nothing is
/// opened to the network.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Check {
    /// Rules files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Form of the findings: text on standard error, or one JSON document on standard output
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Form::Text)]
    format: Form,
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

const AFTER_HELP: &str = "Examples:
  retort check response-messaging.cfg.xml
  retort check --strict conf/*.xml
  retort check --format json rules.xml | jq '.files[].diagnostics'

Exit codes:
  0  every file is fine
  1  mistakes, or with --strict warnings
  2  a file cannot be read";

impl Check {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        todo!()
    }
}
