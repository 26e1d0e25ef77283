//! An upstream that follows a script.

use std::{
    io::{BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::{PATIENCE, message::Request};

/// A listening upstream. Each connection runs the script on its own thread.
pub(crate) struct Upstream {
    address: SocketAddr,
    seen: Arc<Seen>,
    stopped: Arc<AtomicBool>,
}

/// One connection to the upstream.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    seen: Arc<Seen>,
    /// Counts the connections from 0.
    pub(crate) index: usize,
}

#[derive(Default)]
struct Seen {
    accepted: AtomicUsize,
    requests: Mutex<Vec<Request>>,
}

impl Upstream {
    /// Runs a script on each connection; the connection is closed at its end.
    pub(crate) fn start(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, stopped) = (Arc::<Seen>::default(), Arc::<AtomicBool>::default());
        let (seen_too, stopped_too) = (Arc::clone(&seen), Arc::clone(&stopped));
        let script = Arc::new(script);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped_too.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.unwrap();
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen_too));
                let index = seen.accepted.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || script(&mut Connection::new(stream, seen, index)));
            }
        });
        Self { address, seen, stopped }
    }

    /// Answers every request with the same bytes, and keeps its connections.
    pub(crate) fn answering(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::start(move |connection| {
            while connection.request().is_some() {
                connection.send(&response);
            }
        })
    }

    /// Answers every request with the same bytes, and closes the connection.
    pub(crate) fn answering_once(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::start(move |connection| {
            connection.request();
            connection.send(&response);
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made.
    pub(crate) fn accepted(&self) -> usize {
        self.seen.accepted.load(Ordering::SeqCst)
    }

    /// The requests that came whole.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, to see it.
        let _ = TcpStream::connect(self.address);
    }
}

impl Connection {
    fn new(stream: TcpStream, seen: Arc<Seen>, index: usize) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), seen, index }
    }

    /// Reads a request, with its content; `None` at the end of the connection.
    pub(crate) fn request(&mut self) -> Option<Request> {
        let request = Request::read(&mut self.stream)?;
        self.seen.requests.lock().unwrap().push(request.clone());
        Some(request)
    }

    /// Reads the head of a request, and leaves its content.
    pub(crate) fn head(&mut self) -> Request {
        Request::read_head(&mut self.stream).expect("a request")
    }

    /// The next bytes, exactly so many.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Writes bytes. That the proxy closed the connection is no mistake.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Waits until the other end closes the connection, whatever it still sends.
    pub(crate) fn wait_for_end(&mut self) {
        let _ = self.stream.read_to_end(&mut Vec::new());
    }

    pub(crate) fn half_close(&mut self) {
        let _ = self.stream.get_mut().shutdown(Shutdown::Write);
    }
}
