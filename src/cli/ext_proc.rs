//! `retort ext-proc`: the processor that Envoy asks.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use anyhow::anyhow;
use clap::Args;

use super::{
    console::Console,
    exit::Exit,
    identity::Identity,
    listener::{self, WatchedRules},
    logging::{Access, Log},
    serve::admin::Admin,
    supervised, value,
};
use crate::host::ext_proc::{Endpoint, Error, Options, Server};

/// Answer for upstreams of Envoy: be its external processor
///
/// Envoy (and what is built of it: Istio, Envoy Gateway, Contour) asks over gRPC what to make of each
/// response, by its filter `ext_proc`. The rules file is the one of `retort serve`, and so are its
/// watching, the settings file, the admin listener, the logs, and the signals. deploy/envoy has configurations that are complete; docs/envoy.md
/// says what Envoy cannot do.
///
/// Whatever goes wrong, the stream ends, and Envoy goes on as it is configured to: `failure_mode_allow:
/// true` lets responses pass as they are. grpc.health.v1.Health tells whether it is ready.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ExtProc {
    #[command(flatten)]
    rules: WatchedRules,
    /// Where Envoy connects to: ADDRESS:PORT or unix:/PATH; repeatable
    #[arg(long, value_name = "ADDR", env = "RETORT_LISTEN", value_delimiter = ',')]
    #[arg(default_value = "127.0.0.1:9002")]
    listen: Vec<Endpoint>,
    /// Threads that handle requests [default: one per processor]
    #[arg(long, value_name = "N", env = "RETORT_THREADS")]
    threads: Option<NonZeroUsize>,
    /// How long a response is held back where its content decides
    ///
    /// Envoy tells of content when all of it is there, or more than it buffers. What takes longer passes
    /// as it is.
    #[arg(long, value_name = "TIME", env = "RETORT_HOLD_TIME", value_parser = value::duration)]
    #[arg(default_value = "1s")]
    hold_time: Duration,
    /// How much of a body rules and messages read; 64KiB is also the most
    #[arg(long, value_name = "SIZE", env = "RETORT_CONTENT_LIMIT", value_parser = value::size)]
    #[arg(default_value = "64KiB")]
    content_limit: u64,
    /// How long connections are still accepted after SIGTERM, for Envoy to learn of it
    #[arg(long, value_name = "TIME", env = "RETORT_LAME_DUCK_TIME", value_parser = value::duration)]
    #[arg(default_value = "3s", help_heading = "Life cycle")]
    lame_duck_time: Duration,
    /// How long running requests may go on after that; then Envoy goes on alone
    #[arg(long, value_name = "TIME", env = "RETORT_DRAIN_TIME", value_parser = value::duration)]
    #[arg(default_value = "25s", help_heading = "Life cycle")]
    drain_time: Duration,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    log: Log,
    #[command(flatten)]
    access: Access,
}

const AFTER_HELP: &str = "Examples:
  retort ext-proc --rules rules.xml --listen 127.0.0.1:9002
  retort ext-proc --rules rules.xml --listen unix:/run/retort/ext-proc.sock";

impl ExtProc {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        self.log.start(console)?;
        let access = self.access.open(console)?;
        let options = Options { access_log: access.log(), ..self.options() };
        let reloader = Arc::new(self.rules.watch(console)?);
        let server = Server::bind(options, Arc::clone(reloader.live())).map_err(refused)?;
        let _admin = self.admin.start(&server, &reloader, (&self.rules.rules, &self.identity, false))?;
        server.obey_signals();
        tracing::info!(on = listener::listed(server.endpoints()), "listening for Envoy");
        supervised::run(server, reloader);
        access.end();
        Ok(Exit::Fine)
    }

    fn options(&self) -> Options {
        let defaults = Options::new(self.listen.clone());
        Options {
            threads: self.threads.map_or(defaults.threads, NonZeroUsize::get),
            hold: self.hold_time,
            content: usize::try_from(self.content_limit).unwrap_or(usize::MAX),
            lame_duck: self.lame_duck_time,
            drain: self.drain_time,
            request_id_headers: self.identity.request_id_header.clone(),
            user_header: self.identity.user_header.clone(),
            opt_out_header: self.identity.opt_out_header.clone(),
            debug_header: self.access.debug_header.clone(),
            ..defaults
        }
    }
}

fn refused(error: Error) -> anyhow::Error {
    match &error {
        Error::Listen { endpoint: Endpoint::Address(address), source } => {
            anyhow!("{error}{}", listener::hint("--listen", *address, source))
        }
        // It says all that its source does.
        Error::Listen { .. } | Error::Runtime(_) => anyhow!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        ext_proc: ExtProc,
    }

    fn options(flags: &[&str]) -> Options {
        let line = ["retort", "--rules", "x"];
        Line::parse_from(line.iter().chain(flags)).ext_proc.options()
    }

    #[test]
    fn the_defaults_are_those_of_the_server() {
        let options = options(&[]);
        assert_eq!(format!("{options:?}"), format!("{:?}", Options::new(options.listen.clone())));
    }

    #[test]
    fn flags_reach_the_server() {
        let options = options(&[
            "--listen=127.0.0.1:1,unix:/a",
            "--threads=3",
            "--hold-time=5s",
            "--content-limit=1KiB",
            "--lame-duck-time=0",
            "--drain-time=9s",
            "--request-id-header=x-a",
            "--user-header=x-u",
            "--opt-out-header=x-o",
            "--debug-header",
        ]);
        assert_eq!(listener::listed(&options.listen), "127.0.0.1:1 unix:/a");
        assert_eq!((options.threads, options.hold, options.content), (3, Duration::from_secs(5), 1024));
        assert_eq!((options.lame_duck, options.drain), (Duration::ZERO, Duration::from_secs(9)));
        assert_eq!(options.request_id_headers, ["x-a"]);
        assert_eq!((options.user_header.as_str(), options.opt_out_header.as_str()), ("x-u", "x-o"));
        assert_eq!(options.debug_header.unwrap(), "retort-decision");
    }
}
