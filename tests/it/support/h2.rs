//! A client of HTTP/2 that knows as much of it as the tests need.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::{PATIENCE, hpack};

/// One connection to a proxy, with prior knowledge.
pub(crate) struct H2Client {
    stream: TcpStream,
    next_id: u32,
    goaways: u32,
}

/// What came on a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct H2Response {
    pub(crate) status: u16,
    /// The fields in order, but for the status.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) end: H2End,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum H2End {
    #[default]
    Open,
    /// With the fields: no content.
    Headers,
    Data,
    Reset,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// The dynamic table of fields is to have a size of zero.
const NO_TABLE: [u8; 6] = [0, 1, 0, 0, 0, 0];

impl H2Response {
    /// The values of all lines of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.fields.iter().filter(|(other, _)| other == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }
}

impl H2Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// A client on a connection that is there.
    pub(crate) fn over(stream: TcpStream) -> Self {
        Self::after(stream, b"")
    }

    /// A client that sends something before it speaks HTTP.
    pub(crate) fn after(stream: TcpStream, bytes: &[u8]) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self { stream, next_id: 1, goaways: 0 };
        client.stream.write_all(&[bytes, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"].concat()).unwrap();
        client.frame(SETTINGS, 0, 0, &NO_TABLE);
        client
    }

    /// Sends a request without content; returns the id of its stream.
    pub(crate) fn request(&mut self, method: &str, path: &str) -> u32 {
        self.request_with(method, path, &[])
    }

    /// Sends a request with more fields.
    pub(crate) fn request_with(&mut self, method: &str, path: &str, more: &[(&str, &str)]) -> u32 {
        let start =
            [(":method", method), (":scheme", "http"), (":path", path), (":authority", "example.org")];
        self.fields(&[&start, more].concat())
    }

    /// Sends a request of these fields, which are few and short; returns the id of its stream.
    pub(crate) fn fields(&mut self, fields: &[(&str, &str)]) -> u32 {
        self.head(fields, END_STREAM)
    }

    /// Sends the head of a request with content.
    pub(crate) fn post(&mut self, path: &str) -> u32 {
        self.post_with(path, &[])
    }

    /// Sends the head of a request with content, and with more fields.
    pub(crate) fn post_with(&mut self, path: &str, more: &[(&str, &str)]) -> u32 {
        let start =
            [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "example.org")];
        self.head(&[&start, more].concat(), 0)
    }

    /// Sends some of the content of a request, and more will follow.
    pub(crate) fn data(&mut self, id: u32, data: &[u8]) {
        self.frame(DATA, 0, id, data);
    }

    /// Reads to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset ends it, too.
        let _ = self.stream.read_to_end(&mut bytes);
        bytes
    }

    fn head(&mut self, fields: &[(&str, &str)], flags: u8) -> u32 {
        let id = self.next_id;
        self.next_id += 2;
        let mut block = Vec::new();
        for (name, value) in fields {
            // A literal field that is not to be indexed, its name and value without Huffman code.
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend(text.as_bytes());
            }
        }
        self.frame(HEADERS, flags | END_HEADERS, id, &block);
        id
    }

    /// Reads frames until a stream has ended, or the first content of it came.
    pub(crate) fn response(&mut self, id: u32) -> H2Response {
        let mut response = H2Response::default();
        while response.end == H2End::Open {
            self.read(id, &mut response);
        }
        response
    }

    /// Reads frames until there is a status.
    pub(crate) fn status(&mut self, id: u32) -> u16 {
        let mut response = H2Response::default();
        while response.status == 0 {
            self.read(id, &mut response);
        }
        assert_eq!(response.end, H2End::Open);
        response.status
    }

    /// Reads frames until there is content.
    pub(crate) fn content(&mut self, id: u32) -> Vec<u8> {
        let mut response = H2Response::default();
        while response.body.is_empty() {
            self.read(id, &mut response);
        }
        response.body
    }

    /// Reads frames until the proxy has said so often that it goes away.
    pub(crate) fn until_goaway(&mut self, times: u32) {
        let mut nothing = H2Response::default();
        while self.goaways < times {
            self.read(0, &mut nothing);
        }
    }

    /// Waits for the end of the connection; tells whether nothing came before it.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut bytes = Vec::new();
        // A reset ends it, too.
        let _ = self.stream.read_to_end(&mut bytes);
        bytes.is_empty()
    }

    fn read(&mut self, id: u32, response: &mut H2Response) {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).unwrap();
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
        self.stream.read_exact(&mut payload).unwrap();
        match kind {
            SETTINGS if flags & ACK == 0 => return self.frame(SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => return self.frame(PING, ACK, 0, &payload),
            GOAWAY => self.goaways += 1,
            _ => {}
        }
        if u32::from_be_bytes([s0, s1, s2, s3]) != id {
            return;
        }
        let ended = flags & END_STREAM != 0;
        match kind {
            HEADERS => {
                let (status, fields): (Vec<_>, Vec<_>) =
                    hpack::decode(&payload).into_iter().partition(|(name, _)| name == ":status");
                if let Some((_, status)) = status.first() {
                    response.status = status.parse().unwrap();
                }
                response.fields.extend(fields);
                response.end = if ended { H2End::Headers } else { H2End::Open };
            }
            DATA => {
                if !payload.is_empty() {
                    let credit = u32::try_from(payload.len()).unwrap().to_be_bytes();
                    self.frame(WINDOW_UPDATE, 0, 0, &credit);
                }
                response.body.extend(payload);
                response.end = if ended { H2End::Data } else { H2End::Open };
            }
            RST_STREAM => response.end = H2End::Reset,
            _ => {}
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) {
        let [_, l0, l1, l2] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let [s0, s1, s2, s3] = id.to_be_bytes();
        let head = [l0, l1, l2, kind, flags, s0, s1, s2, s3];
        self.stream.write_all(&[&head[..], payload].concat()).unwrap();
    }
}
