//! What the admin listener tells of.

use std::{fmt, path::PathBuf, sync::Arc};

use crate::host::{
    live::Live,
    reload::Reloader,
    telemetry::{Observation, Observe, Scrape, Telemetry},
};

/// What the admin listener tells of: a host, its rules, and what it counts.
#[derive(Clone)]
pub struct About {
    /// What is counted.
    pub telemetry: Arc<Telemetry>,
    /// The host.
    pub host: Arc<dyn Observe>,
    /// The rules.
    pub rules: Rulebook,
}

/// Where the rules come from.
#[derive(Clone, Debug)]
pub enum Rulebook {
    /// A file, which is kept up with.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// What keeps up with it.
        reloader: Arc<Reloader>,
    },
    /// No file.
    Fixed(Arc<Live>),
}

impl About {
    /// The metrics as they are now.
    pub(super) fn metrics(&self) -> String {
        let (live, reloader) = (self.rules.live(), self.rules.reloader().map(|reloader| &**reloader));
        Scrape { telemetry: &self.telemetry, live, reloader, host: &self.host.observe() }.text()
    }

    /// How the host is now.
    pub fn observe(&self) -> Observation {
        self.host.observe()
    }
}

impl Rulebook {
    /// The rules in force.
    pub fn live(&self) -> &Live {
        match self {
            Rulebook::File { reloader, .. } => reloader.live(),
            Rulebook::Fixed(live) => live,
        }
    }

    /// What keeps up with the file, if there is one.
    pub fn reloader(&self) -> Option<&Arc<Reloader>> {
        match self {
            Rulebook::File { reloader, .. } => Some(reloader),
            Rulebook::Fixed(_) => None,
        }
    }

    /// The file, if there is one.
    pub fn path(&self) -> Option<String> {
        match self {
            Rulebook::File { path, .. } => Some(path.display().to_string()),
            Rulebook::Fixed(_) => None,
        }
    }
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("About").field("telemetry", &self.telemetry).finish_non_exhaustive()
    }
}
