//! The way of a client's connection from the listener to HTTP.
//!
//! It is counted, and may be one too many, before anything is read from it (`guard`). Then comes
//! what a proxy in front has to say (`proxy_protocol`), then TLS (`tls`), where these are spoken;
//! each has a time of its own to come in. Then HTTP begins (`app`).

use std::sync::Arc;

use async_trait::async_trait;
use pingora::{
    apps::{HttpServerApp, ServerApp},
    protocols::Stream,
    server::ShutdownWatch,
};

use super::{app::App, guard::Guard, proxy_protocol::Gate, tls::Handshake};

/// An application with what stands before it.
pub(super) struct Entrance<P> {
    app: Arc<App<P>>,
    guard: Arc<Guard>,
    gate: Arc<Gate>,
    /// Where TLS is spoken.
    handshake: Option<Handshake>,
    /// When connections are to close. That is later than when none is accepted any more, which is
    /// what Pingora tells of.
    closing: ShutdownWatch,
}

impl<P> Entrance<P> {
    /// An entrance for HTTP without TLS.
    pub(super) fn new(app: Arc<App<P>>, guard: Arc<Guard>, gate: Arc<Gate>, closing: ShutdownWatch) -> Self {
        Self { app, guard, gate, handshake: None, closing }
    }

    /// Another entrance to the same, over TLS.
    pub(super) fn over_tls(&self, handshake: Handshake) -> Self {
        let (app, guard, gate) = (Arc::clone(&self.app), Arc::clone(&self.guard), Arc::clone(&self.gate));
        Self { app, guard, gate, handshake: Some(handshake), closing: self.closing.clone() }
    }

    /// Goes through all that comes before HTTP.
    async fn enter(&self, mut stream: Stream) -> Option<Stream> {
        if !self.gate.lets_in(stream.as_mut()).await {
            return None;
        }
        match &self.handshake {
            None => Some(stream),
            Some(handshake) => handshake.shake(stream).await,
        }
    }
}

#[async_trait]
impl<P: HttpServerApp + Send + Sync + 'static> ServerApp for Entrance<P> {
    async fn process_new(self: &Arc<Self>, stream: Stream, _accepting: &ShutdownWatch) -> Option<Stream> {
        let link = Arc::new(self.guard.admit()?);
        let mut closing = self.closing.clone();
        let stream = tokio::select! {
            biased;
            // In a box, which is gone before HTTP begins: TLS takes much to begin, and a connection is there
            // for long.
            entered = Box::pin(self.enter(stream)) => entered?,
            _ = closing.wait_for(|closing| *closing) => return None,
        };
        self.app.serve(stream, link, closing).await;
        None
    }

    async fn cleanup(&self) {
        self.app.cleanup().await;
    }
}
