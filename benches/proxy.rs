//! Requests per second, end to end: this proxy beside a bare Pingora proxy, in one process, in
//! turns. What counts is the ratio, not the numbers: client, proxy and upstream share the
//! processors. The time that the proxy itself spends on one tells more on a busy machine.
//!
//! `cargo bench --bench proxy`; rounds and requests per round can be given: `-- 15 4000`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that meets what it does not expect should stop"
)]

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::IntoRawFd,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use pingora::{
    Result,
    http::RequestHeader,
    proxy::{ProxyHttp, Session, http_proxy},
    server::{Fds, configuration::ServerConf},
    services::{Service as _, listening::Service},
    upstreams::peer::HttpPeer,
};
use retort::{
    Rules,
    config::{self, href::Disk},
    host::{
        live::Live,
        pingora::{Options, Server},
    },
};

/// The name of the threads that proxy.
const WORKER: &str = "retort";

/// Connections that ask at the same time.
const CLIENTS: usize = 4;

/// A response of the upstream, and how it is asked for.
struct Case {
    name: &'static str,
    path: &'static str,
}

const CASES: [Case; 3] = [
    Case { name: "200 with 1 KiB", path: "/ok" },
    Case { name: "404 with 1 KiB", path: "/full" },
    Case { name: "404, empty", path: "/empty" },
];

const IF_EMPTY: &str = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="errors" code-regex="[45]\d\d">
    <message media-type="application/json" content-type="application/problem+json">{"status":%s,"instance":"%U"}</message>
    <message media-type="*/*">%s %M</message>
  </status-code>
</response-messaging>"#;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(15);
    let requests = numbers.get(1).copied().unwrap_or(4000);

    let upstream = upstream();
    let proxies = [
        ("bare Pingora", bare(upstream, false)),
        ("with fields", bare(upstream, true)),
        ("kept fields", retort(upstream, Rules::default(), false)),
        ("no rules", retort(upstream, Rules::default(), true)),
        ("IF_EMPTY", retort(upstream, rules(), true)),
    ];
    println!("{rounds} rounds of {requests} requests over {CLIENTS} connections; medians");
    for case in &CASES {
        let mut rates = proxies.map(|_| Vec::new());
        let mut costs = proxies.map(|_| Vec::new());
        for _ in 0..=rounds {
            for (((_, address), rates), costs) in proxies.iter().zip(&mut rates).zip(&mut costs) {
                let before = workers_cpu();
                rates.push(rate(*address, case.path, requests));
                costs.push((workers_cpu() - before).as_secs_f64() * 1e6 / requests as f64);
            }
        }
        println!("\n{}", case.name);
        // The first round warms up.
        let rates = rates.map(|mut rates| median(rates.split_off(1)));
        let costs = costs.map(|mut costs| median(costs.split_off(1)));
        for (((name, _), rate), cost) in proxies.iter().zip(rates).zip(costs) {
            let (faster, dearer) = (rate / rates[0], cost / costs[0]);
            println!("  {name:<14}{rate:>10.0}/s {faster:>6.3}  {cost:>7.2} us of CPU {dearer:>6.3}");
        }
    }
}

