//! What carries exchanges to the rules and replies back: the hosts, and what they share.

pub mod access_log;
pub mod admin;
pub mod end;
#[cfg(feature = "ext-proc")]
pub mod ext_proc;
pub mod fault;
mod judgement;
pub mod live;
pub mod notify;
#[cfg(feature = "otlp")]
pub mod otlp;
mod outcome;
pub mod pingora;
pub mod readiness;
pub mod reload;
pub mod spans;
pub mod telemetry;
pub mod zone;
