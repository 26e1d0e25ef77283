//! Faults of our own: a panic costs what it interrupted, and nothing else.

use std::{
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
    thread,
};

/// All panics of this process that were survived.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// How many panics the process has survived.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// From now on, panics are events of the log rather than lines beside it.
pub fn log_panics() {
    panic::set_hook(Box::new(log));
}

/// Runs this, and returns `None` where it panicked.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(run)).inspect_err(|_| note()).ok()
}

/// The same for what takes its time.
pub(crate) async fn survived<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        let polled = panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Some),
            Err(_) => {
                note();
                Poll::Ready(None)
            }
        }
    })
    .await
}

/// Counts a panic that others survive.
pub(crate) fn note() {
    COUNT.fetch_add(1, Ordering::Relaxed);
}

fn log(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("?");
    let thread = thread::current();
    tracing::error!(
        target: "retort::fault",
        thread = thread.name(),
        place = info.location().map(tracing::field::display),
        what = message,
        "a panic"
    );
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_panic_goes_no_further_and_is_counted() {
        let before = count();
        let slots = [1];
        let position = slots.len();
        assert_eq!(caught(|| slots[position]), None);
        assert_eq!(caught(|| slots[0]), Some(1));
        assert!(count() > before);
    }

    #[test]
    fn nor_does_one_that_comes_later() {
        let before = count();
        let (slots, mut polls) = ([1], 0);
        // Waits once, then panics or ends.
        let mut run = |position: usize| {
            let waiting = survived(std::future::poll_fn(|_| {
                polls += 1;
                if polls % 2 == 1 { Poll::Pending } else { Poll::Ready(slots[position]) }
            }));
            let mut waiting = pin!(waiting);
            let mut context = Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            waiting.as_mut().poll(&mut context)
        };
        assert_eq!(run(slots.len()), Poll::Ready(None));
        assert_eq!(run(0), Poll::Ready(Some(1)));
        assert!(count() > before);
    }
}
