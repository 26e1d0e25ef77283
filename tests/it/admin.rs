//! The admin listener of a proxy in this process, asked over sockets.

mod door;
mod health;
mod metrics;
mod pages;
mod recent;
mod reload;
mod status;

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use retort::host::{
    admin::{About, Admin, Options, Pages, Rulebook, Taken},
    pingora,
    reload::{Options as Looks, Reloader},
};
use tempfile::TempDir;

use crate::support::{Client, Proxy, Response, Upstream};

const IF_EMPTY: &str = "<status-code id='gone' code-regex='404|410'><message>%s for %U</message></status-code>\
    <status-code id='failed' code-regex='5..' overwrite='ALWAYS'><message>failed</message></status-code>";

/// A proxy that is watched.
struct Watched {
    proxy: Proxy,
    admin: Admin,
}

impl Watched {
    fn start(upstream: &Upstream) -> Self {
        Self::with(&[upstream.address()], |_| {}, None)
    }

    fn with(
        upstreams: &[SocketAddr],
        adjust: impl FnOnce(&mut pingora::Options),
        pages: Option<Box<dyn Pages>>,
    ) -> Self {
        let proxy = Proxy::with(IF_EMPTY, upstreams, adjust);
        let rules = Rulebook::Fixed(Arc::clone(&proxy.live));
        Self::of(proxy, rules, pages)
    }

    fn of(proxy: Proxy, rules: Rulebook, pages: Option<Box<dyn Pages>>) -> Self {
        let host = Arc::new(proxy.observer.clone());
        let about = About { telemetry: Arc::clone(&proxy.telemetry), host, rules };
        let options = Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            hosts: vec!["retort.test".to_owned()],
            taken: Taken::Fail,
        };
        let admin = Admin::start(&options, about, pages).unwrap().unwrap();
        Self { proxy, admin }
    }

    /// The admin listener's answer.
    fn ask(&self, method: &str, path: &str, fields: &str) -> Response {
        self.ask_with(method, path, &format!("Host: localhost\r\n{fields}"), "")
    }

    /// The same with all fields, and content.
    fn ask_with(&self, method: &str, path: &str, fields: &str, body: &str) -> Response {
        let mut client = Client::connect(self.admin.address());
        client.send(format!("{method} {path} HTTP/1.1\r\n{fields}\r\n{body}").as_bytes());
        client.response(method).expect("an answer")
    }

    fn get(&self, path: &str) -> Response {
        self.ask("GET", path, "")
    }

    /// The value of a metric, by its name and labels as they are written.
    fn metric(&self, sample: &str) -> Option<f64> {
        let metrics = self.get("/metrics");
        let mut lines = metrics.text().lines();
        lines.find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
    }
}

/// A proxy whose rules are in a file.
struct Filed {
    watched: Watched,
    file: PathBuf,
    _folder: TempDir,
}

impl Filed {
    fn start(upstream: &Upstream) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.xml");
        fs::write(&file, document("one")).unwrap();
        // Nothing is looked at but when somebody asks.
        let options = Looks { poll_interval: Duration::from_secs(3600), notify: false };
        let reloader = Arc::new(Reloader::start(&file, options).unwrap());
        let proxy = Proxy::following(Arc::clone(reloader.live()), &[upstream.address()], |_| {});
        let rules = Rulebook::File { path: file.clone(), reloader };
        Self { watched: Watched::of(proxy, rules, None), file, _folder: folder }
    }

    fn write(&self, text: &str) {
        // Whole, whenever somebody looks.
        let aside = self.file.with_extension("new");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, &self.file).unwrap();
    }
}

/// Rules whose message, and whose rule, has this name.
fn document(name: &str) -> String {
    format!(
        "<response-messaging xmlns='http://docs.openrepose.org/repose/response-messaging/v1.0'>\
         <status-code id='{name}' code-regex='404'><message>{name}</message></status-code></response-messaging>"
    )
}

const EMPTY: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
