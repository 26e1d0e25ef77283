//! Reloading with real files, each way of noticing a change by itself.
//!
//! Version `n` of the files says `n` in the rules file and in the message file, and every version
//! that is put in force must say the same in both.

mod changes;
mod logs;
mod starts;
mod swaps;
mod verdicts;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, mpsc::Receiver},
    time::Duration,
};

use retort::host::{
    live::Snapshot,
    reload::{Attempt, Options, Outcome, Reloader},
};
use tempfile::TempDir;

/// Far longer than anything here takes; a test that waits for so long has failed.
const LONG: Duration = Duration::from_secs(30);

/// Longer than a test: what is seen nevertheless was not seen by the clock.
const NEVER: Duration = Duration::from_secs(3600);

/// Notifications alone.
const NOTIFIED: Options = Options { poll_interval: NEVER, notify: true };

/// The clock alone.
const POLLED: Options = Options { poll_interval: Duration::from_millis(50), notify: false };

/// Neither: it looks when it is asked to.
const ASKED: Options = Options { poll_interval: NEVER, notify: false };

/// A directory with version 1 of the files, and a reloader of them.
struct Bench {
    directory: TempDir,
    reloader: Reloader,
    attempts: Receiver<Attempt>,
}

impl Bench {
    /// The rules file and the message file in one directory, `etc`.
    fn new(options: Options) -> Self {
        Self::with(options, |base| {
            fs::create_dir(base.join("etc")).unwrap();
            write(&base.join("etc"), 1);
        })
    }

    /// Any files that end in `etc/rules.xml`.
    fn with(options: Options, lay_out: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        lay_out(directory.path());
        let reloader = Reloader::start(&directory.path().join("etc/rules.xml"), options).unwrap();
        let attempts = reloader.subscribe();
        Self { directory, reloader, attempts }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Waits for the next content to be judged.
    fn next(&self) -> Attempt {
        self.attempts.recv_timeout(LONG).expect("a change is seen")
    }

    /// Waits for a version to be put in force. What lies between, such as a file that is missing
    /// for a moment, may be seen or not, but no mixture may ever be in force.
    fn until(&self, version: u32) {
        loop {
            if says(&self.next().version) == version {
                return;
            }
        }
    }
}

/// The rules file of a version.
fn rules(version: u32) -> String {
    format!(
        "<response-messaging xmlns=\"http://docs.openrepose.org/repose/response-messaging/v1.0\">\n  \
         <status-code id=\"rule\" code-regex=\"4..\">\n    \
         <message media-type=\"text/plain\">version {version}</message>\n    \
         <message media-type=\"*/*\" href=\"message.txt\"/>\n  \
         </status-code>\n</response-messaging>\n"
    )
}

/// The message file of a version.
fn message(version: u32) -> String {
    format!("version {version}")
}

/// Writes both in place.
fn write(directory: &Path, version: u32) {
    fs::write(directory.join("rules.xml"), rules(version)).unwrap();
    fs::write(directory.join("message.txt"), message(version)).unwrap();
}

/// The messages of the first rule.
fn messages(snapshot: &Arc<Snapshot>) -> Vec<String> {
    let rule = snapshot.rules.iter().next().expect("there is a rule");
    rule.messages().iter().map(|message| message.template.to_string()).collect()
}

/// The version in force; must be one.
fn says(snapshot: &Arc<Snapshot>) -> u32 {
    let messages = messages(snapshot);
    let [first, second] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(first, second, "generation {} is a mixture", snapshot.generation);
    first.strip_prefix("version ").unwrap().parse().unwrap()
}
