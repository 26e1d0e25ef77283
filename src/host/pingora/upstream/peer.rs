//! How Pingora is to connect to an upstream.

use std::net::{Ipv4Addr, SocketAddr};

use pingora::upstreams::peer::HttpPeer;

use super::{address::Scheme, url::Upstream};
use crate::host::pingora::options::Timeouts;

/// All that does not depend on the address, which is yet to be filled in.
pub(super) fn template(upstream: &Upstream, timeouts: &Timeouts) -> HttpPeer {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let is_tls = upstream.scheme() == Scheme::Https;
    let server_name = upstream.host().filter(|_| is_tls).unwrap_or_default();
    let mut peer = HttpPeer::new(nowhere, is_tls, server_name.to_owned());
    peer.options.connection_timeout = Some(timeouts.connect);
    peer.options.total_connection_timeout = Some(timeouts.connect_total);
    peer.options.read_timeout = Some(timeouts.read);
    peer.options.write_timeout = Some(timeouts.write);
    peer.options.idle_timeout = Some(timeouts.idle);
    peer
}
