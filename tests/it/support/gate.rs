//! A door between threads: closed until someone opens it.

use std::sync::{Arc, Condvar, Mutex};

use super::PATIENCE;

/// A door that opens once. Clones are the same door.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open.
    pub(crate) fn wait(&self) {
        let (open, opened) = &*self.0;
        let waited = opened.wait_timeout_while(open.lock().unwrap(), PATIENCE, |open| !*open).unwrap();
        assert!(!waited.1.timed_out(), "nobody opened the gate");
    }
}
