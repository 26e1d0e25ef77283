//! Where requests go: the upstreams, their addresses, their health, and who gets a request.
//!
//! Of Pingora's load balancing, the health checks and the ring of consistent hashing are used; its
//! `LoadBalancer` is not. It knows no least load. Its turns come in runs where weights differ, and
//! a turn that is not taken moves on the turns of all others. Its ring leaves out Unix sockets. It
//! has no notion of a backend that failed requests, and no word for why there is none; and it
//! discovers backends all at once, where each name here is resolved in its own time, and keeps
//! its last good addresses.

mod address;
mod endpoint;
mod health;
mod member;
mod peer;
mod plan;
mod settings;
mod status;
#[cfg(test)]
mod tests;
pub(super) mod tls;
mod url;

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use arc_swap::{ArcSwap, Guard};
use chrono::{DateTime, Utc};
use pingora::{BError, upstreams::peer::HttpPeer};
use tokio::sync::Notify;

use self::{
    endpoint::{Endpoint, Failure},
    member::Member,
    plan::Plan,
};
use super::options::Options;

pub(super) use self::endpoint::Lease;
pub use self::{
    address::{Address, Scheme},
    settings::{Balancing, Ejection, HashOn, HealthCheck, Probe, Strategy},
    status::UpstreamStatus,
    url::{Upstream, UpstreamError},
};

/// All upstreams of a proxy.
pub struct Upstreams {
    balancing: Balancing,
    /// Where health checks find the roots of certificates.
    roots: Option<String>,
    members: Vec<Arc<Member>>,
    plan: ArcSwap<Plan>,
    planning: Mutex<()>,
    /// Tells the health checks that there is another plan.
    replanned: Notify,
    turn: AtomicUsize,
    epoch: Instant,
    began: DateTime<Utc>,
}

/// Why there is nobody to send a request to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nobody {
    /// There are no upstreams.
    NoUpstream,
    /// No name has an address.
    NoAddress,
    /// The health checks find none well.
    Unhealthy,
}

impl Upstreams {
    /// The upstreams of a proxy with these options.
    pub fn new(options: &Options) -> Self {
        let member = |upstream: &Upstream| Arc::new(Member::new(upstream.clone(), options));
        let upstreams = Self {
            balancing: options.balancing.clone(),
            roots: tls::roots(options),
            members: options.upstreams.iter().map(member).collect(),
            plan: ArcSwap::default(),
            planning: Mutex::new(()),
            replanned: Notify::new(),
            turn: AtomicUsize::new(0),
            epoch: Instant::now(),
            began: Utc::now(),
        };
        upstreams.make_plan();
        upstreams
    }

    /// What is known of each upstream just now: an entry for each of its addresses, or one without
    /// an address.
    pub fn status(&self) -> Vec<UpstreamStatus> {
        status::of(self)
    }

    /// Starts the resolution of names and the health checks. The returned futures end when their
    /// name was looked up for the first time, whatever came of it.
    pub(super) fn watch(self: &Arc<Self>) -> Vec<impl Future<Output = ()> + use<>> {
        if let Some(settings) = self.balancing.health_check.clone() {
            tokio::spawn(health::watch(Arc::clone(self), settings, self.roots.clone()));
        }
        member::resolve(self, self.balancing.resolve_every)
    }

    /// Who gets a request.
    pub(super) fn strategy(&self) -> &Strategy {
        &self.balancing.strategy
    }

    /// Takes a turn. Requests that try again keep theirs.
    pub(super) fn turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// Chooses an address other than those already tried. Those that were ejected come last, those
    /// that a health check found unwell never.
    pub(super) fn pick(&self, turn: usize, key: Option<&[u8]>, tried: &[Address]) -> Result<Lease, Nobody> {
        let (plan, now) = (self.plan.load(), self.now());
        let choose = |allowed: &dyn Fn(&Endpoint) -> bool| {
            let untried = |endpoint: &Endpoint| !tried.contains(endpoint.address());
            plan.choose(self.strategy(), turn, key, |endpoint| allowed(endpoint) && untried(endpoint))
        };
        let chosen =
            choose(&|endpoint| endpoint.is_well(now)).or_else(|| choose(&|endpoint| endpoint.is_up()));
        chosen.map(|endpoint| endpoint.lease(now)).ok_or_else(|| self.nobody(&plan))
    }

    /// Whether another address may be tried.
    pub(super) fn is_another_left(&self, tried: &[Address]) -> bool {
        let open = |endpoint: &Arc<Endpoint>| endpoint.is_up() && !tried.contains(endpoint.address());
        tried.len() < self.balancing.tries && self.plan.load().endpoints().iter().any(open)
    }

