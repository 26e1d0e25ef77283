//! `retort demo`: a proxy with an upstream of its own, and requests to try.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::Args;

use super::{console::Console, exit::Exit, listener, logging::Log, value};
use crate::host::{
    live::Live,
    pingora::{Options, Server},
    reload::Reloader,
};

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

/// The rules of the demo.
enum Rules {
    /// Those in the working directory.
    Watched(Reloader),
    /// Those that are built in.
    BuiltIn(Arc<Live>),
}

/// Where the rules are, seen from the root of the project.
const RULES: &str = "conf/response-messaging.cfg.xml";

/// The time between two looks at the rules where the file system does not notify.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

impl Demo {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        self.log.start(console)?;
        let rules = Rules::find(console)?;
        let listener = TcpListener::bind(self.upstream_listen).map_err(|error| {
            let hint = listener::hint("--upstream-listen", self.upstream_listen, &error);
            anyhow!("the demo's upstream cannot listen on {}: {error}{hint}", self.upstream_listen)
        })?;
        let upstream = format!("http://{}", listener.local_addr()?);
        let options = Options::new(vec![self.listen], vec![upstream.parse()?]);
        let server = Server::bind(options, rules.live()).map_err(listener::refused)?;
        upstream::spawn(listener).context("cannot start the demo's upstream")?;

        let address = server.addresses().first().copied().unwrap_or(self.listen);
        let proxy = format!("http://{address}");
        let about = rules.about();
        let tour = tour::text(&proxy);
        console.print(format!(
            "Retort listens on {proxy}, in front of {upstream}.\n{about}\n\nTry, and look at:\n\n{tour}\nCtrl-C ends it.\n"
        ))?;
        server.run_until_signal();
        Ok(Exit::Fine)
    }
}

impl Rules {
    fn find(console: Console) -> anyhow::Result<Self> {
        let path = Path::new(RULES);
        if path.exists() {
            return Ok(Rules::Watched(listener::watch(path, POLL_INTERVAL, console)?));
        }
        let rules = shipped::rules().map_err(|diagnostics| {
            console.show(&diagnostics);
            anyhow!("the rules that are built in cannot be used")
        })?;
        Ok(Rules::BuiltIn(Arc::new(Live::new(rules))))
    }

    fn live(&self) -> Arc<Live> {
        match self {
            Rules::Watched(reloader) => Arc::clone(reloader.live()),
            Rules::BuiltIn(live) => Arc::clone(live),
        }
    }

    fn about(&self) -> String {
        match self {
            Rules::Watched(_) => format!("The rules are in {RULES}: edit them, and try again."),
            Rules::BuiltIn(_) => {
                format!("The rules are built in; where there is a {RULES}, that is used, and can be edited.")
            }
        }
    }
}
