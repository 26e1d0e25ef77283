//! The file system's own word that something changed.
//!
//! Directories are watched, never files: a watch on a file stays with the file that was replaced.
//! The watch is a hint and nothing more. It is armed before each look, so that whatever happens
//! from then on is either seen by the look or leads to the next one.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use notify::{
    Event, EventHandler, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind},
};
use tracing::{debug, warn};

use super::{
    inbox::{Change, Inbox},
    way::{Step, Way},
};

/// Watches the directories on the way to the files of a unit.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    names: Names,
    /// The directories that are watched, and which they were: under the same path may stand
    /// another by now.
    armed: HashMap<PathBuf, Option<(u64, u64)>>,
    warned: bool,
}

/// The paths that matter, shared with the thread that receives events.
#[derive(Clone, Debug, Default)]
struct Names(Arc<Mutex<HashSet<PathBuf>>>);

/// Receives events and keeps those that matter.
struct Ear {
    names: Names,
    inbox: Arc<Inbox>,
}

impl Watch {
    /// Begins to listen for changes. Where that cannot be done, the clock alone remains.
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        let names = Names::default();
        let mut watch = Self { names: names.clone(), ..Self::off() };
        match notify::recommended_watcher(Ear { names, inbox }) {
            Ok(watcher) => watch.watcher = Some(watcher),
            Err(error) => watch.warn(&error),
        }
        watch
    }

    /// Leaves it to the clock.
    pub(super) fn off() -> Self {
        Self { watcher: None, names: Names::default(), armed: HashMap::new(), warned: false }
    }

    /// Watches the directories on these ways, and no others.
    pub(super) fn arm(&mut self, ways: &[Way]) {
        let Some(watcher) = &mut self.watcher else { return };
        let steps = || ways.iter().flat_map(|way| &way.steps);
        *self.names.lock() = steps().map(Step::path).collect();
        let wanted: HashMap<PathBuf, _> =
            steps().map(|step| (step.directory.clone(), identity(&step.directory))).collect();
        for (directory, identity) in self.armed.drain() {
            if wanted.get(&directory) != Some(&identity) {
                // An error says that it is gone already.
                let _ = watcher.unwatch(&directory);
            }
        }
        let mut failures = Vec::new();
        for directory in wanted.keys() {
            // Those that are watched are watched again: the watcher forgets a directory that was
            // deleted, and it may be back.
            if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
                failures.push((directory.clone(), error));
            }
        }
        self.armed = wanted;
        for (directory, error) in failures {
            // Directories further up need not be readable, and seldom change.
            if ways.iter().any(|way| way.holder() == Some(&directory)) {
                self.warn(&error);
            } else {
                debug!(target: super::TARGET, directory = %directory.display(), %error, "not watched");
            }
        }
    }

    fn warn(&mut self, error: &notify::Error) {
        if !self.warned {
            self.warned = true;
            warn!(target: super::TARGET, %error, "changes cannot be watched for, only polled for");
        }
    }
}

impl Names {
    fn lock(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventHandler for Ear {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        let now = Instant::now();
        let event = match event {
            Ok(event) if !event.need_rescan() => event,
            // Lost events may have been those that matter.
            Ok(_) | Err(_) => return self.inbox.changed(Change::Unknown, now),
        };
        let change = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Change::Done,
            // Looking at the files is such an event, and must not lead to another look.
            EventKind::Access(_) => return,
            EventKind::Modify(ModifyKind::Data(_)) => Change::Writing,
            // Editors, `cp` and the kubelet each have their own way of replacing a file, so no
            // other kind is told from another.
            _ => Change::Done,
        };
        for path in event.paths {
            if self.names.lock().contains(&path) {
                self.inbox.changed(change(path), now);
            }
        }
    }
}

fn identity(directory: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(directory).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
