//! `retort completions`: what a shell needs to complete the command.

use clap::Args;
use clap_complete::Shell;

use super::{console::Console, exit::Exit};

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Completions {
    /// Shell to print them for
    #[arg(value_enum)]
    shell: Shell,
}

const AFTER_HELP: &str = "Examples:
  retort completions bash > ~/.local/share/bash-completion/completions/retort
  retort completions zsh > ~/.zfunc/_retort
  retort completions fish > ~/.config/fish/completions/retort.fish";

impl Completions {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "retort", &mut script);
        console.print(script)?;
        Ok(Exit::Fine)
    }
}
