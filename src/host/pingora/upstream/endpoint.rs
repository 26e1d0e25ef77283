//! An address that requests can be sent to, and what is known of it.
//!
//! What a request reads is atomic; what changes a state is done under a lock, so that of many
//! requests that fail at once one ejects. Times are milliseconds since the proxy began, and are
//! given by the caller.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use pingora::upstreams::peer::HttpPeer;

use super::{
    address::Address,
    settings::{Ejection, HealthCheck},
};

/// An address that requests can be sent to.
#[derive(Debug)]
pub(in crate::host::pingora) struct Endpoint {
    address: Address,
    /// The index of the upstream that it belongs to.
    member: usize,
    weight: u32,
    peer: HttpPeer,
    in_flight: AtomicUsize,
    /// Since the beginning.
    failures: AtomicU64,
    ejections: AtomicU64,
    failures_in_a_row: AtomicU32,
    /// What the health check says.
    is_up: AtomicBool,
    ejected_until: AtomicU64,
    history: Mutex<History>,
}

/// One request's use of an endpoint; it counts as in flight until this is dropped.
#[derive(Debug)]
pub(in crate::host::pingora) struct Lease {
    endpoint: Arc<Endpoint>,
    begun: u64,
}

/// How a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There was no connection.
    Connect,
    /// There was one.
    Later,
}

#[derive(Debug, Default)]
struct History {
    was_checked: bool,
    /// Checks in a row that contradict what is held.
    contradictions: u32,
    /// The length of the last ejection.
    ejected_for: u64,
    /// Since when it is, or is not, to get requests; the end of an ejection left out.
    since: u64,
}

impl Endpoint {
    /// One that is taken to be well.
    pub(super) fn new(address: Address, member: usize, weight: u32, peer: HttpPeer, now: u64) -> Self {
        Self {
            address,
            member,
            weight,
            peer,
            in_flight: AtomicUsize::new(0),
            failures: AtomicU64::new(0),
            ejections: AtomicU64::new(0),
            failures_in_a_row: AtomicU32::new(0),
            is_up: AtomicBool::new(true),
            ejected_until: AtomicU64::new(0),
            history: Mutex::new(History { since: now, ..History::default() }),
        }
    }

    pub(in crate::host::pingora) fn address(&self) -> &Address {
        &self.address
    }

    /// How to connect to it.
    pub(in crate::host::pingora) fn peer(&self) -> HttpPeer {
        self.peer.clone()
    }

    pub(super) fn member(&self) -> usize {
        self.member
    }

