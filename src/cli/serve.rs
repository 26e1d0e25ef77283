//! `retort serve`: the proxy.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{console::Console, exit::Exit, identity::Identity, log::Log, value};

/// Run the proxy
///
/// Every flag can be set in the environment as well; the flag wins. Lists are comma separated there.
/// The rules file and its message files are watched: a change is in force within a second, and a
/// mistake leaves the last good version in force. SIGHUP reloads at once; SIGTERM lets running requests
/// end.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Serve {
    /// Rules file; its messages are found relative to it
    #[arg(long, value_name = "FILE", env = "RETORT_RULES")]
    rules: PathBuf,
    /// Where to ask; repeatable, requests then go round
    #[arg(long, value_name = "URL", env = "RETORT_UPSTREAM", value_delimiter = ',', required = true)]
    upstream: Vec<String>,
    /// Address to listen on; repeatable
    #[arg(long, value_name = "ADDR", env = "RETORT_LISTEN", value_delimiter = ',')]
    #[arg(default_value = "127.0.0.1:8080")]
    listen: Vec<String>,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    log: Log,
}

/// Limits and means.
#[derive(Debug, Args)]
pub(super) struct Tuning {
    /// Time for a connection to the upstream
    #[arg(long, value_name = "TIME", env = "RETORT_CONNECT_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "2s", help_heading = "Timeouts")]
    connect_timeout: Duration,
    /// Time between two reads from the upstream
    #[arg(long, value_name = "TIME", env = "RETORT_READ_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "60s", help_heading = "Timeouts")]
    read_timeout: Duration,
    /// Time for a write to the upstream
    #[arg(long, value_name = "TIME", env = "RETORT_WRITE_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "60s", help_heading = "Timeouts")]
    write_timeout: Duration,
    /// Time for which an unused connection is kept
    #[arg(long, value_name = "TIME", env = "RETORT_IDLE_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "60s", help_heading = "Timeouts")]
    idle_timeout: Duration,
    /// How much of a replaced body is still read, so that the upstream's connection can be used again
    #[arg(long, value_name = "SIZE", env = "RETORT_DRAIN_LIMIT", value_parser = value::size)]
    #[arg(default_value = "64KiB", help_heading = "Limits")]
    drain_limit: u64,
    /// Threads that handle requests [default: one per core]
    #[arg(long, value_name = "N", env = "RETORT_THREADS", help_heading = "Limits")]
    threads: Option<std::num::NonZeroUsize>,
    /// Time between two looks at the rules where the file system does not notify
    #[arg(long, value_name = "TIME", env = "RETORT_POLL_INTERVAL", value_parser = value::duration)]
    #[arg(default_value = "5s", help_heading = "Limits")]
    poll_interval: Duration,
    /// Accept HTTP/2 without TLS (prior knowledge) as well
    #[arg(long, env = "RETORT_H2C")]
    h2c: bool,
}

const AFTER_HELP: &str = "Examples:
  retort serve --rules rules.xml --upstream http://127.0.0.1:9000
  retort serve --rules rules.xml --upstream http://a:9000 --upstream http://b:9000 --listen [::]:80
  RETORT_RULES=rules.xml RETORT_UPSTREAM=http://a:9000 RETORT_LOG=warn retort serve";

impl Serve {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        self.log.start(console)?;
        todo!()
    }
}
