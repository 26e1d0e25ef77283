//! Where lines go: a file that may be moved away, or a stream.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::{
        fd::AsFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Who may read a log.
const MODE: u32 = 0o640;

/// Between two looks whether the file is still where it was opened.
const LOOK: Duration = Duration::from_secs(1);

/// Before another try where a stream takes nothing just now.
const PAUSE: Duration = Duration::from_millis(2);

/// Where an access log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, which is made if need be, for its owner to write and its group to read.
    File(PathBuf),
}

/// An open target.
#[derive(Debug)]
pub(super) struct Output {
    file: File,
    /// Where it was opened, if it is a file.
    path: Option<PathBuf>,
    looked: Instant,
    /// Whether the last line that was written is not whole.
    is_torn: bool,
    /// Lines since the target began to fail.
    failing: Option<u64>,
}

impl Output {
    pub(super) fn open(target: Target) -> io::Result<Self> {
        let (file, path) = match target {
            Target::Stdout => (File::from(io::stdout().as_fd().try_clone_to_owned()?), None),
            Target::Stderr => (File::from(io::stderr().as_fd().try_clone_to_owned()?), None),
            Target::File(path) => (open(&path)?, Some(path)),
        };
        Ok(Self { file, path, looked: Instant::now(), is_torn: false, failing: None })
    }

    /// Writes whole lines; tells how many of them could not be.
    pub(super) fn write(&mut self, lines: &[u8]) -> u64 {
        self.follow();
        let mut rest = lines;
        let written = self.mend().and_then(|()| self.write_all(&mut rest));
        let Err(error) = written else {
            self.works();
            return 0;
        };
        let done = lines.len() - rest.len();
        let last = done.checked_sub(1).and_then(|last| lines.get(last));
        self.is_torn |= last.is_some_and(|&byte| byte != b'\n');
        let lost = rest.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.fails(&error, lost);
        lost
    }

    /// Opens the file anew. Where that cannot be done, the old one is written on.
    pub(super) fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match open(path) {
            Ok(file) => {
                self.file = file;
                self.is_torn = false;
                tracing::info!(target: TARGET, file = %path.display(), "the access log was opened anew");
            }
            Err(error) => {
                tracing::warn!(target: TARGET, file = %path.display(), %error, "the access log cannot be opened anew");
            }
        }
        self.looked = Instant::now();
    }

    /// Opens the file anew where it was moved away, or is gone.
    fn follow(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        if self.path.as_deref().is_some_and(|path| !is_at(&self.file, path)) {
            self.reopen();
        }
    }

    /// Ends a line of which only a part could be written.
    fn mend(&mut self) -> io::Result<()> {
        if self.is_torn {
            self.write_all(&mut &b"\n"[..])?;
            self.is_torn = false;
        }
        Ok(())
    }

    /// Writes, and takes away what is written.
    fn write_all(&self, rest: &mut &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match (&self.file).write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => *rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whoever is at the other end of standard output made it so.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn fails(&mut self, error: &io::Error, lost: u64) {
        if self.failing.is_none() {
            tracing::warn!(target: TARGET, %error, "the access log cannot be written; lines are lost");
        }
        *self.failing.get_or_insert(0) += lost;
    }

    fn works(&mut self) {
        if let Some(lost) = self.failing.take() {
            tracing::warn!(target: TARGET, lost, "the access log can be written again");
        }
    }
}

/// Whose name is not that of the events of requests, which a filter may leave out.
pub(super) const TARGET: &str = "retort::log";

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(MODE).open(path)
}

/// Whether this file is the one at this path.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(own), Ok(there)) = (file.metadata(), path.metadata()) else { return false };
    (own.dev(), own.ino()) == (there.dev(), there.ino())
}
