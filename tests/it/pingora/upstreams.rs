//! Several upstreams: who gets a request, and what becomes of one that fails.

mod health;
mod restarts;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use retort::host::pingora::{HashOn, Options, Strategy};

use super::IF_EMPTY;
use crate::support::{Client, Gate, Mortal, Proxy, Upstream, access, until};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A proxy in front of these URLs.
fn before(rules: &str, urls: &[String], adjust: impl FnOnce(&mut Options)) -> Proxy {
    Proxy::with(rules, &[], |options| {
        options.upstreams = urls.iter().map(|url| url.parse().unwrap()).collect();
        adjust(options);
    })
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Who answers, as many times.
fn answers(client: &mut Client, fields: &str, count: usize) -> Vec<String> {
    (0..count).map(|_| client.get("/", fields).text().to_owned()).collect()
}

fn count(answers: &[String], of: &str) -> usize {
    answers.iter().filter(|answer| *answer == of).count()
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn turns_are_shared_by_weight() {
    let [a, b, c] = [("a", 1), ("b", 2), ("c", 3)].map(|(name, host)| Mortal::start(name, [127, 0, 1, host]));
    let urls = [url(a.address), format!("{}#weight=2", url(b.address)), url(c.address)];
    let proxy = before("", &urls, |_| {});
    let answers = answers(&mut proxy.connect(), "", 40);
    assert_eq!(["a", "b", "c"].map(|name| count(&answers, name)), [10, 20, 10]);
    // Requests that no upstream is asked for take no turn.
    for _ in 0..4 {
        let mut client = proxy.connect();
        client.send(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(client.response("GET").unwrap().status(), 400);
        assert_eq!(client.rest(), b"");
        proxy.connect().get("/", "");
    }
    assert_eq!([a.served(), b.served(), c.served()], [11, 22, 11]);
}

#[test]
fn a_busy_upstream_gets_less() {
    let gate = Gate::default();
    let [one, other] = [gate.clone(), gate.clone()].map(|gate| {
        Upstream::start(move |connection| {
            while let Some(request) = connection.request() {
                if request.line().contains("/slow") {
                    connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
                    gate.wait();
                }
                connection.send(OK);
            }
        })
    });
    let proxy = Proxy::with("", &[one.address(), other.address()], |options| {
        options.balancing.strategy = Strategy::LeastLoad;
    });
    let mut slow = proxy.connect();
    slow.request("GET", "/slow", "");
    assert_eq!(slow.response("GET").unwrap().status(), 103);
    let mut client = proxy.connect();
    // A client has its response before the proxy has put the request away.
    let in_flight = || proxy.upstreams().iter().map(|upstream| upstream.in_flight).sum::<usize>();
    for _ in 0..20 {
        assert_eq!(client.get("/", "").text(), "ok");
        until("only the slow one is in flight", || in_flight() == 1);
    }
    let mut shares = [one.requests().len(), other.requests().len()];
    shares.sort_unstable();
    assert_eq!(shares, [1, 20]);
    gate.open();
    assert_eq!(slow.response("GET").unwrap().text(), "ok");
    until("no request in flight", || in_flight() == 0);
}

#[test]
fn the_same_upstream_for_the_same_value() {
    let mut origins =
        [("a", 1), ("b", 2), ("c", 3)].map(|(name, host)| Mortal::start(name, [127, 0, 2, host]));
    let urls = [0, 1, 2].map(|index| url(origins[index].address));
    let hashed = |on: HashOn| {
        before("", &urls, |options| {
            options.balancing.strategy = Strategy::ConsistentHash(on);
            options.balancing.ejection.time = Duration::from_millis(1);
            options.balancing.ejection.max = Duration::from_millis(1);
        })
    };
    let by_client = hashed(HashOn::Client);
    let first = by_client.connect().get("/", "").text().to_owned();
    assert!((0..20).all(|n| by_client.connect().get(&format!("/{n}"), "").text() == first));
    let by_path = hashed(HashOn::Path);
    let mut client = by_path.connect();
    assert!((0..20).all(|n| client.get("/a", "").text() == client.get(&format!("/a?{n}"), "").text()));

    let by_user = hashed(HashOn::Header("x-user".parse().unwrap()));
    let mut client = by_user.connect();
    let users: Vec<String> = (0..60).map(|user| format!("X-User: user-{user}\r\n")).collect();
    let mut homes = || users.iter().map(|user| client.get("/", user).text().to_owned()).collect::<Vec<_>>();
    let before = homes();
    assert_eq!(before, homes());
    assert!(["a", "b", "c"].iter().all(|name| count(&before, name) > 5), "{before:?}");
    origins[1].kill();
    for (user, (was, is)) in before.iter().zip(homes()).enumerate() {
        match was.as_str() {
            "b" => assert_ne!(is, "b", "user {user}"),
            _ => assert_eq!(*was, is, "user {user}"),
        }
    }
    origins[1].restart();
    until("all are home", || homes() == before);
    let anybody = answers(&mut by_user.connect(), "", 30);
    assert_eq!(["a", "b", "c"].map(|name| count(&anybody, name)), [10, 10, 10], "without the field, in turn");
}

#[test]
fn an_upstream_that_breaks_connections_is_left_alone_until_it_answers() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&is_broken);
    let broken = Mortal::with("a", [127, 0, 3, 1], move |_| (!told.load(Ordering::SeqCst)).then_some(200));
    let well = Mortal::start("b", [127, 0, 3, 2]);
    let proxy = before(IF_EMPTY, &[url(broken.address), url(well.address)], |options| {
        options.balancing.ejection.after = 2;
        options.balancing.ejection.time = Duration::from_millis(200);
        options.balancing.ejection.max = Duration::from_millis(200);
    });
    let mut client = proxy.connect();
    let answered = answers(&mut client, "", 10);
    assert_eq!(count(&answered, "status 502"), 2, "{answered:?}");
    assert_eq!(count(&answered, "b"), 8);
    let status = proxy.upstreams();
    assert_eq!((status[0].failures, status[1].failures), (2, 0));
    assert_eq!(status[0].address.as_ref().unwrap().to_string(), broken.address.to_string());
    is_broken.store(false, Ordering::SeqCst);
    until("it is back", || client.get("/", "").text() == "a");
    assert!(proxy.upstreams().iter().all(|upstream| upstream.healthy));
}

#[test]
fn errors_that_an_upstream_says_eject_nobody() {
    let erring = Mortal::with("a", [127, 0, 4, 1], |_| Some(503));
    let well = Mortal::start("b", [127, 0, 4, 2]);
    let proxy = before("", &[url(erring.address), url(well.address)], |options| {
        options.balancing.ejection.after = 1;
    });
    let answers = answers(&mut proxy.connect(), "", 20);
    assert_eq!((count(&answers, "a"), count(&answers, "b")), (10, 10));
}

#[test]
fn a_request_tries_so_many_addresses() {
    let log = access();
    let upstream = Upstream::answering(OK);
    let urls = [nobody(), nobody(), upstream.address()].map(url);
    for (tries, id, status) in [(3, "all-tried", 200), (2, "two-tried", 502)] {
        let proxy = before("", &urls, |options| options.balancing.tries = tries);
        let mut client = proxy.connect();
        assert_eq!(client.get("/", &format!("X-Request-Id: {id}\r\n")).status(), status);
        log(id);
        let failures: Vec<u64> = proxy.upstreams().iter().map(|upstream| upstream.failures).collect();
        assert_eq!(failures, [1, 1, 0]);
        // By now the two are known.
        assert_eq!(client.get("/", "").text(), "ok");
    }
    assert_eq!(log("two-tried")["cause"], "connect-refused");
}

#[test]
fn an_upstream_on_a_unix_socket() {
    let log = access();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let missing = format!("unix:{}", folder.path().join("missing.sock").display());
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            while stream.by_ref().lines().next().is_some_and(|line| !line.unwrap().is_empty()) {}
            stream.get_mut().write_all(OK.as_bytes()).unwrap();
        }
    });
    let socket = format!("unix:{}", path.display());
    let proxy = before("", &[missing.clone(), socket.clone()], |_| {});
    let mut client = proxy.connect();
    assert_eq!(client.get("/", "X-Request-Id: by-socket\r\n").text(), "ok");
    assert_eq!(log("by-socket")["upstream"], socket);
    assert_eq!(client.get("/", "").text(), "ok");

    let proxy = before("", &[missing], |_| {});
    assert_eq!(proxy.connect().get("/", "X-Request-Id: no-socket\r\n").status(), 502);
    assert_eq!(log("no-socket")["cause"], "connect-refused");
}

#[test]
fn a_stale_connection_is_no_failure() {
    let mut origin = Mortal::start("a", [127, 0, 5, 1]);
    let proxy = before(IF_EMPTY, &[url(origin.address)], |_| {});
    let mut client = proxy.connect();
    for _ in 0..20 {
        assert_eq!(client.get("/", "").text(), "a");
        origin.kill();
        origin.restart();
    }
    assert_eq!(client.get("/", "").text(), "a");
    assert_eq!(proxy.upstreams()[0].failures, 0);
}
