//! Flags of the admin listener.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use anyhow::anyhow;
use clap::Args;

use crate::{
    cli::{host::Host, identity::Identity, listener, value},
    host::{
        admin::{self, About, Rulebook, Taken, page::Page},
        reload::Reloader,
    },
};

/// Where the admin listener is unless somebody says otherwise.
pub(in crate::cli) const DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);

/// Health, metrics, and the page.
#[derive(Debug, Args)]
#[command(next_help_heading = "Admin")]
pub(in crate::cli) struct Admin {
    /// Address for health, metrics, state and the page, or `off` [default: 127.0.0.1:9901]
    ///
    /// /livez, /readyz, /metrics, /status, POST /reload, and the page at /. Who can reach it can read the
    /// rules: keep it on the loopback interface, or on a network of your own.
    #[arg(long, value_name = "ADDR", env = "RETORT_ADMIN", value_parser = place)]
    admin: Option<Place>,
    /// A name by which the admin listener may be called, beside IP addresses and localhost; repeatable
    #[arg(long, value_name = "NAME", env = "RETORT_ADMIN_HOST", value_delimiter = ',')]
    admin_host: Vec<String>,
}

/// Where the admin listener is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Place {
    Off,
    At(SocketAddr),
}

/// Reads an address, or `off`.
pub(in crate::cli) fn place(text: &str) -> Result<Place, String> {
    if text == "off" { Ok(Place::Off) } else { value::address(text).map(Place::At) }
}

impl Admin {
    /// Starts the admin listener of a server, if there is to be one.
    pub(in crate::cli) fn start(
        &self,
        server: &impl Host,
        reloader: &Arc<Reloader>,
        (rules, identity, takes_over): (&Path, &Identity, bool),
    ) -> anyhow::Result<Option<admin::Admin>> {
        let Some(options) = self.options(takes_over) else { return Ok(None) };
        let about = About {
            telemetry: server.telemetry(),
            host: server.observer(),
            rules: Rulebook::File { path: rules.to_owned(), reloader: Arc::clone(reloader) },
        };
        let page = Page::new(about.clone(), identity.clone().into());
        admin::Admin::start(&options, about, Some(Box::new(page))).map_err(|error| match &error {
            admin::Error::Listen { address, source } => {
                anyhow!("{error}{}", listener::hint("--admin", *address, source))
            }
            admin::Error::Thread(_) => anyhow!("{error}"),
        })
    }

    fn options(&self, takes_over: bool) -> Option<admin::Options> {
        let (listen, taken) = match self.admin {
            Some(Place::Off) => return None,
            // The process whose place is taken listens there until it has ended.
            Some(Place::At(address)) if takes_over => (address, Taken::Wait),
            Some(Place::At(address)) => (address, Taken::Fail),
            None if takes_over => (DEFAULT, Taken::Wait),
            None => (DEFAULT, Taken::GoWithout),
        };
        Some(admin::Options { listen, hosts: self.admin_host.clone(), taken })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_was_asked_for_has_to_be_free() {
        let options = |admin, takes_over| {
            let options = Admin { admin, admin_host: Vec::new() }.options(takes_over);
            options.map(|options| (options.listen.to_string(), options.taken))
        };
        let place = |text| Some(place(text).unwrap());
        assert_eq!(options(place("off"), false), None);
        assert_eq!(options(None, false), Some(("127.0.0.1:9901".to_owned(), Taken::GoWithout)));
        assert_eq!(options(place("[::1]:1"), false), Some(("[::1]:1".to_owned(), Taken::Fail)));
        assert_eq!(options(place("[::1]:1"), true), Some(("[::1]:1".to_owned(), Taken::Wait)));
        assert!(super::place("on").is_err());
    }
}
