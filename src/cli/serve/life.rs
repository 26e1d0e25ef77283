//! Flags of the beginning and the end.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{cli::value, host::pingora::Options};

/// How the process begins and ends.
#[derive(Debug, Args)]
#[command(next_help_heading = "Life cycle")]
pub(in crate::cli) struct Life {
    /// How long connections are still accepted after SIGTERM, for balancers to learn of it
    ///
    /// Responses say `Connection: close` from then on. Where no connection is open, the process ends at
    /// once. SIGINT does without this time; a second signal ends the process at once.
    #[arg(long, value_name = "TIME", env = "RETORT_LAME_DUCK_TIME", value_parser = value::duration)]
    #[arg(default_value = "3s")]
    lame_duck_time: Duration,
    /// How long running requests may go on after that; then they are cut off, and logged
    #[arg(long, value_name = "TIME", env = "RETORT_DRAIN_TIME", value_parser = value::duration)]
    #[arg(default_value = "25s")]
    drain_time: Duration,
    /// Where a process that is started with the same path takes over the listeners of this one
    ///
    /// The socket is for the same user only. The old process ends as after SIGTERM, once the new one
    /// accepts connections; one that cannot start changes nothing.
    #[arg(long, value_name = "PATH", env = "RETORT_UPGRADE_SOCKET")]
    upgrade_socket: Option<PathBuf>,
}

impl Life {
    /// Whether another process may have to give its place.
    pub(in crate::cli) fn takes_over(&self) -> bool {
        self.upgrade_socket.is_some()
    }

    pub(in crate::cli) fn apply(&self, options: &mut Options) {
        options.life.lame_duck = self.lame_duck_time;
        options.timeouts.shutdown = self.drain_time;
        options.life.upgrade_socket.clone_from(&self.upgrade_socket);
    }
}
