//! An upstream that writes down what it got, byte for byte.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// An upstream that answers everything with `200 ok`, and knows what came from which client: by
/// the last address of `X-Forwarded-For`, so that clients at different addresses of the loopback
/// network can share a proxy.
pub(crate) struct Origin {
    address: SocketAddr,
    received: Arc<Mutex<HashMap<Option<IpAddr>, Vec<Received>>>>,
    stopped: Arc<AtomicBool>,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) head: Vec<u8>,
    /// The content, without its chunks.
    pub(crate) body: Vec<u8>,
    /// Whether it came to its end.
    pub(crate) whole: bool,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (received, stopped) = (Arc::<Mutex<HashMap<_, Vec<_>>>>::default(), Arc::<AtomicBool>::default());
        let (received_too, stopped_too) = (Arc::clone(&received), Arc::clone(&stopped));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped_too.load(Ordering::SeqCst) {
                    return;
                }
                let (mut stream, received) = (BufReader::new(stream.unwrap()), Arc::clone(&received_too));
                thread::spawn(move || {
                    while let Some(request) = read(&mut stream) {
                        let (client, whole) = (client(&request.head), request.whole);
                        received.lock().unwrap().entry(client).or_default().push(request);
                        if !whole || stream.get_mut().write_all(OK).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, received, stopped }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came from a client; `None` are the requests of which it is not known.
    pub(crate) fn from(&self, client: Option<IpAddr>) -> Vec<Received> {
        self.received.lock().unwrap().get(&client).cloned().unwrap_or_default()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, to see it.
        let _ = TcpStream::connect(self.address);
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Reads a request; `None` at the end of the connection. A field that cannot be understood ends
/// the content there and then: what follows is taken for a request, which nobody sent.
fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_until(b'\n', &mut head).ok().filter(|read| *read > 0)?;
    }
    if field(&head, "expect").is_some() {
        stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    let mut body = Vec::new();
    let whole = if field(&head, "transfer-encoding").is_some() {
        read_chunks(stream, &mut body).is_some()
    } else {
        let length = field(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        stream.take(length).read_to_end(&mut body).is_ok() && body.len() as u64 == length
    };
    Some(Received { head, body, whole })
}

/// Reads chunks; trailers are not looked at.
fn read_chunks(stream: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let size = u64::from_str_radix(&read_line(stream)?, 16).ok()?;
        if size == 0 {
            while !read_line(stream)?.is_empty() {}
            return Some(());
        }
        let before = body.len() as u64;
        stream.take(size).read_to_end(body).ok()?;
        if body.len() as u64 != before + size || !read_line(stream)?.is_empty() {
            return None;
        }
    }
}

fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).ok()?;
    String::from_utf8(line).ok()?.strip_suffix("\r\n").map(str::to_owned)
}

fn client(head: &[u8]) -> Option<IpAddr> {
    field(head, "x-forwarded-for")?.rsplit(", ").next()?.parse().ok()
}

/// The value of the first line of this name.
fn field(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let mut named = fields.filter(|(other, _)| other.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.to_owned())
}
