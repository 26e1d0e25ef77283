//! `retort demo`: a proxy with an upstream of its own, and requests to try.

use std::net::SocketAddr;

use clap::Args;

use super::{console::Console, exit::Exit, log::Log, value};

mod shipped;
mod tour;
mod upstream;

/// Try it: a proxy, an upstream that answers badly, and requests to send
///
/// Works offline. The rules are those in conf/ if they are in the working directory (edit them: they are
/// watched), else a copy built into the command.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Address that the proxy listens on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", value_parser = value::address, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address that the demo's upstream listens on, a loopback one; port 0 takes a free one
    #[arg(long, value_name = "ADDR", value_parser = value::loopback, default_value = "127.0.0.1:0")]
    upstream_listen: SocketAddr,
    #[command(flatten)]
    log: Log,
}

impl Demo {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        todo!()
    }
}
