//! What others may know of the upstreams.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Upstreams, address::Address};

/// What is known of an address of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamStatus {
    /// The upstream as it was named.
    pub name: String,
    /// The address; `None` for a name that has none yet.
    pub address: Option<Address>,
    /// Whether it is to get requests: the health check finds it well, and it is not ejected.
    pub healthy: bool,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Requests that it is busy with.
    pub in_flight: usize,
    /// Requests that failed since the proxy began.
    pub failures: u64,
    /// How often it was ejected since then.
    pub ejections: u64,
}

pub(super) fn of(upstreams: &Upstreams) -> Vec<UpstreamStatus> {
    let (plan, now) = (upstreams.plan(), upstreams.now());
    let at = |millis: u64| {
        let offset = i64::try_from(millis).ok().and_then(TimeDelta::try_milliseconds);
        offset.and_then(|offset| upstreams.began.checked_add_signed(offset)).unwrap_or(upstreams.began)
    };
    let mut all = Vec::new();
    for (index, member) in upstreams.members().iter().enumerate() {
        let name = member.upstream().to_string();
        let before = all.len();
        let endpoints = plan.endpoints().iter().filter(|endpoint| endpoint.member() == index);
        all.extend(endpoints.map(|endpoint| UpstreamStatus {
            name: name.clone(),
            address: Some(endpoint.address().clone()),
            healthy: endpoint.is_well(now),
            since: at(endpoint.since(now)),
            in_flight: endpoint.in_flight(),
            failures: endpoint.failures(),
            ejections: endpoint.ejections(),
        }));
        if all.len() == before {
            let since = upstreams.began;
            all.push(UpstreamStatus {
                name,
                address: None,
                healthy: false,
                since,
                in_flight: 0,
                failures: 0,
                ejections: 0,
            });
        }
    }
    all
}