    /// Whether an address may be asked, as far as health checks tell.
    pub fn is_any_up(&self) -> bool {
        self.plan.load().endpoints().iter().any(|endpoint| endpoint.is_up())
    }

    /// Whether there is an address to ask, and where there are health checks, one that has passed.
    pub(super) fn is_any_usable(&self) -> bool {
        let is_usable = |endpoint: &Arc<Endpoint>| match self.balancing.health_check {
            Some(_) => endpoint.is_known_up(),
            None => true,
        };
        self.plan.load().endpoints().iter().any(is_usable)
    }

    /// Notes that an address took no connection; the name that it came from is resolved again.
    pub(super) fn took_no_connection(&self, lease: &Lease) {
        self.failed(lease, Failure::Connect);
        if let Some(member) = self.members.get(lease.endpoint().member()) {
            member.hurry();
        }
    }

    /// Notes that a connection broke, or was silent for too long.
    pub(super) fn broke(&self, lease: &Lease) {
        self.failed(lease, Failure::Later);
    }

    /// Notes that there is a response.
    pub(super) fn answered(&self, lease: &Lease) {
        lease.answered(self.now());
    }

    /// Resolves names as soon as may be: a request found no address to go to.
    pub(super) fn hurry(&self) {
        self.members.iter().for_each(|member| member.hurry());
    }

    fn failed(&self, lease: &Lease, failure: Failure) {
        let endpoint = lease.endpoint();
        if let Some(time) = endpoint.failed(failure, &self.balancing.ejection, self.now()) {
            let address = endpoint.address();
            tracing::warn!(target: "retort::proxy", upstream = self.name(endpoint), %address, ?time, "ejected");
        }
    }

    fn nobody(&self, plan: &Plan) -> Nobody {
        match (self.members.is_empty(), plan.endpoints().is_empty()) {
            (true, _) => Nobody::NoUpstream,
            (false, true) => Nobody::NoAddress,
            (false, false) => Nobody::Unhealthy,
        }
    }

    fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    fn peers(&self) -> impl Iterator<Item = (&Upstream, HttpPeer)> {
        self.members.iter().map(|member| (member.upstream(), member.peer()))
    }

    fn name(&self, endpoint: &Endpoint) -> String {
        self.members.get(endpoint.member()).map_or_else(String::new, |member| member.upstream().to_string())
    }

    fn plan(&self) -> Guard<Arc<Plan>> {
        self.plan.load()
    }

    async fn replanned(&self) {
        self.replanned.notified().await;
    }

    /// Takes the outcome of a health check.
    fn checked(&self, endpoint: &Endpoint, error: Option<BError>, settings: &HealthCheck) {
        let changed = endpoint.checked(error.is_none(), settings, self.now());
        let (upstream, address) = (self.name(endpoint), endpoint.address());
        match (changed, error) {
            (Some(false), Some(error)) => {
                tracing::warn!(target: "retort::proxy", upstream, %address, %error, "unhealthy");
            }
            (Some(_), _) => tracing::info!(target: "retort::proxy", upstream, %address, "healthy"),
            (None, Some(error)) => {
                tracing::debug!(target: "retort::proxy", upstream, %address, %error, "a health check failed");
            }
            (None, None) => {}
        }
    }

    /// Takes the outcome of a resolution.
    fn found(&self, member: usize, found: io::Result<Vec<Address>>) {
        if self.members.get(member).is_some_and(|member| member.found(found)) {
            self.make_plan();
        }
    }

    /// Plans with the addresses that there are now. What is known of an address is kept.
    fn make_plan(&self) {
        let _one_at_a_time = self.planning.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, now) = (self.plan.load(), self.now());
        let mut endpoints = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            for address in member.addresses() {
                let is_same = |old: &&Arc<Endpoint>| *old.address() == address && old.member() == index;
                let same = known.endpoints().iter().find(is_same).map(Arc::clone);
                match same.map_or_else(|| member.endpoint(address, index, now).map(Arc::new), Ok) {
                    Ok(endpoint) => endpoints.push(endpoint),
                    Err(error) => tracing::error!(upstream = %member.upstream(), %error, "no such address"),
                }
            }
        }
        self.plan.store(Arc::new(Plan::new(endpoints, &self.balancing.strategy)));
        self.replanned.notify_one();
    }

    fn now(&self) -> u64 {
        endpoint::millis(self.epoch.elapsed())
    }
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams")
            .field("balancing", &self.balancing)
            .field("members", &self.members)
            .finish()
    }
}
