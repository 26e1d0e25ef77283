//! Where an upstream is reached: an address to connect to, and what is spoken there.

use std::{
    fmt, io,
    net::SocketAddr,
    os::unix::net::SocketAddr as UnixAddress,
    path::{Path, PathBuf},
};

use pingora::protocols::l4::socket;

use crate::host::pingora::plain;

/// An address that connections can be made to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// What is spoken with an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP as it is.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Address {
    /// The port, where there is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Address::Tcp(address) => Some(address.port()),
            Address::Unix(_) => None,
        }
    }

    /// The same as [`ToString`], for each request.
    pub(in crate::host::pingora) fn text(&self) -> String {
        match self {
            Address::Tcp(address) => plain::socket(*address),
            Address::Unix(_) => self.to_string(),
        }
    }

    /// The address as Pingora connects to it. Only a path too long for a socket has none.
    pub(super) fn socket(&self) -> io::Result<socket::SocketAddr> {
        match self {
            Address::Tcp(address) => Ok(socket::SocketAddr::Inet(*address)),
            Address::Unix(path) => Ok(socket::SocketAddr::Unix(unix(path)?)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Scheme {
    /// The name as a URL begins with it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The port where a URL names none.
    pub(super) fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// A path as the address of a socket; the system allows about a hundred bytes.
pub(super) fn unix(path: &Path) -> io::Result<UnixAddress> {
    UnixAddress::from_pathname(path)
}
