//! What is told of each request, and where.

use std::{convert::Infallible, path::PathBuf, str::FromStr, sync::Arc};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use http::HeaderName;

use crate::{
    cli::{console::Console, value},
    host::{
        access_log::{AccessLog, Format, Overflow, Target, reopen_on_usr1},
        pingora::Options,
        spans::Spans,
    },
    rules::FieldRule,
    template::Expose,
};

/// What is told of each request.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Log")]
pub(in crate::cli) struct Access {
    /// Where to write a line for each request: `off`, `stdout`, `stderr`, or a file
    ///
    /// A file is made with mode 0640. It is opened anew on SIGUSR1, and where it was moved away or removed.
    /// What was told of is written before the process ends.
    #[arg(long, value_name = "WHERE", env = "RETORT_ACCESS_LOG", default_value = "off")]
    access_log: Place,
    /// How to write it: `json`, `common`, `combined`, or a template
    ///
    /// A template is written as for messages (`retort directives`), but tells of what was sent: `%s` is the
    /// status that the client got and `%<s` the upstream's, `%b` and `%B` are the bytes of content that went
    /// to the client, `%{Name}o` is a header of the response as it was sent, `%t` has Apache's form,
    /// conditions are about the status that was sent. Here only: `%X` (`X`: the response was cut off, `+` and
    /// `-`: whole, and the connection was kept or closed), `%l` (always `-`), `%{decision}x`,
    /// `%{decision-reason}x`, `%{condition}x`. What is absent is `-`. Values are escaped as Apache does, or
    /// as JSON needs it where the template begins with `{`.
    #[arg(long, value_name = "FORM", env = "RETORT_ACCESS_LOG_FORMAT", default_value = "json")]
    access_log_format: String,
    /// Headers, cookies and variables that the template may show although they may hold secrets;
    /// repeatable
    #[arg(long, value_name = "NAME", env = "RETORT_ACCESS_LOG_EXPOSE", value_delimiter = ',')]
    access_log_expose: Vec<String>,
    /// What to do with lines that come faster than they can be written: leave them out and say so, or
    /// let requests wait
    #[arg(long, value_name = "WHAT", env = "RETORT_ACCESS_LOG_OVERFLOW", value_enum)]
    #[arg(default_value_t = Excess::Drop)]
    access_log_overflow: Excess,
    /// Tell in a response header which rule and message were taken, and why [name: Retort-Decision]
    ///
    /// As in `Retort-Decision: replace;rule="limits";message=0;reason=body-empty`. One that the upstream sends
    /// is removed.
    #[arg(long, value_name = "NAME", env = "RETORT_DEBUG_HEADER", value_parser = debug_header)]
    #[arg(num_args = 0..=1, default_missing_value = DEBUG_HEADER)]
    pub(in crate::cli) debug_header: Option<HeaderName>,
}

/// What is told of requests may have an end that is yet to be written.
#[derive(Debug)]
#[must_use = "its end is written when it is told to end"]
pub(in crate::cli) struct Running {
    log: Option<AccessLog>,
    spans: Option<Arc<dyn Spans>>,
}

/// The response field that tells of the decision unless another is named.
const DEBUG_HEADER: &str = "retort-decision";

#[derive(Clone, Debug)]
struct Place(Option<Target>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Excess {
    Drop,
    Block,
}

impl Access {
    pub(in crate::cli) fn apply(&self, options: &mut Options) {
        options.debug_header.clone_from(&self.debug_header);
    }

    /// Opens the access log that requests are to be told of in, takes SIGUSR1, and begins to trace where
    /// the environment says so.
    pub(in crate::cli) fn start(&self, options: &mut Options, console: Console) -> anyhow::Result<Running> {
        let running = Running { spans: spans()?, ..self.open(console)? };
        options.access_log = running.log();
        options.spans.clone_from(&running.spans);
        Ok(running)
    }

    /// The same without traces.
    pub(in crate::cli) fn open(&self, console: Console) -> anyhow::Result<Running> {
        let expose = Expose::new(self.access_log_expose.iter().cloned());
        let (format, warnings) = Format::parse(&self.access_log_format, &expose)
            .map_err(|error| anyhow!("`--access-log-format`: {error}"))?;
        for warning in warnings {
            let help = warning.kind.help().map(|help| format!("; {help}")).unwrap_or_default();
            console.warn(&format!("`--access-log-format` at {}: {}{help}", warning.span.start, warning.kind));
        }
        let overflow = match self.access_log_overflow {
            Excess::Drop => Overflow::Drop,
            Excess::Block => Overflow::Block,
        };
        let open = |target: Target| {
            let opened = AccessLog::start(target.clone(), format, overflow);
            opened.with_context(|| match target {
                Target::File(path) => format!("cannot open the access log {}", path.display()),
                Target::Stdout | Target::Stderr => "cannot start the access log".to_owned(),
            })
        };
        let log = self.access_log.0.clone().map(open).transpose()?;
        reopen_on_usr1(log.as_ref()).context("cannot receive SIGUSR1")?;
        Ok(Running { log, spans: None })
    }
}

impl Running {
    /// The access log, if there is one.
    pub(in crate::cli) fn log(&self) -> Option<AccessLog> {
        self.log.clone()
    }

    /// Writes what was told of.
    pub(in crate::cli) fn end(self) {
        if let Some(log) = &self.log {
            log.close();
        }
        if let Some(spans) = &self.spans {
            spans.close();
        }
    }
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(match text {
            "off" => None,
            "stdout" => Some(Target::Stdout),
            "stderr" => Some(Target::Stderr),
            path => Some(Target::File(PathBuf::from(path))),
        }))
    }
}

/// Who is told of the spans of requests, as the variables of OpenTelemetry say.
#[cfg(feature = "otlp")]
fn spans() -> anyhow::Result<Option<Arc<dyn Spans>>> {
    let otlp = crate::host::otlp::Otlp::of_environment().context("cannot send traces")?;
    Ok(otlp.map(|otlp| Arc::new(otlp) as Arc<dyn Spans>))
}

/// Nobody: this command was built without `otlp`.
#[cfg(not(feature = "otlp"))]
fn spans() -> anyhow::Result<Option<Arc<dyn Spans>>> {
    Ok(None)
}

fn debug_header(text: &str) -> Result<HeaderName, String> {
    let name = value::header_name(text)?;
    if FieldRule::is_forbidden(&name) {
        return Err(format!("`{name}` means something else to clients"));
    }
    Ok(name)
}
