//! What a host tells of itself when it is asked.

use chrono::{DateTime, Utc};

use crate::host::{
    pingora::UpstreamStatus,
    readiness::{Report, State},
};

/// A host that can be asked.
pub trait Observe: Send + Sync {
    /// How it is just now.
    fn observe(&self) -> Observation;
}

/// A host at one moment.
#[derive(Clone, Debug)]
pub struct Observation {
    /// What it does, in a stable word: `proxy`, `error-backend` or `ext-proc`.
    pub role: &'static str,
    /// Whether new connections are welcome.
    pub readiness: Report,
    /// Whether there is an upstream that may be asked, or none is needed.
    pub has_upstream: bool,
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// The addresses of its upstreams.
    pub upstreams: Vec<UpstreamStatus>,
    /// The certificates that it shows.
    pub certificates: Vec<Certificate>,
    /// Connections of clients that are open.
    pub connections: usize,
    /// Those that were accepted since the start.
    pub accepted: u64,
    /// Requests that are being served.
    pub requests: usize,
    /// How often each limit was reached, by its name.
    pub reached: Vec<(&'static str, u64)>,
    /// Connections that did not begin with the PROXY protocol as they had to.
    pub proxy_protocol_refusals: u64,
    /// TLS handshakes of clients that failed.
    pub handshake_failures: u64,
    /// The limits that are set, by name and unit.
    pub limits: Vec<(&'static str, u64)>,
}

impl Observation {
    /// Whether it is ready for requests.
    pub fn is_ready(&self) -> bool {
        self.readiness.state() == State::Ready && self.has_upstream
    }
}

/// Where a host listens.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Listener {
    /// The address.
    pub address: String,
    /// Whether it speaks TLS there.
    pub tls: bool,
}

/// A certificate that is shown to clients.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Certificate {
    /// Its file.
    pub file: String,
    /// The hosts that it is for.
    pub names: Vec<String>,
    /// When it expires.
    pub until: DateTime<Utc>,
}
