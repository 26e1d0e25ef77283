//! What else a folder of Repose's configuration tells: where it listened, where requests went.

use std::{path::Path, sync::Arc};

use serde::Serialize;

use super::{
    facts::Fact,
    gotcha::{Gotcha, Outcome},
    rules::{attribute, elements},
};
use crate::{
    config::{
        self, Source,
        document::{Document, Element},
    },
    host::pingora::Upstream,
};

/// What `retort serve` needs to know.
#[derive(Debug, Default, Serialize)]
pub(super) struct System {
    /// Addresses to listen on.
    pub(super) listen: Vec<String>,
    /// Where requests go.
    pub(super) upstreams: Vec<String>,
    connect_timeout: Option<String>,
    read_timeout: Option<String>,
    /// Filters of Repose's, in their order.
    filters: Vec<String>,
}

const MODEL: &str = "system-model.cfg.xml";
const CONTAINER: &str = "container.cfg.xml";
const POOLS: &str = "http-connection-pool.cfg.xml";

impl System {
    /// Reads what there is in a folder; `None` if there is nothing.
    pub(super) fn read(folder: &Path, gotchas: &mut Vec<Gotcha>) -> Option<Self> {
        let mut open = |name| File::open(&folder.join(name), gotchas);
        let (model, container, pools) = (open(MODEL), open(CONTAINER), open(POOLS));
        if model.is_none() && container.is_none() && pools.is_none() {
            return None;
        }
        let mut system = Self::default();
        if let Some(container) = &container {
            system.container(&container.document.root);
        }
        if let Some(pools) = &pools {
            system.pools(&pools.document.root);
        }
        if let Some(model) = &model {
            system.model(model, gotchas);
        }
        Some(system)
    }

    /// The command that takes Repose's place.
    pub(super) fn command(&self, rules: &str) -> String {
        let mut command = format!("retort serve --rules {}", shell_word(rules));
        let mut flag = |name: &str, value: &str| {
            command.push_str(&format!(" {name} {}", shell_word(value)));
        };
        match self.upstreams.as_slice() {
            [] => flag("--upstream", "http://HOST:PORT"),
            upstreams => upstreams.iter().for_each(|upstream| flag("--upstream", upstream)),
        }
        self.listen.iter().for_each(|address| flag("--listen", address));
        self.connect_timeout.iter().for_each(|time| flag("--connect-timeout", time));
        self.read_timeout.iter().for_each(|time| flag("--read-timeout", time));
        command
    }

    /// Early versions had the port here, and the timeouts before there were pools.
    fn container(&mut self, root: &Element) {
        let Some(deployment) = elements(root, "deployment-config").next() else { return };
        self.listen.extend(port(deployment, "http-port").map(listening));
        self.connect_timeout = milliseconds(deployment, "connection-timeout");
        self.read_timeout = milliseconds(deployment, "read-timeout");
    }

    fn pools(&mut self, root: &Element) {
        let pools: Vec<_> = elements(root, "pool").collect();
        let Some(pool) = preferred(&pools) else { return };
        let connect = milliseconds(pool, "http.connection.timeout");
        let read = milliseconds(pool, "http.socket.timeout");
        self.connect_timeout = connect.or(self.connect_timeout.take());
        self.read_timeout = read.or(self.read_timeout.take());
    }

    fn model(&mut self, model: &File, gotchas: &mut Vec<Gotcha>) {
        let root = &model.document.root;
        let mut clusters = elements(root, "repose-cluster");
        // Repose 9 has no clusters: all of it stands in the root.
        let cluster = clusters.next().unwrap_or(root);
        gotchas.extend(clusters.map(|other| {
            let id = attribute(other, "id").map_or("", |id| id.value.value.as_str());
            model.note(OTHER_CLUSTER, other, format!("another cluster: `{id}`"))
        }));
        let nodes: Vec<_> = elements(cluster, "nodes").flat_map(|nodes| elements(nodes, "node")).collect();
        self.nodes(model, &nodes, gotchas);
        self.destinations(model, cluster, gotchas);
        self.filters(model, cluster, &nodes, gotchas);
    }

