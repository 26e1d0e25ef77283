//! An upstream that can be killed and started again at the same address.

use std::{
    io::{BufReader, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::{PATIENCE, message::Request};

/// An upstream that answers each request with a status and its own name.
pub(crate) struct Mortal {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<thread::JoinHandle<()>>,
}

/// Says with which status a request is answered.
type Status = dyn Fn(&Request) -> Option<u16> + Send + Sync;

struct Shared {
    name: &'static str,
    status: Box<Status>,
    served: AtomicUsize,
    killed: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Mortal {
    /// Starts one that is always well.
    pub(crate) fn start(name: &'static str, ip: [u8; 4]) -> Self {
        Self::with(name, ip, |_| Some(200))
    }

    /// Starts one that answers with the status that is said; `None` ends the connection instead.
    ///
    /// The IP address, one of the loopback, should be its own: while it is dead, the kernel may
    /// give its port away.
    pub(crate) fn with(
        name: &'static str,
        ip: [u8; 4],
        status: impl Fn(&Request) -> Option<u16> + Send + Sync + 'static,
    ) -> Self {
        let shared = Shared {
            name,
            status: Box::new(status),
            served: AtomicUsize::new(0),
            killed: AtomicBool::new(true),
            connections: Mutex::default(),
        };
        let address = SocketAddr::new(IpAddr::from(ip), 0);
        let mut origin = Self { address, shared: Arc::new(shared), acceptor: None };
        origin.restart();
        origin
    }

    /// Responses so far.
    pub(crate) fn served(&self) -> usize {
        self.shared.served.load(Ordering::SeqCst)
    }

    /// Breaks all connections, and takes no more.
    pub(crate) fn kill(&mut self) {
        self.shared.killed.store(true, Ordering::SeqCst);
        let Some(acceptor) = self.acceptor.take() else { return };
        // Wakes it, to see it.
        let _ = TcpStream::connect(self.address);
        acceptor.join().unwrap();
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        self.shared.killed.store(false, Ordering::SeqCst);
        let shared = Arc::clone(&self.shared);
        self.acceptor = Some(thread::spawn(move || shared.accept(&listener)));
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.killed.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            self.connections.lock().unwrap().push(stream.try_clone().unwrap());
            let shared = Arc::clone(self);
            thread::spawn(move || shared.serve(BufReader::new(stream)));
        }
    }

    fn serve(&self, mut stream: BufReader<TcpStream>) {
        while let Some(request) = Request::read(&mut stream) {
            let Some(status) = (self.status)(&request) else { break };
            self.served.fetch_add(1, Ordering::SeqCst);
            let (name, length) = (self.name, self.name.len());
            let response = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{name}");
            if stream.get_mut().write_all(response.as_bytes()).is_err() {
                break;
            }
        }
        // A clone is among the connections, so that dropping this one would not end it.
        let _ = stream.get_ref().shutdown(Shutdown::Both);
    }
}
