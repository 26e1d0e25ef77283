//! How fast something has to move while it is waited for.

use std::time::Duration;

use tokio::time::Instant;

/// Measures what the other end moves, and only while we wait for it: in each window of waiting, so
/// many bytes have to come. What it moves while nobody asks is not held against it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Pace {
    window: Duration,
    least: u64,
    moved: u64,
    until: Option<Instant>,
}

impl Pace {
    /// Bytes per second, over windows of that length; at least one byte in each.
    pub(in super::super) fn new(window: Duration, rate: u64) -> Self {
        let least = u128::from(rate) * window.as_millis() / 1000;
        Self { window, least: u64::try_from(least).unwrap_or(u64::MAX).max(1), moved: 0, until: None }
    }

    /// We wait: begins a window unless there is one. Returns its end, at which the other end is too
    /// slow.
    pub(in super::super) fn wait(&mut self, now: Instant) -> Instant {
        *self.until.get_or_insert_with(|| now + self.window)
    }

    /// Something moved. A window ends where it was enough.
    pub(in super::super) fn moved(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(bytes as u64);
        if self.moved >= self.least {
            self.rest();
        }
    }

    /// Whether we wait.
    pub(in super::super) fn is_waiting(&self) -> bool {
        self.until.is_some()
    }

    /// Whether a window with so many bytes would be enough.
    pub(in super::super) fn would_do(&self, bytes: u64) -> bool {
        bytes >= self.least
    }

    /// We no longer wait.
    pub(in super::super) fn rest(&mut self) {
        (self.moved, self.until) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    #[test]
    fn a_window_is_as_long_as_it_takes() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut pace = Pace::new(WINDOW, 10);
        assert_eq!(pace.wait(start), start + WINDOW);
        for elapsed in 1..9 {
            pace.moved(11);
            assert_eq!(pace.wait(start + second * elapsed), start + WINDOW, "88 bytes are not enough");
        }
        pace.moved(12);
        assert_eq!(pace.wait(start + second * 9), start + second * 9 + WINDOW, "100 are");
        pace.moved(50);
        pace.rest();
        let later = start + second * 100;
        assert_eq!(pace.wait(later), later + WINDOW);
        pace.moved(50);
        assert_eq!(pace.wait(later + second), later + WINDOW, "the first 50 bytes are forgotten");
    }

    #[test]
    fn without_a_rate_a_byte_will_do() {
        let start = Instant::now();
        let mut pace = Pace::new(WINDOW, 0);
        pace.wait(start);
        pace.moved(0);
        assert_eq!(pace.wait(start + WINDOW / 2), start + WINDOW);
        pace.moved(1);
        assert_eq!(pace.wait(start + WINDOW / 2), start + WINDOW / 2 + WINDOW);
    }
}
