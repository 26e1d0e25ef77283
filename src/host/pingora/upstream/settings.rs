//! How requests are shared among upstreams, and when one of them gets none.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use http::{
    HeaderName,
    uri::{Authority, PathAndQuery},
};
use pingora::http::RequestHeader;

use crate::{host::pingora::trusted::Hop, status::StatusSet};

/// How requests are shared among upstreams, and when one of them gets none.
#[derive(Clone, Debug)]
pub struct Balancing {
    /// Who gets a request. Default: each in turn.
    pub strategy: Strategy,
    /// How upstreams are asked whether they are well. Default: they are not.
    pub health_check: Option<HealthCheck>,
    /// When an upstream that fails requests is left alone.
    pub ejection: Ejection,
    /// Addresses that are tried for one request until one takes the connection: 5. Pingora tries
    /// no more than 16.
    pub tries: usize,
    /// Time between two resolutions of a name: 10 s. The system's resolver tells no TTL, so that
    /// this is the bound of it.
    pub resolve_every: Duration,
}

/// Who gets a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Each in turn, as often as its weight says.
    #[default]
    RoundRobin,
    /// Of two taken by chance, the one with fewer requests in flight for its weight.
    LeastLoad,
    /// The same one for the same value.
    ConsistentHash(HashOn),
}

/// What requests that belong together have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HashOn {
    /// The address of the client.
    #[default]
    Client,
    /// The path, without the query.
    Path,
    /// A header field; requests without it go to each in turn.
    Header(HeaderName),
}

/// How upstreams are asked whether they are well.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    /// What is asked.
    pub probe: Probe,
    /// Time from the end of one check to the beginning of the next: 5 s.
    pub interval: Duration,
    /// Time for one check: 2 s.
    pub timeout: Duration,
    /// Checks in a row that must fail before a healthy upstream gets no more requests: 3. The
    /// first check of all decides alone.
    pub down: u32,
    /// Checks in a row that must pass before it gets requests again: 2.
    pub up: u32,
    /// The statuses that say that it is well: 200-399.
    pub statuses: StatusSet,
    /// The Host of the request. Default: that of the upstream.
    pub host: Option<Authority>,
}

/// What a health check asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether it takes a connection.
    Tcp,
    /// Whether it answers a GET for a path.
    Http(PathAndQuery),
}

/// When an upstream that fails requests is left alone for a while. None is while the others are,
/// too: a doubtful upstream is better than none.
///
/// A failure is a connection that was not made, broke, or was silent for too long. Responses are
/// none, whatever their status: an error that only some requests cause would take all upstreams
/// out, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Ejection {
    /// Requests in a row that must fail: 3; 0 is never. One that found no connection is enough.
    pub after: u32,
    /// For how long the first time: 1 s. Twice as long each time that it comes back and fails.
    pub time: Duration,
    /// For how long at most: 60 s.
    pub max: Duration,
}

impl Default for Balancing {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            health_check: None,
            ejection: Ejection::default(),
            tries: 5,
            resolve_every: Duration::from_secs(10),
        }
    }
}

impl Default for Ejection {
    fn default() -> Self {
        Self { after: 3, time: Duration::from_secs(1), max: Duration::from_secs(60) }
    }
}

impl HealthCheck {
    /// The defaults.
    pub fn new(probe: Probe) -> Self {
        Self {
            probe,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            down: 3,
            up: 2,
            statuses: (200..400).collect(),
            host: None,
        }
    }
}

impl Strategy {
    /// What the endpoint for a request is found by, if it is found by something.
    pub(in crate::host::pingora) fn key<'a>(
        &self,
        request: &'a RequestHeader,
        client: Hop,
    ) -> Option<Cow<'a, [u8]>> {
        match self {
            Strategy::RoundRobin | Strategy::LeastLoad => None,
            Strategy::ConsistentHash(HashOn::Client) => Some(client.to_string().into_bytes().into()),
            Strategy::ConsistentHash(HashOn::Path) => Some(request.uri.path().as_bytes().into()),
            Strategy::ConsistentHash(HashOn::Header(name)) => {
                request.headers.get(name).map(|value| value.as_bytes().into())
            }
        }
    }
}

/// `client`, `path` or `header:NAME`.
impl FromStr for HashOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let header = |name: &str| {
            let name = HeaderName::from_bytes(name.as_bytes());
            name.map_err(|_| "`header:` stands before the name of a header field".to_owned())
        };
        match (text, text.strip_prefix("header:")) {
            ("client", _) => Ok(HashOn::Client),
            ("path", _) => Ok(HashOn::Path),
            (_, Some(name)) => header(name).map(HashOn::Header),
            _ => Err("requests are told apart by `client`, `path` or `header:NAME`".to_owned()),
        }
    }
}

impl fmt::Display for HashOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HashOn::Client => f.write_str("client"),
            HashOn::Path => f.write_str("path"),
            HashOn::Header(name) => write!(f, "header:{name}"),
        }
    }
}

/// `tcp` or `http:/path`.
impl FromStr for Probe {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix("http:").filter(|path| path.starts_with('/') && !path.starts_with("//"));
        match (text, path.and_then(|path| path.parse().ok())) {
            ("tcp", _) => Ok(Probe::Tcp),
            (_, Some(path)) => Ok(Probe::Http(path)),
            _ => Err("a health check is `tcp`, or `http:` and a path: `http:/healthz`".to_owned()),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Tcp => f.write_str("tcp"),
            Probe::Http(path) => write!(f, "http:{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hashed() {
        for text in ["client", "path", "header:x-user"] {
            assert_eq!(text.parse::<HashOn>().unwrap().to_string(), text);
        }
        for wrong in ["", "header:", "header:a b", "cookie"] {
            assert!(wrong.parse::<HashOn>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn probes() {
        for text in ["tcp", "http:/", "http:/healthz?full=1"] {
            assert_eq!(text.parse::<Probe>().unwrap().to_string(), text);
        }
        for wrong in ["", "http", "http:", "http:healthz", "http://app/healthz", "tcp:80", "http:/a b"] {
            assert!(wrong.parse::<Probe>().is_err(), "{wrong:?}");
        }
    }
}
