//! Serving, with a supervisor that may want to know.

use std::sync::Arc;

use super::host::Host;
use crate::host::{notify::Supervisor, reload::Reloader};

/// Serves until a signal says to stop, which it heeds already, and keeps the supervisor posted where there is one.
pub(super) fn run(server: impl Host, reloader: Arc<Reloader>) {
    let supervisor = Supervisor::from_env().unwrap_or_else(|error| {
        tracing::warn!(target: "retort::life", %error, "the supervisor cannot be told of anything");
        None
    });
    let supervisor = supervisor.map(Arc::new);
    if let Some(supervisor) = &supervisor {
        server.accompany(Arc::clone(supervisor).follow(server.readiness(), reloader));
    }
    server.run();
    if let Some(supervisor) = supervisor {
        // What accompanies the server may not have come to say so.
        supervisor.stopping();
    }
}
