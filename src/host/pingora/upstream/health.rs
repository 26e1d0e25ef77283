//! Asks upstreams whether they are well, by the checks of Pingora's load balancing.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::{
    BError, Error, ErrorType, Result,
    connectors::{TransportConnector, http::Connector},
    http::{RequestHeader, ResponseHeader},
    lb::{
        Backend, Extensions,
        health_check::{HealthCheck as Check, HttpHealthCheck},
    },
    protocols::l4::socket,
    upstreams::peer::{HttpPeer, Peer as _, Scheme},
};
use tokio::{task::JoinHandle, time};

use super::{
    Upstreams,
    endpoint::Endpoint,
    settings::{HealthCheck, Probe},
    tls,
    url::Upstream,
};
use crate::host::fault;

const USER_AGENT: &str = concat!("retort/", env!("CARGO_PKG_VERSION"));

/// Whether a connection is taken. Pingora's check of that kind always reads the system's roots.
struct TcpCheck {
    peer: HttpPeer,
    connector: TransportConnector,
}

/// The checks of one upstream, whichever of its addresses is checked.
struct Checker(Box<dyn Check + Send + Sync>);

/// The checks of one address, which end when this is dropped.
struct Checks {
    endpoint: Arc<Endpoint>,
    task: JoinHandle<()>,
}

/// Checks the addresses that there are, as they come and go, for ever.
pub(super) async fn watch(upstreams: Arc<Upstreams>, settings: HealthCheck, roots: Option<String>) {
    let checker = |(upstream, peer)| Checker::new(&settings, upstream, peer, roots.clone()).map(Arc::new);
    let checkers: Vec<_> = match upstreams.peers().map(checker).collect() {
        Ok(checkers) => checkers,
        Err(error) => return tracing::error!(%error, "upstreams cannot be checked"),
    };
    let mut checked: Vec<Checks> = Vec::new();
    loop {
        let plan = upstreams.plan();
        checked.retain(|checks| plan.endpoints().iter().any(|it| Arc::ptr_eq(it, &checks.endpoint)));
        for endpoint in plan.endpoints() {
            let is_new = !checked.iter().any(|checks| Arc::ptr_eq(endpoint, &checks.endpoint));
            if let Some(checker) = checkers.get(endpoint.member()).filter(|_| is_new) {
                let (upstreams, checker) = (Arc::clone(&upstreams), Arc::clone(checker));
                let task =
                    tokio::spawn(keep_checking(upstreams, Arc::clone(endpoint), checker, settings.clone()));
                checked.push(Checks { endpoint: Arc::clone(endpoint), task });
            }
        }
        upstreams.replanned().await;
    }
}

async fn keep_checking(
    upstreams: Arc<Upstreams>,
    endpoint: Arc<Endpoint>,
    checker: Arc<Checker>,
    settings: HealthCheck,
) {
    let address = endpoint.peer()._address;
    loop {
        // What was found last stands until something else is; so checks must go on.
        fault::survived(async {
            let check = time::timeout(settings.timeout, checker.check(address.clone()));
            let result = check.await.unwrap_or_else(|_| Err(late()));
            upstreams.checked(&endpoint, result.err(), &settings);
        })
        .await;
        time::sleep(settings.interval).await;
    }
}

impl Checker {
    /// A checker that connects as requests do, but in its own time.
    fn new(
        settings: &HealthCheck,
        upstream: &Upstream,
        mut peer: HttpPeer,
        roots: Option<String>,
    ) -> Result<Self> {
        let options = Some(tls::connector(roots));
        peer.options.connection_timeout = Some(settings.timeout);
        peer.options.total_connection_timeout = Some(settings.timeout);
        peer.options.read_timeout = Some(settings.timeout);
        peer.options.write_timeout = Some(settings.timeout);
        let Probe::Http(path) = &settings.probe else {
            peer.scheme = Scheme::HTTP;
            return Ok(Self(Box::new(TcpCheck { peer, connector: TransportConnector::new(options) })));
        };
        let host = settings.host.as_ref().map_or_else(|| upstream.authority(), ToString::to_string);
        let mut request = RequestHeader::build("GET", path.as_str().as_bytes(), Some(2))?;
        request.insert_header("Host", host)?;
        request.insert_header("User-Agent", USER_AGENT)?;
        let mut check = HttpHealthCheck::new_custom("", peer.tls(), Connector::new(options));
        check.req = request;
        check.peer_template = peer;
        let statuses = settings.statuses.clone();
        check.validator = Some(Box::new(move |response: &ResponseHeader| {
            match statuses.contains(response.status.as_u16()) {
                true => Ok(()),
                false => Err(unexpected(response)),
            }
        }));
        Ok(Self(Box::new(check)))
    }

    async fn check(&self, address: socket::SocketAddr) -> Result<()> {
        self.0.check(&Backend { addr: address, weight: 1, ext: Extensions::new() }).await
    }
}

#[async_trait]
impl Check for TcpCheck {
    async fn check(&self, target: &Backend) -> Result<()> {
        let mut peer = self.peer.clone();
        peer._address = target.addr.clone();
        self.connector.new_stream(&peer).await.map(drop)
    }

    /// Left to the endpoint, which counts.
    fn health_threshold(&self, _success: bool) -> usize {
        1
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn late() -> BError {
    Error::explain(ErrorType::ReadTimedout, "the check took too long")
}

fn unexpected(response: &ResponseHeader) -> BError {
    let kind = ErrorType::HTTPStatus(response.status.as_u16());
    Error::explain(kind, "the status is not that of a healthy upstream")
}
