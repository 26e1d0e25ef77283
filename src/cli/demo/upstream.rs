//! The upstream of the demo: a small HTTP/1.1 server that answers badly in every way there is.
//!
//! It speaks what the demo needs of RFC 9112 and no more: no request content beyond what it reads
//! and forgets, no pipelining.

use std::{io, net};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time,
};

use self::{
    request::Request,
    route::{Answer, Framing},
};
use crate::status::reason_phrase;

mod request;
mod route;

/// The longest header section that is read, and the most content that is.
const LIMIT: u64 = 64 * 1024;

/// Serves connections until the process ends, on a thread of its own.
pub(super) fn spawn(listener: net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("demo-upstream".into())
        .spawn(move || runtime.block_on(serve(listener)))?;
    Ok(())
}

async fn serve(listener: net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        // A connection that could not be accepted is the client's loss alone.
        if let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(converse(connection));
        }
    }
}

/// Answers the requests of one connection, one after the other.
async fn converse(connection: TcpStream) -> io::Result<()> {
    let _ = connection.set_nodelay(true);
    let mut connection = BufReader::new(connection);
    while let Some(request) = receive(&mut connection).await? {
        let answer = route::answer(&request);
        send(connection.get_mut(), &request, &answer).await?;
        if answer.closes() || request.closes() {
            break;
        }
    }
    connection.get_mut().shutdown().await
}

/// Reads one request. `None`: the client is done, or what it sends is no request.
async fn receive(connection: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    let mut limited = connection.take(LIMIT);
    loop {
        let line_start = head.len();
        if limited.read_until(b'\n', &mut head).await? == 0 {
            return Ok(None);
        }
        if head.get(line_start..).is_some_and(|line| line == b"\r\n" || line == b"\n") && line_start > 0 {
            break;
        }
    }
    let Some(request) = Request::parse(&head) else { return Ok(None) };
    let mut content = connection.take(request.content_length().min(LIMIT));
    tokio::io::copy(&mut content, &mut tokio::io::sink()).await?;
    Ok(Some(request))
}

async fn send(connection: &mut TcpStream, request: &Request, answer: &Answer) -> io::Result<()> {
    if answer.framing == Framing::Cut {
        return Ok(());
    }
    connection.write_all(&head(answer)).await?;
    if request.method == "HEAD" || !may_have_content(answer.status) {
        return Ok(());
    }
    match answer.framing {
        Framing::Sized | Framing::Close => connection.write_all(&answer.body).await,
        Framing::Chunked { delay } => {
            time::sleep(delay).await;
            connection.write_all(&chunks(&answer.body)).await
        }
        Framing::Cut => Ok(()),
    }
}

/// The status line and the header section.
fn head(answer: &Answer) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status)).into_bytes();
    for (name, value) in &answer.fields {
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let framing = match answer.framing {
        _ if !may_have_content(answer.status) => String::new(),
        Framing::Sized => format!("Content-Length: {}\r\n", answer.body.len()),
        Framing::Chunked { .. } => "Transfer-Encoding: chunked\r\n".to_owned(),
        Framing::Close | Framing::Cut => "Connection: close\r\n".to_owned(),
    };
    head.extend_from_slice(framing.as_bytes());
    head.extend_from_slice(b"\r\n");
    head
}

/// The body in at most one chunk, and the last chunk.
fn chunks(body: &[u8]) -> Vec<u8> {
    if body.is_empty() {
        return b"0\r\n\r\n".to_vec();
    }
    [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
}

fn reason(status: u16) -> &'static str {
    reason_phrase(status).unwrap_or_default()
}

/// RFC 9110 §6.4.1, for the statuses that the demo can send.
fn may_have_content(status: u16) -> bool {
    status != 204 && status != 304
}

impl Answer {
    fn closes(&self) -> bool {
        matches!(self.framing, Framing::Close | Framing::Cut)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn written(target: &str) -> String {
        let request = Request::parse(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        String::from_utf8(head(&route::answer(&request))).unwrap()
    }

    /// What the upstream sends, to the end, when these requests arrive on one connection.
    fn conversation(requests: &str) -> String {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        spawn(listener).unwrap();
        let mut connection = net::TcpStream::connect(address).unwrap();
        connection.write_all(requests.as_bytes()).unwrap();
        connection.shutdown(net::Shutdown::Write).unwrap();
        let mut answers = String::new();
        connection.read_to_string(&mut answers).unwrap();
        answers
    }

    #[test]
    fn a_connection_serves_one_request_after_the_other() {
        let answers = conversation(
            "POST /status/500 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
             HEAD /status/404?body=gone HTTP/1.1\r\n\r\n\
             GET /slow/503?ms=1 HTTP/1.1\r\n\r\n",
        );
        assert_eq!(
            answers,
            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n\
             HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\n\
             HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Transfer-Encoding: chunked\r\n\r\n10\r\nLate, but here.\n\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn some_answers_end_the_connection() {
        assert_eq!(conversation("GET /cut HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"), "");
        assert_eq!(
            conversation("GET /close/500 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
            "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn heads_say_how_the_body_ends() {
        assert_eq!(written("/status/503"), "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(
            written("/chunked-empty/500"),
            "HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        assert_eq!(written("/close/599"), "HTTP/1.1 599 \r\nConnection: close\r\n\r\n");
        assert_eq!(written("/status/204"), "HTTP/1.1 204 No Content\r\n\r\n");
    }

    #[test]
    fn an_empty_body_is_the_last_chunk_alone() {
        assert_eq!(chunks(b""), b"0\r\n\r\n");
        assert_eq!(chunks(b"hello, chunk"), b"c\r\nhello, chunk\r\n0\r\n\r\n");
    }
}
