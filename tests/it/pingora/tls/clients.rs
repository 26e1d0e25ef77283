//! TLS to clients.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use retort::host::pingora::{ClientAuth, ProxyProtocol};
use rustls::ProtocolVersion;

use super::*;
use crate::{
    pingora::{ALWAYS, IF_EMPTY},
    support::{
        H2End, PATIENCE,
        tls::{dial_after, old_client},
    },
};

#[test]
fn errors_are_replaced_over_http_1_1() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let upstream = Upstream::answering(EMPTY);
    let proxy = proxy(IF_EMPTY, &upstream, vec![pair], |_| {});
    let mut client = h1(&proxy, &authority, "example.org");
    for _ in 0..3 {
        let response = client.get("/", "Accept: application/json\r\n");
        assert_eq!((response.status(), response.text()), (404, "{\"status\":404}"));
    }
    assert_eq!(upstream.accepted(), 1, "the upstream's connection is kept");
    for request in upstream.requests() {
        assert_eq!(request.all("x-forwarded-proto"), ["https"]);
    }
    // What is plain stays beside it.
    assert_eq!(proxy.connect().get("/", "").text(), "status 404");
    assert_eq!(upstream.requests()[3].all("x-forwarded-proto"), ["http"]);
}

#[test]
fn errors_are_replaced_over_http_2() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let upstream = Upstream::answering(EMPTY);
    let proxy = proxy(IF_EMPTY, &upstream, vec![pair], |_| {});
    let mut client = h2(&proxy, &authority, "example.org");
    for _ in 0..3 {
        let id = client.request_with("GET", "/", &[("accept", "text/plain")]);
        let response = client.response(id);
        assert_eq!((response.status, response.end), (404, H2End::Data));
        assert_eq!(String::from_utf8(response.body).unwrap(), "status 404");
    }
    assert_eq!(upstream.accepted(), 1);
    assert_eq!(upstream.requests()[0].all("x-forwarded-proto"), ["https"]);
}

#[test]
fn a_large_body_is_replaced_on_both_protocols() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let body = "x".repeat(60_000);
    let upstream = Upstream::answering(format!("HTTP/1.1 500 Oops\r\nContent-Length: 60000\r\n\r\n{body}"));
    let replacing = proxy(ALWAYS, &upstream, vec![pair.clone()], |_| {});
    assert_eq!(h1(&replacing, &authority, "example.org").get("/", "").text(), "status 500");
    let mut client = h2(&replacing, &authority, "example.org");
    let id = client.request("GET", "/");
    assert_eq!(client.response(id).body, b"status 500");
    // And it passes whole where no rule says otherwise.
    let passing = proxy("", &upstream, vec![pair], |_| {});
    assert_eq!(h1(&passing, &authority, "example.org").get("/", "").text(), body);
}

#[test]
fn tls_1_2_is_spoken_too() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let upstream = Upstream::answering(EMPTY);
    let proxy = proxy(IF_EMPTY, &upstream, vec![pair], |_| {});
    let new = dial(proxy.tls(), client(&authority, &[], None), "example.org").unwrap();
    assert_eq!((new.version, new.protocol), (Some(ProtocolVersion::TLSv1_3), None));
    let old = dial(proxy.tls(), old_client(&authority), "example.org").unwrap();
    assert_eq!(old.version, Some(ProtocolVersion::TLSv1_2));
    assert_eq!(Client::over(old.stream).get("/", "").text(), "status 404");
}

#[test]
fn the_name_chooses_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let make = |name, names: &[&str]| pair(folder.path(), &authority, name, names);
    let (first, a) = make("a", &["first.test", "fallback.test", "www.other.test", "127.0.0.1"]);
    let (wild, b) = make("b", &["*.example.org"]);
    let (exact, c) = make("c", &["exact.example.org"]);
    let upstream = Upstream::answering(EMPTY);
    let proxy = proxy("", &upstream, vec![a, b, c], |_| {});
    assert_eq!(shown(&proxy, &authority, "first.test"), first);
    assert_eq!(shown(&proxy, &authority, "any.example.org"), wild);
    assert_eq!(shown(&proxy, &authority, "ANY.Example.org"), wild);
    assert_eq!(shown(&proxy, &authority, "exact.example.org"), exact);
    assert_eq!(shown(&proxy, &authority, "127.0.0.1"), first, "an address is asked for by no name");
    // The first answers for all others, and clients see that it is not for them.
    for other in ["unknown.test", "example.org", "deep.any.example.org"] {
        let refused = dial(proxy.tls(), client(&authority, &[], None), other).unwrap_err().to_string();
        assert!(refused.contains("not valid for name"), "{other}: {refused}");
    }
}

