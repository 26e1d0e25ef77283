//! Settings of the beginning and the end.

use std::{path::PathBuf, time::Duration};

/// How a server begins and ends, beside [`Timeouts::shutdown`](super::Timeouts::shutdown).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// How long connections are still accepted once the end has begun: 3 s. It takes balancers
    /// about that long to learn of it.
    pub lame_duck: Duration,
    /// Where a running server hands its listeners over to the one that replaces it. Default:
    /// nowhere.
    pub upgrade_socket: Option<PathBuf>,
}

impl Default for Life {
    fn default() -> Self {
        Self { lame_duck: Duration::from_secs(3), upgrade_socket: None }
    }
}
