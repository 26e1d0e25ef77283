//! What makes the reloader look: changes that settle, requests, and the clock.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc::Sender},
    time::{Duration, Instant},
};

use super::status::Attempt;

/// A burst of changes is over when nothing has changed for so long.
pub(super) const QUIET: Duration = Duration::from_millis(100);

/// A burst that does not end is looked at all the same, so that a change is seen within a second.
const PATIENCE: Duration = Duration::from_millis(900);

/// Where changes, requests and the end are left for the reloader.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pending: Mutex<Pending>,
    bell: Condvar,
}

/// What happened to a name on the way to a file.
#[derive(Debug)]
pub(super) enum Change {
    /// The file is being written; its writer will close it.
    Writing(PathBuf),
    /// Anything else, the end of writing included.
    Done(PathBuf),
    /// Something may have happened that nobody was told of.
    Unknown,
}

/// Why the reloader should look.
#[derive(Debug)]
pub(super) enum Call {
    /// It should not, but end.
    Stop,
    /// Changes have settled, or could not be waited for any longer.
    Changed,
    /// Somebody asked; those who want to know receive what came of it.
    Asked(Vec<Sender<Attempt>>),
    /// It is time.
    Clock,
}

#[derive(Debug, Default)]
struct Pending {
    burst: Option<Burst>,
    asked: bool,
    answers: Vec<Sender<Attempt>>,
    stop: bool,
}

/// Changes close to each other.
#[derive(Debug)]
struct Burst {
    first: Instant,
    last: Instant,
    /// Files that somebody has begun to write and still holds open.
    open: HashSet<PathBuf>,
}

impl Inbox {
    /// Leaves a change.
    pub(super) fn changed(&self, change: Change, now: Instant) {
        self.lock().burst.get_or_insert_with(|| Burst::begin(now)).add(change, now);
        self.bell.notify_one();
    }

    /// Asks for a look at once, and for what comes of it.
    pub(super) fn ask(&self, answer: Option<Sender<Attempt>>) {
        let mut pending = self.lock();
        pending.asked = true;
        pending.answers.extend(answer);
        self.bell.notify_one();
    }

    /// Asks the reloader to end.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.bell.notify_one();
    }

    /// Waits for a reason to look, until `clock` is one.
    pub(super) fn wait(&self, clock: Instant) -> Call {
        let mut pending = self.lock();
        loop {
            let now = Instant::now();
            // Changes that have not settled yet hold back even the clock, or it might meet a
            // half-written set.
            let due = pending.burst.as_ref().map_or(clock, Burst::due);
            if pending.stop || pending.asked || due <= now {
                return pending.take();
            }
            (pending, _) = self.bell.wait_timeout(pending, due - now).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// One look serves all that led to it.
    fn take(&mut self) -> Call {
        let burst = self.burst.take();
        if self.stop {
            Call::Stop
        } else if std::mem::take(&mut self.asked) {
            Call::Asked(std::mem::take(&mut self.answers))
        } else if burst.is_some() {
            Call::Changed
        } else {
            Call::Clock
        }
    }
}

impl Burst {
    fn begin(now: Instant) -> Self {
        Self { first: now, last: now, open: HashSet::new() }
    }

    fn add(&mut self, change: Change, now: Instant) {
        self.last = now;
        match change {
            Change::Writing(path) => drop(self.open.insert(path)),
            Change::Done(path) => drop(self.open.remove(&path)),
            Change::Unknown => self.open.clear(),
        }
    }

    fn due(&self) -> Instant {
        let limit = self.first + PATIENCE;
        if self.open.is_empty() { limit.min(self.last + QUIET) } else { limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_burst_is_due_when_it_has_been_quiet() {
        let start = Instant::now();
        let mut burst = Burst::begin(start);
        burst.add(Change::Done("a".into()), start + ms(50));
        assert_eq!(burst.due(), start + ms(50) + QUIET);
    }

    #[test]
    fn a_burst_waits_for_writers() {
        let start = Instant::now();
        let mut burst = Burst::begin(start);
        burst.add(Change::Writing("a".into()), start);
        burst.add(Change::Done("b".into()), start + ms(10));
        assert_eq!(burst.due(), start + PATIENCE);
        burst.add(Change::Done("a".into()), start + ms(300));
        assert_eq!(burst.due(), start + ms(300) + QUIET);
    }

    #[test]
    fn endless_changes_are_not_waited_for() {
        let start = Instant::now();
        let mut burst = Burst::begin(start);
        for step in 0..100 {
            burst.add(Change::Done("a".into()), start + ms(step * 50));
        }
        assert_eq!(burst.due(), start + PATIENCE);
    }

    #[test]
    fn one_look_serves_all_who_asked() {
        let inbox = Inbox::default();
        let (answer, _asker) = std::sync::mpsc::channel();
        inbox.changed(Change::Unknown, Instant::now());
        inbox.ask(Some(answer.clone()));
        inbox.ask(None);
        inbox.ask(Some(answer));
        let Call::Asked(answers) = inbox.wait(Instant::now()) else { panic!() };
        assert_eq!(answers.len(), 2);
        assert!(matches!(inbox.wait(Instant::now()), Call::Clock), "nothing is left");
    }

    #[test]
    fn the_end_comes_before_all_else() {
        let inbox = Inbox::default();
        inbox.ask(None);
        inbox.stop();
        assert!(matches!(inbox.wait(Instant::now()), Call::Stop));
    }
}
