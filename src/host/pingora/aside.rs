//! What is waited for beside something that is busier.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// A future that is polled only when it asked for that, and not whenever its task goes on: that is
/// several times in each request, and looks at the same locks each time. It has to stay with the
/// task that first polls it.
pub(super) struct Aside<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// Wakes the task for the sake of one of its futures.
struct Bell {
    rings: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F: Future> Aside<F> {
    pub(super) fn new(future: F) -> Self {
        let bell = Arc::new(Bell { rings: AtomicBool::new(true), task: Mutex::default() });
        let waker = Waker::from(Arc::clone(&bell));
        Self { future: Box::pin(future), bell, waker }
    }
}

impl<F: Future> Future for Aside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.bell.rings.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        *this.bell.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        // What came before the bell rang is seen below; if it rings from here on, it stays so.
        this.bell.rings.swap(false, Ordering::AcqRel);
        this.future.as_mut().poll(&mut Context::from_waker(&this.waker))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rings.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, sync::atomic::AtomicUsize};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_polled_when_it_asked_for_that() {
        let (task, kept) = (Arc::new(Count::default()), Mutex::new(None::<Waker>));
        let polls = AtomicUsize::new(0);
        let mut aside = Aside::new(poll_fn(|context| {
            *kept.lock().unwrap() = Some(context.waker().clone());
            if polls.fetch_add(1, Ordering::Relaxed) < 2 { Poll::Pending } else { Poll::Ready(()) }
        }));
        let waker = Waker::from(Arc::clone(&task));
        let mut context = Context::from_waker(&waker);
        let mut poll =
            |times: usize| (0..times).filter(|_| Pin::new(&mut aside).poll(&mut context).is_ready()).count();
        let wake = || kept.lock().unwrap().clone().unwrap().wake();

        assert_eq!(poll(3), 0);
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        wake();
        assert_eq!(task.0.load(Ordering::Relaxed), 1, "the task is woken");
        assert_eq!(poll(3), 0);
        assert_eq!(polls.load(Ordering::Relaxed), 2);
        wake();
        assert_eq!(poll(1), 1);
    }
}