fn rules() -> Rules {
    config::parse(IF_EMPTY.as_bytes(), Path::new("rules.xml"), &mut Disk::default()).expect("rules").0
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// The time on a processor that the workers of all proxies took. Unlike the rate it leaves out the
/// client, the upstream, and whatever else the machine does.
fn workers_cpu() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("threads").flatten();
    let workers = tasks.filter(|task| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim_end() == WORKER)
    });
    let nanoseconds = workers.map(|task| {
        let statistics = fs::read_to_string(task.path().join("schedstat")).expect("a thread");
        statistics.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or(0)
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Requests per second over all connections.
fn rate(address: SocketAddr, path: &'static str, requests: usize) -> f64 {
    let start = Instant::now();
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| thread::spawn(move || ask(address, path, requests / CLIENTS))).collect();
    clients.into_iter().for_each(|client| client.join().expect("a client"));
    requests as f64 / start.elapsed().as_secs_f64()
}

fn ask(address: SocketAddr, path: &str, requests: usize) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("an open connection");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench/1.0\r\nAccept: application/json\r\n\
         Accept-Encoding: gzip, br\r\nAccept-Language: en, de;q=0.5\r\nCache-Control: no-cache\r\n\
         Cookie: session=0123456789abcdef\r\nX-Request-Id: 0af7651916cd43dd8448eb211c80319c\r\n\r\n"
    );
    let mut buffer = vec![0; 16 * 1024];
    for _ in 0..requests {
        stream.write_all(request.as_bytes()).expect("an open connection");
        let mut filled = 0;
        loop {
            let read = stream.read(&mut buffer[filled..]).expect("a response");
            assert!(read > 0, "the connection was closed");
            filled += read;
            if complete(&buffer[..filled]) {
                break;
            }
        }
    }
}

/// Whether a response with Content-Length is here as a whole.
fn complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let lengths = head.lines().filter_map(|line| line.split_once(": "));
    let mut length = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.next().is_some_and(|(_, length)| length.parse() == Ok(body.len()))
}

fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let body = "x".repeat(1024);
    let with_body = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 1024\r\n\r\n{body}");
    let (ok, full) = (with_body("200 OK"), with_body("404 Not Found"));
    let empty = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let mut buffer = [0; 4096];
    let mut filled = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]) {
        filled += read;
        if !buffer[..filled].ends_with(b"\r\n\r\n") {
            continue;
        }
        let response = match buffer.get(..8) {
            Some(b"GET /ok ") => ok.as_bytes(),
            Some(b"GET /ful") => full.as_bytes(),
            _ => empty.as_bytes(),
        };
        filled = 0;
        if stream.write_all(response).is_err() {
            return;
        }
    }
}

fn retort(upstream: SocketAddr, rules: Rules, forwarded: bool) -> SocketAddr {
    let url = format!("http://{upstream}").parse().expect("a URL");
    let mut options = Options::new(vec!["127.0.0.1:0".parse().expect("an address")], vec![url]);
    options.threads = 1;
    options.forwarded = forwarded;
    let server = Server::bind(options, Arc::new(Live::new(rules))).expect("a port");
    let address = *server.addresses().first().expect("one");
    thread::spawn(move || server.run());
    address
}

/// A proxy that only proxies, with the same limits of time.
struct Bare {
    upstream: SocketAddr,
    /// Whether it tells the upstream who asked, as ours does.
    fields: bool,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _session: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        let mut peer = HttpPeer::new(self.upstream, false, String::new());
        peer.options.connection_timeout = Some(Duration::from_secs(2));
        peer.options.total_connection_timeout = Some(Duration::from_secs(3));
        peer.options.read_timeout = Some(Duration::from_secs(60));
        peer.options.write_timeout = Some(Duration::from_secs(60));
        peer.options.idle_timeout = Some(Duration::from_secs(60));
        Ok(Box::new(peer))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        (): &mut (),
    ) -> Result<()> {
        if self.fields {
            let client =
                session.client_addr().and_then(|address| address.as_inet()).map(|it| it.ip().to_string());
            request.insert_header("X-Forwarded-For", client.unwrap_or_default())?;
            request.insert_header("X-Forwarded-Proto", "http")?;
            request.insert_header("X-Forwarded-Host", "bench")?;
        }
        Ok(())
    }
}

fn bare(upstream: SocketAddr, fields: bool) -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(WORKER)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let mut service = Service::new(
        "bare".to_owned(),
        http_proxy(&Arc::new(ServerConf::default()), Bare { upstream, fields }),
    );
    service.add_tcp(&address.to_string());
    let mut bound = Fds::new();
    bound.add(address.to_string(), listener.into_raw_fd());
    let (keep, shutdown) = tokio::sync::watch::channel(false);
    thread::spawn(move || {
        runtime.block_on(service.start_service(Some(Arc::new(bound.into())), shutdown, 1));
        drop(keep);
    });
    address
}
