//! `retort watch`: what a client would get, again on each save.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Args;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

use self::screen::Screen;
use super::{console::Console, exit::Exit, recorded::Source, value};
use crate::host::reload::{Options, Verdicts};

mod screen;

/// Show what a client would get, again on each save
///
/// Takes the same exchange as `explain` and `render`. Whenever the rules file or one of its message files
/// is saved, it is decided anew: the rule, the message, the response; or, while the rules are broken, what is
/// wrong with them, and below it what the last good version said. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Watch {
    /// Rules file
    #[arg(long, value_name = "FILE", env = "RETORT_RULES")]
    rules: PathBuf,
    /// Time between two looks at the rules where the file system does not notify
    #[arg(long, value_name = "TIME", env = "RETORT_POLL_INTERVAL", value_parser = value::duration)]
    #[arg(default_value = "1s")]
    poll_interval: Duration,
    #[command(flatten)]
    source: Source,
}

const AFTER_HELP: &str = "Examples:
  retort watch --rules rules.xml --status 503 --accept application/json
  retort watch --rules rules.xml --exchange exchange.json

On a terminal, the screen is cleared each time; elsewhere, a line of dashes stands between two blocks.";

impl Watch {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        let inquiry = self.source.read(console)?;
        let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
        let _entered = runtime.enter();
        // Also what closes a terminal ends the watch, though others would look at the rules then.
        let receive = |kind| signal(kind).context("cannot receive signals");
        let mut interrupt = receive(SignalKind::interrupt())?;
        let mut terminate = receive(SignalKind::terminate())?;
        let mut hangup = receive(SignalKind::hangup())?;

        let closed = Arc::new(Notify::new());
        let end = Arc::clone(&closed);
        let mut screen = Screen::new(console, self.rules.clone(), inquiry);
        let options = Options { poll_interval: self.poll_interval, ..Options::default() };
        let verdicts = Verdicts::start(&self.rules, options, move |verdict| {
            // Nobody reads any more.
            if screen.show(verdict).is_err() {
                end.notify_one();
            }
        });
        let _verdicts = verdicts.context("cannot watch the rules")?;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
                () = closed.notified() => {}
            }
        });
        Ok(Exit::Fine)
    }
}
