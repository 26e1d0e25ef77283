//! The way to the collector: a request on a connection of its own, now and then.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri, header};
use opentelemetry_http::{HttpClient, HttpError};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

/// The most of an answer that is read.
const ANSWER: u64 = 64 * 1024;

/// Sends requests, and waits for their answers; it is the exporter's own thread that waits.
#[derive(Debug)]
pub(super) struct Client {
    timeout: Duration,
    /// Whether the last request failed.
    is_failing: AtomicBool,
}

trait Connection: Read + Write {}

impl<T: Read + Write> Connection for T {}

impl Client {
    pub(super) fn new() -> Self {
        let read = |name| env::var(name).ok().and_then(|text| text.parse().ok());
        let timeout =
            read("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT").or_else(|| read("OTEL_EXPORTER_OTLP_TIMEOUT"));
        let timeout = Duration::from_millis(timeout.unwrap_or(10_000).max(1));
        Self { timeout, is_failing: AtomicBool::new(false) }
    }

    fn send(&self, request: &Request<Bytes>) -> io::Result<Response<Bytes>> {
        let mut connection = self.connect(request.uri())?;
        connection.write_all(&written(request))?;
        connection.flush()?;
        read(BufReader::new(connection))
    }

    fn connect(&self, uri: &Uri) -> io::Result<Box<dyn Connection>> {
        let host = uri.host().ok_or_else(|| invalid("the endpoint has no host"))?;
        let is_secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let mut tried = Err(invalid("the collector's name has no address"));
        for address in (name, port).to_socket_addrs()? {
            tried = TcpStream::connect_timeout(&address, self.timeout);
            if tried.is_ok() {
                break;
            }
        }
        let stream = tried?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        if !is_secure {
            return Ok(Box::new(stream));
        }
        let server = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let session = ClientConnection::new(tls()?, server).map_err(io::Error::other)?;
        Ok(Box::new(StreamOwned::new(session, stream)))
    }

    /// Tells of the first failure of several, and of the end of them.
    fn tell(&self, failure: Option<String>) {
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !was_failing => {
                tracing::warn!(target: super::TARGET, error, "spans cannot be sent; they are lost");
            }
            None if was_failing => tracing::info!(target: super::TARGET, "spans can be sent again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.send(&request);
        self.tell(match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("the collector answered {}", response.status())),
            Err(error) => Some(error.to_string()),
        });
        Ok(sent?)
    }
}

fn written(request: &Request<Bytes>) -> Vec<u8> {
    let uri = request.uri();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut out = format!("{} {target} HTTP/1.1\r\nHost: {authority}\r\n", request.method()).into_bytes();
    for (name, value) in request.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    let length = request.body().len();
    out.extend_from_slice(format!("Content-Length: {length}\r\nConnection: close\r\n\r\n").as_bytes());
    out.extend_from_slice(request.body());
    out
}

/// Reads the status and the fields of an answer. What else it says is of no use.
fn read(connection: impl BufRead) -> io::Result<Response<Bytes>> {
    let mut lines = connection.take(ANSWER).lines();
    let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    let status: u16 =
        first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| invalid("no HTTP"))?;
    let mut response = Response::builder().status(status);
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':').filter(|_| !line.is_empty()) else { break };
        if name.eq_ignore_ascii_case(header::RETRY_AFTER.as_str()) {
            response = response.header(header::RETRY_AFTER, value.trim());
        }
    }
    response.body(Bytes::new()).map_err(io::Error::other)
}

/// Whom to believe to be the collector: `OTEL_EXPORTER_OTLP_CERTIFICATE`, else whom the system does.
fn tls() -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let named = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
    match named.into_iter().find_map(env::var_os) {
        Some(path) => {
            let read = CertificateDer::pem_file_iter(Path::new(&path)).map_err(io::Error::other)?;
            for certificate in read {
                roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs()?);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
