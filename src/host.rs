//! What carries exchanges to the rules and replies back: the hosts, and what they share.

pub mod access_log;
pub mod fault;
pub mod live;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod pingora;
pub mod readiness;
pub mod reload;
pub mod spans;
pub mod zone;
