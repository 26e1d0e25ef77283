//! One exchange without a network: recorded in a file, or told by flags.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::Context;
use chrono::Utc;
use clap::{ArgGroup, Args};

use super::{
    console::Console,
    identity::Identity,
    value::{self, FieldLine},
};
use crate::{
    exchange::{
        Cause,
        record::{Record, RecordedRequest, RecordedResponse, Server, Unknown},
    },
    explain::Inquiry,
};

/// Which exchange to decide.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").args(["exchange", "status"]).required(true))]
pub(super) struct Source {
    /// Recorded exchange, JSON; `-` reads standard input
    ///
    /// An object with `request`, `response` and, optionally, `clock` and `server`. Only the status is
    /// required: {"response": {"status": 503}}.
    #[arg(long, value_name = "FILE", help_heading = "A recorded exchange")]
    exchange: Option<PathBuf>,
    #[command(flatten)]
    told: Told,
    #[command(flatten)]
    identity: Identity,
}

/// An exchange as a person tells it.
#[derive(Debug, Args)]
#[command(next_help_heading = "An exchange told by flags")]
struct Told {
    /// Status of the upstream's response
    #[arg(long, value_name = "NNN", value_parser = value::status)]
    status: Option<u16>,
    /// Reason phrase of the response [default: the registered one]
    #[arg(long, value_name = "TEXT", conflicts_with = "exchange")]
    reason: Option<String>,
    /// Header line of the response; repeatable
    #[arg(long, value_name = "'NAME: VALUE'", value_parser = value::field_line, conflicts_with = "exchange")]
    response_header: Vec<FieldLine>,
    /// Content of the response [default: none]
    #[arg(long, value_name = "TEXT", conflicts_with = "exchange")]
    body: Option<String>,
    /// Cause, if the proxy made the response itself: connect-refused, read-timeout, ...
    #[arg(long, value_name = "CAUSE", value_parser = value::cause, conflicts_with = "exchange")]
    cause: Option<Cause>,
    /// Accept header of the request; repeatable
    #[arg(long, value_name = "RANGES", conflicts_with = "exchange")]
    accept: Vec<String>,
    /// Method of the request [default: GET]
    #[arg(long, value_name = "METHOD", conflicts_with = "exchange")]
    method: Option<String>,
    /// Path of the request; may end in a query [default: /]
    #[arg(long, value_name = "PATH", conflicts_with = "exchange")]
    path: Option<String>,
    /// Query of the request, without the question mark
    #[arg(long, value_name = "QUERY", conflicts_with = "exchange")]
    query: Option<String>,
    /// Header line of the request; repeatable
    #[arg(long, value_name = "'NAME: VALUE'", value_parser = value::field_line, conflicts_with = "exchange")]
    header: Vec<FieldLine>,
}

impl Source {
    /// Reads the exchange. Keys that mean nothing are warned of.
    pub(super) fn read(self, console: Console) -> anyhow::Result<Inquiry> {
        let record = match &self.exchange {
            Some(path) => {
                let record = read(path)?;
                let unknown = unknown_keys(&record);
                if !unknown.is_empty() {
                    console.warn(&format!(
                        "{}: keys that mean nothing: {}",
                        path.display(),
                        unknown.join(", ")
                    ));
                }
                record
            }
            None => self.told.record(),
        };
        Ok(Inquiry::new(record, self.identity.into()))
    }
}

impl Told {
    fn record(self) -> Record {
        let path = self.path.unwrap_or_else(|| "/".to_owned());
        let (path, query) = match path.split_once('?') {
            Some((path, query)) if self.query.is_none() => (path.to_owned(), Some(query.to_owned())),
            _ => (path, self.query),
        };
        let accept = self.accept.into_iter().map(|ranges| ("Accept".to_owned(), ranges.into_bytes()));
        let request = RecordedRequest {
            method: self.method.unwrap_or_else(|| "GET".to_owned()),
            uri: path,
            query,
            headers: accept.chain(self.header.into_iter().map(line)).collect(),
            elapsed_ms: Some(0),
            ..RecordedRequest::default()
        };
        let response = RecordedResponse {
            // The group of flags demands one of the two; zero matches nothing.
            status: self.status.unwrap_or_default(),
            reason: self.reason,
            headers: self.response_header.into_iter().map(line).collect(),
            body: self.body,
            body_base64: None,
            origin_port: None,
            upstream: String::new(),
            cause: self.cause,
            content: OnceLock::new(),
            unknown: Unknown::new(),
        };
        let server = Server { timezone: crate::host::zone::local(), ..Server::default() };
        Record { clock: Utc::now(), server, request, response, unknown: Unknown::new() }
    }
}

fn read(path: &Path) -> anyhow::Result<Record> {
    let json = if path == Path::new("-") {
        let mut json = Vec::new();
        io::stdin().read_to_end(&mut json).map(|_| json).context("cannot read standard input")?
    } else {
        fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    Record::from_json(&json).with_context(|| format!("{} is not a recorded exchange", path.display()))
}

/// The keys without a meaning, with the objects they stand in.
fn unknown_keys(record: &Record) -> Vec<String> {
    let parts = [
        ("", &record.unknown),
        ("server.", &record.server.unknown),
        ("request.", &record.request.unknown),
        ("response.", &record.response.unknown),
    ];
    parts.into_iter().flat_map(|(part, keys)| keys.keys().map(move |key| format!("{part}{key}"))).collect()
}

fn line(line: FieldLine) -> (String, Vec<u8>) {
    (crate::exchange::title_case(&line.name), line.value.as_bytes().to_vec())
}
