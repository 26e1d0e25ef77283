//! What all verbs share that listen: the rules that they keep up to date, and their addresses.

use std::{
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use clap::{Args, builder::ArgPredicate};

use super::{console::Console, value};
use crate::host::{
    pingora::{Error, Options, UpstreamTlsError},
    reload::{self, Reloader, StartError},
};

/// The rules, and how changes of them are noticed.
#[derive(Debug, Args)]
pub(super) struct WatchedRules {
    /// Rules file; its messages are found relative to it
    #[arg(long, value_name = "FILE", env = "RETORT_RULES")]
    pub(super) rules: PathBuf,
    /// Time between two looks at the rules where the file system does not notify
    #[arg(long, value_name = "TIME", env = "RETORT_POLL_INTERVAL", value_parser = value::duration)]
    #[arg(default_value = "5s")]
    pub(super) poll_interval: Duration,
}

/// Where connections come in, and who serves them.
#[derive(Debug, Args)]
pub(super) struct Listener {
    /// Address to listen on, without TLS; repeatable
    #[arg(long, value_name = "ADDR", env = "RETORT_LISTEN", value_delimiter = ',')]
    #[arg(value_parser = value::address, default_value = "127.0.0.1:8080")]
    #[arg(default_value_if("tls_listen", ArgPredicate::IsPresent, None))]
    pub(super) listen: Vec<SocketAddr>,
    /// Accept HTTP/2 without TLS (prior knowledge) as well
    #[arg(long, env = "RETORT_H2C")]
    h2c: bool,
    /// Threads that handle requests [default: one per processor]
    #[arg(long, value_name = "N", env = "RETORT_THREADS")]
    threads: Option<NonZeroUsize>,
}

impl WatchedRules {
    /// Loads the rules and keeps them up to date.
    pub(super) fn watch(&self, console: Console) -> anyhow::Result<Reloader> {
        watch(&self.rules, self.poll_interval, console)
    }
}

impl Listener {
    pub(super) fn apply(&self, options: &mut Options) {
        options.h2c = self.h2c;
        options.threads = self.threads.map_or(options.threads, NonZeroUsize::get);
    }
}

/// Loads the rules and keeps them up to date.
pub(super) fn watch(rules: &Path, poll_interval: Duration, console: Console) -> anyhow::Result<Reloader> {
    let options = reload::Options { poll_interval, ..reload::Options::default() };
    let reloader = match Reloader::start(rules, options) {
        Ok(reloader) => reloader,
        Err(StartError::Refused(refused)) => {
            console.show(&refused.diagnostics);
            bail!("the rules in {} cannot be used", rules.display());
        }
        Err(StartError::Thread(error)) => return Err(error).context("cannot watch the rules"),
    };
    reloader.reload_on_hangup().context("cannot receive SIGHUP")?;
    Ok(reloader)
}

/// Why there is no server, with a hint where a person can do something about it.
pub(super) fn refused(error: Error) -> anyhow::Error {
    match error {
        Error::Listen { address, ref source } => anyhow!("{error}{}", hint("--listen", address, source)),
        Error::UpstreamTls(UpstreamTlsError::SystemRoots(_) | UpstreamTlsError::NoRoots) => {
            anyhow!("{error}; `--upstream-ca FILE` names others")
        }
        // Each says all that its source does.
        Error::Tls(_) | Error::UpstreamTls(_) | Error::Runtime(_) => anyhow!("{error}"),
        Error::Upgrade { .. } => anyhow!(error),
    }
}

/// The members of a list, separated by spaces.
pub(super) fn listed(members: &[impl ToString]) -> String {
    members.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// What can be done about an address that cannot be listened on.
pub(super) fn hint(flag: &str, address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let free = SocketAddr::new(address.ip(), 0);
            format!("; another process listens there, `{flag} {free}` takes a free one")
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 may need a privilege".to_owned(),
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has that address".to_owned(),
        _ => String::new(),
    }
}
