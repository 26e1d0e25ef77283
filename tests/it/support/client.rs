//! A client that writes the bytes it is given.

use std::{
    io::{self, BufReader, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
};

use tokio::{net::TcpSocket, runtime::Builder};

use super::{PATIENCE, message::Response};

/// Connects from an address of this machine.
pub(crate) fn dial(from: IpAddr, to: SocketAddr) -> TcpStream {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}

/// One connection to a proxy.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// A client on a connection that is there.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// The address that the proxy sees.
    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.get_ref().local_addr().unwrap()
    }

    /// A request for `path` with these field lines, each with its end.
    pub(crate) fn request(&mut self, method: &str, path: &str, fields: &str) {
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: example.org\r\n{fields}\r\n").as_bytes());
    }

    /// Sends GET and reads the response.
    pub(crate) fn get(&mut self, path: &str, fields: &str) -> Response {
        self.request("GET", path, fields);
        self.response("GET").expect("a response")
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    /// Sends as much as the other end takes.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn half_close(&mut self) {
        self.stream.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    /// The next response to a request with this method; interim ones count.
    pub(crate) fn response(&mut self, method: &str) -> Option<Response> {
        Response::read(&mut self.stream, method)
    }

    /// The next bytes, exactly so many.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads up to and with these bytes.
    pub(crate) fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            bytes.extend(self.bytes(1));
        }
        String::from_utf8(bytes).unwrap()
    }

    /// All that still comes, up to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset ends it, too.
        let _ = self.stream.read_to_end(&mut bytes);
        bytes
    }
}
