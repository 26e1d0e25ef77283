//! Waits for what tells nobody when it happens.

use std::{thread, time::Instant};

use super::PATIENCE;

/// Asks until the answer is yes.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: that never came");
        thread::yield_now();
    }
}
