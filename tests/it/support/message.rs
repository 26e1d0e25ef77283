//! Reads HTTP/1 messages byte by byte, and forgives nothing.

use std::{
    fmt,
    io::{BufRead, BufReader, Read},
    net::TcpStream,
};

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The lines of the head, without their ends.
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// A response as it came over the wire.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status_line: String,
    /// Field lines in order, as they were written.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) framing: Framing,
    /// Whether the content came to its end as its framing says.
    pub(crate) complete: bool,
}

/// How the end of the content is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length,
    Chunked,
    Close,
}

impl Request {
    pub(crate) fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let head = read_head(stream)?;
        let fields = parse_fields(&head);
        let (framing, length) = framing(&fields, false);
        let (body, complete) = match framing {
            Framing::Close => (Vec::new(), true),
            _ => read_body(stream, framing, length),
        };
        complete.then_some(Self { head, body })
    }

    pub(crate) fn read_head(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        Some(Self { head: read_head(stream)?, body: Vec::new() })
    }

    pub(crate) fn line(&self) -> &str {
        &self.head[0]
    }

    pub(crate) fn method(&self) -> &str {
        self.line().split(' ').next().unwrap()
    }

    /// The values of all lines of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let fields = parse_fields(&self.head).into_iter();
        fields.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

impl Response {
    /// Reads one response, interim ones included. `None` at the end of the connection.
    pub(crate) fn read(stream: &mut BufReader<TcpStream>, method: &str) -> Option<Self> {
        let head = read_head(stream)?;
        let fields = parse_fields(&head);
        let status_line = head[0].clone();
        let status = status_of(&status_line);
        let bodiless = method == "HEAD" || status < 200 || matches!(status, 204 | 304);
        let (framing, length) = if bodiless { (Framing::None, 0) } else { framing(&fields, true) };
        let (body, complete) = read_body(stream, framing, length);
        Some(Self { status_line, fields, body, framing, complete })
    }

    pub(crate) fn status(&self) -> u16 {
        status_of(&self.status_line)
    }

    /// The value of the only line of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let line = lines.next().map(|(_, value)| value.as_str());
        assert!(lines.next().is_none(), "more than one {name} in {self:?}");
        line
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}", self.status_line)?;
        self.fields.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))?;
        let end = if self.complete { "" } else { " (cut)" };
        writeln!(f, "[{:?}]{end} {:?}", self.framing, String::from_utf8_lossy(&self.body))
    }
}

fn status_of(line: &str) -> u16 {
    line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap()
}

fn read_head(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            return Some(lines);
        }
        lines.push(line);
    }
}

fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    // A reset is an end, too.
    stream.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
    line.strip_suffix(b"\r\n").map(|line| String::from_utf8_lossy(line).into_owned())
}

fn parse_fields(head: &[String]) -> Vec<(String, String)> {
    let split = |line: &String| {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
        (name.to_owned(), value.trim().to_owned())
    };
    head.iter().skip(1).map(split).collect()
}

fn framing(fields: &[(String, String)], response: bool) -> (Framing, usize) {
    let field = |name: &str| fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    let length = field("content-length").map(|(_, value)| value.parse().unwrap());
    match (field("transfer-encoding"), length) {
        (Some((_, coding)), None) if coding == "chunked" => (Framing::Chunked, 0),
        (Some(coding), _) => panic!("an impossible framing: {coding:?} and {length:?}"),
        (None, Some(length)) => (Framing::Length, length),
        (None, None) if response => (Framing::Close, 0),
        (None, None) => (Framing::None, 0),
    }
}

/// The content, and whether it came whole.
fn read_body(stream: &mut BufReader<TcpStream>, framing: Framing, length: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let complete = match framing {
        Framing::None => true,
        Framing::Length => {
            let read = stream.take(length as u64).read_to_end(&mut body);
            read.is_ok() && body.len() == length
        }
        Framing::Close => stream.read_to_end(&mut body).is_ok(),
        Framing::Chunked => read_chunks(stream, &mut body).is_some(),
    };
    (body, complete)
}

fn read_chunks(stream: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let size = usize::from_str_radix(&read_line(stream)?, 16).ok()?;
        if size == 0 {
            // Trailers, which are not looked at, and the end.
            while !read_line(stream)?.is_empty() {}
            return Some(());
        }
        let before = body.len();
        stream.take(size as u64).read_to_end(body).ok()?;
        if body.len() != before + size || !read_line(stream)?.is_empty() {
            return None;
        }
    }
}
