//! TLS to clients.
//!
//! Certificates are read by this crate and never by Pingora, which panics on those that it cannot
//! use; and they are kept up to date with their files (`keeper`). A connection takes what is in
//! force when it comes (`handshake`), and is then like any other.

mod client_certificate;
mod config;
pub(super) mod files;
mod handshake;
mod identity;
mod keeper;
mod problem;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

pub use self::problem::{Flaw, Problem, Problems};
pub(super) use self::{
    client_certificate::tell_who_proved,
    handshake::Handshake,
    keeper::{Keeper, Unkept},
};
use crate::host::reload;

/// The target of all log messages.
const TARGET: &str = "retort::tls";

/// How clients are served over TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The addresses to listen on. Port 0 takes a free port.
    pub listen: Vec<SocketAddr>,
    /// The certificates, of which the name that a client asks for chooses one. The first answers
    /// for all other names, and where no name is asked for.
    pub pairs: Vec<Pair>,
    /// Whether clients have to show certificates of their own. Default: no, and none is asked for.
    pub client_auth: Option<ClientAuth>,
    /// Whether the upstream is shown the client's certificate, in the `Client-Cert` field of RFC
    /// 9440. Default: no, and the field passes as it came.
    pub forward_client_cert: bool,
    /// How long the handshake may take: 10 s.
    pub handshake: Duration,
    /// How changes of the files are noticed.
    pub reload: reload::Options,
}

/// A certificate and the key to it, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, followed by those that lead from it to a root.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The certificates that clients show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuth {
    /// A PEM file of the roots that they lead to.
    pub ca: PathBuf,
    /// Whether a client without one is turned away. One that is shown must be valid in any case.
    pub required: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            pairs: Vec::new(),
            client_auth: None,
            forward_client_cert: false,
            handshake: Duration::from_secs(10),
            reload: reload::Options::default(),
        }
    }
}

impl Tls {
    /// Every file that the settings name.
    fn files(&self) -> Vec<PathBuf> {
        let pairs = self.pairs.iter().flat_map(|pair| [&pair.certificate, &pair.key]);
        let ca = self.client_auth.as_ref().map(|auth| &auth.ca);
        let mut files: Vec<PathBuf> = Vec::new();
        for file in pairs.chain(ca) {
            // Certificate and key may stand in one file.
            if !files.contains(file) {
                files.push(file.clone());
            }
        }
        files
    }
}
