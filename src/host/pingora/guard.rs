//! What keeps clients from holding on to the proxy for ever, or all at once.
//!
//! Pingora measures the time of single reads and writes, so that a byte now and then keeps a
//! connection, and not even that between requests. Here each connection has a [`Link`] that knows
//! what is expected of the client: the head of a request by a certain time, its content and the
//! taking of the response at a certain pace, or nothing. The connection itself (`prompt`) asks the
//! link while it waits, and ends when the time is over; the application (`app`) and the filter tell
//! the link what comes next.

mod counters;
mod descriptors;
mod pace;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

pub(super) use self::pace::Pace;
pub use self::{
    counters::{Bound, Counters},
    descriptors::raise_file_limit,
};
use super::{
    in_flight::{self, InFlight},
    options::{Limits, Options, Timeouts},
};

/// Of so many connections, one more is told that there are too many; past that they just end.
const TOLD: usize = 8;

/// Connections that are told so although there may be very few.
const LEAST_TOLD: usize = 16;

/// The bytes that every connection of HTTP/2 begins with.
const PREFACE: usize = 24;

/// Lets connections in.
#[derive(Debug)]
pub(super) struct Guard {
    timeouts: Timeouts,
    limits: Limits,
    counters: Arc<Counters>,
}

/// One connection of a client.
#[derive(Debug)]
pub(super) struct Link {
    guard: Arc<Guard>,
    /// Whether it is one too many, and only to be told so.
    is_refused: bool,
    awaited: Mutex<Awaited>,
    /// Whether the client waits to be asked for content.
    holds_off: AtomicBool,
    /// Whether no further request is waited for.
    leaves: AtomicBool,
    requests: AtomicU32,
    serving: Arc<InFlight>,
    quiet_since: Mutex<Instant>,
    speaks_h2: Notify,
    spent: Notify,
    _open: in_flight::Guard,
}

/// A request that is being served on a connection.
#[derive(Debug)]
pub(super) struct Serving {
    link: Arc<Link>,
    _in_flight: in_flight::Guard,
}

/// What is awaited from the client, and whether it was too late with it.
#[derive(Debug)]
struct Awaited {
    what: What,
    late: Option<Bound>,
}

/// How long to wait for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Then it is too late.
    Until(Instant),
    ForEver,
    /// Not at all.
    Over,
}

#[derive(Debug)]
enum What {
    /// The rest of a head, or the whole of the first.
    Head {
        until: Instant,
        has_begun: bool,
    },
    /// The first byte of another request.
    Request {
        until: Instant,
    },
    /// The content of a request.
    Body(Pace),
    /// The same while there is a response: what we say counts as if the client had said it.
    Talk(Pace),
    /// The first bytes of HTTP/2.
    Preface {
        until: Instant,
        missing: usize,
    },
    Nothing,
}

impl Guard {
    pub(super) fn new(options: &Options, counters: Arc<Counters>) -> Self {
        Self { timeouts: options.timeouts, limits: options.limits, counters }
    }

    /// Lets a connection in, unless there are too many even of those that are refused.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Link> {
        let (open, others) = self.counters.connect();
        let most = self.limits.connections;
        if others >= most.saturating_add(LEAST_TOLD.max(most / TOLD)) {
            self.counters.count(Bound::Refusals);
            return None;
        }
        Some(Link::new(Arc::clone(self), open, others >= most))
    }
}

/// Limits of which none is "as many as there can be".
pub(super) fn settled(limits: Limits, threads: usize) -> Limits {
    let reserved = limits.pool_size.saturating_mul(threads);
    let or_derived = |limit| if limit == 0 { descriptors::connections(reserved) } else { limit };
    Limits { connections: or_derived(limits.connections), requests: or_derived(limits.requests), ..limits }
}

