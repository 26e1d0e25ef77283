//! What was answered of late: differences of counts, taken now and then by whoever serves them.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Answers;

/// The length of a span.
pub const SPAN: Duration = Duration::from_secs(10);

/// How many spans are kept: an hour.
const SLOTS: usize = 360;

/// Keeps the history.
#[derive(Debug)]
pub(super) struct Recorder {
    began: Instant,
    spans: Mutex<Spans>,
}

#[derive(Debug, Default)]
struct Spans {
    /// Those that are over, the oldest first.
    over: VecDeque<Slot>,
    /// The number of the span that is not over.
    number: u64,
    /// The counts at its beginning.
    before: Answers,
}

/// What was answered, in spans of equal length.
#[derive(Clone, Debug)]
pub struct History {
    /// The length of a span.
    pub span: Duration,
    /// The spans, the oldest first; the last one is not over.
    pub slots: Vec<Slot>,
}

/// What was answered in a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot(pub Answers);

impl Recorder {
    pub(super) fn new(began: Instant) -> Self {
        Self { began, spans: Mutex::default() }
    }

    /// Takes note of the counts at this time.
    pub(super) fn note(&self, now: Instant, answers: &Answers) {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).note(self.number(now), answers);
    }

    /// The history up to this time.
    pub(super) fn read(&self, now: Instant, answers: &Answers) -> History {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.note(self.number(now), answers);
        let current = Slot(answers.since(&spans.before));
        History { span: SPAN, slots: spans.over.iter().copied().chain([current]).collect() }
    }

    fn number(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / SPAN.as_secs()
    }
}

impl Spans {
    /// Ends the spans before this one. What came since the last note is taken to be of the span that
    /// the note was in.
    fn note(&mut self, number: u64, answers: &Answers) {
        if number <= self.number {
            return;
        }
        self.push(Slot(answers.since(&self.before)));
        let empty = usize::try_from(number - self.number - 1).unwrap_or(SLOTS).min(SLOTS);
        (0..empty).for_each(|_| self.push(Slot::default()));
        (self.number, self.before) = (number, *answers);
    }

    fn push(&mut self, slot: Slot) {
        // With the one that is not over, there are so many.
        if self.over.len() + 1 >= SLOTS {
            self.over.pop_front();
        }
        self.over.push_back(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::telemetry::{Class, Finished, counts::Counts};
    use crate::{Rules, host::live::Live};

    #[test]
    fn each_span_has_what_came_in_it() {
        let (began, counts) = (Instant::now(), Counts::default());
        let recorder = Recorder::new(began);
        let snapshot = Live::new(Rules::default()).snapshot();
        let serve = |status| {
            counts.add(&Finished {
                snapshot: &snapshot,
                id: "",
                method: "GET",
                path: "/",
                status: Some(status),
                upstream_status: None,
                decided: None,
                cause: None,
                took: SPAN,
                upstream_took: None,
                sent: 0,
                received: 0,
            });
        };
        let answers = || counts.totals().answers;
        serve(200);
        recorder.note(began + Duration::from_secs(9), &answers());
        serve(404);
        recorder.note(began + Duration::from_secs(10), &answers());
        serve(500);
        let history = recorder.read(began + Duration::from_secs(45), &answers());
        let seen: Vec<_> =
            history.slots.iter().map(|Slot(slot)| Class::ALL.map(|class| slot.of(class))).collect();
        assert_eq!(seen, [[0, 0, 1, 0, 1, 0], [0, 0, 0, 0, 0, 1], [0; 6], [0; 6], [0; 6]]);
        let later = recorder.read(began + Duration::from_secs(100_000), &answers());
        assert_eq!(later.slots.len(), SLOTS);
        assert_eq!(later.slots[0], Slot::default());
    }
}
