//! Somebody's own Pingora proxy with Retort's filter in it: `cargo run --example embedded -- RULES UPSTREAM LISTEN`.
use async_trait::async_trait;
use pingora::http::{RequestHeader as Request, ResponseHeader as Reply};
use pingora::{prelude::*, proxy::FailToProxy};
use retort::host::pingora::{Context, Filter, Options};
use retort::host::reload::{self, Reloader};

/// The filter, and the one upstream that all requests go to.
struct Gateway(Filter, String);

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        self.0.new_ctx()
    }
    async fn early_request_filter(&self, s: &mut Session, c: &mut Context) -> Result<()> {
        self.0.early_request_filter(s, c).await
    }
    async fn upstream_peer(&self, s: &mut Session, c: &mut Context) -> Result<Box<HttpPeer>> {
        let peer = HttpPeer::new(&self.1, false, String::new());
        self.0.attempt(s, c, &peer);
        Ok(Box::new(peer))
    }
    async fn upstream_request_filter(&self, s: &mut Session, r: &mut Request, c: &mut Context) -> Result<()> {
        r.insert_header("X-Gateway", "mine")?;
        self.0.upstream_request_filter(s, r, c).await
    }
    async fn upstream_response_filter(&self, s: &mut Session, r: &mut Reply, c: &mut Context) -> Result<()> {
        self.0.upstream_response_filter(s, r, c).await
    }
    async fn response_filter(&self, s: &mut Session, r: &mut Reply, c: &mut Context) -> Result<()> {
        self.0.response_filter(s, r, c).await
    }
    async fn fail_to_proxy(&self, s: &mut Session, error: &Error, c: &mut Context) -> FailToProxy {
        self.0.fail_to_proxy(s, error, c).await
    }
    async fn logging(&self, s: &mut Session, error: Option<&Error>, c: &mut Context) {
        self.0.logging(s, error, c).await;
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("RULES UPSTREAM LISTEN");
    let reloader = Reloader::start(next()?.as_ref(), reload::Options::default())?;
    let filter = Filter::new(Options::new(Vec::new(), Vec::new()), reloader.live().clone());
    let mut server = Server::new(None)?;
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, Gateway(filter, next()?));
    service.add_tcp(&next()?);
    server.add_service(service);
    server.run_forever()
}
