//! The state of everything, as JSON.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::About;
use crate::{
    config::Diagnostics,
    host::{
        fault,
        reload::{Attempt, Outcome},
        telemetry::{Certificate, Listener, Observation},
    },
};

/// The state of everything.
#[derive(Serialize)]
pub(super) struct Status {
    version: &'static str,
    role: &'static str,
    started: DateTime<Utc>,
    uptime_seconds: u64,
    ready: bool,
    readiness: String,
    panics: u64,
    rules: Rules,
    listeners: Vec<Listener>,
    upstreams: Vec<Upstream>,
    certificates: Vec<Certificate>,
    connections: usize,
    requests: usize,
    limits: serde_json::Map<String, serde_json::Value>,
    limits_reached: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Rules {
    file: Option<String>,
    generation: u64,
    hash: Option<String>,
    loaded: Option<DateTime<Utc>>,
    rules: usize,
    messages: usize,
    reloads: Option<Reloads>,
}

#[derive(Serialize)]
struct Reloads {
    applied: u64,
    refused: u64,
    /// Whether the files are in force as they are now.
    current: bool,
    last: Attempted,
}

/// What came of a look at the files.
#[derive(Serialize)]
pub(super) struct Attempted {
    outcome: &'static str,
    at: DateTime<Utc>,
    took_ms: f64,
    hash: String,
    /// The version that is in force since.
    generation: u64,
    diagnostics: Diagnostics,
    /// The same for people.
    rendered: String,
}

#[derive(Serialize)]
struct Upstream {
    name: String,
    address: Option<String>,
    healthy: bool,
    since: DateTime<Utc>,
    active_requests: usize,
    failures: u64,
    ejections: u64,
}

/// The state of everything now.
pub(super) fn of(about: &About) -> Status {
    let host = about.observe();
    let (ready, limits, limits_reached) = (host.is_ready(), object(&host.limits), object(&host.reached));
    let Observation { role, readiness, listeners, upstreams, certificates, connections, requests, .. } = host;
    let upstreams = upstreams.into_iter().map(|upstream| Upstream {
        name: upstream.name,
        address: upstream.address.map(|address| address.to_string()),
        healthy: upstream.healthy,
        since: upstream.since,
        active_requests: upstream.in_flight,
        failures: upstream.failures,
        ejections: upstream.ejections,
    });
    Status {
        version: env!("CARGO_PKG_VERSION"),
        role,
        started: about.telemetry.started(),
        uptime_seconds: about.telemetry.uptime().as_secs(),
        ready,
        readiness: readiness.to_string(),
        panics: fault::count(),
        rules: Rules::of(about),
        listeners,
        upstreams: upstreams.collect(),
        certificates,
        connections,
        requests,
        limits,
        limits_reached,
    }
}

impl Rules {
    fn of(about: &About) -> Self {
        let snapshot = about.rules.live().snapshot();
        let status = about.rules.reloader().map(|reloader| reloader.status());
        let reloads = about.rules.reloader().map(|reloader| Reloads {
            applied: reloader.metrics().applied(),
            refused: reloader.metrics().refused(),
            current: reloader.metrics().healthy(),
            last: Attempted::of(&reloader.status().last),
        });
        Self {
            file: about.rules.path(),
            generation: snapshot.generation,
            hash: status.as_ref().and_then(|status| Some(status.fingerprint?.to_string())),
            loaded: status.map(|status| status.since),
            rules: snapshot.rules.iter().len(),
            messages: snapshot.rules.message_count(),
            reloads,
        }
    }
}

impl Attempted {
    pub(super) fn of(attempt: &Attempt) -> Self {
        Self {
            outcome: match attempt.outcome {
                Outcome::Applied => "applied",
                Outcome::Refused => "refused",
                Outcome::Missing => "missing",
                Outcome::Unchanged => "unchanged",
            },
            at: attempt.at,
            took_ms: attempt.took.as_secs_f64() * 1000.0,
            hash: attempt.fingerprint.to_string(),
            generation: attempt.version.generation,
            diagnostics: Diagnostics::clone(&attempt.diagnostics),
            rendered: attempt.diagnostics.to_string(),
        }
    }
}

fn object(entries: &[(&'static str, u64)]) -> serde_json::Map<String, serde_json::Value> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}
