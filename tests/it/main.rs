//! The tests of the public interface: a file per module, and the recorded vectors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect should stop"
)]

mod accept;
mod access_log;
mod admin;
mod allocations;
mod cases;
mod cli;
mod conf;
mod config;
mod conformance;
mod content;
mod document;
mod embedded;
mod envoy;
mod error_backend;
mod language;
mod media;
mod page;
mod pingora;
mod readme;
mod reload;
mod reply;
mod rules;
mod status;
mod support;
mod template;
mod vectors;