    /// Every node listens on all of its addresses; its host name only tells the nodes apart.
    fn nodes(&mut self, model: &File, nodes: &[&Element], gotchas: &mut Vec<Gotcha>) {
        let mut ports: Vec<u16> = nodes.iter().filter_map(|node| port(node, "http-port")).collect();
        ports.sort_unstable();
        ports.dedup();
        if !ports.is_empty() {
            self.listen = ports.into_iter().map(listening).collect();
        }
        let secure = nodes.iter().filter(|node| port(node, "https-port").is_some());
        gotchas.extend(secure.map(|node| model.note(HTTPS_PORT, node, HTTPS_PORT.what.to_owned())));
        if let [_, others @ ..] = nodes {
            gotchas.extend(others.iter().map(|node| {
                let host = attribute(node, "hostname").map_or("", |host| host.value.value.as_str());
                model.note(OTHER_NODE, node, format!("another node: `{host}`"))
            }));
        }
    }

    fn destinations(&mut self, model: &File, cluster: &Element, gotchas: &mut Vec<Gotcha>) {
        let all: Vec<_> = elements(cluster, "destinations")
            .flat_map(|list| elements(list, "endpoint").chain(elements(list, "target")))
            .collect();
        let Some(chosen) = preferred(&all) else {
            return gotchas.push(model.note(NO_DESTINATION, cluster, NO_DESTINATION.what.to_owned()));
        };
        gotchas.extend(all.iter().filter(|other| other.span != chosen.span).map(|other| {
            let urls = urls(&model.document, other).join(", ");
            model.note(OTHER_DESTINATION, other, format!("another destination: {urls}"))
        }));
        self.upstreams = urls(&model.document, chosen);
        for url in &self.upstreams {
            if let Err(error) = url.parse::<Upstream>() {
                gotchas.push(model.note(NO_UPSTREAM, chosen, format!("requests went to {url}: {error}")));
            }
        }
        if attribute(cluster, "rewrite-host-header").is_none_or(|value| value.value.value.trim() != "false") {
            gotchas.push(model.note(HOST, chosen, HOST.what.to_owned()));
        }
        let root = attribute(chosen, "root-path").map(|root| root.value.value.trim()).unwrap_or_default();
        if !root.trim_matches('/').is_empty() {
            gotchas.push(model.note(ROOT_PATH, chosen, format!("paths began at `{root}`")));
        }
    }

    fn filters(&mut self, model: &File, cluster: &Element, nodes: &[&Element], gotchas: &mut Vec<Gotcha>) {
        let Some(list) = elements(cluster, "filters").next() else { return };
        let name = |filter| attribute(filter, "name").map(|name| name.value.value.clone());
        self.filters = elements(list, "filter").filter_map(name).collect();
        if self.filters.is_empty() {
            return;
        }
        let host = nodes.iter().find_map(|node| {
            let host = attribute(node, "hostname")?;
            Some(format!("http://{}:{}", host.value.value, port(node, "http-port")?))
        });
        let mut gotcha = model.note(FILTERS, list, format!("filters: {}", self.filters.join(", ")));
        if let Some(host) = host {
            gotcha.import = format!("if Repose stays, put Retort in front of it: --upstream {host}").into();
        }
        gotchas.push(gotcha);
    }
}

/// A file of Repose's configuration that could be read.
struct File {
    source: Arc<Source>,
    document: Document,
}

impl File {
    fn open(path: &Path, gotchas: &mut Vec<Gotcha>) -> Option<Self> {
        if !path.exists() {
            return None;
        }
        let bytes = config::open(path);
        match bytes.and_then(|bytes| config::well_formed(&bytes, path)) {
            Ok((source, document)) => Some(Self { source, document }),
            Err(diagnostics) => {
                gotchas.extend(diagnostics.into_iter().map(Gotcha::of));
                None
            }
        }
    }

    fn note(&self, fact: SystemFact, element: &Element, what: String) -> Gotcha {
        let SystemFact { code, repose, retort, import, outcome, .. } = fact;
        let mut gotcha =
            Fact { code, what: "", repose, retort }.open(&self.source, element.span.clone(), import);
        gotcha.outcome = outcome;
        gotcha.what = what.into();
        gotcha
    }
}

/// A difference that is not about rules.
#[derive(Clone, Copy)]
struct SystemFact {
    outcome: Outcome,
    code: &'static str,
    what: &'static str,
    repose: &'static str,
    retort: &'static str,
    import: &'static str,
}

