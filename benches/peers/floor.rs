//! Pingora with nothing on top: what a proxy made with it costs at least.
//!
//! `floor UPSTREAM THREADS LISTEN [TLS-LISTEN CERT KEY]`. It has the limits of time and the pool of
//! Retort, and the same allocator; it changes nothing and refuses nothing.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that meets what it does not expect should stop"
)]

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use pingora::{
    Result,
    listeners::tls::TlsSettings,
    proxy::{ProxyHttp, Session, http_proxy},
    server::configuration::ServerConf,
    services::{Service as _, listening::Service},
    upstreams::peer::HttpPeer,
};
use retort::host::pingora::Options;
use tokio::{runtime::Builder, sync::watch};

/// That of the `retort` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Floor {
    upstream: SocketAddr,
    options: Options,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let upstream = arguments[0].parse().expect("UPSTREAM is an address");
    let threads = arguments[1].parse().expect("THREADS is a number");
    let options = Options::new(Vec::new(), Vec::new());
    let conf = ServerConf {
        threads,
        upstream_keepalive_pool_size: options.limits.pool_size,
        ..ServerConf::default()
    };
    let proxy = http_proxy(&Arc::new(conf), Floor { upstream, options });
    let mut service = Service::new("floor".to_owned(), proxy);
    service.add_tcp(&arguments[2]);
    if let Some([listen, certificate, key]) = arguments.get(3..6) {
        let mut tls = TlsSettings::intermediate(certificate, key).expect("a certificate and its key");
        tls.enable_h2();
        service.add_tls_with_settings(listen, None, tls);
    }
    // The runtime that Retort has.
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let (_keep, shutdown) = watch::channel(false);
    runtime.expect("a runtime").block_on(async move {
        let serving = tokio::spawn(async move { service.start_service(None, shutdown, 1).await });
        serving.await.expect("it goes on");
    });
}

#[async_trait]
impl ProxyHttp for Floor {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _session: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        let timeouts = &self.options.timeouts;
        let mut peer = HttpPeer::new(self.upstream, false, String::new());
        peer.options.connection_timeout = Some(timeouts.connect);
        peer.options.total_connection_timeout = Some(timeouts.connect_total);
        peer.options.read_timeout = Some(timeouts.read);
        peer.options.write_timeout = Some(timeouts.write);
        peer.options.idle_timeout = Some(timeouts.idle);
        Ok(Box::new(peer))
    }
}
