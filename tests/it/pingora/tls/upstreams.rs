//! TLS and HTTP/2 to upstreams.

use std::{net::TcpListener, time::Duration};

use retort::{
    Rules,
    host::{
        live::Live,
        pingora::{HealthCheck, Probe, Server, UpstreamHttp2, UpstreamTls},
    },
};

use super::*;
use crate::{
    pingora::{ALWAYS, IF_EMPTY},
    support::{
        Framing,
        tls::{H2Origin, Issued, in_front_of, server},
        until,
    },
};

/// What the client is told, with the cause.
const CAUSES: &str = r#"
  <status-code id="causes" code-regex="5\d\d"><message>%s %{cause}x</message></status-code>"#;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A proxy before a server of TLS at this address.
fn before(rules: &str, url: &str, tls: UpstreamTls) -> Proxy {
    Proxy::with(rules, &[], |options| {
        options.upstreams = vec![url.parse().unwrap()];
        options.upstream_tls = tls;
    })
}

/// The answer of a proxy before an upstream with this certificate.
fn answer(own: &Issued, host: &str, tls: UpstreamTls) -> String {
    let upstream = Upstream::answering(OK);
    let port = in_front_of(upstream.address(), server(own, &[])).port();
    let proxy = before(CAUSES, &format!("https://{host}:{port}"), tls);
    proxy.connect().get("/", "").text().to_owned()
}

fn trusting(authority: &Authority, folder: &Path) -> UpstreamTls {
    UpstreamTls { ca: Some(authority.write(folder)), ..UpstreamTls::default() }
}

#[test]
fn who_they_are_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let trusting = || trusting(&authority, folder.path());
    let named = |name: &str| UpstreamTls { server_name: Some(name.to_owned()), ..trusting() };
    let right = authority.issue(&["localhost", "127.0.0.1"]);
    assert_eq!(answer(&right, "localhost", trusting()), "ok");
    assert_eq!(answer(&right, "127.0.0.1", trusting()), "ok", "an address is verified as well");

    let elsewhere = authority.issue(&["app.internal"]);
    assert_eq!(answer(&elsewhere, "localhost", trusting()), "502 tls");
    assert_eq!(answer(&elsewhere, "127.0.0.1", trusting()), "502 tls");
    assert_eq!(answer(&elsewhere, "127.0.0.1", named("app.internal")), "ok");
    assert_eq!(answer(&right, "localhost", named("app.internal")), "502 tls");

    let expired = authority.issue_expired(&["localhost"]);
    assert_eq!(answer(&expired, "localhost", trusting()), "502 tls");
    let stranger = Authority::new().issue(&["localhost"]);
    assert_eq!(answer(&stranger, "localhost", trusting()), "502 tls");
}

#[test]
fn unless_told_otherwise_and_that_is_told_loudly() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let stranger = Authority::new().issue_expired(&["elsewhere"]);
    let text = logged(|log| {
        let tls = UpstreamTls { verify: false, ..trusting(&authority, folder.path()) };
        assert_eq!(answer(&stranger, "localhost", tls), "ok");
        log.text()
    });
    assert!(text.contains("WARN retort::tls: the certificates of upstreams are NOT verified"), "{text}");
}

#[test]
fn connections_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let upstream = Upstream::answering(EMPTY);
    let own = authority.issue(&["localhost"]);
    let port = in_front_of(upstream.address(), server(&own, &[])).port();
    let tls = trusting(&authority, folder.path());
    let proxy = before(IF_EMPTY, &format!("https://localhost:{port}"), tls);
    let mut client = proxy.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/", "").text(), "status 404");
    }
    assert_eq!(upstream.accepted(), 1);
    assert_eq!(upstream.requests()[0].all("x-forwarded-proto"), ["http"], "what the client spoke");
}

#[test]
fn what_speaks_no_tls_is_a_bad_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let plain = Upstream::answering(OK);
    let tls = trusting(&authority, folder.path());
    let proxy = before(CAUSES, &format!("https://localhost:{}", plain.address().port()), tls);
    assert_eq!(proxy.connect().get("/", "").text(), "502 tls");
}

#[test]
fn a_handshake_that_takes_too_long_is_a_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    // The system takes connections for it, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let proxy = Proxy::with(CAUSES, &[], |options| {
        options.upstreams = vec![format!("https://127.0.0.1:{port}").parse().unwrap()];
        options.upstream_tls = trusting(&authority, folder.path());
        options.timeouts.connect = Duration::from_millis(100);
        options.timeouts.connect_total = Duration::from_millis(200);
    });
    assert_eq!(proxy.connect().get("/", "").text(), "504 connect-timeout");
}

