//! Raw ends for both sides of a proxy, and a proxy in the middle. They run on threads and
//! blocking sockets: what happens when is said by the test, and never by a clock.

mod client;
pub(crate) mod coding;
mod envoy;
mod events;
mod fault;
mod gate;
mod h2;
mod hpack;
mod message;
mod mortal;
mod notation;
mod origin;
mod processor;
mod proxy;
pub(crate) mod tls;
mod until;
mod upstream;

pub(crate) use client::{Client, dial};
pub(crate) use envoy::{Envoy, free_address};
pub(crate) use events::access;
pub(crate) use fault::{Fault, FaultKind, Towards, Wire};
pub(crate) use gate::Gate;
pub(crate) use h2::{H2Client, H2End, H2Response};
pub(crate) use message::{Framing, Request, Response};
pub(crate) use mortal::Mortal;
pub(crate) use notation::Bytes;
pub(crate) use origin::{Origin, Received};
pub(crate) use processor::Processor;
pub(crate) use proxy::{Proxy, rules};
pub(crate) use until::until;
pub(crate) use upstream::Upstream;

use std::time::Duration;

/// How long anything may take before a test gives up. Nothing waits this long unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
