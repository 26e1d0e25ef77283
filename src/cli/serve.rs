//! `retort serve`: the proxy.

pub(super) mod admin;
pub(super) mod life;
mod limits;
mod tls;
mod trusted;
mod upstream_tls;
mod upstreams;

use std::{sync::Arc, time::Duration};

use clap::Args;

use self::{
    admin::Admin, life::Life, limits::ClientLimits, tls::TlsListener, trusted::Front,
    upstream_tls::TlsToUpstreams, upstreams::Upstreams,
};
use super::{
    console::Console,
    exit::Exit,
    identity::Identity,
    listener::{self, Listener, WatchedRules},
    logging::{Access, Log},
    supervised, value,
};
use crate::host::pingora::{Limits, Options, Server, Strictness, Timeouts, Upstream, raise_file_limit};

/// Run the proxy
///
/// Every flag can be set in the environment as well, and in a settings file (--config): flags win over
/// variables, and variables over the file. Lists are comma separated in a variable. The rules file and its message files are watched: a change is in force within a second, and a
/// mistake leaves the last good version in force. SIGHUP reloads at once; SIGTERM lets running requests
/// end, and the exit code is 0.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Serve {
    #[command(flatten)]
    rules: WatchedRules,
    /// Where requests go: http://HOST:PORT, https://HOST:PORT or unix:/PATH; repeatable, each with a
    /// #weight=N behind it if need be
    #[arg(long, value_name = "URL", env = "RETORT_UPSTREAM", value_delimiter = ',', required = true)]
    upstream: Vec<Upstream>,
    #[command(flatten)]
    listener: Listener,
    /// Repair or pass on what RFC 9112 leaves to the recipient of a request or a response, instead of
    /// refusing it
    #[arg(long, env = "RETORT_LENIENT")]
    lenient: bool,
    #[command(flatten)]
    tls: TlsListener,
    #[command(flatten)]
    upstreams: Upstreams,
    #[command(flatten)]
    upstream_tls: TlsToUpstreams,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    client_limits: ClientLimits,
    #[command(flatten)]
    life: Life,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    front: Front,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    log: Log,
    #[command(flatten)]
    access: Access,
}

/// Limits of time and size.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct Tuning {
    /// Time for a connection to the upstream
    #[arg(long, value_name = "TIME", env = "RETORT_CONNECT_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "2s")]
    connect_timeout: Duration,
    /// Time between two reads from the upstream
    #[arg(long, value_name = "TIME", env = "RETORT_READ_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "60s")]
    read_timeout: Duration,
    /// Time for a write to the upstream
    #[arg(long, value_name = "TIME", env = "RETORT_WRITE_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "60s")]
    write_timeout: Duration,
    /// Time for which an unused connection to the upstream is kept
    #[arg(long, value_name = "TIME", env = "RETORT_IDLE_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "60s")]
    idle_timeout: Duration,
    /// How much of a replaced body is still read, so that the upstream's connection can be used again
    #[arg(long, value_name = "SIZE", env = "RETORT_DRAIN_LIMIT", value_parser = value::size)]
    #[arg(default_value = "64KiB")]
    drain_limit: u64,
    /// How much of a body is held back where a rule or a message reads it; 64KiB is also the most
    #[arg(long, value_name = "SIZE", env = "RETORT_CONTENT_LIMIT", value_parser = value::size)]
    #[arg(default_value = "64KiB")]
    content_limit: u64,
    /// How many field lines a request may have, up to 256; more are answered with 431
    #[arg(long, value_name = "N", env = "RETORT_MAX_HEADER_FIELDS", default_value = "100")]
    max_header_fields: usize,
    /// How large the head of a request may be, up to 1MiB (64KiB in HTTP/2); larger ones are answered
    /// with 431
    #[arg(long, value_name = "SIZE", env = "RETORT_MAX_HEADER_BYTES", value_parser = value::size)]
    #[arg(default_value = "64KiB")]
    max_header_bytes: u64,
    /// How long the target of a request may be, up to 64KiB; longer ones are answered with 414
    #[arg(long, value_name = "SIZE", env = "RETORT_MAX_TARGET_BYTES", value_parser = value::size)]
    #[arg(default_value = "16KiB")]
    max_target_bytes: u64,
}

const AFTER_HELP: &str = "Examples:
  retort serve --rules rules.xml --upstream http://127.0.0.1:9000
  retort serve --rules rules.xml --upstream http://a:9000 --upstream http://b:9000 --listen [::]:80
  retort serve --rules rules.xml --upstream http://a:9000 --tls-listen [::]:443 --tls-cert a.pem --tls-key a.key
  RETORT_RULES=rules.xml RETORT_UPSTREAM=http://a:9000 RETORT_LOG=warn retort serve
  retort serve --rules rules.xml --upstream http://a:9000 --print-settings > retort.toml
  retort serve --config retort.toml";

