//! Connections of the admin listener: few, short, and one request on each.

use std::{collections::VecDeque, convert::Infallible, io, net::TcpListener, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    task::{AbortHandle, JoinSet},
    time,
};

use super::{TARGET, route::Site};
use crate::host::telemetry::SPAN;

/// Connections at once. The oldest ends for one more, so that those who hold on to theirs cannot
/// keep out an orchestrator that asks whether the process is well.
const CONNECTIONS: usize = 64;

/// Time for the head of a request.
const HEAD: Duration = Duration::from_secs(5);

/// Time for all of it, the answer included.
const WHOLE: Duration = Duration::from_secs(30);

/// Bytes of a head.
const MAX_HEAD: usize = 16 * 1024;

/// Lines of a head.
const MAX_FIELDS: usize = 64;

/// After a connection that could not be accepted: too many files may be open.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, site: Arc<Site>) -> io::Result<Infallible> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut ticks = time::interval(SPAN);
    let mut open = Open::default();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => open.spawn(converse(stream, Arc::clone(&site))),
                Err(error) => {
                    tracing::debug!(target: TARGET, %error, "a connection was not accepted");
                    time::sleep(PAUSE).await;
                }
            },
            _ = ticks.tick() => site.tick(),
            _ = open.tasks.join_next(), if !open.tasks.is_empty() => {}
        }
    }
}

/// The connections that are open.
#[derive(Default)]
struct Open {
    tasks: JoinSet<()>,
    /// The oldest first.
    order: VecDeque<AbortHandle>,
}

impl Open {
    fn spawn(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        self.order.retain(|open| !open.is_finished());
        if self.order.len() >= CONNECTIONS
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        self.order.push_back(self.tasks.spawn(connection));
    }
}

async fn converse(stream: TcpStream, site: Arc<Site>) {
    // An answer may be two writes.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS)
        .serve_connection(TokioIo::new(stream), service);
    match time::timeout(WHOLE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(target: TARGET, %error, "a connection broke"),
        Err(_) => tracing::debug!(target: TARGET, "a connection took too long"),
    }
}
