//! TLS and HTTP/2 to upstreams.
//!
//! Pingora verifies by roots that it reads when it starts, for every proxy and every health check,
//! and panics where it cannot read one of them. So they are read here first; and a proxy that needs
//! none is given none, for it should not end because of roots that nothing asks for.

use std::{fmt, path::PathBuf};

use pingora::{
    connectors::ConnectorOptions,
    tls::{RootCertStore, load_ca_file_into_store, load_platform_certs_incl_env_into_store},
    upstreams::peer::HttpPeer,
};
use rustls::pki_types::ServerName;

use super::{address::Scheme, url::Upstream};
use crate::host::pingora::{
    options::Options,
    tls::{Flaw, Problem, files},
};

/// A file without roots.
const NO_ROOTS: &str = "/dev/null";

/// Requests at once on one HTTP/2 connection to an upstream.
const STREAMS: usize = 100;

/// What is spoken with upstreams, and how they have to prove who they are.
#[derive(Clone, Debug)]
pub struct UpstreamTls {
    /// A PEM file of the roots that the certificates of upstreams lead to, in place of those of the
    /// system.
    pub ca: Option<PathBuf>,
    /// The name that upstreams are asked for and have to prove, in place of the host of their URL.
    pub server_name: Option<String>,
    /// Whether certificates are verified. Default: yes. Otherwise anybody between this proxy and the
    /// upstream can read and change everything.
    pub verify: bool,
    /// Whether HTTP/2 is spoken.
    pub http2: UpstreamHttp2,
}

/// Whether HTTP/2 is spoken with upstreams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamHttp2 {
    /// HTTP/1.1 is.
    #[default]
    Never,
    /// Where there is TLS and the upstream chooses it.
    Auto,
    /// Where there is TLS, nothing else is offered; where there is none, it is known beforehand.
    Always,
}

/// Why TLS cannot be spoken with upstreams.
#[derive(Debug)]
pub enum UpstreamTlsError {
    /// The roots cannot be used.
    Roots(Problem),
    /// Those of the system cannot be used.
    SystemRoots(String),
    /// The system has none.
    NoRoots,
    /// That is no name of a server.
    ServerName(String),
}

impl Default for UpstreamTls {
    fn default() -> Self {
        Self { ca: None, server_name: None, verify: true, http2: UpstreamHttp2::default() }
    }
}

impl UpstreamTls {
    /// Has connections to an upstream made so.
    pub(super) fn apply(&self, upstream: &Upstream, peer: &mut HttpPeer) {
        let is_tls = upstream.scheme() == Scheme::Https;
        if is_tls {
            self.name(upstream).clone_into(&mut peer.sni);
            peer.options.verify_cert = self.verify;
            peer.options.verify_hostname = self.verify;
        }
        let (max, min) = match self.http2 {
            UpstreamHttp2::Auto if is_tls => (2, 1),
            UpstreamHttp2::Never | UpstreamHttp2::Auto => (1, 1),
            UpstreamHttp2::Always => (2, 2),
        };
        peer.options.set_http_version(max, min);
        peer.options.max_h2_streams = STREAMS;
    }

    /// The name that an upstream has to prove. Never empty: Pingora would verify nothing then.
    fn name<'a>(&'a self, upstream: &'a Upstream) -> &'a str {
        let host = || upstream.host().unwrap_or("localhost").trim_matches(['[', ']']);
        self.server_name.as_deref().unwrap_or_else(host)
    }
}

/// Finds out whether TLS can be spoken with those upstreams that need it.
pub(in crate::host::pingora) fn check(options: &Options) -> Result<(), UpstreamTlsError> {
    let tls = &options.upstream_tls;
    let secure = || options.upstreams.iter().filter(|upstream| upstream.scheme() == Scheme::Https);
    for upstream in secure() {
        let name = tls.name(upstream);
        ServerName::try_from(name).map_err(|_| UpstreamTlsError::ServerName(name.to_owned()))?;
    }
    if secure().next().is_none() {
        return Ok(());
    }
    if !tls.verify {
        tracing::warn!(
            target: "retort::tls",
            "the certificates of upstreams are NOT verified: anybody on the way can read and change all that \
             is sent to them and comes from them"
        );
    }
    let Some(ca) = &tls.ca else {
        let mut roots = RootCertStore::empty();
        let loaded = load_platform_certs_incl_env_into_store(&mut roots);
        loaded.map_err(|error| UpstreamTlsError::SystemRoots(error.to_string()))?;
        return if roots.is_empty() { Err(UpstreamTlsError::NoRoots) } else { Ok(()) };
    };
    files::roots(ca).map_err(UpstreamTlsError::Roots)?;
    // What is good enough here may still be too much for Pingora: a key beside the certificates.
    let loaded = load_ca_file_into_store(ca, &mut RootCertStore::empty());
    let unusable = |error: pingora::BError| Flaw::Unusable(error.to_string());
    loaded.map_err(|error| UpstreamTlsError::Roots(Problem::new(ca, unusable(error))))
}

/// The file of roots that Pingora is to read; `None` is for those of the system.
pub(in crate::host::pingora) fn roots(options: &Options) -> Option<String> {
    match options.upstreams.iter().any(|upstream| upstream.scheme() == Scheme::Https) {
        true => options.upstream_tls.ca.as_ref().map(|ca| ca.display().to_string()),
        false => Some(NO_ROOTS.to_owned()),
    }
}

/// How health checks connect.
pub(super) fn connector(roots: Option<String>) -> ConnectorOptions {
    ConnectorOptions { ca_file: roots, ..ConnectorOptions::new(1) }
}

impl fmt::Display for UpstreamTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpstreamTlsError::Roots(problem) => problem.fmt(f),
            UpstreamTlsError::SystemRoots(error) => {
                write!(f, "the root certificates of the system cannot be used: {error}")
            }
            UpstreamTlsError::NoRoots => f.write_str("the system has no root certificates"),
            UpstreamTlsError::ServerName(name) => {
                write!(f, "`{name}` is no name of a TLS server, which is a host or an IP address")
            }
        }
    }
}

impl std::error::Error for UpstreamTlsError {}
