//! The PROXY protocol: a load balancer that passes TCP on says in front of it for whom.
//!
//! Whether a connection begins so is known beforehand, and never guessed: a client that could
//! choose would choose who it is. The header is read before TLS where there is TLS (Pingora calls
//! [`PreTlsProcess`]), and before HTTP where there is none.

mod header;

use std::{
    any::Any,
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pingora::{
    Error, ErrorType,
    apps::ServerApp,
    http::ResponseHeader,
    listeners::PreTlsProcess,
    protocols::{
        Digest, GetProxyDigest, GetSocketDigest, Stream, l4::stream::Stream as Socket,
        raw_connect::ProxyDigest,
    },
    server::ShutdownWatch,
    time::timeout,
};
use tokio::io::{AsyncRead, AsyncReadExt};

pub(super) use header::Ends;
use header::{Malformed, Progress};

use super::trusted::{Front, Hop};

/// Whether connections begin with a header of the PROXY protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// None does.
    #[default]
    Off,
    /// Those from trusted proxies do, and no other.
    Trusted,
    /// All do. Where there is a list of trusted proxies, connections from elsewhere are closed.
    Require,
}

/// Lets connections in that begin as they should.
#[derive(Debug)]
pub(super) struct Gate {
    front: Front,
    /// How long a header may take.
    patience: Duration,
    refused: AtomicU64,
}

/// An application behind a [`Gate`].
pub(super) struct Gated<A> {
    app: Arc<A>,
    gate: Arc<Gate>,
}

/// What was read; it travels with the connection. Where it is missing, nothing was.
#[derive(Clone, Copy, Debug)]
struct Announcement(Option<Ends>);

/// Why a connection is closed.
#[derive(Debug)]
enum Refusal {
    Malformed(Malformed),
    Untrusted,
    Late,
    Lost(io::Error),
}

/// The ends that a proxy spoke for on the connection of this digest.
pub(super) fn announced(digest: &Digest) -> Option<Ends> {
    announcement(digest.proxy_digest.as_deref()?)?.0
}

impl Gate {
    pub(super) fn new(front: &Front, patience: Duration) -> Self {
        Self { front: front.clone(), patience, refused: AtomicU64::new(0) }
    }

    /// Reads the header if there is to be one; leaves what follows it.
    async fn admit<S>(&self, stream: &mut S) -> Result<(), Refusal>
    where
        S: AsyncRead + GetProxyDigest + GetSocketDigest + Unpin + ?Sized,
    {
        let hop = stream.get_socket_digest().map_or(Hop::Unknown, |digest| Hop::of(&digest));
        if !self.expects(hop)? || stream.get_proxy_digest().as_deref().and_then(announcement).is_some() {
            return Ok(());
        }
        let ends = timeout(self.patience, receive(stream)).await.map_err(|_| Refusal::Late)??;
        stream.set_proxy_digest(digest(Announcement(ends))?);
        Ok(())
    }

    fn expects(&self, hop: Hop) -> Result<bool, Refusal> {
        match self.front.proxy_protocol {
            ProxyProtocol::Off => Ok(false),
            ProxyProtocol::Trusted => Ok(self.front.trusts(hop)),
            ProxyProtocol::Require if self.front.trusted.is_empty() || self.front.trusts(hop) => Ok(true),
            ProxyProtocol::Require => Err(Refusal::Untrusted),
        }
    }

    /// Counts a connection that is closed, and says so: the first, the second, the fourth, and so
    /// on for whoever runs the proxy, since a balancer may be set up wrongly.
    fn refuse(&self, stream: &(impl GetSocketDigest + ?Sized), refusal: &Refusal) {
        let digest = stream.get_socket_digest();
        let peer = digest.as_ref().and_then(|digest| digest.peer_addr()?.as_inet());
        let peer = peer.map(tracing::field::display);
        // Balancers look whether anybody listens, and leave.
        if matches!(refusal, Refusal::Lost(_)) {
            tracing::debug!(target: "retort::proxy", peer, %refusal, "a connection ended early");
            return;
        }
        let count = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            tracing::warn!(target: "retort::proxy", peer, %refusal, count, "a connection was closed");
        } else {
            tracing::debug!(target: "retort::proxy", peer, %refusal, count, "a connection was closed");
        }
    }
}

