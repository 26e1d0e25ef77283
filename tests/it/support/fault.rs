//! A wire that fails when it is told to.

use std::{net::SocketAddr, thread};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    runtime::Builder,
    sync::{oneshot, watch},
};

/// A relay between a client and a server, each of whose connections has a fault.
pub(crate) struct Wire {
    address: SocketAddr,
    repaired: watch::Sender<bool>,
    /// Its end is that of the thread.
    _stop: oneshot::Sender<()>,
}

/// What goes wrong, once so many bytes have passed in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) towards: Towards,
    pub(crate) after: usize,
    pub(crate) kind: FaultKind,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Towards {
    Client,
    Server,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Nothing, but bytes come one by one.
    Drip,
    /// Nothing more passes in this direction until the wire is repaired.
    Stall,
    /// This direction ends; the other one goes on.
    HalfClose,
    /// Both ends see an orderly end.
    Cut,
    /// Both ends see a reset.
    Reset,
}

impl Wire {
    /// Relays to an address. The fault of each connection depends on how many were before it.
    pub(crate) fn to(server: SocketAddr, fault: impl Fn(usize) -> Fault + Send + 'static) -> Self {
        let (repaired, _) = watch::channel(false);
        let (_stop, stopped) = oneshot::channel();
        let (tell, address) = std::sync::mpsc::channel();
        let repair = repaired.subscribe();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_io().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = accept(listener, server, fault, repair) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address: address.recv().unwrap(), repaired, _stop }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets pass what stalled.
    pub(crate) fn repair(&self) {
        self.repaired.send_replace(true);
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    fault: impl Fn(usize) -> Fault,
    repaired: watch::Receiver<bool>,
) {
    for index in 0.. {
        let (client, _) = listener.accept().await.unwrap();
        let Ok(server) = TcpStream::connect(server).await else { continue };
        tokio::spawn(relay(client, server, fault(index), repaired.clone()));
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, fault: Fault, repaired: watch::Receiver<bool>) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let fault_towards = |towards| Some(fault).filter(|fault| fault.towards == towards);
    let up = Lane { from: from_client, to: to_server, fault: fault_towards(Towards::Server) };
    let down = Lane { from: from_server, to: to_client, fault: fault_towards(Towards::Client) };
    // Either direction that breaks takes the other one with it.
    if tokio::try_join!(up.pass(repaired.clone()), down.pass(repaired)).is_err()
        && fault.kind == FaultKind::Reset
    {
        client.set_zero_linger().unwrap();
        server.set_zero_linger().unwrap();
    }
}

/// One direction of a connection.
struct Lane<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    fault: Option<Fault>,
}

struct Broken;

impl Lane<'_> {
    async fn pass(mut self, mut repaired: watch::Receiver<bool>) -> Result<(), Broken> {
        let (mut buffer, mut passed) = ([0; 4096], 0);
        loop {
            let room = match self.fault {
                None => buffer.len(),
                Some(Fault { kind: FaultKind::Drip, .. }) => 1,
                Some(fault) => buffer.len().min(fault.after - passed),
            };
            let read = match (room, self.fault.map(|fault| fault.kind)) {
                (0, Some(FaultKind::Cut | FaultKind::Reset)) => return Err(Broken),
                (0, Some(FaultKind::Stall)) => {
                    repaired.wait_for(|repaired| *repaired).await.map_err(|_| Broken)?;
                    self.fault = None;
                    continue;
                }
                (0, _) => 0,
                _ => self.from.read(&mut buffer[..room]).await.map_err(|_| Broken)?,
            };
            if read == 0 {
                return self.to.shutdown().await.map_err(|_| Broken);
            }
            self.to.write_all(&buffer[..read]).await.map_err(|_| Broken)?;
            passed += read;
        }
    }
}
