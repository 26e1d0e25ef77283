//! The command, run as people run it.

use std::{
    path::Path,
    process::{Command, Output},
};

mod environment;
mod help;
mod usage;

/// The command in an environment without settings.
fn retort() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retort"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RETORT_") {
            command.env_remove(name);
        }
    }
    command.env("COLUMNS", "100").env_remove("NO_COLOR");
    command
}

/// What a run wrote, and its exit code.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Compares with `tests/snapshots/NAME.snap`.
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new("../snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
