//! TLS on both sides of a proxy. What speaks it bridges to plain connections, so that every other
//! end of these tests can be used behind it.

mod certificates;
mod origin;

pub(crate) use certificates::{Authority, Issued};
pub(crate) use origin::H2Origin;

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
};

use pingora::tls::{TlsAcceptor, TlsConnector};
use rustls::{
    ClientConfig, ServerConfig,
    crypto::ring::default_provider,
    pki_types::{PrivateKeyDer, ServerName},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    net, runtime,
};

/// A connection over TLS, as its plain end.
#[derive(Debug)]
pub(crate) struct Secured {
    pub(crate) stream: TcpStream,
    /// The certificate that was shown.
    pub(crate) certificate: Vec<u8>,
    pub(crate) protocol: Option<String>,
    pub(crate) version: Option<rustls::ProtocolVersion>,
}

/// A client that trusts an authority, speaks these protocols, and may show a certificate.
pub(crate) fn client(authority: &Authority, protocols: &[&str], own: Option<&Issued>) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(authority.roots());
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => builder.with_client_auth_cert(vec![own.der()], key(own)).unwrap(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// The same with TLS 1.2 and no other.
pub(crate) fn old_client(authority: &Authority) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(default_provider().into());
    let builder = builder.with_protocol_versions(&[&TLS12]).unwrap();
    builder.with_root_certificates(authority.roots()).with_no_client_auth()
}

/// A server with this certificate that speaks these protocols.
pub(crate) fn server(own: &Issued, protocols: &[&str]) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(default_provider().into());
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]).unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(vec![own.der()], key(own)).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// Connects, asks for a name, and bridges; or tells why it did not come to that.
pub(crate) fn dial(address: SocketAddr, config: ClientConfig, name: &str) -> io::Result<Secured> {
    dial_after(address, &[], config, name)
}

/// The same, where something stands before TLS.
pub(crate) fn dial_after(
    address: SocketAddr,
    first: &[u8],
    config: ClientConfig,
    name: &str,
) -> io::Result<Secured> {
    let first = first.to_owned();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    let (tell, told) = mpsc::channel();
    bridge(async move {
        let mut stream = net::TcpStream::connect(address).await.unwrap();
        stream.write_all(&first).await.unwrap();
        let mut stream = match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
            Ok(stream) => stream,
            Err(error) => return tell.send(Err(error)).unwrap(),
        };
        let session = stream.get_ref().1;
        let certificate = session.peer_certificates().unwrap()[0].to_vec();
        let protocol = session.alpn_protocol().map(|it| String::from_utf8(it.to_vec()).unwrap());
        tell.send(Ok((certificate, protocol, session.protocol_version()))).unwrap();
        far.set_nonblocking(true).unwrap();
        // That one end goes without a farewell is no mistake.
        let _ = copy_bidirectional(&mut stream, &mut net::TcpStream::from_std(far).unwrap()).await;
    });
    let (certificate, protocol, version) = told.recv().unwrap()?;
    Ok(Secured { stream: near, certificate, protocol, version })
}

/// Speaks TLS for a plain server; the address where it does.
pub(crate) fn in_front_of(plain: SocketAddr, config: ServerConfig) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    bridge(async move {
        let listener = net::TcpListener::from_std(listener).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let Ok(mut plain) = net::TcpStream::connect(plain).await else { return };
                let _ = copy_bidirectional(&mut stream, &mut plain).await;
            });
        }
    });
    address
}

/// Runs beside the test, for as long as it takes.
fn bridge(work: impl Future<Output = ()> + Send + 'static) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    thread::spawn(move || runtime.block_on(work));
}

fn key(own: &Issued) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(own.key.serialize_der()).unwrap()
}
