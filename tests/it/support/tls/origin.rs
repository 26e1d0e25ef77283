//! An upstream that speaks HTTP/2.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Request, Response};
use tokio::net;

use super::bridge;

/// A plain server of HTTP/2 that answers every request with a status, and a text if it is not empty.
pub(crate) struct H2Origin {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Request<()>>>>,
}

impl H2Origin {
    pub(crate) fn answering(status: u16, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let accepted = Arc::<AtomicUsize>::default();
        let requests = Arc::<Mutex<Vec<Request<()>>>>::default();
        let (counter, seen) = (Arc::clone(&accepted), Arc::clone(&requests));
        bridge(async move {
            let listener = net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((request, mut answer))) = connection.accept().await {
                        seen.lock().unwrap().push(request.map(drop));
                        let response = Response::builder().status(status).body(()).unwrap();
                        let mut content = answer.send_response(response, body.is_empty()).unwrap();
                        if !body.is_empty() {
                            content.send_data(body.into(), true).unwrap();
                        }
                    }
                });
            }
        });
        Self { address, accepted, requests }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The heads of the requests that came.
    pub(crate) fn requests(&self) -> Vec<Request<()>> {
        self.requests.lock().unwrap().clone()
    }
}