    pub(super) fn weight(&self) -> u32 {
        self.weight
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    pub(super) fn ejections(&self) -> u64 {
        self.ejections.load(Relaxed)
    }

    /// Whether the health check finds it well, or there is none.
    pub(super) fn is_up(&self) -> bool {
        self.is_up.load(Relaxed)
    }

    /// Whether a health check has found it well.
    pub(super) fn is_known_up(&self) -> bool {
        self.history().was_checked && self.is_up()
    }

    /// Whether it is to get requests.
    pub(super) fn is_well(&self, now: u64) -> bool {
        self.is_up() && !self.is_ejected(now)
    }

    /// Since when it is, or is not, to get requests.
    pub(super) fn since(&self, now: u64) -> u64 {
        let history = self.history();
        let until = self.ejected_until.load(Relaxed);
        if self.is_well(now) { history.since.max(until) } else { history.since }
    }

    pub(super) fn lease(self: &Arc<Self>, now: u64) -> Lease {
        self.in_flight.fetch_add(1, Relaxed);
        Lease { endpoint: Arc::clone(self), begun: now }
    }

    /// Notes that a request failed. Returns for how long it is ejected if it is that now.
    pub(super) fn failed(&self, failure: Failure, rules: &Ejection, now: u64) -> Option<Duration> {
        self.failures.fetch_add(1, Relaxed);
        let in_a_row = self.failures_in_a_row.fetch_add(1, Relaxed).saturating_add(1);
        if rules.after == 0 || (failure == Failure::Later && in_a_row < rules.after) {
            return None;
        }
        let mut history = self.history();
        if self.is_ejected(now) {
            return None;
        }
        // Out again before it has been in for as long as it was out: it came back too early.
        let last_end = self.ejected_until.load(Relaxed);
        let relapsed = now < last_end.saturating_add(history.ejected_for);
        let length = match relapsed {
            true => history.ejected_for.saturating_mul(2),
            false => millis(rules.time),
        };
        history.ejected_for = length.min(millis(rules.max));
        if self.is_up() {
            history.since = now;
        }
        self.ejections.fetch_add(1, Relaxed);
        self.failures_in_a_row.store(0, Relaxed);
        self.ejected_until.store(now.saturating_add(history.ejected_for), Relaxed);
        Some(Duration::from_millis(history.ejected_for))
    }

    /// Notes the result of a health check. Returns what is held of it from now on, if that is not
    /// what was held before.
    pub(super) fn checked(&self, passed: bool, rules: &HealthCheck, now: u64) -> Option<bool> {
        let mut history = self.history();
        let first = !std::mem::replace(&mut history.was_checked, true);
        if passed == self.is_up() {
            history.contradictions = 0;
            return None;
        }
        history.contradictions += 1;
        let enough = if passed { rules.up } else { rules.down };
        if !first && history.contradictions < enough {
            return None;
        }
        history.contradictions = 0;
        if passed || !self.is_ejected(now) {
            history.since = now;
        }
        self.is_up.store(passed, Relaxed);
        if passed {
            self.ejected_until.fetch_min(now, Relaxed);
        }
        Some(passed)
    }

    fn is_ejected(&self, now: u64) -> bool {
        self.ejected_until.load(Relaxed) > now
    }

    /// Notes that a request which began then got a response.
    fn answered(&self, begun: u64, now: u64) {
        if self.failures_in_a_row.load(Relaxed) != 0 {
            self.failures_in_a_row.store(0, Relaxed);
        }
        if !self.is_ejected(now) {
            return;
        }
        // It was asked although it was ejected, since there was no other, and is well again. An
        // answer to what was asked before tells nothing.
        let mut history = self.history();
        if begun >= history.since {
            history.since = now;
            self.ejected_until.store(now, Relaxed);
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    pub(in crate::host::pingora) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    pub(super) fn answered(&self, now: u64) {
        self.endpoint.answered(self.begun, now);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Relaxed);
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{super::settings::Probe, *};

    const RULES: Ejection =
        Ejection { after: 3, time: Duration::from_millis(100), max: Duration::from_millis(350) };

    fn endpoint() -> Arc<Endpoint> {
        let address = "10.0.0.1:80".parse().unwrap();
        let peer = HttpPeer::new(address, false, String::new());
        Arc::new(Endpoint::new(Address::Tcp(address), 0, 1, peer, 0))
    }

    fn ejected_for(endpoint: &Endpoint, failure: Failure, now: u64) -> Option<u128> {
        endpoint.failed(failure, &RULES, now).map(|time| time.as_millis())
    }

    #[test]
    fn failures_in_a_row_eject() {
        let endpoint = endpoint();
        assert_eq!(ejected_for(&endpoint, Failure::Later, 1), None);
        assert_eq!(ejected_for(&endpoint, Failure::Later, 2), None);
        endpoint.lease(2).answered(3);
        assert_eq!(ejected_for(&endpoint, Failure::Later, 4), None);
        assert_eq!(ejected_for(&endpoint, Failure::Later, 5), None);
        assert!(endpoint.is_well(5));
        assert_eq!(ejected_for(&endpoint, Failure::Later, 6), Some(100));
        assert!(!endpoint.is_well(6) && !endpoint.is_well(105) && endpoint.is_well(106));
        assert_eq!((endpoint.since(50), endpoint.since(200)), (6, 106));
        assert_eq!(endpoint.failures(), 5);
    }

    #[test]
    fn a_connection_that_is_not_made_is_enough_and_relapses_take_longer() {
        let endpoint = endpoint();
        assert_eq!(ejected_for(&endpoint, Failure::Connect, 0), Some(100));
        assert_eq!(ejected_for(&endpoint, Failure::Connect, 50), None, "it is out already");
        assert_eq!(ejected_for(&endpoint, Failure::Connect, 199), Some(200), "until 399");
        assert_eq!(ejected_for(&endpoint, Failure::Connect, 400), Some(350), "the most");
        assert_eq!(ejected_for(&endpoint, Failure::Connect, 751), Some(350));
        assert_eq!(ejected_for(&endpoint, Failure::Connect, 2000), Some(100), "it was well for long");
        assert_eq!(endpoint.ejections(), 5);
    }

    #[test]
    fn ejection_can_be_off() {
        let (endpoint, never) = (endpoint(), Ejection { after: 0, ..RULES });
        assert!((0..9).all(|now| endpoint.failed(Failure::Connect, &never, now).is_none()));
        assert!(endpoint.is_well(9));
    }

    #[test]
    fn an_answer_ends_an_ejection_if_it_was_asked_for_after_it() {
        let endpoint = endpoint();
        let before = endpoint.lease(1);
        endpoint.failed(Failure::Connect, &RULES, 2);
        before.answered(3);
        assert!(!endpoint.is_well(3));
        endpoint.lease(4).answered(5);
        assert!(endpoint.is_well(5));
        assert_eq!(endpoint.since(6), 5);
    }

    #[test]
    fn requests_in_flight_are_counted() {
        let endpoint = endpoint();
        let leases = [endpoint.lease(0), endpoint.lease(0)];
        assert_eq!(endpoint.in_flight(), 2);
        drop(leases);
        assert_eq!(endpoint.in_flight(), 0);
    }

    #[test]
    fn the_first_check_decides_and_later_ones_in_a_row() {
        let endpoint = endpoint();
        let rules = HealthCheck { down: 3, up: 2, ..HealthCheck::new(Probe::Tcp) };
        let checks = [
            (false, Some(false)),
            (true, None),
            (false, None),
            (true, None),
            (true, Some(true)),
            (false, None),
            (false, None),
            (true, None),
            (false, None),
            (false, None),
            (false, Some(false)),
            (false, None),
        ];
        for (now, (passed, said)) in (1..).zip(checks) {
            assert_eq!(endpoint.checked(passed, &rules, now), said, "check {now}");
        }
        assert!(!endpoint.is_up());
        assert_eq!(endpoint.since(20), 11);
    }

    #[test]
    fn a_recovery_that_a_check_finds_ends_an_ejection() {
        let endpoint = endpoint();
        let rules = HealthCheck { down: 1, up: 1, ..HealthCheck::new(Probe::Tcp) };
        endpoint.failed(Failure::Connect, &RULES, 1);
        assert_eq!(endpoint.checked(true, &rules, 2), None);
        assert!(!endpoint.is_well(2), "a check that passes while requests fail tells little");
        assert_eq!(endpoint.checked(false, &rules, 3), Some(false));
        assert_eq!(endpoint.since(4), 1);
        assert_eq!(endpoint.checked(true, &rules, 5), Some(true));
        assert!(endpoint.is_well(5));
        assert_eq!(endpoint.since(6), 5);
    }
}
