//! The reverse proxy: Pingora phases become exchanges, decisions become calls.
//!
//! [`Server`] is the whole proxy: its listeners, its runtime, and its end. [`Filter`] is the part
//! that answers for the upstream, as a [`ProxyHttp`](::pingora::proxy::ProxyHttp). As an error
//! backend the same server answers what other proxies send to one (`error_backend`), and has no
//! upstream.
//!
//! Pingora writes the header of a response before it knows whether content follows, and asks
//! nobody on the way. Where a rule needs to know, the filter swaps the client's session for a
//! wrapper (`held`) that keeps the header back until the first byte of content, the end, or a
//! failure; or, where a rule or a message reads the content, until that is here as far as it is
//! read. Where no rule is for the status, nothing is swapped and nothing is asked.

mod access;
mod amend;
mod answer;
mod app;
mod aside;
mod cause;
mod context;
mod debug_header;
mod embedded;
mod entrance;
mod error_backend;
mod facts;
mod filter;
mod finished;
mod forward;
mod guard;
mod guarded;
mod held;
mod hold;
mod in_flight;
mod life;
mod mend;
mod observer;
mod options;
mod phases;
mod plain;
mod prompt;
mod proxy_protocol;
mod server;
mod strict;
mod tls;
mod trusted;
mod upstream;

pub use super::end::Handle;
pub use context::Context;
pub use filter::Filter;
pub use forward::TraceContext;
pub use guard::{Bound, Counters, raise_file_limit};
pub use life::Life;
pub use observer::Observer;
pub use options::{Limits, Options, Timeouts};
pub use proxy_protocol::ProxyProtocol;
pub use server::{Error, Server, Stopped};
pub use strict::Strictness;
pub use tls::{ClientAuth, Flaw, Pair, Problem, Problems, Tls};
pub use trusted::{ForwardedHeader, Front, TrustedProxy, TrustedProxyError};
pub use upstream::tls::{UpstreamHttp2, UpstreamTls, UpstreamTlsError};
pub use upstream::{
    Address, Balancing, Ejection, HashOn, HealthCheck, Probe, Scheme, Strategy, Upstream, UpstreamError,
    UpstreamStatus, Upstreams,
};
