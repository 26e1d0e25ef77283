//! What the corpus has no words for: time, connections, and what Envoy says itself.

use std::{net::SocketAddr, time::Duration};

use crate::support::{Client, Envoy, Framing, Gate, Processor, Response, Upstream, free_address, rules};

const IF_EMPTY: &str = r#"<status-code id="empty" code-regex="[45]\d\d">
    <message media-type="application/json" content-type="application/json">{"status":%s,"cause":"%{cause}x"}</message>
    <message>status %s</message></status-code>"#;
const ALWAYS: &str = r#"<status-code id="always" code-regex="[45]\d\d" overwrite="ALWAYS">
    <message>status %s</message></status-code>"#;
const BODY: &str = r#"<status-code id="body" code-regex="[45]\d\d" overwrite="ALWAYS">
    <message>%B bytes: %{body}x</message></status-code>"#;

struct Setting {
    envoy: Envoy,
    processor: Processor,
}

impl Setting {
    fn start() -> Option<Self> {
        let binary = Envoy::binary()?;
        let processor = Processor::with(rules(""), |options| options.hold = Duration::from_millis(300));
        let envoy = Envoy::start(&binary, &processor.endpoint());
        Some(Self { envoy, processor })
    }

    fn rules(&self, elements: &str) -> &Self {
        self.processor.live.replace(rules(elements));
        self
    }
}

fn get(client: &mut Client, upstream: SocketAddr, fields: &str) -> Response {
    client.get("/", &format!("X-Upstream: {upstream}\r\n{fields}"))
}

#[test]
fn messages_keep_what_belongs_to_the_response() {
    let Some(setting) = Setting::start() else { return };
    let envoy = &setting.rules(IF_EMPTY).envoy;
    let framings = [
        "Content-Length: 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\n\r\n",
    ];
    for framing in framings {
        let head = "HTTP/1.1 503 Busy\r\nServer: app\r\nETag: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n";
        let upstream = Upstream::answering(format!("{head}Retry-After: 7\r\n{framing}"));
        let mut client = envoy.connect();
        for _ in 0..3 {
            let response = get(&mut client, upstream.address(), "Accept: text/plain\r\n");
            assert_eq!((response.status(), response.text()), (503, "status 503"));
            assert_eq!(response.framing, Framing::Length);
            assert_eq!(response.field("Server"), Some("app"));
            assert_eq!(response.field("Retry-After"), Some("7"));
            assert_eq!(response.field("Vary"), Some("Accept"));
            assert!(response.field("X-Envoy-Upstream-Service-Time").is_some());
            assert!(response.field("ETag").is_none());
            let cookies = response.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
            let cookies: Vec<&str> = cookies.map(|(_, value)| value.as_str()).collect();
            assert_eq!(cookies, ["a=1", "b=2"]);
        }
        assert_eq!(upstream.accepted(), 1, "{framing:?}");
    }
}

