//! Retort answers for upstreams whose errors say too little.
//!
//! The crate in one sentence: **text becomes values once, at load; a request is then one pure
//! function over values; a host only translates.**
//!
//! # One request
//!
//! 1. [`config::load`] reads the rules file and its message files, evaluates every `code-regex`
//!    to a [`StatusSet`](status::StatusSet), compiles every message to a
//!    [`Template`](template::Template), and returns [`Rules`] or all the mistakes it found.
//! 2. When a response head arrives, a host takes a snapshot of the rules and borrows an
//!    [`Exchange`] from what it holds.
//! 3. [`Rules::decide`] names what to do and why: [`Decision`].
//! 4. A [`Decision::Replace`] becomes a [`Reply`]: the rendered message and every edit of the
//!    header that it implies.
//! 5. The host applies the edits and writes the message. It logs the same [`Decision`].
//!
//! Everything on the left of the arrow may use what is on its right, never the reverse:
//! `main → cli → host → config → rules → accept, template, status, reply → media, exchange`.
//! The core (all but `case`, `cli` and `host`) has no I/O and no async code; only the reader of message
//! files, in [`config`], opens anything.

pub mod accept;
#[cfg(feature = "cli")]
pub mod case;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod exchange;
pub mod explain;
#[cfg(feature = "pingora")]
pub mod host;
pub mod language;
pub mod media;
pub mod reply;
pub mod rules;
pub mod status;
pub mod template;

pub use exchange::Exchange;
pub use reply::Reply;
pub use rules::{Body, Decision, Rules};
