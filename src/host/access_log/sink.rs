//! From many threads to one place: a buffer that one thread empties.

use std::{
    io, mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::output::{Output, TARGET};

/// Bytes that wait to be written, at most, unless it is one line.
const CAPACITY: usize = 4 * 1024 * 1024;

/// Bytes that are worth a write.
const BATCH: usize = 64 * 1024;

/// How long fewer may wait for more.
const LINGER: Duration = Duration::from_millis(10);

/// Between two complaints.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// How long the end may take: whoever reads the log may be stuck.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What happens where lines come faster than they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// They are left out, and counted.
    #[default]
    Drop,
    /// Requests wait until they are written.
    Block,
}

/// What became of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They were written.
    pub written: u64,
    /// They came faster than they could be written.
    pub dropped: u64,
    /// They could not be written: the disk is full, the reader is gone.
    pub lost: u64,
}

/// Takes lines, and writes them later.
#[derive(Debug)]
pub(super) struct Sink {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    overflow: Overflow,
    capacity: usize,
    state: Mutex<State>,
    /// There is something to do for the thread.
    work: Condvar,
    /// There is room, or the end has come.
    room: Condvar,
    written: AtomicU64,
    dropped: AtomicU64,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    count: u64,
    asked: Asked,
    is_closed: bool,
    /// Lines left out since that was told last, and when that was.
    untold: u64,
    told: Option<Instant>,
}

/// What the thread is asked to do beside writing.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    reopen: bool,
    close: bool,
}

/// What the thread takes at a time.
#[derive(Debug, Default)]
struct Batch {
    lines: Vec<u8>,
    count: u64,
    asked: Asked,
}

impl Sink {
    pub(super) fn start(output: Output, overflow: Overflow) -> io::Result<Self> {
        Self::holding(CAPACITY, output, overflow)
    }

    fn holding(capacity: usize, mut output: Output, overflow: Overflow) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            overflow,
            capacity,
            state: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("retort-access-log".into()).spawn(move || theirs.empty(&mut output))?;
        Ok(Self { shared })
    }

    /// Takes a line with its end.
    pub(super) fn push(&self, line: &[u8]) {
        let Shared { overflow, capacity, work, room, .. } = &*self.shared;
        let mut state = self.shared.lock();
        while !state.is_closed && !state.lines.is_empty() && state.lines.len() + line.len() > *capacity {
            if *overflow == Overflow::Drop {
                return self.shared.drop_line(state);
            }
            state = room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed {
            return self.shared.drop_line(state);
        }
        let before = state.lines.len();
        state.lines.extend_from_slice(line);
        state.count += 1;
        let is_batch = before < BATCH && state.lines.len() >= BATCH;
        drop(state);
        if before == 0 || is_batch {
            work.notify_one();
        }
    }

    pub(super) fn reopen(&self) {
        self.shared.lock().asked.reopen = true;
        self.shared.work.notify_one();
    }

    pub(super) fn close(&self) {
        let mut state = self.shared.lock();
        state.asked.close = true;
        self.shared.work.notify_one();
        let open = |state: &mut State| !state.is_closed;
        let ended = self.shared.room.wait_timeout_while(state, LAST_WORDS, open);
        let (mut state, _) = ended.unwrap_or_else(PoisonError::into_inner);
        if !mem::replace(&mut state.is_closed, true) {
            tracing::warn!(target: TARGET, lines = state.count, "the end of the access log is not written");
        }
        self.shared.complain(&mut state);
    }

    pub(super) fn counts(&self) -> Counts {
        let Shared { written, dropped, lost, .. } = &*self.shared;
        let [written, dropped, lost] = [written, dropped, lost].map(|count| count.load(Ordering::Relaxed));
        Counts { written, dropped, lost }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.shared.lock().is_closed {
            self.close();
        }
    }
}

impl Shared {
    /// Writes what comes, to the end.
    fn empty(&self, output: &mut Output) {
        let mut batch = Batch::default();
        loop {
            self.next(&mut batch);
            self.room.notify_all();
            let lost = if batch.lines.is_empty() { 0 } else { output.write(&batch.lines) };
            self.lost.fetch_add(lost, Ordering::Relaxed);
            self.written.fetch_add(batch.count.saturating_sub(lost), Ordering::Relaxed);
            if batch.asked.reopen {
                output.reopen();
            }
            if batch.asked.close {
                self.lock().is_closed = true;
                return self.room.notify_all();
            }
        }
    }

