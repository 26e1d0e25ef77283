//! TLS on both sides, with real handshakes.

mod clients;
mod files;
mod reload;
mod upstreams;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use retort::host::pingora::{Options, Pair, Tls};

use crate::support::{
    Client, H2Client, Proxy, Upstream,
    tls::{Authority, Secured, client, dial},
};

const EMPTY: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/// A proxy that speaks TLS with these certificates.
fn proxy(rules: &str, upstream: &Upstream, pairs: Vec<Pair>, adjust: impl FnOnce(&mut Options)) -> Proxy {
    Proxy::with(rules, &[upstream.address()], |options| {
        options.tls = Tls { listen: vec![loopback()], pairs, ..Tls::default() };
        adjust(options);
    })
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A client of HTTP/1.1 that asked for a name.
fn h1(proxy: &Proxy, authority: &Authority, name: &str) -> Client {
    let secured = dial(proxy.tls(), client(authority, &["http/1.1"], None), name).unwrap();
    assert_eq!(secured.protocol.as_deref(), Some("http/1.1"));
    Client::over(secured.stream)
}

/// A client of HTTP/2 that asked for a name.
fn h2(proxy: &Proxy, authority: &Authority, name: &str) -> H2Client {
    let secured = dial(proxy.tls(), client(authority, &["h2", "http/1.1"], None), name).unwrap();
    assert_eq!(secured.protocol.as_deref(), Some("h2"));
    H2Client::over(secured.stream)
}

/// The certificate that a client is shown who asks for a name.
fn shown(proxy: &Proxy, authority: &Authority, name: &str) -> Vec<u8> {
    let Secured { certificate, .. } = dial(proxy.tls(), client(authority, &[], None), name).unwrap();
    certificate
}

/// A certificate for these names, written as a pair of files.
fn pair(folder: &Path, authority: &Authority, name: &str, names: &[&str]) -> (Vec<u8>, Pair) {
    let issued = authority.issue(names);
    (issued.der().to_vec(), issued.write(folder, name))
}

/// Runs a test with a log of its own, which is what comes out.
fn logged<R>(test: impl FnOnce(&Log) -> R) -> R {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .finish();
    tracing::subscriber::with_default(subscriber, || test(&log))
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
