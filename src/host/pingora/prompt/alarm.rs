//! A timer for times that change more often than they are reached.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Set to a time whenever it is asked. Where that moves on, the timer is left alone until it rings,
/// which is less work than to move it each time.
#[derive(Debug, Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether it is that late; if not, wakes the task by then.
    pub(super) fn rings(&mut self, until: Instant, context: &mut Context<'_>) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if until < sleep.deadline() {
            sleep.as_mut().reset(until);
        }
        while let Poll::Ready(()) = sleep.as_mut().poll(context) {
            if sleep.deadline() >= until {
                return true;
            }
            sleep.as_mut().reset(until);
        }
        false
    }
}
