//! The access log: a line for each request that is over.
//!
//! Lines are made where requests end and written by one thread, in batches, so that no request
//! waits for a disk. Where more comes than is written, lines are left out and counted, unless
//! requests are to wait. Values cannot break out of their place in a line, nor a line in two; see
//! [`Format`].

mod format;
mod json;
mod output;
mod sink;
mod stamp;
mod usr1;

use std::{cell::RefCell, fmt, io, sync::Arc};

pub use self::{
    format::{Format, FormatError},
    output::Target,
    sink::{Counts, Overflow},
};
use self::{output::Output, sink::Sink};
use crate::template::Subject;

/// Bytes that the memory of a thread for its lines keeps between two of them.
const KEPT: usize = 64 * 1024;

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// An access log that is being written. Its clones write to the same place.
#[derive(Clone)]
pub struct AccessLog(Arc<Inner>);

struct Inner {
    format: Format,
    sink: Sink,
}

impl AccessLog {
    /// Opens it, and starts the thread that writes it.
    pub fn start(target: Target, format: Format, overflow: Overflow) -> io::Result<Self> {
        let sink = Sink::start(Output::open(target)?, overflow)?;
        Ok(Self(Arc::new(Inner { format, sink })))
    }

    /// Tells of a request that is over.
    pub fn write(&self, subject: &Subject<'_>) {
        LINE.with_borrow_mut(|line| {
            line.clear();
            self.0.format.render(subject, line);
            line.push(b'\n');
            self.0.sink.push(line);
            line.shrink_to(KEPT);
        });
    }

    /// Opens the file anew, since somebody may have moved it away. What was told before stands in
    /// the old one.
    pub fn reopen(&self) {
        self.0.sink.reopen();
    }

    /// What was written, and what was not.
    pub fn counts(&self) -> Counts {
        self.0.sink.counts()
    }

    /// Writes what was told, and ends. What is told later is left out.
    pub fn close(&self) {
        self.0.sink.close();
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("format", &self.0.format).finish_non_exhaustive()
    }
}

/// From now on, SIGUSR1 makes this log open its file anew; without one, nothing comes of it. By
/// default it would end the process.
pub fn reopen_on_usr1(log: Option<&AccessLog>) -> io::Result<()> {
    usr1::listen(log.cloned())
}
