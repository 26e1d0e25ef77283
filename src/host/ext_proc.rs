//! The external processor: Envoy asks it what to make of a response, over gRPC
//! (`envoy.service.ext_proc.v3`).
//!
//! [`Server`] is the whole of it: its listeners, its runtime, and its end. Each HTTP request that
//! Envoy handles is a stream of its own (`service`); what is said on it is decided by a state
//! machine that touches no socket (`conversation`): the head of the request is kept, the rules are
//! asked at the head of the response, and its content is asked for only where they need it.
//!
//! Whatever goes wrong here, the stream is ended, and Envoy goes on as if nobody had been asked.

mod attributes;
mod cause;
mod conversation;
mod counters;
mod facts;
mod finished;
mod head;
mod mutation;
mod observer;
mod server;
mod service;
mod wire;

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use chrono_tz::Tz;
use http::HeaderName;

pub use self::{
    observer::Observer,
    server::{Error, Server, Stopped},
};
use crate::{
    exchange::{self, content::MAX_CONTENT, request_id, user},
    host::{access_log::AccessLog, zone},
};

/// The settings of a [`Server`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Where Envoy connects to.
    pub listen: Vec<Endpoint>,
    /// Worker threads. Default: one for each processor.
    pub threads: usize,
    /// How long a head is held back for its content: 1 s. Envoy tells of content only when all of
    /// it is there, or more than it buffers; what takes longer passes as it is.
    pub hold: Duration,
    /// Bytes of content that rules and messages read: 64 KiB, which is also the most.
    pub content: usize,
    /// How long connections are still accepted once the end has begun: 3 s.
    pub lame_duck: Duration,
    /// How long streams may go on after that: 25 s.
    pub drain: Duration,
    /// The header fields that may hold a request's id; a generated one is sent in the first.
    pub request_id_headers: Vec<HeaderName>,
    /// The header field that names the remote user.
    pub user_header: HeaderName,
    /// The response field by which an upstream asks, with `leave`, to leave its response alone.
    pub opt_out_header: HeaderName,
    /// The response field that tells what was decided, if that is to be told.
    pub debug_header: Option<HeaderName>,
    /// Where finished requests are told of. Default: nowhere.
    pub access_log: Option<AccessLog>,
    /// The zone of local times. Default: the system's.
    pub zone: Tz,
}

/// Where a processor listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// An address. Port 0 takes a free port.
    Address(std::net::SocketAddr),
    /// A Unix socket; one that a process left behind is replaced.
    Unix(PathBuf),
}

/// A text names no place to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEndpoint;

impl Options {
    /// The defaults.
    pub fn new(listen: Vec<Endpoint>) -> Self {
        Self {
            listen,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            hold: Duration::from_secs(1),
            content: MAX_CONTENT,
            lame_duck: Duration::from_secs(3),
            drain: Duration::from_secs(25),
            request_id_headers: request_id::DEFAULT_HEADERS.to_vec(),
            user_header: user::DEFAULT_HEADER,
            opt_out_header: exchange::OPT_OUT,
            debug_header: None,
            access_log: None,
            zone: zone::local(),
        }
    }
}

impl FromStr for Endpoint {
    type Err = NoEndpoint;

    fn from_str(text: &str) -> Result<Self, NoEndpoint> {
        match text.strip_prefix("unix:") {
            Some("") => Err(NoEndpoint),
            Some(path) => Ok(Endpoint::Unix(path.into())),
            None => text.parse().map(Endpoint::Address).map_err(|_| NoEndpoint),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Address(address) => address.fmt(f),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for NoEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is neither an address with a port, like 127.0.0.1:9002, nor unix:/PATH")
    }
}

impl std::error::Error for NoEndpoint {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for text in ["127.0.0.1:9002", "[::1]:0", "unix:/run/retort.sock"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for text in ["", "localhost", "unix:", "/run/retort.sock", "127.0.0.1"] {
            assert_eq!(text.parse::<Endpoint>(), Err(NoEndpoint), "{text}");
        }
    }
}
