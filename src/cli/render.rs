//! `retort render`: the message alone.

use std::path::PathBuf;

use clap::Args;

use super::{console::Console, exit::Exit, load, recorded::Source};
use crate::explain::Explanation;

/// Print the message that a client would get
///
/// Takes the same exchange as `explain` and writes the bytes of the message, nothing before them and
/// nothing after.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Render {
    /// Rules file
    #[arg(long, value_name = "FILE", env = "RETORT_RULES")]
    rules: PathBuf,
    #[command(flatten)]
    source: Source,
}

const AFTER_HELP: &str = "Examples:
  retort render --rules rules.xml --status 503 --accept application/json | jq
  retort render --rules rules.xml --exchange exchange.json

Exit codes:
  0  the message was written
  1  the response would be kept as it is
  2  usage, configuration, or input and output";

impl Render {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        let rules = load::rules(&self.rules, console)?;
        let inquiry = self.source.read(console)?;
        let answer = Explanation::new(&rules, &inquiry);
        let Some(body) = answer.message() else {
            let why = answer.why_kept().unwrap_or_default();
            console.tell(format!("retort: nothing to render: {why}\n"));
            return Ok(Exit::Findings);
        };
        console.print(body)?;
        Ok(Exit::Fine)
    }
}