#[test]
fn http_2_is_spoken_where_both_choose_it() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let own = authority.issue(&["localhost"]);
    let auto = UpstreamTls { http2: UpstreamHttp2::Auto, ..trusting(&authority, folder.path()) };
    let new = H2Origin::answering(404, "");
    let port = in_front_of(new.address(), server(&own, &["h2", "http/1.1"])).port();
    let url = format!("https://localhost:{port}");
    let proxy = before(IF_EMPTY, &url, auto.clone());
    let mut client = proxy.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/path?query", "").text(), "status 404");
    }
    assert_eq!(new.accepted(), 1, "its connection is kept");
    let requests = new.requests();
    assert_eq!(requests[0].uri().path_and_query().unwrap(), "/path?query");
    assert_eq!(requests[0].uri().authority().unwrap(), "example.org");
    assert_eq!(requests[0].headers()["x-forwarded-host"], "example.org");

    let old = Upstream::answering(EMPTY);
    let port = in_front_of(old.address(), server(&own, &["http/1.1"])).port();
    let proxy = before(IF_EMPTY, &format!("https://localhost:{port}"), auto);
    assert_eq!(proxy.connect().get("/", "").text(), "status 404");
    assert_eq!(old.requests().len(), 1);
}

#[test]
fn http_2_is_spoken_without_tls_by_prior_knowledge() {
    let always = || UpstreamTls { http2: UpstreamHttp2::Always, ..UpstreamTls::default() };
    for (status, body, rules, expected) in [
        (404, "", IF_EMPTY, "status 404"),
        (404, "there", IF_EMPTY, "there"),
        (500, "secret", ALWAYS, "status 500"),
        (200, "fine", IF_EMPTY, "fine"),
    ] {
        let origin = H2Origin::answering(status, body);
        let proxy = before(rules, &format!("http://{}", origin.address()), always());
        let mut client = proxy.connect();
        for _ in 0..3 {
            let response = client.get("/", "");
            assert_eq!((response.status(), response.text()), (status, expected));
        }
        assert_eq!(origin.accepted(), 1);
        // A client of HTTP/1.0 knows no chunks, and the origin tells no length.
        let mut old = proxy.connect();
        old.send(b"GET / HTTP/1.0\r\nHost: example.org\r\n\r\n");
        let response = old.response("GET").unwrap();
        assert_eq!((response.status(), response.text()), (status, expected));
        assert_ne!(response.framing, Framing::Chunked, "{status} {body} {response:?}");
        // HTTP/2 has no request without a host.
        let mut nameless = proxy.connect();
        nameless.send(b"GET / HTTP/1.0\r\n\r\n");
        assert_eq!(nameless.response("GET").unwrap().status(), 400);
    }
    // One that knows nothing of it is a bad gateway.
    let old = Upstream::answering(OK);
    let proxy = before(CAUSES, &format!("http://{}", old.address()), always());
    assert_eq!(proxy.connect().get("/", "").status(), 502);
}

#[test]
fn many_requests_share_a_connection_of_http_2() {
    let origin = H2Origin::answering(404, "");
    let always = UpstreamTls { http2: UpstreamHttp2::Always, ..UpstreamTls::default() };
    let proxy = Proxy::with(IF_EMPTY, &[origin.address()], |options| {
        options.upstream_tls = always;
        options.h2c = true;
    });
    let mut client = H2Client::connect(proxy.address());
    let first = client.request("GET", "/");
    assert_eq!(client.response(first).body, b"status 404");
    for _ in 0..20 {
        let id = client.request("GET", "/");
        assert_eq!(client.response(id).body, b"status 404");
    }
    assert_eq!(origin.accepted(), 1);
}

#[test]
fn health_checks_verify_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    for (own, healthy) in [(authority.issue(&["localhost"]), true), (authority.issue(&["other"]), false)] {
        let upstream = Upstream::answering(OK);
        let port = in_front_of(upstream.address(), server(&own, &[])).port();
        let mut options =
            Options::new(vec![loopback()], vec![format!("https://localhost:{port}").parse().unwrap()]);
        options.upstream_tls = trusting(&authority, folder.path());
        options.threads = 1;
        options.balancing.health_check = Some(HealthCheck::new(Probe::Http("/well".parse().unwrap())));
        let server = Server::bind(options, Arc::new(Live::new(Rules::default()))).unwrap();
        let (upstreams, handle) = (server.upstreams(), server.handle());
        let running = std::thread::spawn(move || server.run());
        if healthy {
            until("a check", || !upstream.requests().is_empty());
        } else {
            until("a check", || upstreams.status().iter().any(|status| !status.healthy));
            assert_eq!(upstream.requests().len(), 0);
        }
        handle.stop_now();
        running.join().unwrap();
    }
}

#[test]
fn mistakes_keep_it_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |tls: UpstreamTls| {
        let mut options = Options::new(vec![loopback()], vec!["https://localhost".parse().unwrap()]);
        options.upstream_tls = tls;
        Server::bind(options, Arc::new(Live::new(Rules::default()))).unwrap_err().to_string()
    };
    let missing = folder.path().join("missing.pem");
    let said = refusal(UpstreamTls { ca: Some(missing.clone()), ..UpstreamTls::default() });
    assert!(said.starts_with(&format!("{}: No such file", missing.display())), "{said}");
    let said = refusal(UpstreamTls { server_name: Some("no name".into()), ..UpstreamTls::default() });
    assert!(said.starts_with("`no name` is no name of a TLS server"), "{said}");
    // A file of the roots that nothing asks for is not looked at.
    let plain = Options::new(vec![loopback()], vec!["http://localhost".parse().unwrap()]);
    assert!(Server::bind(plain, Arc::new(Live::new(Rules::default()))).is_ok());
}
