//! How an upstream is written.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use http::Uri;

use super::address::{Address, Scheme, unix};

/// The greatest weight. A ring for consistent hashing has 160 points for each unit of it.
const MAX_WEIGHT: u32 = 100;

/// A server to send requests to: `http://host:port`, `https://host:port`, or `unix:/path` for a
/// socket on which plain HTTP is spoken; each with `#weight=N` behind it, if it is to get a share
/// other than one.
///
/// The weight stands where a URL has its fragment, which is never part of an address and which a
/// shell leaves alone. It is that of each address which a name has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    scheme: Scheme,
    target: Target,
    weight: u32,
}

/// Whom to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Host { host: String, port: u16 },
    Socket(PathBuf),
}

/// Why a text is not an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// It is not a URL with a host.
    NotAUrl,
    /// The scheme is another than `http` and `https`.
    Scheme(String),
    /// There is a path, a query or user information.
    Excess,
    /// It is a socket whose path is relative, or longer than the system allows.
    Socket,
    /// What follows the `#` is not a weight.
    Weight(String),
}

impl Upstream {
    /// What is spoken with it.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host as it was written, an IPv6 address in brackets; `None` for a socket.
    pub fn host(&self) -> Option<&str> {
        match &self.target {
            Target::Host { host, .. } => Some(host),
            Target::Socket(_) => None,
        }
    }

    /// Its share of the requests, in relation to the others.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// The name and the port to resolve, where there is no address yet.
    pub(super) fn name(&self) -> Option<(&str, u16)> {
        match (&self.target, self.address()) {
            (Target::Host { host, port }, None) => Some((host, *port)),
            _ => None,
        }
    }

    /// The address, where the upstream is one rather than a name.
    pub(super) fn address(&self) -> Option<Address> {
        match &self.target {
            Target::Socket(path) => Some(Address::Unix(path.clone())),
            Target::Host { host, port } => {
                let literal = host.trim_start_matches('[').trim_end_matches(']');
                let ip = literal.parse::<IpAddr>().ok()?;
                Some(Address::Tcp(SocketAddr::new(ip, *port)))
            }
        }
    }

    /// Whom a request of the proxy's own is for, as a Host field says it.
    pub(super) fn authority(&self) -> String {
        match &self.target {
            Target::Host { host, port } if *port == self.scheme.port() => host.clone(),
            Target::Host { host, port } => format!("{host}:{port}"),
            Target::Socket(_) => "localhost".to_owned(),
        }
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let text = text.trim();
        let (url, weight) = match text.rsplit_once('#') {
            Some((url, setting)) => (url, weight(setting)?),
            None => (text, 1),
        };
        let (scheme, target) = match url.strip_prefix("unix:") {
            Some(path) => (Scheme::Http, Target::socket(path)?),
            None => Target::host(url)?,
        };
        Ok(Self { scheme, target, weight })
    }
}

impl Target {
    fn socket(path: &str) -> Result<Self, UpstreamError> {
        let path = PathBuf::from(path);
        match path.is_absolute() && unix(&path).is_ok() {
            true => Ok(Target::Socket(path)),
            false => Err(UpstreamError::Socket),
        }
    }

    fn host(url: &str) -> Result<(Scheme, Self), UpstreamError> {
        let uri: Uri = url.parse().map_err(|_| UpstreamError::NotAUrl)?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(other) => return Err(UpstreamError::Scheme(other.to_owned())),
            None => return Err(UpstreamError::NotAUrl),
        };
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
            None => scheme.port(),
        };
        Ok((scheme, Target::Host { host: authority.host().to_owned(), port }))
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Host { host, port } => write!(f, "{}://{host}:{port}", self.scheme.as_str())?,
            Target::Socket(path) => write!(f, "unix:{}", path.display())?,
        }
        match self.weight {
            1 => Ok(()),
            weight => write!(f, "#weight={weight}"),
        }
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpstreamError::NotAUrl => f.write_str(
                "an upstream is written `http://host:port`, `https://host:port` or `unix:/path/of/a/socket`",
            ),
            UpstreamError::Scheme(scheme) => {
                write!(f, "an upstream is reached by `http` or `https`, not `{scheme}`")
            }
            UpstreamError::Excess => {
                f.write_str("an upstream is a host and a port; it has no path, query or user")
            }
            UpstreamError::Socket => {
                f.write_str("`unix:` stands before the absolute path of a socket, of about 100 bytes at most")
            }
            UpstreamError::Weight(setting) => write!(
                f,
                "`{setting}` is no setting of an upstream; `#weight=N` is, with N from 1 to {MAX_WEIGHT}"
            ),
        }
    }
}

impl std::error::Error for UpstreamError {}

fn weight(setting: &str) -> Result<u32, UpstreamError> {
    let number = setting.strip_prefix("weight=").and_then(|number| number.parse().ok());
    number
        .filter(|number| (1..=MAX_WEIGHT).contains(number))
        .ok_or_else(|| UpstreamError::Weight(setting.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, UpstreamError> {
        text.parse::<Upstream>().map(|upstream| upstream.to_string())
    }

    #[test]
    fn urls() {
        assert_eq!(read("http://app:8080").unwrap(), "http://app:8080");
        assert_eq!(read("http://app").unwrap(), "http://app:80");
        assert_eq!(read("https://app").unwrap(), "https://app:443");
        assert_eq!(read("http://[::1]:81/").unwrap(), "http://[::1]:81");
        assert_eq!(read("unix:/run/app.sock").unwrap(), "unix:/run/app.sock");
        assert_eq!(read("ftp://app"), Err(UpstreamError::Scheme("ftp".into())));
        for wrong in ["app:8080", "http://app:port", "http://app:70000", ""] {
            assert_eq!(read(wrong), Err(UpstreamError::NotAUrl), "{wrong:?}");
        }
        for wrong in ["http://app/path", "http://app?q", "http://me@app"] {
            assert_eq!(read(wrong), Err(UpstreamError::Excess), "{wrong:?}");
        }
        let long = format!("unix:/{}", "x".repeat(200));
        for wrong in ["unix:app.sock", "unix:", &long] {
            assert_eq!(read(wrong), Err(UpstreamError::Socket), "{wrong:?}");
        }
    }

    #[test]
    fn weights() {
        assert_eq!(read("http://app#weight=3").unwrap(), "http://app:80#weight=3");
        assert_eq!(read("unix:/run/app.sock#weight=100").unwrap(), "unix:/run/app.sock#weight=100");
        assert_eq!(read("http://app#weight=1").unwrap(), "http://app:80");
        for wrong in ["weight=0", "weight=101", "weight=-1", "weight", "w=2", ""] {
            assert_eq!(read(&format!("http://app#{wrong}")), Err(UpstreamError::Weight(wrong.into())));
        }
    }

    #[test]
    fn what_is_looked_up_and_what_is_not() {
        let upstream = |text: &str| text.parse::<Upstream>().unwrap();
        assert_eq!(upstream("https://app").name(), Some(("app", 443)));
        assert_eq!(upstream("http://10.0.0.1").name(), None);
        assert_eq!(upstream("http://[::1]:5").address(), Some(Address::Tcp("[::1]:5".parse().unwrap())));
        assert_eq!(upstream("unix:/s").address(), Some(Address::Unix("/s".into())));
        let authorities = ["http://app", "http://app:443", "https://app", "unix:/s"];
        assert_eq!(
            authorities.map(|text| upstream(text).authority()),
            ["app", "app:443", "app", "localhost"]
        );
    }
}
