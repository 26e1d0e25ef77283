//! The last decisions.
//!
//! They are for people, who can read no more than some; where there are more in a second than the
//! list holds, the rest is not looked at. Nobody waits for the lock: what finds it taken is left
//! out as well.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use chrono::{DateTime, Utc};

use super::{Action, Decided, Finished};
use crate::exchange::Cause;

/// How many are kept, and how many a second are looked at.
pub const RECENT: usize = 200;

/// Bytes of a path, and of an id, that are kept.
const MOST_PATH: usize = 256;
const MOST_ID: usize = 64;
const MOST_METHOD: usize = 16;

/// The last decisions, and what they were made on. There is no query, no field, no content.
#[derive(Debug)]
pub(super) struct Ring {
    began: Instant,
    /// The second, and how many were looked at in it, in the lower half.
    window: AtomicU64,
    missed: AtomicU64,
    /// The oldest first.
    decisions: Mutex<VecDeque<Recent>>,
}

/// A decision, and what it was made on.
#[derive(Clone, Debug)]
pub struct Recent {
    /// When the request was over.
    pub at: DateTime<Utc>,
    /// Its id, perhaps cut.
    pub id: String,
    /// The method, perhaps cut.
    pub method: String,
    /// The path without the query, perhaps cut.
    pub path: String,
    /// The upstream's status.
    pub upstream_status: Option<u16>,
    /// The status that was sent; `None` where the client got no response.
    pub status: Option<u16>,
    /// What was done.
    pub action: Action,
    /// Why.
    pub reason: &'static str,
    /// The rule that matched.
    pub rule: Option<Arc<str>>,
    /// The position of its message that was chosen.
    pub message: Option<usize>,
    /// Why the proxy answered itself, if it did.
    pub cause: Option<Cause>,
    /// The version of the rules.
    pub generation: u64,
    /// How long the request took, in microseconds.
    pub took_us: u64,
}

/// The last decisions, the newest first.
#[derive(Clone, Debug)]
pub struct RecentList {
    /// The decisions.
    pub decisions: Vec<Recent>,
    /// How many, since the start, were too many to be listed.
    pub missed: u64,
}

impl Ring {
    pub(super) fn new(began: Instant) -> Self {
        let decisions = Mutex::new(VecDeque::with_capacity(RECENT));
        Self { began, window: AtomicU64::new(0), missed: AtomicU64::new(0), decisions }
    }

    pub(super) fn add(&self, finished: &Finished<'_>, decided: &Decided<'_>) {
        let decisions = if self.has_room_now() { self.decisions.try_lock().ok() } else { None };
        let Some(mut decisions) = decisions else {
            self.missed.fetch_add(1, Relaxed);
            return;
        };
        // The oldest becomes the newest, so that its texts need no other memory.
        let oldest = if decisions.len() < RECENT { None } else { decisions.pop_front() };
        let mut newest = oldest.unwrap_or_else(Recent::nothing);
        newest.set(finished, decided);
        decisions.push_back(newest);
    }

    pub(super) fn list(&self) -> RecentList {
        let decisions = self.decisions.lock().unwrap_or_else(PoisonError::into_inner);
        let decisions = decisions.iter().rev().cloned().collect();
        RecentList { decisions, missed: self.missed.load(Relaxed) }
    }

    /// Whether this second is not full yet. Two threads at once may each count for both.
    fn has_room_now(&self) -> bool {
        const COUNT: u64 = 0xffff_ffff;
        let second = self.began.elapsed().as_secs() << 32;
        let window = self.window.load(Relaxed);
        let count = if window & !COUNT == second { window & COUNT } else { 0 };
        if count >= RECENT as u64 {
            return false;
        }
        self.window.store(second | (count + 1), Relaxed);
        true
    }
}

impl Recent {
    /// With room for what is to come.
    fn nothing() -> Self {
        Self {
            at: DateTime::UNIX_EPOCH,
            id: String::with_capacity(MOST_ID),
            method: String::with_capacity(MOST_METHOD),
            path: String::with_capacity(MOST_PATH),
            upstream_status: None,
            status: None,
            action: Action::Keep,
            reason: "",
            rule: None,
            message: None,
            cause: None,
            generation: 0,
            took_us: 0,
        }
    }

    fn set(&mut self, finished: &Finished<'_>, decided: &Decided<'_>) {
        self.at = Utc::now();
        put(&mut self.id, finished.id, MOST_ID);
        put(&mut self.method, finished.method, MOST_METHOD);
        put(&mut self.path, finished.path, MOST_PATH);
        (self.upstream_status, self.status) = (finished.upstream_status, finished.status);
        (self.action, self.reason) = (decided.action, decided.reason);
        (self.rule, self.message) = (decided.rule.cloned(), decided.message);
        (self.cause, self.generation) = (finished.cause, finished.snapshot.generation);
        self.took_us = u64::try_from(finished.took.as_micros()).unwrap_or(u64::MAX);
    }
}

/// Puts as much of a text there as there is room for.
fn put(place: &mut String, text: &str, most: usize) {
    place.clear();
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    place.push_str(text.get(..end).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Rules, host::live::Live};

    fn add(ring: &Ring, path: &str) {
        let snapshot = Live::new(Rules::default()).snapshot();
        let finished = Finished {
            snapshot: &snapshot,
            id: "id",
            method: "GET",
            path,
            status: Some(404),
            upstream_status: Some(404),
            decided: None,
            cause: None,
            took: Duration::from_micros(7),
            upstream_took: None,
            sent: 0,
            received: 0,
        };
        let decided =
            Decided { action: Action::Replace, reason: "always", rule: Some(&"r".into()), message: Some(1) };
        ring.add(&finished, &decided);
    }

    /// A ring for which every decision is of another second.
    fn calm(ring: &Ring) {
        ring.window.store(u64::MAX << 32, Relaxed);
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let ring = Ring::new(Instant::now());
        for number in 0..RECENT + 3 {
            calm(&ring);
            add(&ring, &format!("/{number}"));
        }
        let list = ring.list();
        assert_eq!((list.decisions.len(), list.missed), (RECENT, 0));
        assert_eq!((&*list.decisions[0].path, &*list.decisions[RECENT - 1].path), ("/202", "/3"));
        assert_eq!((list.decisions[0].took_us, list.decisions[0].rule.as_deref()), (7, Some("r")));
    }

    #[test]
    fn in_one_second_there_is_room_for_so_many() {
        let ring = Ring::new(Instant::now());
        for _ in 0..3 * RECENT {
            add(&ring, "/");
        }
        let list = ring.list();
        assert!(list.decisions.len() == RECENT && list.missed > 0, "{} missed", list.missed);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let ring = Ring::new(Instant::now());
        add(&ring, &format!("{}\u{20ac}", "x".repeat(MOST_PATH - 1)));
        assert_eq!(ring.list().decisions[0].path, "x".repeat(MOST_PATH - 1));
    }
}
