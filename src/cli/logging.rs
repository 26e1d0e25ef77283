//! The log: operational events to standard error, from this crate and from Pingora; and a line for
//! each request, which goes elsewhere (`access`).

mod access;
mod pretty;

use std::io;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

pub(super) use self::access::Access;
use self::pretty::Pretty;
use super::console::Console;
use crate::host::fault;

/// What is logged, and how.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Log")]
pub(super) struct Log {
    /// Lines for people, or a JSON object a line; both on standard error
    #[arg(long, value_name = "FORM", env = "RETORT_LOG_FORMAT", value_enum, default_value_t = Form::Pretty)]
    log_format: Form,
    /// What to log: a level, or `target=level` pairs, comma separated
    ///
    /// Levels are error, warn, info, debug, trace and off. Targets of note: `retort`, `pingora_core`,
    /// `pingora_proxy`, and `retort::access`, an event for each request, which is off unless it is named:
    /// `info,retort::access=info`. `--access-log` costs less.
    #[arg(long, alias = "log-level", value_name = "FILTER", env = "RETORT_LOG", default_value = "info")]
    log: String,
}

/// The forms of the log: lines for people, or an object a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Pretty,
    Json,
}

/// What is kept of Pingora's own log, and of requests, unless the filter says more. The host logs what
/// fails; Pingora would call it an error that a client opens a connection and thinks better of it.
const QUIET: &str = "pingora_core=error,pingora_proxy=off,pingora_pool=error,retort::access=off";

impl Log {
    /// Starts logging; `log` records, Pingora's, are taken in as well, and so are panics. Where nobody
    /// reads the log any more, complaining about that in the same place would be a panic.
    pub(super) fn start(&self, console: Console) -> anyhow::Result<()> {
        let filter = EnvFilter::builder().parse(format!("{QUIET},{}", self.log)).with_context(|| {
            format!("`{}` is not a log filter; try `info` or `warn,retort=debug`", self.log)
        })?;
        let registry = tracing_subscriber::registry().with(filter);
        match self.log_format {
            Form::Pretty => {
                let layer = fmt::layer().event_format(Pretty { has_colours: console.colours_errors() });
                let layer = layer.with_writer(io::stderr).log_internal_errors(false);
                registry.with(layer).try_init()
            }
            Form::Json => {
                let layer = fmt::layer().json().flatten_event(true);
                registry.with(layer.with_writer(io::stderr).log_internal_errors(false)).try_init()
            }
        }
        .context("cannot start the log")?;
        fault::log_panics();
        Ok(())
    }
}
