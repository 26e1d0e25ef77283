//! Files that belong together, looked at and loaded as one.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{
    sighting::{Fingerprint, Sighting},
    watch::Watch,
    way::Way,
};

/// The least time between two sightings that shall prove something: longer than the tick of any
/// file system's clock (10 ms at most), so that each change in between shows.
pub(super) const TICK: Duration = Duration::from_millis(12);

/// How often files that change while they are loaded are loaded again before it is left for later.
const TRIES: usize = 10;

/// What is loaded from files.
pub(in crate::host) trait Source {
    /// What good files hold.
    type Good;
    /// Why others are refused.
    type Bad;

    /// Whether it tells what it read. Where it does not, it is loaded only when a change would show.
    const TELLS: bool = false;

    /// Loads.
    fn load(&mut self) -> Result<Self::Good, Self::Bad>;

    /// Every file that was asked for on the way to a verdict.
    fn files<'a>(&'a self, verdict: &'a Result<Self::Good, Self::Bad>) -> &'a [PathBuf];

    /// What they held when a verdict was reached, where that is known of each of them.
    fn read(&self, _: &Result<Self::Good, Self::Bad>) -> Option<Fingerprint> {
        None
    }
}

/// Files that are loaded as one.
#[derive(Debug)]
pub(super) struct Unit<S> {
    source: S,
    /// Every file that was asked for when they were last loaded.
    files: Vec<PathBuf>,
    last: Option<Last>,
}

/// The last steady verdict.
#[derive(Debug)]
struct Last {
    sighting: Sighting,
    good: bool,
}

/// What loading yielded.
#[derive(Debug)]
pub(super) struct Judged<G, B> {
    pub(super) fingerprint: Fingerprint,
    pub(super) verdict: Result<G, B>,
    /// Whether the verdict is on this content whole, and on no other. Otherwise the files changed
    /// while they were loaded, each time.
    pub(super) steady: bool,
}

impl<S: Source> Unit<S> {
    /// A unit of which these files are known; nothing is read yet.
    pub(super) fn new(source: S, files: Vec<PathBuf>) -> Self {
        Self { source, files, last: None }
    }

    /// Every file of the unit.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Looks, and loads a content that is not the one judged last.
    pub(super) fn look(&mut self, watch: &mut Watch, pause: Duration) -> Option<Judged<S::Good, S::Bad>> {
        let (sighting, armed) = self.sight(watch);
        if armed && self.last.as_ref().is_some_and(|last| last.stands(&sighting)) {
            return None;
        }
        let last = self.last.as_ref().map(|last| (last.sighting.fingerprint, last.good));
        let judged = self.load(watch, pause);
        // It may have been another content only while it was being written.
        let new = !judged.steady || last != Some((judged.fingerprint, judged.verdict.is_ok()));
        new.then_some(judged)
    }

    /// Loads. Files that change meanwhile, or that are only now known to belong to the unit, are
    /// loaded again.
    pub(super) fn load(&mut self, watch: &mut Watch, pause: Duration) -> Judged<S::Good, S::Bad> {
        let mut tries = TRIES;
        loop {
            let (before, armed) = self.sight(watch);
            // Where files were changed just now, one more change could get the same time.
            let waits = pause > TICK || !before.is_old(SystemTime::now());
            if waits && !S::TELLS {
                thread::sleep(pause);
            }
            let begun = Instant::now();
            let mut verdict = self.source.load();
            if waits && S::TELLS {
                thread::sleep(pause.saturating_sub(begun.elapsed()));
                // What came of such a change, and was undone by another, was read as well.
                if self.source.read(&verdict) != Some(before.fingerprint) {
                    verdict = self.source.load();
                }
            }
            let files = self.source.files(&verdict);
            let steady = armed && *files == self.files && Sighting::of(files) == before;
            files.clone_into(&mut self.files);
            tries -= 1;
            if steady || tries == 0 {
                let fingerprint = before.fingerprint;
                if steady {
                    self.last = Some(Last { sighting: before, good: verdict.is_ok() });
                }
                return Judged { fingerprint, verdict, steady };
            }
        }
    }

    /// Looks, and tells whether all that was seen is watched: a way may change while the watch is
    /// armed on it.
    fn sight(&self, watch: &mut Watch) -> (Sighting, bool) {
        let ways: Vec<Way> = self.files.iter().map(|file| Way::to(file)).collect();
        watch.arm(&ways);
        let sighting = Sighting::of(&self.files);
        let armed = sighting.ways == ways;
        (sighting, armed)
    }
}

impl Last {
    /// Whether the verdict is still right. A good one is, as long as the contents stay; a refusal
    /// may also be about where a link leads.
    fn stands(&self, now: &Sighting) -> bool {
        match self.good {
            true => self.sighting.fingerprint == now.fingerprint,
            false => self.sighting == *now,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::href::Digest;

    /// Tells in turn that this is what it read.
    struct Told {
        files: Vec<PathBuf>,
        loads: Vec<Option<&'static str>>,
        last: Option<&'static str>,
    }

    impl Source for Told {
        type Good = usize;
        type Bad = ();
        const TELLS: bool = true;

        fn load(&mut self) -> Result<usize, ()> {
            self.last = self.loads.pop().unwrap();
            Ok(self.loads.len())
        }

        fn files<'a>(&'a self, _: &'a Result<usize, ()>) -> &'a [PathBuf] {
            &self.files
        }

        fn read(&self, _: &Result<usize, ()>) -> Option<Fingerprint> {
            self.last.map(fingerprint)
        }
    }

    fn fingerprint(content: &str) -> Fingerprint {
        Fingerprint::of(&[Digest::of(&Ok(content.into()))])
    }

    /// How many of these loads were left over for the verdict on a file that was just written.
    fn left(loads: &[Option<&'static str>]) -> usize {
        let directory = tempfile::tempdir().unwrap();
        let files = vec![directory.path().join("a")];
        fs::write(&files[0], "content").unwrap();
        let source = Told { files: files.clone(), loads: loads.iter().rev().copied().collect(), last: None };
        let Judged { fingerprint: judged, verdict, steady } =
            Unit::new(source, files).load(&mut Watch::off(), TICK);
        assert!(steady);
        assert_eq!(judged, fingerprint("content"));
        verdict.unwrap()
    }

    #[test]
    fn what_was_read_as_it_was_seen_is_not_read_again() {
        assert_eq!(left(&[Some("content"), None]), 1);
    }

    #[test]
    fn a_change_that_left_no_other_trace_is_found_by_what_was_read() {
        assert_eq!(left(&[Some("for a moment"), Some("content"), None]), 1);
    }

    #[test]
    fn where_it_is_not_known_what_was_read_it_is_read_after_the_wait() {
        assert_eq!(left(&[None, None, None]), 1);
    }
}
