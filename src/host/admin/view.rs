//! What the page shows: plain values, taken at one moment. Whoever serves the page fills it.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    config::Diagnostics,
    exchange::record::Server,
    explain::Identity,
    host::{live::Snapshot, pingora::UpstreamStatus, readiness::Report, reload, telemetry::Action},
};

/// The state of a proxy at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// That moment.
    pub now: DateTime<Utc>,
    /// When the process began.
    pub started: DateTime<Utc>,
    /// The version of the program.
    pub version: &'static str,
    /// The proxy's own end; its zone is the one in which times are shown.
    pub server: Server,
    /// The names of header fields that mean something to the proxy.
    pub identity: Identity,
    /// Whether new connections are welcome.
    pub readiness: Report,
    /// Whether there is an upstream that may be asked, or none is needed.
    pub has_upstream: bool,
    /// The rules in force.
    pub snapshot: Arc<Snapshot>,
    /// What came of loading them.
    pub reload: Reload,
    /// What each rule did, by its id. One that is missing here did nothing yet.
    pub tallies: HashMap<Arc<str>, Tally>,
    /// The last decisions, the newest first; 200 at most are shown.
    pub recent: Vec<Decided>,
    /// How many, since the start, were too many to be listed.
    pub missed: u64,
    /// What was answered of late.
    pub history: History,
    /// The upstreams and their addresses; none for an error backend.
    pub upstreams: Vec<UpstreamStatus>,
}

/// What came of loading the rules.
#[derive(Clone, Debug)]
pub struct Reload {
    /// The rules file, if there is one.
    pub file: Option<String>,
    /// What came of the content that the files were last seen to hold.
    pub outcome: reload::Outcome,
    /// When that was.
    pub at: DateTime<Utc>,
    /// Since when the version in force is.
    pub since: DateTime<Utc>,
    /// What its files hold, hashed; `None` while there never was a rules file.
    pub fingerprint: Option<reload::Fingerprint>,
    /// The mistakes of a refused content, the warnings of an applied one.
    pub diagnostics: Arc<Diagnostics>,
    /// How many reloads put new rules in force since the start.
    pub applied: u64,
    /// How many were refused.
    pub refused: u64,
}

/// What a rule did since the start, whatever version of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Responses that it applied to.
    pub matched: u64,
    /// Those whose content a message took the place of, or that a meta object steered.
    pub replaced: u64,
    /// Those whose content passed, by [`Decision::reason`](crate::Decision::reason).
    pub kept: Vec<(&'static str, u64)>,
}

/// One decision. It holds nothing that may be a secret: no query, no header field.
#[derive(Clone, Debug)]
pub struct Decided {
    /// When the response went out.
    pub at: DateTime<Utc>,
    /// The method of the request.
    pub method: String,
    /// Its path, without the query; perhaps cut.
    pub path: String,
    /// The status of the upstream, if there was a response.
    pub upstream_status: Option<u16>,
    /// The status that was sent; `None` where the client got no response.
    pub status: Option<u16>,
    /// What was done.
    pub action: Action,
    /// Why: [`Decision::reason`](crate::Decision::reason).
    pub reason: &'static str,
    /// The id of the rule that matched.
    pub rule: Option<Arc<str>>,
    /// The position of the message that was written.
    pub message: Option<usize>,
    /// The Content-Type of the message that was written.
    pub content_type: Option<String>,
    /// Why the proxy made the response itself, if it did.
    pub cause: Option<&'static str>,
    /// The id of the request.
    pub request_id: String,
}

/// What was answered, in spans of equal length, the oldest first. The last one is not over.
#[derive(Clone, Debug)]
pub struct History {
    /// The length of a span.
    pub span: TimeDelta,
    /// The spans, those without a response included.
    pub slots: Vec<Slot>,
}

/// The responses of one span; each counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Those that a message was written in, or that a meta object steered.
    pub replaced: u64,
    /// Those of 4xx that passed with the content that they had.
    pub client_errors: u64,
    /// Those of 5xx that did.
    pub server_errors: u64,
    /// All others.
    pub others: u64,
}
