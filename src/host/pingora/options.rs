//! What a proxy is told at its start.

use std::{net::SocketAddr, num::NonZero, sync::Arc, thread, time::Duration};

use chrono_tz::Tz;
use http::HeaderName;

use super::{
    forward::TraceContext,
    life::Life,
    strict::Strictness,
    tls::Tls,
    trusted::Front,
    upstream::{Balancing, Upstream, tls::UpstreamTls},
};
use crate::{
    exchange::{self, content::MAX_CONTENT, request_id, user},
    host::{access_log::AccessLog, spans::Spans},
};

/// The settings of a [`Server`](super::Server).
#[derive(Clone, Debug)]
pub struct Options {
    /// The addresses to listen on. Port 0 takes a free port.
    pub listen: Vec<SocketAddr>,
    /// TLS to clients. Default: none.
    pub tls: Tls,
    /// Where requests go.
    pub upstreams: Vec<Upstream>,
    /// How they are shared among the upstreams.
    pub balancing: Balancing,
    /// TLS and HTTP/2 to upstreams.
    pub upstream_tls: UpstreamTls,
    /// Worker threads. Default: one for each processor.
    pub threads: usize,
    /// Whether clients may speak HTTP/2 without TLS. Default: no.
    pub h2c: bool,
    /// Limits of time.
    pub timeouts: Timeouts,
    /// Limits of size and number.
    pub limits: Limits,
    /// How it begins and ends.
    pub life: Life,
    /// What is demanded of requests.
    pub strictness: Strictness,
    /// What is believed of proxies in front.
    pub front: Front,
    /// Whether the upstream is told who asked, in the `X-Forwarded-` fields and `Forwarded`. Default:
    /// yes. Otherwise they pass as they came, whoever wrote them; whom this proxy takes for the
    /// client is up to [`Options::front`] all the same.
    pub forwarded: bool,
    /// What becomes of the trace context of requests. Default: a valid one is passed on.
    pub trace_context: TraceContext,
    /// The header fields that may hold a request's id; a generated one is sent in the first.
    pub request_id_headers: Vec<HeaderName>,
    /// The header field that names the remote user.
    pub user_header: HeaderName,
    /// The response field by which an upstream asks, with `leave`, to leave its response alone.
    pub opt_out_header: HeaderName,
    /// What is told of each request. Default: nothing.
    pub access_log: Option<AccessLog>,
    /// Who is told of the spans of requests. Default: nobody. Else each request is a span, whatever
    /// [`Options::trace_context`] makes of that which came with it, short of `Off`.
    pub spans: Option<Arc<dyn Spans>>,
    /// The response field that tells what was decided, and why. Default: none.
    pub debug_header: Option<HeaderName>,
    /// The zone of local times. Default: the system's.
    pub zone: Tz,
}

/// Limits of time. None of them is Pingora's default, which is mostly "for ever".
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To establish a connection to one upstream address: 2 s.
    pub connect: Duration,
    /// The same, with all that may belong to it (TLS): 3 s.
    pub connect_total: Duration,
    /// Between two reads from the upstream: 60 s.
    pub read: Duration,
    /// For one write to the upstream: 60 s.
    pub write: Duration,
    /// How long an idle upstream connection is kept: 60 s.
    pub idle: Duration,
    /// How long an idle client connection is kept: 75 s.
    pub keep_alive: Duration,
    /// How long the head of a request may take to come, from the first byte to the last: 10 s. For the
    /// first request on a connection, what was before the first byte counts as well. A client that
    /// takes longer is answered with 408.
    pub head: Duration,
    /// The windows in which the content of a request has to come at [`Limits::client_rate`]: 30 s. A
    /// client that takes longer is answered with 408. Only the time counts in which the proxy waits
    /// for the client. Beside a response, and in gRPC, it may be silent for [`Timeouts::read`], as the
    /// upstream may.
    pub client_body: Duration,
    /// The windows in which a client has to take what it is sent at [`Limits::client_rate`]: 60 s.
    pub client_write: Duration,
    /// How long, once a message is out, to wait for the rest of the content that it replaced, so
    /// that the upstream connection can be kept: 1 s.
    pub drain: Duration,
    /// How long requests may go on once no more connections are accepted: 25 s.
    pub shutdown: Duration,
}

/// Limits of size and number.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of replaced content that are read and dropped, so that the upstream connection can
    /// be kept: 64 KiB. Past that it is closed.
    pub drain: u64,
    /// Bytes of content that are held back where a rule or a message reads them: 64 KiB, which is
    /// also the most.
    pub content: usize,
    /// Bytes per second at which a client has to send content and to take responses, on average over
    /// [`Timeouts::client_body`] and [`Timeouts::client_write`]: 240. With 0, one byte in each will do.
    pub client_rate: u64,
    /// Client connections at once. One more is answered with 503 and closed; of these there may be an
    /// eighth more, and at least 16. 0, the default, is as many as the limit of open files allows when
    /// each has one to an upstream, and 65 536 at most.
    pub connections: usize,
    /// Requests at once. One more is answered with 503. 0, the default, is the number that is the
    /// default of [`Limits::connections`]; in a filter without a server, there is no limit then.
    pub requests: usize,
    /// Requests at once on one connection of HTTP/2: 100.
    pub h2_streams: u32,
    /// Requests on one client connection: 1000.
    pub requests_per_connection: u32,
    /// Idle upstream connections that are kept, for each worker thread: 128.
    pub pool_size: usize,
}

impl Options {
    /// The defaults.
    pub fn new(listen: Vec<SocketAddr>, upstreams: Vec<Upstream>) -> Self {
        Self {
            listen,
            tls: Tls::default(),
            upstreams,
            balancing: Balancing::default(),
            upstream_tls: UpstreamTls::default(),
            threads: thread::available_parallelism().map_or(1, NonZero::get),
            h2c: false,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            life: Life::default(),
            strictness: Strictness::default(),
            front: Front::default(),
            forwarded: true,
            trace_context: TraceContext::default(),
            request_id_headers: request_id::DEFAULT_HEADERS.to_vec(),
            user_header: user::DEFAULT_HEADER,
            opt_out_header: exchange::OPT_OUT,
            access_log: None,
            spans: None,
            debug_header: None,
            zone: crate::host::zone::local(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            connect_total: Duration::from_secs(3),
            read: Duration::from_secs(60),
            write: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            keep_alive: Duration::from_secs(75),
            head: Duration::from_secs(10),
            client_body: Duration::from_secs(30),
            client_write: Duration::from_secs(60),
            drain: Duration::from_secs(1),
            shutdown: Duration::from_secs(25),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            drain: 64 * 1024,
            content: MAX_CONTENT,
            client_rate: 240,
            connections: 0,
            requests: 0,
            h2_streams: 100,
            requests_per_connection: 1000,
            pool_size: 128,
        }
    }
}