impl Link {
    fn new(guard: Arc<Guard>, open: in_flight::Guard, is_refused: bool) -> Self {
        let now = Instant::now();
        let head = What::Head { until: now + guard.timeouts.head, has_begun: false };
        Self {
            guard,
            is_refused,
            awaited: Mutex::new(Awaited { what: head, late: None }),
            holds_off: AtomicBool::new(false),
            leaves: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            serving: Arc::default(),
            quiet_since: Mutex::new(now),
            speaks_h2: Notify::new(),
            spent: Notify::new(),
            _open: open,
        }
    }

    /// Whether it is one too many, and only to be told so.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Whether the next request is the last on this connection.
    pub(super) fn is_used_up(&self) -> bool {
        let count = self.requests.load(Ordering::Relaxed).saturating_add(1);
        count >= self.guard.limits.requests_per_connection
    }

    /// A request begins to be served. Where it is the last, the connection ends with it.
    pub(super) fn serve(self: &Arc<Self>) -> Serving {
        if self.is_used_up() {
            self.count(Bound::ConnectionRequests);
            self.end();
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        Serving { link: Arc::clone(self), _in_flight: InFlight::enter(&self.serving) }
    }

    /// Nothing more is to be served on it than what is being served.
    pub(super) fn end(&self) {
        self.spent.notify_one();
    }

    /// From now on no request is waited for, not even the rest of one.
    pub(super) fn leaves(&self) {
        self.leaves.store(true, Ordering::Relaxed);
    }

    /// Returns when the connection has served enough, or, in HTTP/2, nothing for too long.
    pub(super) async fn has_ended(&self) {
        let idle = async {
            self.speaks_h2.notified().await;
            self.quiet(self.guard.timeouts.keep_alive, Instant::now()).await;
            self.count(Bound::Idle);
        };
        tokio::select! {
            () = self.spent.notified() => {}
            () = idle => {}
        }
    }

    /// Returns when nothing was served for so long, counted from then.
    pub(super) async fn quiet(&self, time: Duration, from: Instant) {
        loop {
            self.serving.no_requests().await;
            let until = (*lock(&self.quiet_since)).max(from) + time;
            if Instant::now() >= until {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// The pace at which content has to come.
    pub(super) fn body_pace(&self) -> Pace {
        Pace::new(self.guard.timeouts.client_body, self.guard.limits.client_rate)
    }

    /// The pace of content that comes beside a response: a client may be silent as long as the upstream
    /// may be.
    pub(super) fn talk_pace(&self) -> Pace {
        Pace::new(self.talk_time(), self.guard.limits.client_rate)
    }

    /// The pace of a stream of gRPC, in which messages may be few.
    pub(super) fn grpc_pace(&self) -> Pace {
        Pace::new(self.talk_time(), 0)
    }

    fn talk_time(&self) -> Duration {
        self.guard.timeouts.client_body.max(self.guard.timeouts.read)
    }

    /// The pace at which responses have to be taken.
    pub(super) fn send_pace(&self) -> Pace {
        Pace::new(self.guard.timeouts.client_write, self.guard.limits.client_rate)
    }

    /// Counts a limit that was reached.
    pub(super) fn count(&self, bound: Bound) {
        self.guard.counters.count(bound);
    }
}

/// What is to come next.
impl Link {
    /// HTTP begins: the time for the first head runs from here.
    pub(super) fn awaits_first(&self) {
        self.awaits(What::Head { until: Instant::now() + self.guard.timeouts.head, has_begun: false });
    }

    /// The head of a request. For the first, the time runs already.
    pub(super) fn awaits_request(&self) {
        if self.requests.load(Ordering::Relaxed) > 0 {
            self.awaits(What::Request { until: Instant::now() + self.guard.timeouts.keep_alive });
        }
    }

    /// The content of a request; where the client asked first whether to send it, once it was told.
    pub(super) fn awaits_body(&self, asked: bool) {
        self.holds_off.store(asked, Ordering::Relaxed);
        self.awaits(What::Body(self.body_pace()));
    }

    /// More of the content of a request, beside a response.
    pub(super) fn awaits_talk(&self) {
        self.holds_off.store(false, Ordering::Relaxed);
        self.awaits(What::Talk(self.talk_pace()));
    }

    /// Whatever the client likes, and when.
    pub(super) fn awaits_nothing(&self) {
        self.awaits(What::Nothing);
    }

    /// HTTP/2, whose connections and streams have limits of their own once they began.
    pub(super) fn awaits_h2(&self) {
        let mut awaited = lock(&self.awaited);
        if let What::Head { until, .. } = awaited.what {
            awaited.what = What::Preface { until, missing: PREFACE };
        }
        self.speaks_h2.notify_one();
    }

    fn awaits(&self, what: What) {
        lock(&self.awaited).what = what;
    }
}

/// What came, and what did not.
impl Link {
    /// What the client was too late with.
    pub(super) fn late(&self) -> Option<Bound> {
        lock(&self.awaited).late
    }

    /// Whether some of a head came, but the rest was late.
    pub(super) fn has_half_a_head(&self) -> bool {
        let awaited = lock(&self.awaited);
        awaited.late.is_some() && matches!(awaited.what, What::Head { has_begun: true, .. })
    }

    /// We wait for the client to send something.
    pub(super) fn wait(&self) -> Wait {
        match &mut lock(&self.awaited).what {
            What::Head { .. } | What::Request { .. } if self.leaves.load(Ordering::Relaxed) => Wait::Over,
            What::Head { until, .. } | What::Request { until } | What::Preface { until, .. } => {
                Wait::Until(*until)
            }
            What::Body(_) if self.holds_off.load(Ordering::Relaxed) => Wait::ForEver,
            What::Body(pace) | What::Talk(pace) => Wait::Until(pace.wait(Instant::now())),
            What::Nothing => Wait::ForEver,
        }
    }

    /// So many bytes came. However late it is, the client was in time if we looked too late.
    pub(super) fn has_come(&self, bytes: usize) {
        let mut awaited = lock(&self.awaited);
        match &mut awaited.what {
            What::Request { .. } => {
                let until = Instant::now() + self.guard.timeouts.head;
                awaited.what = What::Head { until, has_begun: true };
            }
            What::Head { has_begun, .. } => *has_begun = true,
            What::Preface { missing, .. } => {
                *missing = missing.saturating_sub(bytes);
                if *missing == 0 {
                    awaited.what = What::Nothing;
                }
            }
            What::Body(pace) | What::Talk(pace) => {
                self.holds_off.store(false, Ordering::Relaxed);
                pace.moved(bytes);
            }
            What::Nothing => {}
        }
    }

    /// Something was said to the client.
    pub(super) fn has_spoken(&self) {
        self.holds_off.store(false, Ordering::Relaxed);
        if let What::Talk(pace) = &mut lock(&self.awaited).what {
            pace.rest();
        }
    }

    /// The client sends too late.
    pub(super) fn is_over(&self) -> io::Error {
        let mut awaited = lock(&self.awaited);
        let bound = match awaited.what {
            What::Request { .. } => Bound::Idle,
            What::Body(_) | What::Talk(_) => Bound::Body,
            What::Head { .. } | What::Preface { .. } | What::Nothing => Bound::Head,
        };
        self.exceeded(&mut awaited.late, bound)
    }

    /// The client takes too little.
    pub(super) fn is_stuck(&self) -> io::Error {
        self.exceeded(&mut lock(&self.awaited).late, Bound::Send)
    }

    fn exceeded(&self, late: &mut Option<Bound>, bound: Bound) -> io::Error {
        if late.replace(bound).is_none() {
            self.count(bound);
        }
        io::Error::new(io::ErrorKind::TimedOut, format!("the client reached a limit: {bound}"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        *lock(&self.link.quiet_since) = Instant::now();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
