//! A real Envoy, configured as shipped.

use std::{
    env, fs,
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Client, PATIENCE};

/// A running Envoy, killed when it is dropped. Requests go where their `X-Upstream` says.
pub(crate) struct Envoy {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

/// The cluster that takes the place of the shipped one.
const APP: &str = "  # The upstream.
  - name: app
    type: ORIGINAL_DST
    lb_policy: CLUSTER_PROVIDED
    connect_timeout: 2s
    original_dst_lb_config: {use_http_header: true, http_header_name: x-upstream}
";

const ROUTE: &str = "              - match: {prefix: /}\n";

/// A request with this field gives up soon.
const HASTY: &str = "              - match: {prefix: /, headers: [{name: x-hasty, present_match: true}]}
                route: {cluster: app, timeout: 0.2s}
";

impl Envoy {
    /// Its binary; `None`, said aloud, where there is none to test with.
    pub(crate) fn binary() -> Option<PathBuf> {
        let binary = env::var_os("RETORT_ENVOY").map(PathBuf::from);
        if binary.is_none() {
            // Past the capture of output: what was not tested should be seen.
            let note = "SKIPPED: no Envoy to test with; RETORT_ENVOY names one (see tests/outer/envoy.sh)\n";
            let _ = std::io::stderr().write_all(note.as_bytes());
        }
        binary
    }

    /// Starts it with `deploy/envoy/envoy.yaml`, before a processor at this address or path.
    pub(crate) fn start(binary: &Path, processor: &str) -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/envoy/envoy.yaml");
        let shipped = fs::read_to_string(shipped).unwrap();
        let address = free_address();
        let (before, _) = shipped.split_once("  # The upstream.\n").unwrap();
        let config = format!("{before}{APP}");
        let config = replaced(&config, ROUTE, &format!("{HASTY}{ROUTE}"));
        let config = replaced(&config, "port_value: 8080", &format!("port_value: {}", address.port()));
        let config = replaced(&config, "interval: 1s", "interval: 0.1s");
        let place = "{socket_address: {address: 127.0.0.1, port_value: 9002}}";
        let config = match processor.strip_prefix("unix:") {
            Some(path) => replaced(&config, place, &format!("{{pipe: {{path: {path}}}}}")),
            None => replaced(&config, "9002", processor.rsplit(':').next().unwrap()),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("envoy.yaml");
        fs::write(&path, config).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new(binary)
            .args(["--concurrency", "1", "--use-dynamic-base-id", "--disable-hot-restart"])
            .args(["--log-level", "warning", "--config-path"])
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + 3 * PATIENCE;
        while TcpStream::connect(address).is_err() {
            let ended = child.try_wait().unwrap().is_some();
            let log = || fs::read_to_string(folder.path().join("log")).unwrap();
            assert!(!ended && Instant::now() < deadline, "Envoy does not start:\n{}", log());
            thread::sleep(Duration::from_millis(20));
        }
        Self { child, address, folder }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// What it complained of.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address at which nobody listens for the time being.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn replaced(config: &str, what: &str, by: &str) -> String {
    assert!(config.contains(what), "the shipped configuration has no {what:?}");
    config.replace(what, by)
}