impl Serve {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        self.log.start(console)?;
        raise_file_limit();
        let mut options = self.options()?;
        let access = self.access.start(&mut options, console)?;
        let reloader = Arc::new(self.rules.watch(console)?);
        let server = Server::bind(options, Arc::clone(reloader.live())).map_err(listener::refused)?;
        let admin = (self.rules.rules.as_path(), &self.identity, self.life.takes_over());
        let _admin = self.admin.start(&server, &reloader, admin)?;
        let (on, upstreams) = (listener::listed(server.addresses()), listener::listed(&self.upstream));
        let tls = Some(listener::listed(server.tls_addresses())).filter(|tls| !tls.is_empty());
        server.obey_signals();
        tracing::info!(on, tls, upstreams, "listening");
        supervised::run(server, reloader);
        access.end();
        Ok(Exit::Fine)
    }

    fn options(&self) -> anyhow::Result<Options> {
        let mut options = Options::new(self.listener.listen.clone(), self.upstream.clone());
        self.listener.apply(&mut options);
        options.tls = self.tls.settings(self.rules.poll_interval)?;
        self.front.apply(&mut options);
        options.request_id_headers.clone_from(&self.identity.request_id_header);
        options.opt_out_header = self.identity.opt_out_header.clone();
        options.user_header = self.identity.user_header.clone();
        options.balancing = self.upstreams.balancing()?;
        options.upstream_tls = self.upstream_tls.settings();
        options.strictness.lenient = self.lenient;
        self.tuning.apply(&mut options);
        self.client_limits.apply(&mut options);
        self.life.apply(&mut options);
        self.access.apply(&mut options);
        Ok(options)
    }
}

impl Tuning {
    fn apply(&self, options: &mut Options) {
        let Timeouts { connect, connect_total, .. } = options.timeouts;
        let beyond_connect = connect_total.saturating_sub(connect);
        options.timeouts = Timeouts {
            connect: self.connect_timeout,
            connect_total: self.connect_timeout.saturating_add(beyond_connect),
            read: self.read_timeout,
            write: self.write_timeout,
            idle: self.idle_timeout,
            ..options.timeouts
        };
        let bytes = |size| usize::try_from(size).unwrap_or(usize::MAX);
        options.limits =
            Limits { drain: self.drain_limit, content: bytes(self.content_limit), ..options.limits };
        options.strictness = Strictness {
            max_fields: self.max_header_fields,
            max_head_bytes: bytes(self.max_header_bytes),
            max_target_bytes: bytes(self.max_target_bytes),
            ..options.strictness
        };
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        serve: Serve,
    }

    fn options(flags: &[&str]) -> Options {
        let line = ["retort", "--rules", "x", "--upstream", "http://127.0.0.1:1"];
        Line::parse_from(line.iter().chain(flags)).serve.options().unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_the_server() {
        let options = options(&[]);
        let defaults = Options::new(options.listen.clone(), options.upstreams.clone());
        assert_eq!(format!("{options:?}"), format!("{defaults:?}"));
    }

    #[test]
    fn flags_reach_the_server() {
        let flags = ["--connect-timeout", "5s", "--read-timeout", "100ms", "--write-timeout", "1m"];
        let more = ["--idle-timeout", "0", "--drain-limit", "1KiB", "--threads", "3", "--h2c"];
        let names = ["--request-id-header", "x-a,x-b", "--request-id-header", "x-c", "--user-header", "x-u"];
        let life = ["--lame-duck-time", "1s", "--drain-time", "9s", "--upgrade-socket", "/run/retort"];
        let body = ["--opt-out-header", "X-Hands-Off", "--content-limit", "2KiB"];
        let requests = ["--max-header-fields", "7", "--max-header-bytes", "1KiB", "--max-target-bytes", "99"];
        let options = options(&[&flags[..], &more, &names, &body, &requests, &life, &["--lenient"]].concat());
        assert_eq!(options.timeouts.connect, Duration::from_secs(5));
        assert_eq!(options.timeouts.connect_total, Duration::from_secs(6));
        assert_eq!(options.timeouts.read, Duration::from_millis(100));
        assert_eq!(options.timeouts.write, Duration::from_secs(60));
        assert_eq!(options.timeouts.idle, Duration::ZERO);
        assert_eq!((options.limits.drain, options.threads, options.h2c), (1024, 3, true));
        assert_eq!(options.request_id_headers, ["x-a", "x-b", "x-c"]);
        assert_eq!(options.user_header, "x-u");
        assert_eq!(options.timeouts.shutdown, Duration::from_secs(9));
        assert_eq!(options.life.lame_duck, Duration::from_secs(1));
        assert_eq!(options.life.upgrade_socket.as_deref(), Some("/run/retort".as_ref()));
        let strictness =
            Strictness { lenient: true, max_fields: 7, max_head_bytes: 1024, max_target_bytes: 99 };
        assert_eq!(options.strictness, strictness);
        assert_eq!((options.opt_out_header.as_str(), options.limits.content), ("x-hands-off", 2048));
    }
}
