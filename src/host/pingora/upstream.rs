//! Where requests go: the upstreams, their addresses, and whose turn it is.
//!
//! Names are resolved by a background task, never on the path of a request. What was found last
//! is kept while a name does not resolve; a name that never did leaves the proxy answering 502
//! until it does.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use http::Uri;
use tokio::sync::Notify;

/// How often names are resolved.
const RESOLVE_EVERY: Duration = Duration::from_secs(10);

/// The least time between two resolutions of a name, however many connections fail.
const RESOLVE_GAP: Duration = Duration::from_secs(1);

/// How long an address that took no connection comes last.
const AVOID: Duration = Duration::from_secs(10);

/// A server to send requests to, `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    host: String,
    port: u16,
}

/// Why a text is not an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// It is not a URL with a host.
    NotAUrl,
    /// The scheme is `https`.
    Https,
    /// The scheme is another than `http`.
    Scheme(String),
    /// There is a path, a query or user information.
    Excess,
}

/// All upstreams of a proxy.
#[derive(Debug)]
pub(super) struct Upstreams {
    members: Vec<Member>,
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    rebuilding: Mutex<()>,
    turn: AtomicUsize,
    epoch: Instant,
}

/// An address that requests can be sent to.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    /// The index of the upstream that it belongs to.
    member: usize,
    /// Milliseconds of the epoch until which it comes last.
    avoid_until: AtomicU64,
}

#[derive(Debug)]
struct Member {
    upstream: Upstream,
    /// In the order of addresses, for the order in which they are found is often no order.
    last_good: Mutex<Vec<SocketAddr>>,
    /// Whether the last resolution failed.
    failing: AtomicBool,
    wake: Notify,
}

impl Upstream {
    /// The address, where the host is one rather than a name.
    fn address(&self) -> Option<SocketAddr> {
        let literal = self.host.trim_start_matches('[').trim_end_matches(']');
        literal.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, self.port))
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let uri: Uri = text.trim().parse().map_err(|_| UpstreamError::NotAUrl)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(UpstreamError::Https),
            Some(other) => return Err(UpstreamError::Scheme(other.to_owned())),
            None => return Err(UpstreamError::NotAUrl),
        }
        let authority = uri.authority().ok_or(UpstreamError::NotAUrl)?;
        let plain_path = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        if !plain_path || authority.as_str().contains('@') {
            return Err(UpstreamError::Excess);
        }
        if authority.host().is_empty() {
            return Err(UpstreamError::NotAUrl);
        }
        // `http` reads a port that is no number as none at all.
        let port_text = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        let port = match port_text.strip_prefix(':') {
            Some(text) => text.parse().map_err(|_| UpstreamError::NotAUrl)?,
            None => 80,
        };
        Ok(Self { host: authority.host().to_owned(), port })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpstreamError::NotAUrl => f.write_str("an upstream is written `http://host:port`"),
            UpstreamError::Https => f.write_str("`https` upstreams cannot be used yet, only `http`"),
            UpstreamError::Scheme(scheme) => write!(f, "an upstream is reached by `http`, not `{scheme}`"),
            UpstreamError::Excess => {
                f.write_str("an upstream is a host and a port; it has no path, query or user")
            }
        }
    }
}

impl std::error::Error for UpstreamError {}

impl Upstreams {
    pub(super) fn new(upstreams: Vec<Upstream>) -> Self {
        let member = |upstream: Upstream| Member {
            last_good: Mutex::new(upstream.address().into_iter().collect()),
            upstream,
            failing: AtomicBool::new(false),
            wake: Notify::new(),
        };
        let upstreams = Self {
            members: upstreams.into_iter().map(member).collect(),
            endpoints: ArcSwap::default(),
            rebuilding: Mutex::new(()),
            turn: AtomicUsize::new(0),
            epoch: Instant::now(),
        };
        upstreams.rebuild();
        upstreams
    }