#[test]
fn a_balancer_says_for_whom_before_the_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let upstream = Upstream::answering(EMPTY);
    let who = r#"<status-code id="who" code-regex="404"><message>%a</message></status-code>"#;
    let proxy = proxy(who, &upstream, vec![pair], |options| {
        options.front.proxy_protocol = ProxyProtocol::Require;
    });
    let line = b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n";
    let secured =
        dial_after(proxy.tls(), line, client(&authority, &["http/1.1"], None), "example.org").unwrap();
    assert_eq!(Client::over(secured.stream).get("/", "").text(), "192.0.2.1");
    let secured = dial_after(proxy.tls(), line, client(&authority, &["h2"], None), "example.org").unwrap();
    let mut h2 = H2Client::over(secured.stream);
    let id = h2.request("GET", "/");
    assert_eq!(h2.response(id).body, b"192.0.2.1");
    for request in upstream.requests() {
        assert_eq!(request.all("x-forwarded-proto"), ["https"]);
    }
    dial(proxy.tls(), client(&authority, &[], None), "example.org").expect_err("nobody was announced");
}

#[test]
fn certificates_of_clients_are_demanded() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let ca = clients.write(folder.path());
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let [theirs, strangers, expired] =
        [clients.issue(&["me"]), others.issue(&["me"]), clients.issue_expired(&["me"])];
    for required in [true, false] {
        let auth = ClientAuth { ca: ca.clone(), required };
        let proxy = proxy("", &upstream, vec![pair.clone()], |options| {
            options.tls.client_auth = Some(auth);
            options.tls.forward_client_cert = true;
        });
        let get = |own| {
            let secured = dial(proxy.tls(), client(&authority, &[], own), "example.org").unwrap();
            let mut client = Client::over(secured.stream);
            client.request("GET", "/", "Client-Cert: :bGllcw==:\r\nClient-Cert-Chain: :bGllcw==:\r\n");
            client.response("GET").map(|response| response.status())
        };
        assert_eq!(get(Some(&theirs)), Some(200));
        let shown = upstream.requests().pop().unwrap();
        let [ref value] = shown.all("client-cert")[..] else { panic!("{shown:?}") };
        assert!(value.starts_with(":MII") && value.ends_with(':'), "{value}");
        assert_eq!(value.trim_matches(':'), base64_of(&theirs.pem()));
        assert!(shown.all("client-cert-chain").is_empty());

        let nameless = get(None);
        assert_eq!(nameless, (!required).then_some(200));
        if !required {
            assert!(upstream.requests().pop().unwrap().all("client-cert").is_empty(), "the lie is dropped");
        }
        for bad in [&strangers, &expired] {
            assert_eq!(get(Some(bad)), None, "one that is shown has to be valid");
        }
    }
}

#[test]
fn what_is_no_handshake_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let upstream = Upstream::answering(EMPTY);
    let proxy = proxy("", &upstream, vec![pair], |options| {
        options.tls.handshake = Duration::from_millis(200);
    });
    let mut plain = TcpStream::connect(proxy.tls()).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n").unwrap();
    let mut alert = Vec::new();
    let _ = plain.read_to_end(&mut alert);
    assert!(!alert.starts_with(b"HTTP"), "{alert:?}");

    let begun = Instant::now();
    let mut silent = TcpStream::connect(proxy.tls()).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut nothing = Vec::new();
    let _ = silent.read_to_end(&mut nothing);
    assert_eq!(nothing, b"");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(h1(&proxy, &authority, "example.org").get("/", "").status(), 404, "others are served");
    assert!(upstream.requests().len() == 1);
}

#[test]
fn idle_connections_of_http_2_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let upstream = Upstream::answering(EMPTY);
    let proxy = proxy(IF_EMPTY, &upstream, vec![pair], |options| {
        options.timeouts.keep_alive = Duration::from_millis(200);
    });
    let secured = dial(proxy.tls(), client(&authority, &["h2"], None), "example.org").unwrap();
    let mut wire = secured.stream.try_clone().unwrap();
    let mut client = H2Client::over(secured.stream);
    let id = client.request("GET", "/");
    assert_eq!(client.response(id).status, 404);
    wire.set_read_timeout(Some(PATIENCE)).unwrap();
    let ended = wire.read_to_end(&mut Vec::new());
    assert!(!ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "it stays open");
}

#[test]
fn it_stops_in_the_midst_of_handshakes() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let upstream = Upstream::answering(EMPTY);
    let proxy = proxy(IF_EMPTY, &upstream, vec![pair], |_| {});
    let mut silent = TcpStream::connect(proxy.tls()).unwrap();
    let mut idle = h2(&proxy, &authority, "example.org");
    let id = idle.request("GET", "/");
    assert_eq!(idle.response(id).status, 404);
    proxy.handle().stop();
    assert_eq!(proxy.join().cut, 0);
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest);
    assert_eq!(rest, b"");
}

/// The middle of a PEM text.
fn base64_of(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}
