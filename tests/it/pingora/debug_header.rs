//! The response field that tells of the decision.

use http::HeaderName;

use super::IF_EMPTY;
use crate::support::{Proxy, Upstream};

const NAME: HeaderName = HeaderName::from_static("retort-decision");

#[test]
fn every_response_tells_of_its_decision() {
    let upstream = Upstream::start(|connection| {
        while let Some(request) = connection.request() {
            let response = match request.line().split(' ').nth(1).unwrap() {
                "/empty" => "404 Not Found\r\nContent-Length: 0",
                "/held" => "404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0",
                "/held-full" => "404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0",
                "/full" => "404 Not Found\r\nContent-Length: 0\r\nX-Retort: leave",
                "/fine" => "200 OK\r\nContent-Length: 0\r\nretort-decision: made up\r\nRetort-Decision: too",
                _ => return,
            };
            connection.send(format!("HTTP/1.1 {response}\r\n\r\n"));
        }
    });
    let rules = format!(
        "{IF_EMPTY}<status-code id='set' code-regex='200' path='/set'><header name='X-A'>a</header></status-code>"
    );
    let replaced = "replace;rule=\"empty\";message=1;reason=body-empty";
    for (path, told) in [
        ("/empty", replaced),
        ("/held", replaced),
        ("/held-full", "keep;rule=\"empty\";message=1;reason=body-present"),
        ("/full", "keep;rule=\"empty\";reason=hands-off"),
        ("/fine", "keep;reason=condition"),
        ("/dead", replaced),
    ] {
        let proxy = Proxy::with(&rules, &[upstream.address()], |options| options.debug_header = Some(NAME));
        let response = proxy.connect().get(path, "Accept: text/plain\r\n");
        assert_eq!(response.field("Retort-Decision"), Some(told), "{path}");
        if path == "/fine" {
            let off = Proxy::with(&rules, &[upstream.address()], |_| {});
            let response = off.connect().get(path, "");
            let own = response.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(NAME.as_str()));
            assert_eq!(own.count(), 2, "as the upstream sent it");
        } else {
            let off = Proxy::with(&rules, &[upstream.address()], |_| {});
            assert_eq!(off.connect().get(path, "").field("Retort-Decision"), None);
        }
    }
}

#[test]
fn a_request_that_is_refused_tells_of_it_too() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let proxy = Proxy::with("", &[upstream.address()], |options| options.debug_header = Some(NAME));
    let mut client = proxy.connect();
    client.send(b"nonsense\r\n\r\n");
    let response = client.response("GET").unwrap();
    assert_eq!((response.status(), response.field("retort-decision")), (400, Some("keep;reason=no-rule")));
}