    /// Waits for something to do, and a little longer for more of it.
    fn next(&self, batch: &mut Batch) {
        batch.lines.clear();
        let idle = |state: &mut State| state.lines.is_empty() && !state.asked.any();
        let few = |state: &mut State| state.lines.len() < BATCH && !state.asked.any();
        let state = self.work.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let waited = self.work.wait_timeout_while(state, LINGER, few);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut batch.lines, &mut state.lines);
        batch.count = mem::take(&mut state.count);
        batch.asked = mem::take(&mut state.asked);
    }

    /// Leaves a line out, and says so now and then.
    fn drop_line(&self, mut state: MutexGuard<'_, State>) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        state.untold += 1;
        if state.told.is_none_or(|told| told.elapsed() >= COMPLAINTS) {
            self.complain(&mut state);
        }
    }

    fn complain(&self, state: &mut State) {
        if state.untold > 0 {
            let (lines, total) = (mem::take(&mut state.untold), self.dropped.load(Ordering::Relaxed));
            state.told = Some(Instant::now());
            tracing::warn!(target: TARGET, lines, total, "lines of the access log were left out");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    fn any(self) -> bool {
        self.reopen || self.close
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        io::Read,
        os::unix::fs::PermissionsExt,
    };

    use super::{super::output::Target, *};

    fn lines(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|index| format!("line {index}\n").into_bytes()).collect()
    }

    #[test]
    fn what_was_pushed_is_written_by_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let sink = Sink::start(Output::open(Target::File(path.clone())).unwrap(), Overflow::Drop).unwrap();
        lines(10_000).iter().for_each(|line| sink.push(line));
        sink.close();
        assert_eq!(fs::read(&path).unwrap(), lines(10_000).concat());
        assert_eq!(sink.counts(), Counts { written: 10_000, dropped: 0, lost: 0 });
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777 & !0o640, 0);
        sink.push(b"late\n");
        assert_eq!(sink.counts().dropped, 1);
    }

    #[test]
    fn a_reader_that_is_stuck_costs_lines_or_time() {
        // A pipe that nobody reads holds 64 KiB.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let end = File::options().read(true).write(true).open(&path).unwrap();
        let output = Output::open(Target::File(path.clone())).unwrap();
        let sink = Sink::holding(1000, output, Overflow::Drop).unwrap();
        let line = [&[b'x'; 99][..], b"\n"].concat();
        let mut pushed = 0;
        while sink.counts().dropped == 0 {
            sink.push(&line);
            pushed += 1;
        }
        // Once somebody reads, the rest of it comes.
        let reader = thread::spawn(move || {
            let mut count = 0;
            let mut buffer = [0; 100];
            let mut end = end;
            while end.read_exact(&mut buffer).is_ok() && buffer[0] == b'x' {
                count += 1;
            }
            count
        });
        while sink.counts().written + sink.counts().dropped < pushed {
            thread::yield_now();
        }
        sink.push(&[&[b'e'; 99][..], b"\n"].concat());
        sink.close();
        let Counts { written, dropped, lost } = sink.counts();
        assert_eq!((written + dropped, lost), (pushed + 1, 0));
        assert_eq!(reader.join().unwrap() + 1, written);
    }

    #[test]
    fn requests_wait_where_they_are_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let output = Output::open(Target::File(path.clone())).unwrap();
        let sink = Sink::holding(20, output, Overflow::Block).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| lines(100).iter().for_each(|line| sink.push(line)));
            }
        });
        sink.close();
        assert_eq!(sink.counts(), Counts { written: 400, dropped: 0, lost: 0 });
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 400);
    }

    #[test]
    fn a_full_disk_costs_lines_and_nothing_else() {
        let output = Output::open(Target::File("/dev/full".into())).unwrap();
        let sink = Sink::start(output, Overflow::Drop).unwrap();
        lines(100).iter().for_each(|line| sink.push(line));
        sink.close();
        assert_eq!(sink.counts(), Counts { written: 0, dropped: 0, lost: 100 });
    }
}
