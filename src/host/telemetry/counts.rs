//! The counts of all requests together.
//!
//! Threads that count in one place wait for each other's caches, so that each has, as far as may
//! be, a shard of its own; whoever reads adds them up.

use std::{
    array,
    cell::Cell,
    ops::AddAssign,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use super::Finished;
use crate::exchange::Cause;

/// Shards; more threads than that share some.
const SHARDS: usize = 16;

/// The bounds of the buckets of durations, in microseconds; the last has none.
const BOUNDS: [u64; 15] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000, 60_000_000,
];

/// Counts that many threads add to.
#[derive(Debug, Default)]
pub(super) struct Counts([Shard; SHARDS]);

/// A cache line or more of its own; some processors fetch two.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    answers: [[AtomicU64; 2]; Class::ALL.len()],
    causes: [AtomicU64; Cause::ALL.len()],
    sent: AtomicU64,
    received: AtomicU64,
    durations: Durations,
    upstream: Durations,
}

#[derive(Debug, Default)]
struct Durations {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// The first digit of the status that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The client got no response.
    None,
    /// A tunnel.
    Informational,
    /// 2xx.
    Success,
    /// 3xx.
    Redirection,
    /// 4xx.
    ClientError,
    /// 5xx and above.
    ServerError,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Requests by what was answered.
    pub answers: Answers,
    /// Requests that failed, in the order of [`Cause::ALL`].
    causes: [u64; Cause::ALL.len()],
    /// Bytes of content that were sent.
    pub sent: u64,
    /// Bytes of content that came from clients.
    pub received: u64,
    /// How long requests took.
    pub durations: Histogram,
    /// How long the heads of upstreams' responses took to come.
    pub upstream: Histogram,
}

/// Requests by class, and whether the content was replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers([[u64; 2]; Class::ALL.len()]);

/// How many durations fell into which bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BOUNDS.len() + 1],
    micros: u64,
}

impl Counts {
    pub(super) fn add(&self, finished: &Finished<'_>) {
        let shard = self.shard();
        let is_replaced = finished.decided.is_some_and(|decided| decided.action.is_replaced());
        let class = Class::of(finished.status);
        let cell = shard.answers.get(class as usize).and_then(|pair| pair.get(usize::from(is_replaced)));
        add(cell, 1);
        if let Some(cause) = finished.cause {
            add(shard.causes.get(cause as usize), 1);
        }
        if finished.sent > 0 {
            shard.sent.fetch_add(finished.sent, Relaxed);
        }
        if finished.received > 0 {
            shard.received.fetch_add(finished.received, Relaxed);
        }
        shard.durations.add(finished.took);
        if let Some(took) = finished.upstream_took {
            shard.upstream.add(took);
        }
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for shard in &self.0 {
            totals.answers += Answers(array::from_fn(|class| {
                let pair = shard.answers.get(class);
                array::from_fn(|place| read(pair.and_then(|pair| pair.get(place))))
            }));
            for (total, cause) in totals.causes.iter_mut().zip(&shard.causes) {
                *total += cause.load(Relaxed);
            }
            totals.sent += shard.sent.load(Relaxed);
            totals.received += shard.received.load(Relaxed);
            shard.durations.add_to(&mut totals.durations);
            shard.upstream.add_to(&mut totals.upstream);
        }
        totals
    }

    /// The shard of this thread.
    fn shard(&self) -> &Shard {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: Cell<Option<usize>> = const { Cell::new(None) };
        }
        let mine = MINE.get().unwrap_or_else(|| {
            let mine = THREADS.fetch_add(1, Relaxed) % SHARDS;
            MINE.set(Some(mine));
            mine
        });
        let [first, ..] = &self.0;
        self.0.get(mine).unwrap_or(first)
    }
}

impl Durations {
    fn add(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        add(self.buckets.get(BOUNDS.partition_point(|bound| *bound < micros)), 1);
        self.micros.fetch_add(micros, Relaxed);
    }

