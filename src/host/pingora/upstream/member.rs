//! The upstreams as they were named, and the resolution of their names.
//!
//! Names are resolved by background tasks, never on the path of a request. What was found last is
//! kept while a name does not resolve; a name that never did leaves the proxy answering 502 until
//! it does.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pingora::upstreams::peer::HttpPeer;
use tokio::sync::Notify;

use super::{Upstreams, address::Address, endpoint::Endpoint, peer, url::Upstream};
use crate::host::{fault, pingora::options::Options};

/// The least time between two resolutions of a name, however many connections fail.
const RESOLVE_GAP: Duration = Duration::from_secs(1);

/// An upstream as it was named.
#[derive(Debug)]
pub(super) struct Member {
    upstream: Upstream,
    peer: HttpPeer,
    /// In order, for the order in which addresses are found is often no order.
    last_good: Mutex<Vec<Address>>,
    /// Whether the last resolution failed.
    failing: AtomicBool,
    wake: Notify,
}

impl Member {
    pub(super) fn new(upstream: Upstream, options: &Options) -> Self {
        Self {
            last_good: Mutex::new(upstream.address().into_iter().collect()),
            peer: peer::template(&upstream, options),
            upstream,
            failing: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// How to connect to it, but for the address.
    pub(super) fn peer(&self) -> HttpPeer {
        self.peer.clone()
    }

    pub(super) fn addresses(&self) -> Vec<Address> {
        self.last_good.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The endpoint at one of its addresses.
    pub(super) fn endpoint(&self, address: Address, index: usize, now: u64) -> io::Result<Endpoint> {
        let mut peer = self.peer();
        peer._address = address.socket()?;
        Ok(Endpoint::new(address, index, self.upstream.weight(), peer, now))
    }

    /// Has the name resolved as soon as may be.
    pub(super) fn hurry(&self) {
        self.wake.notify_one();
    }

    /// Takes the outcome of a resolution; tells whether the addresses are others now.
    pub(super) fn found(&self, found: io::Result<Vec<Address>>) -> bool {
        let upstream = &self.upstream;
        let found = found.and_then(|found| match found.is_empty() {
            true => Err(io::Error::other("the name has no address")),
            false => Ok(found),
        });
        let failed_before = self.failing.swap(found.is_err(), Ordering::Relaxed);
        let mut addresses = match found {
            Ok(addresses) => addresses,
            Err(error) => {
                if !failed_before {
                    tracing::warn!(target: "retort::proxy", %upstream, %error, "not resolved");
                }
                return false;
            }
        };
        addresses.sort_unstable();
        addresses.dedup();
        let mut last_good = self.last_good.lock().unwrap_or_else(PoisonError::into_inner);
        let are_others = *last_good != addresses;
        if are_others || failed_before {
            let found = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            tracing::info!(target: "retort::proxy", %upstream, addresses = found, "resolved");
        }
        *last_good = addresses;
        are_others
    }
}

/// Starts a task for each name that has to be resolved. The returned futures end when their name
/// was looked up for the first time, whatever came of it.
pub(super) fn resolve(upstreams: &Arc<Upstreams>, every: Duration) -> Vec<impl Future<Output = ()> + use<>> {
    let named = |(index, member): (usize, &Arc<Member>)| {
        member.upstream.name()?;
        let first = Arc::new(Notify::new());
        let (upstreams, member) = (Arc::clone(upstreams), Arc::clone(member));
        tokio::spawn(keep_resolving(upstreams, member, index, every, Arc::clone(&first)));
        Some(async move { first.notified().await })
    };
    upstreams.members().iter().enumerate().filter_map(named).collect()
}

async fn keep_resolving(
    upstreams: Arc<Upstreams>,
    member: Arc<Member>,
    index: usize,
    every: Duration,
    first: Arc<Notify>,
) {
    while let Some(name) = member.upstream.name() {
        let found = tokio::net::lookup_host(name).await;
        // Names are to be resolved for as long as the proxy lives.
        fault::caught(|| upstreams.found(index, found.map(|found| found.map(Address::Tcp).collect())));
        first.notify_one();
        tokio::time::sleep(RESOLVE_GAP).await;
        tokio::select! {
            () = member.wake.notified() => {}
            () = tokio::time::sleep(every.saturating_sub(RESOLVE_GAP)) => {}
        }
    }
}
