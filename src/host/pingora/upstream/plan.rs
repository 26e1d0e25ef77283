//! Who gets a request: the strategies, over the endpoints that there are just now.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{Ipv6Addr, SocketAddr},
    sync::Arc,
};

use pingora::{
    lb::{
        Backend, Extensions,
        selection::{BackendIter, BackendSelection, Consistent},
    },
    protocols::l4::socket,
};

use super::{address::Address, endpoint::Endpoint, settings::Strategy};

/// Points on the ring for each unit of weight.
const POINTS: usize = 160;

/// The endpoints that there are, and the order in which they are asked.
#[derive(Default)]
pub(super) struct Plan {
    endpoints: Vec<Arc<Endpoint>>,
    /// Indices of endpoints, each as often as its weight says and spread as evenly as can be.
    schedule: Vec<usize>,
    ring: Option<Ring>,
}

/// A ring of Ketama, as nginx builds it.
struct Ring {
    ring: Arc<Consistent>,
    points: usize,
}

/// The index of an endpoint, carried by what stands for it on the ring.
#[derive(Clone, Copy)]
struct Index(usize);

impl Plan {
    pub(super) fn new(endpoints: Vec<Arc<Endpoint>>, strategy: &Strategy) -> Self {
        let weights: Vec<u32> = endpoints.iter().map(|endpoint| endpoint.weight()).collect();
        let hashed = matches!(strategy, Strategy::ConsistentHash(_));
        let ring = hashed.then(|| Ring::new(&endpoints));
        Self { schedule: schedule(&weights), endpoints, ring }
    }

    pub(super) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// Whose turn it is, among those that are allowed. A key is what the ring is asked for;
    /// without one, requests go in turn.
    pub(super) fn choose(
        &self,
        strategy: &Strategy,
        turn: usize,
        key: Option<&[u8]>,
        allowed: impl Fn(&Endpoint) -> bool,
    ) -> Option<&Arc<Endpoint>> {
        let chosen = match (strategy, &self.ring, key) {
            (Strategy::LeastLoad, ..) => self.less_loaded(turn, &allowed),
            (Strategy::ConsistentHash(_), Some(ring), Some(key)) => {
                ring.walk(key).find_map(|index| self.endpoints.get(index).filter(|it| allowed(it)))
            }
            _ => self.scheduled(turn).filter(|endpoint| allowed(endpoint)),
        };
        chosen.or_else(|| self.spilled(turn, &allowed))
    }

    fn scheduled(&self, turn: usize) -> Option<&Arc<Endpoint>> {
        let slot = turn.checked_rem(self.schedule.len())?;
        self.endpoints.get(*self.schedule.get(slot)?)
    }

    /// The better of two that are taken by chance: close to the best of all, and other proxies
    /// that see the same do not all rush at it.
    fn less_loaded(&self, turn: usize, allowed: &impl Fn(&Endpoint) -> bool) -> Option<&Arc<Endpoint>> {
        let [first, distance] = scatter(turn);
        let others = self.schedule.len().saturating_sub(1).max(1);
        let second = first.wrapping_add(1 + distance % others);
        let [first, second] = [first, second].map(|slot| self.scheduled(slot).filter(|it| allowed(it)));
        let (Some(a), Some(b)) = (first, second) else { return first.or(second) };
        let load = |endpoint: &Endpoint, other: &Endpoint| {
            endpoint.in_flight().saturating_mul(usize::try_from(other.weight()).unwrap_or(usize::MAX))
        };
        Some(if load(b, a) < load(a, b) { b } else { a })
    }

    /// Shares the turns of those that are not allowed among those that are, evenly: were they the
    /// next one's, it would have twice its share.
    fn spilled(&self, turn: usize, allowed: &impl Fn(&Endpoint) -> bool) -> Option<&Arc<Endpoint>> {
        let endpoint = |&index: &usize| self.endpoints.get(index);
        let open: Vec<_> = self.schedule.iter().filter_map(endpoint).filter(|it| allowed(it)).collect();
        let round = turn.checked_div(self.schedule.len())?;
        open.get(round.wrapping_add(turn).checked_rem(open.len())?).copied()
    }
}

impl Ring {
    fn new(endpoints: &[Arc<Endpoint>]) -> Self {
        let backend = |(index, endpoint): (usize, &Arc<Endpoint>)| {
            let weight = usize::try_from(endpoint.weight()).unwrap_or(1);
            let mut ext = Extensions::new();
            ext.insert(Index(index));
            Backend { addr: socket::SocketAddr::Inet(place(endpoint.address())), weight, ext }
        };
        let backends = endpoints.iter().enumerate().map(backend).collect();
        let points = endpoints.iter().map(|it| usize::try_from(it.weight()).unwrap_or(1) * POINTS).sum();
        Self { ring: Arc::new(Consistent::build(&backends)), points }
    }

    /// The endpoints from the place of a key on, some of them more than once.
    fn walk(&self, key: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let mut walk = self.ring.iter(key);
        let next = move || walk.next().and_then(|backend| backend.ext.get()).map(|Index(index)| *index);
        std::iter::from_fn(next).take(self.points)
    }
}

/// What stands on the ring for an address. Ketama knows only those of the Internet: for a socket
/// it is one made of its path. That it may be another after an upgrade does no harm, for a socket
/// has no proxies on other machines that should agree on it.
fn place(address: &Address) -> SocketAddr {
    match address {
        Address::Tcp(address) => *address,
        Address::Unix(path) => {
            let mut hasher = DefaultHasher::new();
            path.hash(&mut hasher);
            let unique_local = 0xfd_u128 << 120;
            let ip = Ipv6Addr::from_bits(unique_local | u128::from(hasher.finish()));
            SocketAddr::from((ip, 0))
        }
    }
}

/// Spreads the slots of each weight over the whole: of 3 and 1, it is 0 0 1 0, not 0 0 0 1.
fn schedule(weights: &[u32]) -> Vec<usize> {
    let divisor = weights.iter().copied().fold(0, common_divisor).max(1);
    let mut slots = Vec::new();
    for (index, &weight) in weights.iter().enumerate() {
        let weight = u64::from(weight / divisor);
        slots.extend((0..weight).map(|slot| (2 * slot + 1, weight, index)));
    }
    // By the middle of each slot, as a part of the whole.
    slots.sort_by(|(a, weight_a, _), (b, weight_b, _)| (a * weight_b).cmp(&(b * weight_a)));
    slots.into_iter().map(|(.., index)| index).collect()
}

fn common_divisor(a: u32, b: u32) -> u32 {
    a.checked_rem(b).map_or(a, |rest| common_divisor(b, rest))
}

/// Two numbers that look like chance, for each turn others (SplitMix64).
fn scatter(turn: usize) -> [usize; 2] {
    let mut bits = (turn as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    [bits as u32 as usize, (bits >> 32) as usize]
}