    fn add_to(&self, histogram: &mut Histogram) {
        for (total, bucket) in histogram.buckets.iter_mut().zip(&self.buckets) {
            *total += bucket.load(Relaxed);
        }
        histogram.micros = histogram.micros.wrapping_add(self.micros.load(Relaxed));
    }
}

impl Totals {
    /// Requests that failed for this cause.
    pub fn failed(&self, cause: Cause) -> u64 {
        self.causes.get(cause as usize).copied().unwrap_or_default()
    }
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Class::None,
        Class::Informational,
        Class::Success,
        Class::Redirection,
        Class::ClientError,
        Class::ServerError,
    ];

    /// The class of the status that was sent.
    pub fn of(status: Option<u16>) -> Self {
        match status.map(|status| status / 100) {
            None => Class::None,
            Some(0 | 1) => Class::Informational,
            Some(2) => Class::Success,
            Some(3) => Class::Redirection,
            Some(4) => Class::ClientError,
            Some(_) => Class::ServerError,
        }
    }

    /// The name, as metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::None => "none",
            Class::Informational => "1xx",
            Class::Success => "2xx",
            Class::Redirection => "3xx",
            Class::ClientError => "4xx",
            Class::ServerError => "5xx",
        }
    }
}

impl Answers {
    /// Requests of a class.
    pub fn of(&self, class: Class) -> u64 {
        self.passed(class) + self.replaced(class)
    }

    /// Those whose content passed.
    pub fn passed(&self, class: Class) -> u64 {
        self.get(class, 0)
    }

    /// Those whose content was replaced.
    pub fn replaced(&self, class: Class) -> u64 {
        self.get(class, 1)
    }

    /// What came since an earlier count.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self(array::from_fn(|class| {
            array::from_fn(|place| self.at(class, place).saturating_sub(earlier.at(class, place)))
        }))
    }

    fn get(&self, class: Class, place: usize) -> u64 {
        self.at(class as usize, place)
    }

    fn at(&self, class: usize, place: usize) -> u64 {
        self.0.get(class).and_then(|pair| pair.get(place)).copied().unwrap_or_default()
    }
}

impl AddAssign for Answers {
    fn add_assign(&mut self, other: Self) {
        for (ours, theirs) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *ours += theirs;
        }
    }
}

impl Histogram {
    /// How many durations there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Their sum in seconds.
    pub fn seconds(&self) -> f64 {
        Duration::from_micros(self.micros).as_secs_f64()
    }

    /// The bound of each bucket in seconds, but for the last, which has none, and how many
    /// durations are not above it.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut total = 0;
        BOUNDS.iter().zip(&self.buckets).map(move |(bound, count)| {
            total += count;
            (Duration::from_micros(*bound).as_secs_f64(), total)
        })
    }
}

fn add(cell: Option<&AtomicU64>, count: u64) {
    if let Some(cell) = cell {
        cell.fetch_add(count, Relaxed);
    }
}

fn read(cell: Option<&AtomicU64>) -> u64 {
    cell.map_or(0, |cell| cell.load(Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_not_above_its_bound() {
        let durations = Durations::default();
        for micros in [0, 1_000, 1_001, 60_000_000, 60_000_001] {
            durations.add(Duration::from_micros(micros));
        }
        let mut histogram = Histogram::default();
        durations.add_to(&mut histogram);
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets[..2], [(0.001, 2), (0.0025, 3)]);
        assert_eq!((buckets[14], histogram.count()), ((60.0, 4), 5));
        assert!((histogram.seconds() - 120.002_002).abs() < 1e-9);
    }

    #[test]
    fn causes_and_classes_have_the_places_that_their_numbers_say() {
        for (index, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, index);
        }
        for (index, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, index);
        }
        let classes = [None, Some(101), Some(204), Some(304), Some(404), Some(999)].map(Class::of);
        assert_eq!(classes, Class::ALL);
    }
}