#[test]
fn small_content_is_read_and_the_connections_stay() {
    let Some(setting) = Setting::start() else { return };
    let upstream = Upstream::answering("HTTP/1.1 500 X\r\nContent-Length: 5\r\n\r\nhello");
    for (elements, message) in [(ALWAYS, "status 500"), (BODY, "5 bytes: hello")] {
        let mut client = setting.rules(elements).envoy.connect();
        for _ in 0..5 {
            assert_eq!(get(&mut client, upstream.address(), "").text(), message);
        }
    }
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn content_that_is_more_than_envoy_holds_does_not_leak() {
    let Some(setting) = Setting::start() else { return };
    let long = "x".repeat(2 << 20);
    let head = format!("HTTP/1.1 500 X\r\nContent-Length: {}\r\n\r\n", long.len());
    let upstream = Upstream::answering_once(format!("{head}{long}"));
    for (elements, start) in [(ALWAYS, "status 500"), (BODY, "2097152 bytes: xxxx")] {
        let mut client = setting.rules(elements).envoy.connect();
        let response = get(&mut client, upstream.address(), "");
        assert!(response.complete && response.text().starts_with(start), "{:?}", &response.text()[..40]);
        assert!(response.text().len() < 70_000);
    }
    let mut client = setting.rules(IF_EMPTY).envoy.connect();
    assert_eq!(get(&mut client, upstream.address(), "").body.len(), long.len());
}

#[test]
fn content_that_takes_its_time_is_let_go() {
    let Some(setting) = Setting::start() else { return };
    let envoy = &setting.rules(IF_EMPTY).envoy;
    let gate = Gate::default();
    let theirs = gate.clone();
    let upstream = Upstream::start(move |connection| {
        connection.request();
        connection.send("HTTP/1.1 503 Busy\r\nX-Up: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        theirs.wait();
        connection.send("5\r\nworld\r\n0\r\n\r\n");
    });
    let mut client = envoy.connect();
    client.request("GET", "/", &format!("X-Upstream: {}\r\n", upstream.address()));
    let start = client.until("hello");
    assert!(start.contains("503 Service Unavailable") && start.contains("x-up: 1"), "{start}");
    gate.open();
    client.until("world");
}

#[test]
fn what_envoy_says_itself_goes_through_the_rules() {
    let Some(setting) = Setting::start() else { return };
    let json = "Accept: application/json\r\n";
    let mut client = setting.rules(IF_EMPTY).envoy.connect();
    let refused = get(&mut client, free_address(), json);
    assert_eq!(refused.text(), r#"{"status":502,"cause":"connect-refused"}"#);
    assert_eq!(refused.field("Cache-Control"), Some("no-store"));
    let mut client = setting.rules("").envoy.connect();
    let generic = get(&mut client, free_address(), json);
    assert_eq!(generic.text(), r#"{"title":"Bad Gateway","status":502}"#);
    let generic = get(&mut client, free_address(), "Accept: text/plain\r\n");
    assert_eq!((generic.status(), generic.text()), (502, "502 Bad Gateway"));
}

#[test]
fn grpc_gets_its_own_errors() {
    let Some(setting) = Setting::start() else { return };
    let call = "Content-Type: application/grpc\r\nTE: trailers\r\n";
    let text = r#"<status-code id="down" code-regex="502"><message>100% down, é</message></status-code>"#;
    for (elements, message) in [("", "502 Bad Gateway"), (text, "100%25 down, %C3%A9")] {
        let mut client = setting.rules(elements).envoy.connect();
        let response = get(&mut client, free_address(), call);
        assert_eq!((response.status(), response.field("grpc-status")), (200, Some("14")));
        assert_eq!((response.field("grpc-message"), response.text()), (Some(message), ""));
    }
    let upstream = Upstream::answering("HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nhello");
    let mut client = setting.rules(ALWAYS).envoy.connect();
    let response = get(&mut client, upstream.address(), call);
    assert_eq!((response.status(), response.text()), (503, "status 503"), "no gRPC came from the upstream");
}

#[test]
fn requests_have_an_id_that_all_know() {
    let Some(setting) = Setting::start() else { return };
    let id = r#"<status-code id="id" code-regex="503"><message>%g</message></status-code>"#;
    let upstream = Upstream::answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    let mut client = setting.rules(id).envoy.connect();
    assert_eq!(get(&mut client, upstream.address(), "X-Request-Id: mine\r\n").text(), "mine");
    let made = get(&mut client, upstream.address(), "").text().to_owned();
    let seen: Vec<_> = upstream.requests().iter().flat_map(|request| request.all("x-request-id")).collect();
    assert_eq!(seen, ["mine".to_owned(), made]);
}

#[test]
fn a_unix_socket_will_do() {
    let Some(binary) = Envoy::binary() else { return };
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("unix:{}", folder.path().join("ext-proc.sock").display());
    let listen = endpoint.parse().unwrap();
    let processor = Processor::with(rules(ALWAYS), |options| options.listen = vec![listen]);
    let envoy = Envoy::start(&binary, &endpoint);
    let upstream = Upstream::answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(get(&mut envoy.connect(), upstream.address(), "").text(), "status 503");
    drop(envoy);
    drop(processor);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the socket is left behind");
}

/// No filter is asked about these. Without the wrapper in the configuration, they get no answer.
#[test]
fn what_envoy_cannot_read_it_refuses_alone() {
    let Some(setting) = Setting::start() else { return };
    let envoy = &setting.rules(ALWAYS).envoy;
    for bytes in ["GET / HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\u{1}\r\n\r\n"]
    {
        let mut client = envoy.connect();
        client.send(bytes.as_bytes());
        let response = client.response("GET").expect("a response");
        assert_eq!((response.status(), response.text().contains("status 400")), (400, false), "{bytes:?}");
    }
}
