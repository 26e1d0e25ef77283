//! Errors that the proxy makes in answer to gRPC.

use crate::support::{H2Client, H2End, Proxy, Upstream};

const CALL: [(&str, &str); 2] = [("content-type", "application/grpc+proto"), ("te", "trailers")];

fn proxy(rules: &str, upstreams: &[std::net::SocketAddr]) -> Proxy {
    Proxy::with(rules, upstreams, |options| options.h2c = true)
}

#[test]
fn the_fields_are_all_there_is() {
    let rules = r#"<status-code id="down" code-regex="502" status="503">
        <header name="Retry-After">7</header>
        <message media-type="application/json" content-type="application/json">{}</message>
        <message media-type="text/plain">100% down: %{cause}x, é</message></status-code>"#;
    for (rules, message) in [("", "502 Bad Gateway"), (rules, "100%25 down: no-upstream, %C3%A9")] {
        let proxy = proxy(rules, &[]);
        let mut client = H2Client::connect(proxy.address());
        for _ in 0..3 {
            let id = client.request_with("POST", "/package.Service/Method", &CALL);
            let response = client.response(id);
            assert_eq!((response.status, response.end), (200, H2End::Headers));
            assert_eq!(response.all("content-type"), ["application/grpc+proto"]);
            assert_eq!(response.all("grpc-status"), ["14"]);
            assert_eq!(response.all("grpc-message"), [message]);
            assert!(response.all("content-length").is_empty(), "{response:?}");
            assert_eq!(response.all("retry-after").len(), usize::from(!rules.is_empty()));
        }
        let id = client.request("GET", "/");
        let status = if rules.is_empty() { 502 } else { 503 };
        assert_eq!(client.response(id).status, status, "others are told otherwise");
    }
}

#[test]
fn what_an_upstream_says_passes() {
    let upstream = Upstream::answering(
        "HTTP/1.1 503 Busy\r\nContent-Type: application/grpc\r\ngrpc-status: 8\r\nContent-Length: 0\r\n\r\n",
    );
    let proxy = proxy(super::IF_EMPTY, &[upstream.address()]);
    let mut client = H2Client::connect(proxy.address());
    let id = client.request_with("POST", "/", &CALL);
    let response = client.response(id);
    assert_eq!(
        (response.status, response.end, response.all("grpc-status")),
        (503, H2End::Headers, vec!["8"])
    );
}

#[test]
fn over_http_1_1_the_length_is_told() {
    let proxy = proxy("", &[]);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.get("/", "Content-Type: application/grpc\r\n");
        assert_eq!((response.status(), response.field("grpc-status")), (200, Some("14")));
        assert_eq!((response.text(), response.field("Content-Length")), ("", Some("0")));
    }
}
