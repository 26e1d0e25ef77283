//! What the upstream is told.

use crate::support::{Proxy, Upstream};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn who_asked_for_what() {
    let upstream = Upstream::answering(OK);
    let proxy = Proxy::start("", &upstream);
    let mut client = proxy.connect();
    client.get("/", "");
    client.get(
        "/",
        "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nX-Forwarded-For: 10.0.0.3\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: evil\r\n",
    );
    let requests = upstream.requests();
    assert_eq!(requests[0].all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(requests[1].all("x-forwarded-for"), ["127.0.0.1"], "nobody vouches for it");
    for request in &requests {
        assert_eq!(request.all("x-forwarded-proto"), ["http"]);
        assert_eq!(request.all("x-forwarded-host"), ["example.org"]);
        assert_eq!(request.all("host"), ["example.org"]);
    }
}

#[test]
fn what_another_proxy_told_stays() {
    let upstream = Upstream::answering(OK);
    let proxy = Proxy::with("", &[upstream.address()], |options| options.forwarded = false);
    let mut client = proxy.connect();
    client.get("/", "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n");
    let request = &upstream.requests()[0];
    assert_eq!(request.all("x-forwarded-for"), ["10.0.0.1"]);
    assert_eq!(request.all("x-forwarded-proto"), ["https"]);
    assert!(request.all("x-forwarded-host").is_empty());
    assert_eq!(request.all("x-request-id").len(), 1);
}

#[test]
fn under_what_id() {
    let upstream = Upstream::answering(OK);
    let proxy = Proxy::start("", &upstream);
    let mut client = proxy.connect();
    let cases =
        ["", "X-Request-Id: mine\r\n", "X-Trans-Id: mine\r\n", "X-Request-Id: é\r\n", "x-request-id:\r\n"];
    for fields in cases {
        client.get("/", fields);
    }
    let ids: Vec<_> =
        upstream.requests().iter().map(|it| (it.all("x-request-id"), it.all("x-trans-id"))).collect();
    let uuid = |ids: &[String]| ids.len() == 1 && ids[0].len() == 36;
    assert!(uuid(&ids[0].0), "{ids:?}");
    assert_eq!(ids[1], (vec!["mine".to_owned()], vec![]));
    assert_eq!(ids[2], (vec![], vec!["mine".to_owned()]), "it stays where it came in");
    assert!(uuid(&ids[3].0) && uuid(&ids[4].0), "what is no id is replaced: {ids:?}");
    assert_ne!(ids[0], ids[3]);
}

#[test]
fn hop_by_hop_fields_stay_behind() {
    let upstream = Upstream::answering(OK);
    let proxy = Proxy::start("", &upstream);
    let fields = "Connection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: a\r\nX-Kept: 1\r\n";
    proxy.connect().get("/", fields);
    let request = &upstream.requests()[0];
    for gone in ["connection", "x-mine", "keep-alive", "te", "proxy-authorization"] {
        assert!(request.all(gone).is_empty(), "{gone} in {request:?}");
    }
    assert_eq!(request.all("x-kept"), ["1"]);
}

#[test]
fn upstreams_take_turns() {
    let upstreams = [Upstream::answering(OK), Upstream::answering(OK)];
    let addresses: Vec<_> = upstreams.iter().map(Upstream::address).collect();
    let proxy = Proxy::with("", &addresses, |_| {});
    let mut client = proxy.connect();
    for _ in 0..6 {
        client.get("/", "");
    }
    assert_eq!(upstreams.each_ref().map(|it| it.requests().len()), [3, 3]);
    assert_eq!(upstreams.each_ref().map(Upstream::accepted), [1, 1]);
}
