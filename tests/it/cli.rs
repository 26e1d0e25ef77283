//! The command, run as people run it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

mod admin;
mod check;
mod completions;
mod demo;
mod directives;
mod environment;
mod error_backend;
mod explain;
mod ext_proc;
mod fmt;
mod help;
mod import;
mod logging;
mod man;
#[cfg(feature = "otlp")]
mod otlp;
mod render;
mod running;
mod serve;
mod serve_end;
mod settings;
mod supervised;
mod test;
mod usage;
mod watch;

/// The command in an environment without settings.
fn retort() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retort"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RETORT_") {
            command.env_remove(name);
        }
    }
    // Those who test it say where it listens.
    command.env("RETORT_ADMIN", "off").env("COLUMNS", "100");
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "NOTIFY_SOCKET"] {
        command.env_remove(name);
    }
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

/// A folder with rules of every kind.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("rules.xml", RULES),
        ("maintenance.html", "<p>%M</p>"),
        (
            "empty.xml",
            r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0"/>"#,
        ),
        (
            "warning.xml",
            r#"<response-messaging><status-code id="404"><message>x</message></status-code></response-messaging>"#,
        ),
        ("mistakes.xml", MISTAKES),
    ];
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

const RULES: &str = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="gone" code-regex="404|410">
    <message media-type="text/html" content-type="text/html">&lt;p&gt;%U&lt;/p&gt;</message>
    <message media-type="application/json" content-type="application/problem+json">
      {"status":%s,"path":"%U","id":"%g"}
    </message>
    <message>%s for %m %U</message>
  </status-code>
  <status-code id="failed" code-regex="5\d\d" overwrite="ALWAYS">
    <message media-type="application/json" content-type="application/json">{"title":"%M"}</message>
  </status-code>
  <status-code id="later" code-regex="4.."><message content-type="text/html" href="maintenance.html"/></status-code>
</response-messaging>
"#;

const MISTAKES: &str = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="gone" code-regx="404">
    <message media-type="text/*">%U</message>
  </status-code>
  <status-code id="gone" code-regex="(4..">
    <message>%{Retry-After}z</message>
  </status-code>
</response-messaging>
"#;
