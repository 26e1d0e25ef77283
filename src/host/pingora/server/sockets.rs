//! The sockets of a server: opened, or taken over.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
};

use tokio::net::TcpSocket;

use super::{
    Error,
    handover::{Offer, Predecessor},
};
use crate::host::pingora::options::Options;

/// Connections that the kernel keeps for us until they are accepted.
const BACKLOG: u32 = 1024;

/// What a server listens on.
#[derive(Debug)]
pub(super) struct Sockets {
    /// Those without TLS before those with it.
    pub(super) listeners: Vec<TcpListener>,
    pub(super) addresses: Vec<SocketAddr>,
    /// The server that listens on them as well, until it is dismissed.
    pub(super) predecessor: Option<Predecessor>,
    /// For the server that will be next.
    pub(super) offer: Option<Offer>,
}

impl Sockets {
    /// Opens them, or takes them over from the server that is to be replaced.
    pub(super) fn open(options: &Options) -> Result<Self, Error> {
        let (mut predecessor, mut inherited, mut offer) = (None, Vec::new(), None);
        if let Some(path) = &options.life.upgrade_socket {
            let failed = |source| Error::Upgrade { path: path.clone(), source };
            offer = Some(Offer::draft(path).map_err(failed)?);
            if let Some((asked, listeners)) = Predecessor::ask(path).map_err(failed)? {
                (predecessor, inherited) = (Some(asked), listeners);
            }
        }
        let mut sockets = Self { listeners: Vec::new(), addresses: Vec::new(), predecessor, offer };
        for &address in options.listen.iter().chain(&options.tls.listen) {
            let failed = |source| Error::Listen { address, source };
            let listener = match inherit(&mut inherited, address) {
                Some(listener) => listener,
                None => listener(address).map_err(failed)?,
            };
            sockets.addresses.push(listener.local_addr().map_err(failed)?);
            sockets.listeners.push(listener);
        }
        Ok(sockets)
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Takes the listener for an address out of those that were taken over. Any port will do where any
/// was asked for.
fn inherit(inherited: &mut Vec<TcpListener>, address: SocketAddr) -> Option<TcpListener> {
    let find = |fits: &dyn Fn(SocketAddr) -> bool| {
        inherited.iter().position(|listener| listener.local_addr().is_ok_and(fits))
    };
    let any_port = |other: SocketAddr| address.port() == 0 && other.ip() == address.ip();
    let found = find(&|other| other == address).or_else(|| find(&any_port))?;
    Some(inherited.remove(found))
}

/// The same listeners once more.
pub(super) fn share(listeners: &[TcpListener]) -> io::Result<Vec<OwnedFd>> {
    listeners.iter().map(|listener| listener.try_clone().map(OwnedFd::from)).collect()
}