const OTHER_CLUSTER: SystemFact = SystemFact {
    outcome: Outcome::Open,
    code: "other-cluster",
    what: "",
    repose: "ran each cluster as a proxy of its own",
    retort: "is one proxy",
    import: "took the first one: run another Retort for this one",
};
const OTHER_NODE: SystemFact = SystemFact {
    outcome: Outcome::Differs,
    code: "other-node",
    what: "",
    repose: "ran on each node, and knew the others",
    retort: "knows nothing of others: the same command runs on each node",
    import: "listens on the ports of all nodes",
};
const HTTPS_PORT: SystemFact = SystemFact {
    outcome: Outcome::Open,
    code: "https-port",
    what: "the node takes TLS, too",
    repose: "took TLS on this port",
    retort: "is told of certificates on its own command line, if it can take TLS: see retort serve --help",
    import: "left out",
};
const NO_DESTINATION: SystemFact = SystemFact {
    outcome: Outcome::Open,
    code: "no-destination",
    what: "the cluster has no destination",
    repose: "left it to its filters where requests went",
    retort: "needs an upstream",
    import: "say where requests go, with --upstream",
};
const OTHER_DESTINATION: SystemFact = SystemFact {
    outcome: Outcome::Open,
    code: "other-destination",
    what: "",
    repose: "let filters choose it in the place of the default one",
    retort: "sends all requests to its upstreams, in turn",
    import: "left out",
};
const NO_UPSTREAM: SystemFact = SystemFact {
    outcome: Outcome::Open,
    code: "upstream",
    what: "",
    repose: "sent them there",
    retort: "does not take it for an upstream",
    import: "say where requests go, with --upstream",
};
const HOST: SystemFact = SystemFact {
    outcome: Outcome::Differs,
    code: "host",
    what: "a destination other than the host that was asked for",
    repose: "named the destination in the Host field, unless rewrite-host-header said otherwise",
    retort: "passes the client's Host field on",
    import: "nothing to do, if the upstream takes any host",
};
const ROOT_PATH: SystemFact = SystemFact {
    outcome: Outcome::Open,
    code: "root-path",
    what: "",
    repose: "put it in front of each path",
    retort: "passes paths on as they came",
    import: "left out",
};
const FILTERS: SystemFact = SystemFact {
    outcome: Outcome::Open,
    code: "filters",
    what: "",
    repose: "ran them in this order; response messaging is none of them, and came after all",
    retort: "has none of them",
    import: "if Repose stays, put Retort in front of it",
};

/// The URLs that a destination stands for: its own, or those of the nodes of its cluster.
fn urls(model: &Document, destination: &Element) -> Vec<String> {
    let text = |element, name| attribute(element, name).map(|attribute| attribute.value.value.trim());
    let scheme = text(destination, "protocol").unwrap_or("http");
    let url = |host: Option<&str>, port: Option<u16>| {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{}{port}", host.unwrap_or("localhost"))
    };
    let Some(cluster) = text(destination, "cluster") else {
        return vec![url(text(destination, "hostname"), port(destination, "port"))];
    };
    let clusters = elements(&model.root, "service-cluster").chain(elements(&model.root, "repose-cluster"));
    let name = if scheme == "https" { "https-port" } else { "http-port" };
    clusters
        .filter(|other| text(other, "id") == Some(cluster))
        .flat_map(|cluster| elements(cluster, "nodes"))
        .flat_map(|nodes| elements(nodes, "node"))
        .map(|node| url(text(node, "hostname"), port(node, name)))
        .collect()
}

/// The element with `default="true"`, else the first.
fn preferred<'e>(elements: &[&'e Element]) -> Option<&'e Element> {
    let is_default = |element: &&&Element| {
        attribute(element, "default").is_some_and(|value| matches!(value.value.value.trim(), "true" | "1"))
    };
    elements.iter().find(is_default).or(elements.first()).copied()
}

/// A port; 0 is none.
fn port(element: &Element, name: &str) -> Option<u16> {
    attribute(element, name)?.value.value.trim().parse().ok().filter(|port| *port > 0)
}

fn listening(port: u16) -> String {
    format!("0.0.0.0:{port}")
}

/// A number of milliseconds as `retort serve` reads it; 0 meant no limit.
fn milliseconds(element: &Element, name: &str) -> Option<String> {
    let number: u64 =
        attribute(element, name)?.value.value.trim().parse().ok().filter(|number| *number > 0)?;
    Some(if number.is_multiple_of(1000) { format!("{}s", number / 1000) } else { format!("{number}ms") })
}

/// A word as a shell reads it.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@%+=,[]".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