impl<A> Gated<A> {
    pub(super) fn new(app: A, gate: Arc<Gate>) -> Self {
        Self { app: Arc::new(app), gate }
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> ServerApp for Gated<A> {
    async fn process_new(self: &Arc<Self>, mut stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let mut stopped = shutdown.clone();
        let admitted = tokio::select! {
            biased;
            admitted = self.gate.admit(stream.as_mut()) => admitted,
            _ = stopped.wait_for(|stopped| *stopped) => return None,
        };
        match admitted {
            Ok(()) => self.app.process_new(stream, shutdown).await,
            Err(refusal) => {
                self.gate.refuse(stream.as_ref(), &refusal);
                None
            }
        }
    }

    async fn cleanup(&self) {
        self.app.cleanup().await;
    }
}

#[async_trait]
impl PreTlsProcess for Gate {
    async fn process(&self, stream: &mut Socket) -> pingora::Result<()> {
        let Err(refusal) = self.admit(stream).await else {
            return Ok(());
        };
        self.refuse(stream, &refusal);
        Error::e_explain(ErrorType::AcceptError, refusal.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Malformed(malformed) => malformed.fmt(f),
            Refusal::Untrusted => f.write_str("it comes from no trusted proxy"),
            Refusal::Late => f.write_str("its PROXY protocol header does not come"),
            Refusal::Lost(error) => write!(f, "it broke off: {error}"),
        }
    }
}

async fn receive(stream: &mut (impl AsyncRead + Unpin + ?Sized)) -> Result<Option<Ends>, Refusal> {
    let mut bytes = Vec::new();
    loop {
        let more = match header::read(&bytes).map_err(Refusal::Malformed)? {
            Progress::Done(ends) => return Ok(ends),
            Progress::Needs(more) => more,
        };
        let before = bytes.len();
        bytes.resize(before + more, 0);
        let missing = bytes.get_mut(before..).unwrap_or_default();
        stream.read_exact(missing).await.map_err(Refusal::Lost)?;
    }
}

fn announcement(digest: &ProxyDigest) -> Option<&Announcement> {
    digest.user_data.as_deref()?.downcast_ref()
}

/// Pingora keeps here what it knows of a proxy on the way to an upstream; on the way from a
/// client there is nothing but ours.
fn digest(announcement: Announcement) -> Result<ProxyDigest, Refusal> {
    let unused = ResponseHeader::build(200, Some(0)).map_err(io::Error::other).map_err(Refusal::Lost)?;
    Ok(ProxyDigest::new(Box::new(unused), Some(Box::new(announcement) as Box<dyn Any + Send + Sync>)))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use pingora::protocols::SocketDigest;
    use tokio::{
        io::AsyncWriteExt,
        net::{TcpListener, TcpStream},
        runtime::Builder,
    };

    use super::*;

    /// Sends bytes through a gate to what stands behind it: TLS, or HTTP.
    fn pass(mode: ProxyProtocol, sent: &[u8]) -> Result<(Option<Ends>, Vec<u8>), u64> {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            client.write_all(sent).await.unwrap();
            drop(client);

            let descriptor = accepted.as_raw_fd();
            let mut stream = Socket::from(accepted);
            stream.set_socket_digest(SocketDigest::from_raw_fd(descriptor));
            let front = Front { proxy_protocol: mode, ..Front::default() };
            let gate = Gate::new(&front, Duration::from_secs(20));
            // Once more, as where there is no TLS any more: nothing is read twice.
            for _ in 0..2 {
                let passed = gate.process(&mut stream).await;
                passed.map_err(|_| gate.refused.load(Ordering::Relaxed))?;
            }
            let digest = Digest { proxy_digest: stream.get_proxy_digest(), ..Digest::default() };
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            Ok((announced(&digest), rest))
        })
    }

    #[test]
    fn what_follows_is_left() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n\x16\x03\x01 hello";
        let ends = Ends {
            source: "192.0.2.1:4711".parse().unwrap(),
            destination: "198.51.100.2:443".parse().unwrap(),
        };
        assert_eq!(pass(ProxyProtocol::Require, line), Ok((Some(ends), b"\x16\x03\x01 hello".to_vec())));
        let unknown = b"PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n";
        assert_eq!(pass(ProxyProtocol::Require, unknown), Ok((None, b"PROXY UNKNOWN\r\n".to_vec())));
        assert_eq!(pass(ProxyProtocol::Off, line), Ok((None, line.to_vec())));
        assert_eq!(pass(ProxyProtocol::Trusted, line), Ok((None, line.to_vec())), "nobody is trusted");
    }

    #[test]
    fn what_is_refused_is_counted() {
        assert_eq!(pass(ProxyProtocol::Require, b"\x16\x03\x01 hello, no proxy"), Err(1));
        assert_eq!(pass(ProxyProtocol::Require, b"PROXY TCP4 192.0"), Err(0), "it left by itself");
    }
}