    /// Whether there is any upstream at all, with an address or without.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Takes a turn. Requests that try again keep theirs.
    pub(super) fn turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The address for a turn, other than those already tried. Addresses that took no connection
    /// of late come last.
    pub(super) fn pick(&self, turn: usize, tried: &[SocketAddr]) -> Option<Arc<Endpoint>> {
        let endpoints = self.endpoints.load();
        let first = turn.checked_rem(endpoints.len())?;
        let in_turn = || {
            let rotated = endpoints.iter().cycle().skip(first).take(endpoints.len());
            rotated.filter(|endpoint| !tried.contains(&endpoint.address))
        };
        let now = self.now();
        let healthy = in_turn().find(|endpoint| endpoint.avoid_until.load(Ordering::Relaxed) <= now);
        healthy.or_else(|| in_turn().next()).cloned()
    }

    /// Notes that an address took no connection: it comes last for a while, and the name that it
    /// came from is resolved again.
    pub(super) fn failed(&self, endpoint: &Endpoint) {
        let until = self.now().saturating_add(millis(AVOID));
        endpoint.avoid_until.store(until, Ordering::Relaxed);
        if let Some(member) = self.members.get(endpoint.member) {
            member.wake.notify_one();
        }
    }

    /// Resolves names as soon as may be: a request found no address to go to.
    pub(super) fn hurry(&self) {
        self.members.iter().for_each(|member| member.wake.notify_one());
    }

    /// Starts a task for each name that has to be resolved. The returned futures end when their
    /// name was looked up for the first time, whatever came of it.
    pub(super) fn resolve(self: &Arc<Self>) -> Vec<impl Future<Output = ()> + use<>> {
        let named = |(index, member): (usize, &Member)| {
            member.upstream.address().is_none().then(|| {
                let first = Arc::new(Notify::new());
                tokio::spawn(resolver(Arc::clone(self), index, Arc::clone(&first)));
                async move { first.notified().await }
            })
        };
        self.members.iter().enumerate().filter_map(named).collect()
    }

    async fn lookup(&self, index: usize) {
        let Some(member) = self.members.get(index) else { return };
        let Upstream { host, port } = &member.upstream;
        let found = tokio::net::lookup_host((host.as_str(), *port)).await;
        self.found(index, found.map(Iterator::collect));
    }

    fn found(&self, index: usize, found: io::Result<Vec<SocketAddr>>) {
        let Some(member) = self.members.get(index) else { return };
        let upstream = &member.upstream;
        let found = found.and_then(|found| match found.is_empty() {
            true => Err(io::Error::other("the name has no address")),
            false => Ok(found),
        });
        let failed_before = member.failing.swap(found.is_err(), Ordering::Relaxed);
        let mut addresses = match found {
            Ok(addresses) => addresses,
            Err(_) if failed_before => return,
            Err(error) => return tracing::warn!(target: "retort::proxy", %upstream, %error, "not resolved"),
        };
        addresses.sort_unstable();
        addresses.dedup();
        let mut last_good = member.last_good.lock().unwrap_or_else(PoisonError::into_inner);
        if *last_good == addresses && !failed_before {
            return;
        }
        tracing::info!(target: "retort::proxy", %upstream, ?addresses, "resolved");
        *last_good = addresses;
        drop(last_good);
        self.rebuild();
    }

    fn rebuild(&self) {
        let _one_at_a_time = self.rebuilding.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.endpoints.load();
        let mut endpoints = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            for &address in &*member.last_good.lock().unwrap_or_else(PoisonError::into_inner) {
                let same = known.iter().find(|old| old.address == address && old.member == index);
                let fresh = || Arc::new(Endpoint { address, member: index, avoid_until: AtomicU64::new(0) });
                endpoints.push(same.map_or_else(fresh, Arc::clone));
            }
        }
        self.endpoints.store(Arc::new(endpoints));
    }

    fn now(&self) -> u64 {
        millis(self.epoch.elapsed())
    }
}

