//! The end of a server, step by step.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time};

use super::Stopped;
use crate::host::{
    end::End,
    pingora::{in_flight::InFlight, options::Options},
    readiness::Readiness,
};

/// How long connections without a request may take to notice that they are to close.
const LINGER: Duration = Duration::from_secs(1);

/// What has to be told that the end has begun.
pub(super) struct Leave {
    pub(super) in_flight: Arc<InFlight>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) end: watch::Receiver<End>,
    /// Tells those that accept connections to stop.
    pub(super) stop_accepting: watch::Sender<bool>,
    /// Those.
    pub(super) accepting: JoinSet<()>,
    /// Tells connections to close when they have nothing left to do.
    pub(super) close: watch::Sender<bool>,
}

/// Why the end has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Told,
    /// Another process accepts the connections.
    HandedOver,
}

impl Leave {
    /// Goes through the end.
    pub(super) async fn run(mut self, cause: Cause, options: &Options) -> Stopped {
        let lame_duck = options.life.lame_duck;
        self.readiness.drain();
        self.in_flight.leave();
        let (requests, connections) = (self.in_flight.requests(), self.in_flight.connections());
        if cause == Cause::Told && connections == 0 {
            tracing::info!(target: "retort::life", "stopping at once: no connection is open");
            self.accept_no_more().await;
            return Stopped::default();
        }
        tracing::info!(
            target: "retort::life",
            requests,
            connections,
            lame_duck_ms = millis(lame_duck),
            drain_ms = millis(options.timeouts.shutdown),
            "stopping"
        );
        if cause == Cause::HandedOver {
            self.accept_no_more().await;
        }
        tokio::select! {
            () = time::sleep(lame_duck) => {}
            // With no connection open, none can come.
            () = idle(&self.in_flight), if cause == Cause::HandedOver => {}
            _ = self.end.wait_for(|end| *end >= End::Soon) => {}
        }
        if cause == Cause::Told {
            self.accept_no_more().await;
        }
        self.close.send_replace(true);
        let in_time = tokio::select! {
            () = drained(&self.in_flight) => true,
            () = time::sleep(options.timeouts.shutdown) => false,
            _ = self.end.wait_for(|end| *end == End::Now) => false,
        };
        let cut = self.in_flight.requests();
        if in_time {
            tracing::info!(target: "retort::life", "stopped: all requests are served");
        } else {
            let connections = self.in_flight.connections();
            tracing::warn!(target: "retort::life", cut, connections, "stopped: requests are cut off");
        }
        Stopped { cut }
    }

    async fn accept_no_more(&mut self) {
        self.stop_accepting.send_replace(true);
        while let Some(ended) = self.accepting.join_next().await {
            if let Err(error) = ended {
                tracing::error!(target: "retort::life", %error, "connections were no longer accepted");
            }
        }
    }
}

/// Returns when nothing is left to be served. Connections that wait for a request see that they
/// are to close; one whose client does not answer never does, and is given up after a while.
async fn drained(in_flight: &InFlight) {
    let quiet = async {
        loop {
            in_flight.no_requests().await;
            time::sleep(LINGER).await;
            if in_flight.requests() == 0 {
                return;
            }
        }
    };
    let gone = async {
        in_flight.no_connections().await;
        // A request outlives its connection by what it takes to log it.
        in_flight.no_requests().await;
    };
    tokio::select! {
        () = gone => {}
        () = quiet => {}
    }
}

/// Returns when there has been no connection for a while. One that was accepted just now may not
/// be counted yet.
async fn idle(in_flight: &InFlight) {
    loop {
        in_flight.no_connections().await;
        time::sleep(LINGER).await;
        if in_flight.connections() == 0 {
            return;
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
