//! What a server tells of itself to those who ask.

use std::{net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;

use super::{
    guard::{Bound, Counters},
    options::Limits,
    upstream::Upstreams,
};
use crate::host::{
    readiness::Readiness,
    telemetry::{Certificate, Listener, Observation, Observe},
};

/// Tells how a [`Server`](super::Server) is.
#[derive(Clone, Debug)]
pub struct Observer {
    pub(super) role: &'static str,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) tls_addresses: Vec<SocketAddr>,
    /// Where it has any.
    pub(super) upstreams: Option<Arc<Upstreams>>,
    pub(super) counters: Arc<Counters>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) certificates: Option<Arc<ArcSwap<Vec<Certificate>>>>,
    pub(super) limits: Limits,
}

impl Observer {
    fn listeners(&self) -> Vec<Listener> {
        let listeners = |addresses: &[SocketAddr], tls: bool| {
            let listener = |address: &SocketAddr| Listener { address: address.to_string(), tls };
            addresses.iter().map(listener).collect::<Vec<_>>()
        };
        [listeners(&self.addresses, false), listeners(&self.tls_addresses, true)].concat()
    }

    fn limits(&self) -> Vec<(&'static str, u64)> {
        let Limits { drain, content, client_rate, connections, requests, .. } = self.limits;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        vec![
            ("connections", count(connections)),
            ("requests", count(requests)),
            ("requests_per_connection", self.limits.requests_per_connection.into()),
            ("h2_streams", self.limits.h2_streams.into()),
            ("client_rate_bytes_per_second", client_rate),
            ("content_bytes", count(content)),
            ("drain_bytes", drain),
            ("upstream_pool", count(self.limits.pool_size)),
        ]
    }
}

impl Observe for Observer {
    fn observe(&self) -> Observation {
        let told_apart = |bound: &Bound| !matches!(bound, Bound::ProxyHeader | Bound::Handshake);
        let reached = Bound::ALL.into_iter().filter(told_apart);
        Observation {
            role: self.role,
            readiness: self.readiness.report(),
            has_upstream: self.upstreams.as_ref().is_none_or(|upstreams| upstreams.is_any_up()),
            listeners: self.listeners(),
            upstreams: self.upstreams.as_ref().map_or_else(Vec::new, |upstreams| upstreams.status()),
            certificates: self.certificates.as_ref().map_or_else(Vec::new, |known| known.load().to_vec()),
            connections: self.counters.open(),
            accepted: self.counters.accepted(),
            requests: self.counters.requests(),
            reached: reached.map(|bound| (bound.as_str(), self.counters.reached(bound))).collect(),
            proxy_protocol_refusals: self.counters.reached(Bound::ProxyHeader),
            handshake_failures: self.counters.reached(Bound::Handshake),
            limits: self.limits(),
        }
    }
}
