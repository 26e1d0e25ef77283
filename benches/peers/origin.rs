//! The origin that all proxies are measured in front of: `origin PORT`. It answers by path, as fast
//! as one thread can, and counts connections and requests at `/stats`.
#![allow(
    clippy::indexing_slicing,
    reason = "a program that measures may stop where it meets what it does not expect"
)]

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{self, Read, Write},
    process::exit,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

const LISTENER: Token = Token(usize::MAX);

/// A connection of a proxy.
struct Connection {
    stream: TcpStream,
    /// What was read of a head so far.
    head: Vec<u8>,
    /// What the system did not take yet.
    unsent: Vec<u8>,
}

/// What was served so far.
#[derive(Default)]
struct Counts {
    connections: usize,
    requests: usize,
}

/// What is answered for which path.
struct Answers(HashMap<&'static [u8], Vec<u8>>);

fn main() {
    let port = std::env::args().nth(1).and_then(|port| port.parse::<u16>().ok());
    let Some(Ok(listener)) = port.map(|port| TcpListener::bind(([127, 0, 0, 1], port).into())) else {
        eprintln!("usage: origin PORT, where PORT is free");
        exit(2);
    };
    if let Err(error) = serve(listener) {
        eprintln!("origin: {error}");
        exit(1);
    }
}

fn serve(mut listener: TcpListener) -> io::Result<()> {
    let answers = Answers::all();
    let mut counts = Counts::default();
    let mut connections: HashMap<Token, Connection> = HashMap::new();
    let mut buffer = vec![0; 64 * 1024];
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    counts.connections += 1;
                    stream.set_nodelay(true)?;
                    let token = Token(counts.connections);
                    poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                    connections.insert(token, Connection { stream, head: Vec::new(), unsent: Vec::new() });
                }
            } else if let Some(connection) = connections.get_mut(&event.token())
                && !connection.go_on(&answers, &mut counts, &mut buffer)
            {
                connections.remove(&event.token());
            }
        }
    }
}

impl Connection {
    /// Does what can be done just now; whether the connection stays.
    fn go_on(&mut self, answers: &Answers, counts: &mut Counts, buffer: &mut [u8]) -> bool {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            if !self.send(&unsent) {
                return false;
            }
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(read) => {
                    self.head.extend_from_slice(&buffer[..read]);
                    if !self.answer(answers, counts) {
                        return false;
                    }
                    // Less than there is room for: that is all, for now.
                    if read < buffer.len() {
                        return true;
                    }
                }
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }

    /// Answers all requests that are there as a whole.
    fn answer(&mut self, answers: &Answers, counts: &mut Counts) -> bool {
        while let Some(length) = self.head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head: Vec<u8> = self.head.drain(..length + 4).collect();
            let sent = match answers.to(&head) {
                Some(answer) => {
                    counts.requests += 1;
                    self.send(&answer)
                }
                None => self.send(&counts.told()),
            };
            if !sent {
                return false;
            }
        }
        true
    }

    /// Sends what the system takes, and keeps the rest.
    fn send(&mut self, mut bytes: &[u8]) -> bool {
        while self.unsent.is_empty() && !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        self.unsent.extend_from_slice(bytes);
        true
    }
}

impl Answers {
    fn all() -> Self {
        let html = |length| filled("<!doctype html><html><body>", "</body></html>\n", length);
        let unavailable = "503 Service Unavailable";
        let error = "500 Internal Server Error";
        let chunks = "HTTP/1.1 404 Not Found\r\nServer: origin\r\nDate: Tue, 15 Nov 2022 08:12:31 GMT\r\n\
                      Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        Self(HashMap::from([
            (&b"/ok"[..], answer("200 OK", "application/json", &filled("{\"data\":\"", "\"}", 1024))),
            (b"/empty503", answer(unavailable, "", b"")),
            (b"/text503", answer(unavailable, "text/plain", &filled("the upstream says why: ", "\n", 200))),
            (b"/big500", answer(error, "text/html; charset=utf-8", &html(64 * 1024))),
            (b"/huge500", answer(error, "text/html; charset=utf-8", &html(1024 * 1024))),
            (b"/chunked404", chunks.as_bytes().to_vec()),
        ]))
    }

    /// The answer to a request whose head this is; `None` for the path that counts are asked at.
    fn to(&self, head: &[u8]) -> Option<Cow<'_, [u8]>> {
        let target = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let mut parts = target.splitn(2, |byte| *byte == b'?');
        let (path, query) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match (self.0.get(path), path) {
            (Some(answer), _) => Some(Cow::Borrowed(answer)),
            (None, b"/page") => Some(Cow::Owned(page(query, head))),
            (None, b"/stats") => None,
            (None, _) => Some(Cow::Owned(answer("404 Not Found", "text/plain", b"no such path\n"))),
        }
    }
}

impl Counts {
    fn told(&self) -> Vec<u8> {
        let Self { connections, requests } = self;
        let json = format!("{{\"connections\": {connections}, \"requests\": {requests}}}");
        answer("200 OK", "application/json", json.as_bytes())
    }
}

fn answer(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let content_type = match content_type {
        "" => String::new(),
        content_type => format!("Content-Type: {content_type}\r\n"),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nServer: origin\r\nDate: Tue, 15 Nov 2022 08:12:31 GMT\r\nCache-Control: no-store\r\n\
         {content_type}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn filled(start: &str, end: &str, length: usize) -> Vec<u8> {
    let letters = (b'a'..=b'z').cycle().take(length - start.len() - end.len());
    start.bytes().chain(letters).chain(end.bytes()).collect()
}

/// The page of an error, for the proxy that can only fetch one over HTTP: `status`, `url` and `form`
/// in the query.
fn page(query: &[u8], head: &[u8]) -> Vec<u8> {
    let (query, head) = (String::from_utf8_lossy(query), String::from_utf8_lossy(head));
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    };
    let (status, url) = (parameter("status"), parameter("url").replace("%3A", ":").replace("%2F", "/"));
    let path = url.split_once("://").map_or(&*url, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let id = head.lines().filter_map(|line| line.split_once(':'));
    let mut id = id.filter(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
    let id = id.next().map_or("", |(_, value)| value.trim());
    match parameter("form") {
        "html" => answer("200 OK", "text/html", format!("<h1>{status}</h1><p>{path} {id}</p>").as_bytes()),
        "text" => answer("200 OK", "text/plain", format!("{status} {path} {id}").as_bytes()),
        _ => {
            let json = format!("{{\"status\":{status},\"path\":\"{path}\",\"request_id\":\"{id}\"}}");
            answer("200 OK", "application/json", json.as_bytes())
        }
    }
}
