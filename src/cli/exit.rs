//! What the command leaves behind for the shell: the exit codes, all of them.

use std::process::ExitCode;

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Everything is as it should be.
    Fine,
    /// The command worked, and what it looked at is not as it should be.
    Findings,
    /// The command could not do its work: usage, configuration, or input and output.
    Trouble,
}

/// The exit codes as `--help` tells them.
pub(super) const HELP: &str = "Exit codes:
  0  fine
  1  findings: `check` found mistakes, `test` failures, `fmt --check` a file to lay out, `import`
     something that needs you; `render` had nothing to render
  2  usage, configuration, or input and output";

impl Exit {
    /// The number that the shell sees. Clap's own code for wrong usage is 2 as well.
    fn code(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Findings => 1,
            Exit::Trouble => 2,
        }
    }

    /// The worse of the two.
    pub(super) fn or(self, other: Self) -> Self {
        if self.code() >= other.code() { self } else { other }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
