//! The error backend over real sockets, asked as other proxies ask.

use retort::exchange::error_request::Forwarded;

use crate::support::{Framing, H2Client, H2End, Proxy, access, rules};

/// Every error gets a message that tells what the rules see of it.
const RULES: &str = r#"
  <status-code id="errors" code-regex="[45]\d\d">
    <message media-type="application/json" content-type="application/problem+json">{"status":%s,"instance":"%U","query":"%q","id":"%g"}</message>
    <message media-type="text/html" content-type="text/html">&lt;h1&gt;%s %M&lt;/h1&gt;</message>
    <message>%s for %m %{Host}i%U by %a, %{X-Ingress-Name}i:%p</message>
  </status-code>"#;

fn backend() -> Proxy {
    Proxy::error_backend(RULES, Forwarded::Believed, |_| {})
}

/// What ingress-nginx sends beside the status.
const INGRESS: &str = "X-Original-URI: /orders/7?full=1\r\nX-Namespace: shop\r\nX-Ingress-Name: front\r\n\
    X-Service-Name: orders\r\nX-Service-Port: 8080\r\nX-Request-ID: req-7\r\nX-Forwarded-For: 203.0.113.9\r\n";

#[test]
fn as_ingress_nginx_asks() {
    let backend = backend();
    let mut client = backend.connect();
    let json = client.get("/", &format!("X-Code: 503\r\nX-Format: application/json\r\n{INGRESS}"));
    assert_eq!(json.status_line, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(json.text(), r#"{"status":503,"instance":"/orders/7","query":"full=1","id":"req-7"}"#);
    assert_eq!(json.field("Content-Type"), Some("application/problem+json"));
    assert_eq!((json.field("Vary"), json.field("Cache-Control")), (Some("Accept"), Some("no-store")));
    assert_eq!(json.field("Connection"), Some("keep-alive"));
    let text = client.get("/", &format!("X-Code: 404\r\n{INGRESS}"));
    assert_eq!(text.status(), 404);
    assert_eq!(text.text(), "404 for GET example.org/orders/7 by 203.0.113.9, front:8080");
}

#[test]
fn as_traefik_asks() {
    let backend = backend();
    let mut client = backend.connect();
    let accept = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    for path in ["/503", "/503.html", "/errors/503", "/?code=503", "/page?status=503"] {
        let page = client.get(path, accept);
        assert_eq!((page.status(), page.text()), (503, "<h1>503 Service Unavailable</h1>"), "{path}");
    }
    assert_eq!(client.get("/503.html", "").text(), "<h1>503 Service Unavailable</h1>");
    let wished = client.get("/502.json?url=%2Fa%3Fb%3Dc", "Accept: */*\r\nX-Request-ID: r\r\n");
    assert_eq!(wished.text(), r#"{"status":502,"instance":"/a","query":"b=c","id":"r"}"#);
}

#[test]
fn head_gets_the_head_that_get_would() {
    let backend = backend();
    let mut client = backend.connect();
    client.request("HEAD", "/", "X-Code: 503\r\nX-Format: text/html\r\n");
    let head = client.response("HEAD").unwrap();
    assert_eq!((head.status(), head.framing), (503, Framing::None));
    let get = client.get("/", "X-Code: 503\r\nX-Format: text/html\r\n");
    assert_eq!(head.field("Content-Length"), Some(get.body.len().to_string().as_str()));
    // A proxy that asks with GET for the sake of a HEAD gets what it asks for.
    let whole = client.get("/", "X-Code: 503\r\nX-Original-Method: HEAD\r\nX-Original-URI: /a\r\n");
    assert_eq!(whole.text(), "503 for HEAD example.org/a by 127.0.0.1, :-");
}

#[test]
fn what_names_no_status_is_not_found() {
    let backend = backend();
    let mut client = backend.connect();
    let page = client.get("/about?x", "");
    assert_eq!((page.status(), page.text()), (404, "404 for GET example.org/about by 127.0.0.1, :-"));
    assert_eq!(client.get("/healthz", "X-Code: 502\r\n").status(), 502);
}

#[test]
fn health_is_none_of_the_rules() {
    let all =
        r#"<status-code id="all" code-regex="..." overwrite="ALWAYS"><message>x</message></status-code>"#;
    let backend = Proxy::error_backend(all, Forwarded::Believed, |_| {});
    let mut client = backend.connect();
    let healthy = client.get("/healthz", "");
    assert_eq!((healthy.status(), healthy.text()), (200, "ok"));
    client.request("HEAD", "/healthz", "");
    assert_eq!(client.response("HEAD").unwrap().field("Content-Length"), Some("2"));
    assert_eq!(client.get("/", "").text(), "x");
}

#[test]
fn where_no_rule_answers_a_generic_message_does() {
    let backend = Proxy::error_backend("", Forwarded::Believed, |_| {});
    let mut client = backend.connect();
    let json = client.get("/", "X-Code: 503\r\nX-Format: application/json\r\n");
    assert_eq!((json.status(), json.text()), (503, r#"{"title":"Service Unavailable","status":503}"#));
    assert_eq!(client.get("/429.txt", "").text(), "429 Too Many Requests");
    assert_eq!(client.get("/", "").text(), "404 Not Found");
}

#[test]
fn the_target_is_hostile() {
    let backend = backend();
    let hostile = "X-Code: 404\r\nX-Format: application/json\r\nX-Request-ID: r\r\nX-Original-URI:";
    let page = backend.connect().get("/", &format!("{hostile} /a\"b\\c</script>\u{2028}?\"q\\\r\n"));
    assert_eq!(
        page.text(),
        r#"{"status":404,"instance":"/a\"b\\c%3C/script%3E%E2%80%A8","query":"%22q\\","id":"r"}"#
    );
}

#[test]
fn the_content_of_a_request_is_dropped_and_the_connection_goes_on() {
    let backend = backend();
    let mut client = backend.connect();
    let content = vec![b'x'; 1 << 20];
    client.request("POST", "/", &format!("X-Code: 502\r\nContent-Length: {}\r\n", content.len()));
    client.send(&content);
    assert_eq!(client.response("POST").unwrap().text(), "502 for POST example.org/ by 127.0.0.1, :-");
    assert_eq!(client.get("/503.html", "").status(), 503);
    client.request("POST", "/500", "Content-Length: 3\r\nExpect: 100-continue\r\n");
    let refused = client.response("POST").unwrap();
    assert_eq!((refused.status(), refused.field("Connection")), (500, Some("close")));
    assert_eq!(client.rest(), b"");
}

#[test]
fn requests_that_cannot_be_read_get_a_message_too() {
    let backend = backend();
    let mut client = backend.connect();
    client.send(b"GET /503 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    assert_eq!(client.response("GET").unwrap().status(), 400);
    assert_eq!(client.rest(), b"");
}

#[test]
fn new_rules_are_used_from_the_next_request_on() {
    let backend = backend();
    let mut client = backend.connect();
    assert_eq!(client.get("/503.html", "").text(), "<h1>503 Service Unavailable</h1>");
    let new = r#"<status-code id="new" code-regex="503"><message>new</message></status-code>"#;
    backend.live.replace(rules(new));
    assert_eq!(client.get("/503.html", "").text(), "new");
}

#[test]
fn over_h2c() {
    let backend = Proxy::error_backend(RULES, Forwarded::Believed, |options| options.h2c = true);
    let mut client = H2Client::connect(backend.address());
    let id = client.request("GET", "/404");
    let response = client.response(id);
    assert_eq!((response.status, response.end), (404, H2End::Data));
    assert!(response.body.starts_with(b"404 for GET "), "{:?}", String::from_utf8_lossy(&response.body));
}

#[test]
fn forwarded_fields_can_be_ignored() {
    let fields = "X-Code: 500\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: shop.example\r\n";
    let cases = [
        (Forwarded::Believed, "500 for GET shop.example/ by 203.0.113.9, :-"),
        (Forwarded::Ignored, "500 for GET example.org/ by 127.0.0.1, :-"),
    ];
    for (forwarded, text) in cases {
        let backend = Proxy::error_backend(RULES, forwarded, |_| {});
        assert_eq!(backend.connect().get("/", fields).text(), text);
    }
}

#[test]
fn the_log_tells_of_the_request_that_failed() {
    let log = access();
    let backend = backend();
    let fields = "X-Code: 503\r\nX-Original-URI: /orders?x\r\nX-Original-Method: PUT\r\n\
        X-Request-ID: error-backend-log\r\nX-Forwarded-For: 203.0.113.9\r\n";
    backend.connect().get("/", fields);
    let event = log("error-backend-log");
    let wanted = [
        ("method", "PUT"),
        ("path", "/orders"),
        ("client", "203.0.113.9"),
        ("status_upstream", "503"),
        ("status", "503"),
        ("decision", "replace"),
        ("rule", "errors"),
    ];
    for (name, value) in wanted {
        assert_eq!(event.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn it_ends_when_it_is_told_to() {
    let backend = backend();
    let mut client = backend.connect();
    assert_eq!(client.get("/503", "").status(), 503);
    backend.handle().stop();
    assert_eq!(backend.join().cut, 0);
    assert_eq!(client.rest(), b"");
}