async fn resolver(upstreams: Arc<Upstreams>, index: usize, first: Arc<Notify>) {
    loop {
        upstreams.lookup(index).await;
        first.notify_one();
        tokio::time::sleep(RESOLVE_GAP).await;
        let Some(member) = upstreams.members.get(index) else { return };
        tokio::select! {
            () = member.wake.notified() => {}
            () = tokio::time::sleep(RESOLVE_EVERY.saturating_sub(RESOLVE_GAP)) => {}
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams(texts: &[&str]) -> Upstreams {
        Upstreams::new(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn picks(upstreams: &Upstreams, count: usize) -> Vec<String> {
        let pick = |_| upstreams.pick(upstreams.turn(), &[]).unwrap().address.to_string();
        (0..count).map(pick).collect()
    }

    #[test]
    fn urls() {
        let read = |text: &str| text.parse::<Upstream>().map(|upstream| upstream.to_string());
        assert_eq!(read("http://app:8080").unwrap(), "http://app:8080");
        assert_eq!(read("http://app").unwrap(), "http://app:80");
        assert_eq!(read("http://[::1]:81/").unwrap(), "http://[::1]:81");
        assert_eq!(read("https://app"), Err(UpstreamError::Https));
        assert_eq!(read("ftp://app"), Err(UpstreamError::Scheme("ftp".into())));
        assert_eq!(read("app:8080"), Err(UpstreamError::NotAUrl));
        assert_eq!(read("http://app:port"), Err(UpstreamError::NotAUrl));
        assert_eq!(read("http://app:70000"), Err(UpstreamError::NotAUrl));
        assert_eq!(read("http://app/path"), Err(UpstreamError::Excess));
        assert_eq!(read("http://app?q"), Err(UpstreamError::Excess));
        assert_eq!(read("http://me@app"), Err(UpstreamError::Excess));
    }

    #[test]
    fn in_turn() {
        let upstreams = upstreams(&["http://10.0.0.1:1", "http://[::1]:2"]);
        assert_eq!(picks(&upstreams, 3), ["10.0.0.1:1", "[::1]:2", "10.0.0.1:1"]);
    }

    #[test]
    fn another_after_a_failure() {
        let upstreams = upstreams(&["http://10.0.0.1:1", "http://10.0.0.2:1"]);
        let first = upstreams.pick(0, &[]).unwrap();
        upstreams.failed(&first);
        let second = upstreams.pick(0, &[first.address]).unwrap();
        assert_eq!(second.address.to_string(), "10.0.0.2:1");
        assert!(upstreams.pick(0, &[first.address, second.address]).is_none());
        assert_eq!(picks(&upstreams, 2), ["10.0.0.2:1", "10.0.0.2:1"], "the failed one comes last");
        upstreams.failed(&second);
        assert_eq!(picks(&upstreams, 2), ["10.0.0.1:1", "10.0.0.2:1"], "better a doubtful one than none");
    }

    #[test]
    fn the_last_good_addresses_are_kept() {
        let upstreams = upstreams(&["http://app:80"]);
        assert!(upstreams.pick(0, &[]).is_none());
        let unknown = || Err(io::Error::other("no such name"));
        upstreams.found(0, unknown());
        assert!(upstreams.pick(0, &[]).is_none());
        upstreams.found(0, Ok(vec!["10.0.0.1:80".parse().unwrap()]));
        assert_eq!(picks(&upstreams, 1), ["10.0.0.1:80"]);
        upstreams.found(0, unknown());
        upstreams.found(0, Ok(Vec::new()));
        assert_eq!(picks(&upstreams, 1), ["10.0.0.1:80"]);
        upstreams.found(0, Ok(vec!["10.0.0.2:80".parse().unwrap()]));
        assert_eq!(picks(&upstreams, 1), ["10.0.0.2:80"]);
    }

    #[test]
    fn what_is_known_of_an_address_outlives_a_resolution() {
        let upstreams = upstreams(&["http://app:80"]);
        let (a, b) = ("10.0.0.1:80".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        upstreams.found(0, Ok(vec![a, b]));
        upstreams.failed(&upstreams.pick(0, &[]).unwrap());
        upstreams.found(0, Ok(vec![b, a]));
        assert_eq!(picks(&upstreams, 2), ["10.0.0.2:80", "10.0.0.2:80"]);
    }
}
