//! What limits did, to be read by whoever shows it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::host::pingora::in_flight::{self, InFlight};

/// A limit that a client or all of them can reach, or a beginning that fails, and what happens
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The head of a request took too long: 408 where some of it had come, then the end.
    Head,
    /// Nothing came on a kept connection: the end.
    Idle,
    /// The content of a request came too slowly: 408, then the end.
    Body,
    /// A response was taken too slowly: the end.
    Send,
    /// Requests on one connection: the end after the last.
    ConnectionRequests,
    /// Requests at once: 503.
    Requests,
    /// Connections at once: 503, then the end.
    Connections,
    /// Connections at once that are told so: the end.
    Refusals,
    /// A connection did not begin with the PROXY protocol as it has to: the end.
    ProxyHeader,
    /// A TLS handshake failed: the end.
    Handshake,
}

/// How many connections are open, and how often each limit was reached.
#[derive(Debug, Default)]
pub struct Counters {
    in_flight: Arc<InFlight>,
    reached: [AtomicU64; Bound::ALL.len()],
}

impl Bound {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Bound::Head,
        Bound::Idle,
        Bound::Body,
        Bound::Send,
        Bound::ConnectionRequests,
        Bound::Requests,
        Bound::Connections,
        Bound::Refusals,
        Bound::ProxyHeader,
        Bound::Handshake,
    ];

    /// The name, as metrics and logs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Bound::Head => "head",
            Bound::Idle => "idle",
            Bound::Body => "body",
            Bound::Send => "send",
            Bound::ConnectionRequests => "connection-requests",
            Bound::Requests => "requests",
            Bound::Connections => "connections",
            Bound::Refusals => "refusals",
            Bound::ProxyHeader => "proxy-header",
            Bound::Handshake => "handshake",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Counters {
    /// The connections of clients that are open.
    pub fn open(&self) -> usize {
        self.in_flight.connections()
    }

    /// The connections of clients that there have been.
    pub fn accepted(&self) -> u64 {
        self.in_flight.connections_so_far()
    }

    /// The requests that are being served.
    pub fn requests(&self) -> usize {
        self.in_flight.requests()
    }

    /// The requests and the connections that are being served.
    pub(in crate::host::pingora) fn in_flight(&self) -> Arc<InFlight> {
        Arc::clone(&self.in_flight)
    }

    /// Counts a connection until the guard is dropped; tells how many others there are.
    pub(super) fn connect(&self) -> (in_flight::Guard, usize) {
        InFlight::connect(&self.in_flight)
    }

    /// How often a limit was reached.
    pub fn reached(&self, bound: Bound) -> u64 {
        self.cell(bound).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts, and says so to who looks closely.
    pub(super) fn count(&self, bound: Bound) {
        tracing::debug!(target: "retort::proxy", %bound, "a limit was reached");
        self.add(bound);
    }

    /// Counts; returns the number.
    pub(in crate::host::pingora) fn add(&self, bound: Bound) -> u64 {
        self.cell(bound).map_or(0, |count| count.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn cell(&self, bound: Bound) -> Option<&AtomicU64> {
        self.reached.get(bound as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_count() {
        let counters = Counters::default();
        for (index, bound) in Bound::ALL.into_iter().enumerate() {
            (0..=index).for_each(|_| counters.count(bound));
        }
        let counts = Bound::ALL.map(|bound| counters.reached(bound));
        assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
}
