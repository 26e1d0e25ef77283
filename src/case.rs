//! Cases: a file of rules, exchanges, and what must come of them.
//!
//! ```toml
//! description = "Empty errors get a message."
//! # Either the rules themselves, and the message files that they name:
//! rules = '''
//! <response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
//!   <status-code id="empty" code-regex="5\d\d"><message href="texts/error.txt"/></status-code>
//! </response-messaging>'''
//! files = { "texts/error.txt" = "error %s" }
//! # Or where they are, from the folder of this file:
//! # rules-file = "../response-messaging.cfg.xml"
//!
//! [[exchange]]
//! name = "an empty 503"
//! # As `retort explain --exchange` reads it.
//! record = { request = { uri = "/x" }, response = { status = 503 } }
//! # What is left out is not looked at.
//! expect = { decision = "replace", rule = "empty", body = "error 503" }
//! ```
//!
//! For runs over sockets, an exchange may also say how its [`Stage`] is set: `framing`, `upstream`
//! and `live`. The decision does not depend on them.
//!
//! The outcome is the same each time: an exchange that says nothing of the clock or of the
//! generated id has those of [`CLOCK`] and [`GENERATED_ID`].

use std::{fs, path::Path, sync::Arc};

use serde::Deserialize;

mod answer;
mod expect;
mod read;
mod ruleset;

pub use self::{
    answer::{Answer, Decided},
    expect::{Expect, Lines, Mismatch},
    ruleset::Ruleset,
};
use crate::{
    config::{Diagnostic, Diagnostics, Severity, Source},
    exchange::record::Record,
};

/// The time at which an exchange happens that does not say when.
pub const CLOCK: &str = "2026-01-01T00:00:00Z";

/// The id that is generated for a request where the exchange does not say which.
pub const GENERATED_ID: &str = "00000000-0000-4000-8000-000000000000";

/// One file.
#[derive(Debug)]
pub struct Case {
    /// What the case is about.
    pub description: Option<String>,
    /// The rules.
    pub rules: Ruleset,
    /// The exchanges, in order.
    pub trials: Vec<Trial>,
    /// The file.
    pub source: Arc<Source>,
}

/// One exchange, and what must come of it.
#[derive(Debug)]
pub struct Trial {
    /// Its name; where it has none, its place: `exchange 1`.
    pub name: String,
    /// The line of the file in which it starts.
    pub line: usize,
    /// The exchange.
    pub record: Record,
    /// The same as JSON.
    pub json: serde_json::Value,
    /// How it is arranged over sockets.
    pub stage: Stage,
    /// What must come of it.
    pub expect: Expect,
}

/// How an exchange is arranged where it is not only decided, but takes place.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// `false` where the record holds what cannot be arranged, such as a clock.
    pub live: bool,
    /// How the upstream tells the end of its content.
    pub framing: Framing,
    /// Whether it answers at all.
    pub upstream: Upstream,
}

/// How an upstream tells the end of its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// By a Content-Length, unless the record has one.
    #[default]
    Length,
    /// In chunks.
    Chunked,
    /// By closing the connection.
    Close,
    /// Not at all: the status says that there is none.
    None,
}

/// What an upstream does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upstream {
    /// It answers with the recorded response.
    #[default]
    Answers,
    /// It takes no connection; the record has the cause `connect-refused`.
    Refused,
    /// It closes the connection without an answer; the record has the cause `reset`.
    Cut,
    /// It never answers; the record has the cause `read-timeout`.
    Silent,
}

impl Case {
    /// Reads a file, or tells all that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Diagnostics> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(text, path),
            Err(error) => {
                let source = Arc::new(Source::new(path, String::new()));
                Err(mistake(&source, "unreadable-file", format!("cannot read the case: {error}"), None))
            }
        }
    }

    /// Reads the text of a file. `path` names it in diagnostics, and a `rules-file` is looked for
    /// beside it.
    pub fn parse(text: impl Into<String>, path: &Path) -> Result<Self, Diagnostics> {
        read::case(&Arc::new(Source::new(path, text)))
    }
}

/// A mistake of the file as a whole.
fn mistake(source: &Arc<Source>, code: &'static str, message: String, help: Option<&str>) -> Diagnostics {
    let (source, help) = (Arc::clone(source), help.map(str::to_owned));
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic { severity: Severity::Error, code, message, source, span: None, help });
    diagnostics
}
