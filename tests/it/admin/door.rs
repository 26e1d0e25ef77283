//! Who may come in, and what those can do who mean harm.

use std::{
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use retort::host::admin::{About, Admin, Error, Options, Rulebook, Taken};

use super::{EMPTY, Watched};
use crate::support::{Client, Upstream, until};

#[test]
fn it_is_called_by_its_address_or_by_a_name_of_its_own() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::start(&upstream);
    let status = |host: &str| watched.ask_with("GET", "/livez", &format!("Host: {host}\r\n"), "").status();
    let own = watched.admin.address().to_string();
    for host in [own.as_str(), "localhost", "[::1]:9901", "retort.test:80"] {
        assert_eq!(status(host), 200, "{host}");
    }
    assert_eq!(status("evil.example"), 403);
    assert_eq!(watched.ask_with("GET", "/livez", "", "").status(), 400);
    let two = watched.ask_with("GET", "/livez", "Host: localhost\r\nHost: localhost\r\n", "");
    assert_eq!(two.status(), 400);
    let evil = watched.ask("GET", "http://evil.example/metrics", "");
    assert_eq!((evil.status(), evil.text().contains("--admin-host")), (403, true));
}

#[test]
fn another_site_sends_nothing() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::start(&upstream);
    let post = |fields: &str| watched.ask("POST", "/reload", fields).status();
    assert_eq!(post("Sec-Fetch-Site: cross-site\r\n"), 403);
    assert_eq!(post("Origin: http://evil.example\r\n"), 403);
    // These rules are of no file.
    assert_eq!(post("Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n"), 409);
    assert_eq!(post(""), 409);
}

#[test]
fn each_thing_has_its_methods_and_browsers_are_protected() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::start(&upstream);
    for path in ["/livez", "/readyz", "/metrics", "/status"] {
        let post = watched.ask("POST", path, "Content-Length: 0\r\n");
        assert_eq!((post.status(), post.field("Allow")), (405, Some("GET, HEAD")), "{path}");
    }
    let get = watched.get("/reload");
    assert_eq!((get.status(), get.field("Allow")), (405, Some("POST")));
    assert_eq!(watched.ask("DELETE", "/", "").status(), 405);
    assert_eq!(watched.get("/nothing").status(), 404);
    assert_eq!(watched.get("/").status(), 200);

    let (head, get) = (watched.ask("HEAD", "/livez", ""), watched.get("/livez"));
    assert_eq!((head.status(), head.text()), (200, ""));
    assert_eq!((get.text(), get.field("Connection")), ("alive\n", Some("close")));
    for answer in [head, get, watched.get("/nothing")] {
        let fields = ["Content-Type", "Content-Length", "X-Content-Type-Options", "Cache-Control"];
        let values = fields.map(|name| answer.field(name).unwrap_or_default());
        assert_eq!((values[0], values[2], values[3]), ("text/plain; charset=utf-8", "nosniff", "no-store"));
        assert!(values[1].parse::<usize>().unwrap() > 0);
        let policy = answer.field("Content-Security-Policy").unwrap();
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::start(&upstream);
    let large = format!("X: {}\r\n", "x".repeat(20_000));
    assert_eq!(watched.ask("GET", "/livez", &large).status(), 431);
    let many: String = (0..100).map(|number| format!("X-{number}: x\r\n")).collect();
    assert_eq!(watched.ask("GET", "/livez", &many).status(), 431);
    let body = "x".repeat(70_000);
    let fields = format!("Host: localhost\r\nContent-Length: {}\r\n", body.len());
    assert_eq!(watched.ask_with("POST", "/page", &fields, &body).status(), 413);
}

#[test]
fn those_who_hold_on_to_connections_keep_nobody_out() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::start(&upstream);
    let mut idle: Vec<_> = (0..200).map(|_| Client::connect(watched.admin.address())).collect();
    idle.iter_mut().for_each(|client| _ = client.try_send(b"GET /livez HT"));
    assert_eq!(watched.get("/livez").status(), 200);
    assert_eq!(watched.proxy.connect().get("/x", "").status(), 404);
    // The oldest had to go.
    assert_eq!(idle[0].rest(), b"");
}

#[test]
fn it_ends_when_it_is_told_to() {
    let upstream = Upstream::answering(EMPTY);
    let Watched { proxy, admin } = Watched::start(&upstream);
    let address = admin.address();
    let mut idle = Client::connect(address);
    drop(admin);
    assert_eq!(idle.rest(), b"");
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(proxy.connect().get("/x", "").status(), 404);
}

#[test]
fn where_another_process_listens_it_does_without_or_waits() {
    let upstream = Upstream::answering(EMPTY);
    let Watched { proxy, .. } = Watched::start(&upstream);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = |taken| {
        let (host, telemetry) = (Arc::new(proxy.observer.clone()), Arc::clone(&proxy.telemetry));
        let about = About { telemetry, host, rules: Rulebook::Fixed(Arc::clone(&proxy.live)) };
        let options = Options { listen: other.local_addr().unwrap(), hosts: Vec::new(), taken };
        Admin::start(&options, about, None)
    };
    assert!(matches!(start(Taken::Fail), Err(Error::Listen { .. })));
    assert!(start(Taken::GoWithout).unwrap().is_none());
    let waiting = start(Taken::Wait).unwrap().unwrap();
    drop(other);
    until("it took the address over", || {
        let Ok(stream) = TcpStream::connect(waiting.address()) else { return false };
        let mut client = Client::over(stream);
        client.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.response("GET").is_some_and(|answer| answer.text() == "alive\n")
    });
}
