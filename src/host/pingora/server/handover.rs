//! Listeners that pass from a running server to the one that replaces it, without a moment in
//! which nobody accepts connections.
//!
//! The running server offers them on a socket in the file system. A new one with the same setting
//! finds it there, asks, and gets the listeners; it goes on starting, and says so once it accepts
//! connections. Only then does the old one let go. A new one that fails before leaves no trace.
//!
//! Pingora has something of the kind. There the new process listens and the old one, told by a
//! signal, sends; it lets go before the new one works, lets everybody connect, waits in whole
//! seconds, and panics over a path that cannot be used.

mod wire;

use std::{
    fs, io,
    net::TcpListener,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{
            fs::{FileTypeExt, MetadataExt, PermissionsExt},
            net::{UnixListener as StdListener, UnixStream as StdStream},
        },
    },
    path::{Path, PathBuf},
    process, thread,
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
use tokio::{
    net::{UnixListener, UnixStream},
    time,
};

/// How long the old server may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// How long the new server may take to start.
const START: Duration = Duration::from_secs(120);

/// Between two attempts to find the old server.
const AGAIN: Duration = Duration::from_millis(50);

/// The server that is to be replaced.
#[derive(Debug)]
pub(super) struct Predecessor(StdStream);

/// The socket on which listeners are offered.
#[derive(Debug)]
pub(super) struct Offer {
    listener: StdListener,
    path: PathBuf,
    /// Where the socket is until the predecessor can be replaced.
    draft: Option<PathBuf>,
    identity: (u64, u64),
}

impl Predecessor {
    /// Asks the server behind this path, if there is one, for its listeners.
    pub(super) fn ask(path: &Path) -> io::Result<Option<(Self, Vec<TcpListener>)>> {
        let deadline = Instant::now() + ANSWER;
        loop {
            let Some(stream) = connect(path)? else { return Ok(None) };
            stream.set_read_timeout(Some(ANSWER))?;
            match wire::listeners(&stream) {
                Ok(listeners) => return Ok(Some((Self(stream), listeners))),
                // It has just been replaced by another, or ended.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && Instant::now() < deadline => {
                    thread::sleep(AGAIN);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::Error::other("the server there does not answer; end it first"));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Says that its listeners are served.
    pub(super) fn dismiss(self) -> io::Result<()> {
        wire::say_served(&self.0)
    }
}

impl Offer {
    /// Makes the socket, for the owner of this process alone, beside its path.
    pub(super) fn draft(path: &Path) -> io::Result<Self> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}", process::id()));
        let draft = PathBuf::from(draft);
        // One of a process of the past.
        remove(&draft)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        bind(&socket, &SocketAddrUnix::new(&draft)?)?;
        let offer = Self {
            listener: StdListener::from(socket),
            path: path.to_owned(),
            identity: identity(&draft)?,
            draft: Some(draft.clone()),
        };
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o600))?;
        // From here on it can be connected to.
        listen(&offer.listener, 8)?;
        Ok(offer)
    }

    /// Puts the socket in its place, whatever socket is there.
    pub(super) fn publish(&mut self) -> io::Result<()> {
        if let Some(draft) = self.draft.take() {
            fs::rename(draft, &self.path)?;
        }
        Ok(())
    }

    /// Hands these over to whoever asks; returns when somebody serves them.
    pub(super) async fn taken(&self, listeners: Vec<OwnedFd>) {
        let listener = self.listener.try_clone().and_then(UnixListener::from_std);
        let listener = match listener {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(target: "retort::life", %error, "listeners cannot be handed over");
                return std::future::pending().await;
            }
        };
        loop {
            let given = match listener.accept().await {
                Ok((stream, _)) => time::timeout(START, give(stream, &listeners)).await,
                Err(error) => Ok(Err(error)),
            };
            match given {
                Ok(Ok(())) => return,
                Ok(Err(error)) => {
                    tracing::warn!(target: "retort::life", %error, "a successor did not start; going on");
                    time::sleep(AGAIN).await;
                }
                Err(_) => tracing::warn!(target: "retort::life", "a successor took too long; going on"),
            }
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        // A successor may have put its own there.
        let path = self.draft.as_ref().unwrap_or(&self.path);
        if identity(path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Connects to the socket at this path. One that nobody listens to, and none, is nobody.
fn connect(path: &Path) -> io::Result<Option<StdStream>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::other("there is a file that is no socket"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    match StdStream::connect(path) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn give(stream: UnixStream, listeners: &[OwnedFd]) -> io::Result<()> {
    wire::give(&stream, listeners.iter().map(AsFd::as_fd)).await?;
    wire::served(&stream).await
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    /// An offer that hands over this listener until somebody serves it.
    fn offering(path: &Path, listener: &TcpListener) -> thread::JoinHandle<Offer> {
        let mut offer = Offer::draft(path).unwrap();
        offer.publish().unwrap();
        let listener = OwnedFd::from(listener.try_clone().unwrap());
        thread::spawn(move || {
            runtime().block_on(offer.taken(vec![listener]));
            offer
        })
    }

    #[test]
    fn a_successor_serves_the_same_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let old = listener();
        let address = old.local_addr().unwrap();
        let offering = offering(&path, &old);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let (_, abandoned) = Predecessor::ask(&path).unwrap().unwrap();
        drop(abandoned);
        let (predecessor, listeners) = Predecessor::ask(&path).unwrap().unwrap();
        let mut own = Offer::draft(&path).unwrap();
        own.publish().unwrap();
        predecessor.dismiss().unwrap();
        drop(offering.join().unwrap());
        drop(old);
        assert_eq!(listeners[0].local_addr().unwrap(), address);
        let client = TcpStream::connect(address).unwrap();
        listeners[0].set_nonblocking(false).unwrap();
        let (_, peer) = listeners[0].accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert!(path.exists(), "the socket is the successor's");
        drop(own);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn a_socket_that_was_left_behind_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert!(Predecessor::ask(&path).unwrap().is_none());
        drop(StdListener::bind(&path).unwrap());
        assert!(path.exists());
        assert!(Predecessor::ask(&path).unwrap().is_none());
        let mut offer = Offer::draft(&path).unwrap();
        offer.publish().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "precious").unwrap();
        assert!(Predecessor::ask(&path).is_err());
        let missing = folder.path().join("missing/socket");
        assert!(Predecessor::ask(&missing).unwrap().is_none());
        assert!(Offer::draft(&missing).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
