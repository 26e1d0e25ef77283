//! What carries exchanges to the rules and replies back: the hosts, and what they share.

pub mod admin;
pub mod fault;
pub mod live;
pub mod pingora;
pub mod readiness;
pub mod reload;
pub mod telemetry;
pub mod zone;
