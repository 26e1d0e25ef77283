//! What a processor tells of itself to those who ask.

use std::sync::Arc;

use super::{Endpoint, Options, counters::Counters, server::MAX_STREAMS};
use crate::host::{
    readiness::Readiness,
    telemetry::{Listener, Observation, Observe},
};

/// Tells how a [`Server`](super::Server) is. Its clients are Envoys, and their streams the requests.
#[derive(Clone, Debug)]
pub struct Observer {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) options: Arc<Options>,
    pub(super) counters: Arc<Counters>,
    pub(super) readiness: Arc<Readiness>,
}

impl Observe for Observer {
    fn observe(&self) -> Observation {
        let listener = |endpoint: &Endpoint| Listener { address: endpoint.to_string(), tls: false };
        let content = u64::try_from(self.options.content).unwrap_or(u64::MAX);
        Observation {
            role: "ext-proc",
            readiness: self.readiness.report(),
            // Envoy has them.
            has_upstream: true,
            listeners: self.endpoints.iter().map(listener).collect(),
            upstreams: Vec::new(),
            certificates: Vec::new(),
            connections: self.counters.connections(),
            accepted: self.counters.accepted(),
            requests: self.counters.streams(),
            reached: Vec::new(),
            proxy_protocol_refusals: 0,
            handshake_failures: 0,
            limits: vec![("h2_streams", MAX_STREAMS.into()), ("content_bytes", content)],
        }
    }
}
