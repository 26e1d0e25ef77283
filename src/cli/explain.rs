//! `retort explain`: what becomes of one exchange, and why.

use std::path::PathBuf;

use clap::Args;

pub(super) use self::{paint::painted, text::outcome};
use super::{check::Form, console::Console, exit::Exit, load, recorded::Source};
use crate::explain::Explanation;

mod json;
mod paint;
mod text;

/// Tell what becomes of a response, and why
///
/// Decides one exchange without a network: which rule matched and why the others did not, how the message
/// was negotiated, and what the client gets.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Explain {
    /// Rules file
    #[arg(long, value_name = "FILE", env = "RETORT_RULES")]
    rules: PathBuf,
    /// Form of the answer
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Form::Text)]
    format: Form,
    #[command(flatten)]
    source: Source,
}

const AFTER_HELP: &str = "Examples:
  retort explain --rules rules.xml --status 503
  retort explain --rules rules.xml --status 404 --accept 'text/html;q=0.8, */*' --path /orders?id=7
  retort explain --rules rules.xml --status 500 --body oops --response-header 'Server: x'
  retort explain --rules rules.xml --exchange exchange.json --format json";

impl Explain {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        let rules = load::rules(&self.rules, console)?;
        let inquiry = self.source.read(console)?;
        let answer = Explanation::new(&rules, &inquiry);
        match self.format {
            Form::Text => {
                let text = text::text(&answer);
                console.print(if console.colours_output() { painted(&text) } else { text })?;
            }
            Form::Json => console.print(json::json(&answer)?)?,
        }
        Ok(Exit::Fine)
    }
}
