//! Who asks, where proxies stand in front.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::Duration,
};

use retort::host::pingora::{ForwardedHeader, ProxyProtocol, TrustedProxy};
use serde::Deserialize;

use crate::support::{Client, H2Client, Proxy, Response, Upstream, dial};

const EMPTY: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/// Says who asked, who connected, and by what scheme.
const WHO: &str = r#"
  <status-code id="who" code-regex="4\d\d"><message>%a %{c}a %{canonical}p %A</message></status-code>"#;

const FIELDS: [&str; 5] =
    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    #[serde(rename = "why")]
    _why: String,
    #[serde(default = "localhost")]
    from: IpAddr,
    #[serde(default)]
    trusted: Vec<String>,
    #[serde(default)]
    header: Header,
    #[serde(default)]
    keep: bool,
    /// Field lines.
    #[serde(default)]
    send: Vec<String>,
    client: String,
    #[serde(default)]
    https: bool,
    upstream: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Header {
    #[default]
    XForwardedFor,
    Forwarded,
}

fn localhost() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

fn trusted(proxies: &[impl AsRef<str>]) -> Vec<TrustedProxy> {
    proxies.iter().map(|proxy| proxy.as_ref().parse().unwrap()).collect()
}

#[test]
fn vectors() {
    #[derive(Deserialize)]
    struct File {
        vector: Vec<Vector>,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/forwarded.toml");
    let file: File = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(file.vector.len() > 25);
    for vector in file.vector {
        let upstream = Upstream::answering(EMPTY);
        let proxy = Proxy::with(WHO, &[upstream.address()], |options| {
            options.h2c = true;
            options.forwarded = !vector.keep;
            options.front.trusted = trusted(&vector.trusted);
            options.front.header = match vector.header {
                Header::XForwardedFor => ForwardedHeader::XForwardedFor,
                Header::Forwarded => ForwardedHeader::Forwarded,
            };
        });
        let port = if vector.https { 443 } else { 80 };
        let expected = format!("{} {} {port} 127.0.0.1", vector.client, vector.from);

        let fields: String = vector.send.iter().map(|line| format!("{line}\r\n")).collect();
        let mut client = Client::over(dial(vector.from, proxy.address()));
        assert_eq!(client.get("/", &fields).text(), expected, "{}", vector.name);

        let mut client = H2Client::over(dial(vector.from, proxy.address()));
        let lines: Vec<_> = vector.send.iter().map(|line| line.split_once(':').unwrap()).collect();
        let lines: Vec<_> = lines.iter().map(|(name, value)| (name.to_lowercase(), value.trim())).collect();
        let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let id = client.request_with("GET", "/", &lines);
        let body = client.response(id).body;
        assert_eq!(String::from_utf8(body).unwrap(), expected, "{}, in HTTP/2", vector.name);

        let requests = upstream.requests();
        assert_eq!(requests.len(), 2);
        for request in requests {
            for name in FIELDS {
                let expected: Vec<_> = vector.upstream.get(name).into_iter().cloned().collect();
                assert_eq!(request.all(name), expected, "{}: {name}", vector.name);
            }
        }
    }
}

/// The head of version 2 and this block.
fn block(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[0x20 | command, family][..], &length, block].concat()
}

/// 192.0.2.1:4711 to 198.51.100.2:443.
const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x67, 1, 0xbb];

const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n";

fn behind(mode: ProxyProtocol, proxies: &[&str], upstream: &Upstream) -> Proxy {
    Proxy::with(WHO, &[upstream.address()], |options| {
        options.h2c = true;
        options.front.proxy_protocol = mode;
        options.front.trusted = trusted(proxies);
    })
}

/// A connection that begins with these bytes.
fn announced(proxy: &Proxy, bytes: &[u8]) -> Client {
    let mut client = proxy.connect();
    client.send(bytes);
    client
}

#[test]
fn a_balancer_says_for_whom() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = behind(ProxyProtocol::Require, &[], &upstream);
    let known = "192.0.2.1 127.0.0.1 80 198.51.100.2";
    let unknown = "127.0.0.1 127.0.0.1 80 127.0.0.1";
    let with_more = [&V4[..], b"\x04\x00\x03abc"].concat();
    let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 15], &[2, 0, 1, 0, 2]].concat();
    for (header, expected) in [
        (LINE.to_vec(), known),
        (b"PROXY UNKNOWN\r\n".to_vec(), unknown),
        (b"PROXY TCP6 2001:db8::1 ::2 1 2\r\n".to_vec(), "2001:db8::1 127.0.0.1 80 ::2"),
        (block(1, 0x11, &V4), known),
        (block(1, 0x11, &with_more), known),
        (block(1, 0x21, &v6), "2001:db8::1 127.0.0.1 80 ::2"),
        (block(0, 0x11, &V4), unknown),
        (block(1, 0x00, &[]), unknown),
    ] {
        let mut client = announced(&proxy, &header);
        for _ in 0..2 {
            assert_eq!(client.get("/", "X-Forwarded-For: 203.0.113.9\r\n").text(), expected);
        }
        let mut client = H2Client::after(dial(localhost(), proxy.address()), &header);
        for _ in 0..2 {
            let id = client.request("GET", "/");
            assert_eq!(client.response(id).body, expected.as_bytes());
        }
        for request in upstream.requests().iter().rev().take(4) {
            assert_eq!(request.all("x-forwarded-for"), [expected.split(' ').next().unwrap()]);
        }
    }
}

#[test]
fn in_pieces_and_in_one_with_the_request() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = behind(ProxyProtocol::Require, &[], &upstream);
    let request = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    for header in [LINE.to_vec(), block(1, 0x11, &V4)] {
        let mut client = announced(&proxy, &[&header[..], request].concat());
        assert!(client.response("GET").unwrap().text().starts_with("192.0.2.1 "));
        let mut client = proxy.connect();
        for byte in [&header[..], request].concat() {
            client.send(&[byte]);
        }
        assert!(client.response("GET").unwrap().text().starts_with("192.0.2.1 "));
    }
}

#[test]
fn whom_the_balancer_names_may_be_a_proxy() {
    let upstream = Upstream::answering(EMPTY);
    let fields = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n";
    for (proxies, expected, chain) in [
        (["127.0.0.1", "192.0.2.0/24"], "203.0.113.9 127.0.0.1 443", "203.0.113.9, 192.0.2.1"),
        (["127.0.0.1", "10.0.0.0/8"], "192.0.2.1 127.0.0.1 80", "192.0.2.1"),
    ] {
        let proxy = behind(ProxyProtocol::Trusted, &proxies, &upstream);
        let response = announced(&proxy, LINE).get("/", fields).text().to_owned();
        assert!(response.starts_with(expected), "{response}");
        assert_eq!(upstream.requests().last().unwrap().all("x-forwarded-for"), [chain]);
    }
}

#[test]
fn what_cannot_be_read_is_answered_to_whom_it_came_from() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = behind(ProxyProtocol::Require, &[], &upstream);
    let mut client = announced(&proxy, LINE);
    client.send(b"GET / HTTP/1.1\r\nno field\r\n\r\n");
    let response = client.response("GET").unwrap();
    assert_eq!((response.status(), response.text()), (400, "192.0.2.1 127.0.0.1 80 198.51.100.2"));
}

#[test]
fn what_does_not_begin_so_is_closed() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = behind(ProxyProtocol::Require, &[], &upstream);
    let request = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    let long = [b"PROXY UNKNOWN ", &[b'x'; 200][..], b"\r\n"].concat();
    for header in [
        &b""[..],
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4711\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\n",
        b"PROXY TCP4 192.0.2.999 198.51.100.2 4711 443\r\n",
        &long,
        &block(2, 0x11, &V4),
        &block(1, 0x11, &V4[..8]),
        &block(1, 0x99, &V4),
        &block(1, 0x11, &[0; 5000]),
    ] {
        let mut client = announced(&proxy, &[header, request].concat());
        assert_eq!(client.rest(), b"", "{header:?}");
        let mut client = H2Client::after(dial(localhost(), proxy.address()), header);
        assert!(header.is_empty() || client.is_closed(), "{header:?}");
    }
    assert_eq!(upstream.accepted(), 0);
    assert!(announced(&proxy, LINE).get("/", "").text().starts_with("192.0.2.1 "), "others go on");
}

#[test]
fn who_may_begin_so() {
    let upstream = Upstream::answering(EMPTY);
    let (balancer, other) = (Ipv4Addr::new(127, 0, 0, 7), Ipv4Addr::new(127, 0, 0, 8));
    let connect = |proxy: &Proxy, from: Ipv4Addr| Client::over(dial(from.into(), proxy.address()));
    let ask = |proxy: &Proxy, from: Ipv4Addr, header: &[u8]| -> Option<Response> {
        let mut client = connect(proxy, from);
        client.send(header);
        client.request("GET", "/", "");
        client.response("GET")
    };
    let text = |response: Option<Response>| response.map(|response| response.text().to_owned());

    let proxy = behind(ProxyProtocol::Trusted, &["127.0.0.7"], &upstream);
    assert_eq!(text(ask(&proxy, balancer, LINE)).unwrap(), "192.0.2.1 127.0.0.7 80 198.51.100.2");
    assert_eq!(text(ask(&proxy, balancer, b"")), None, "it has to");
    assert_eq!(text(ask(&proxy, other, b"")).unwrap(), "127.0.0.8 127.0.0.8 80 127.0.0.1");
    let refused = ask(&proxy, other, LINE).unwrap();
    assert_eq!((refused.status(), refused.text()), (400, "127.0.0.8 127.0.0.8 80 127.0.0.1"));

    let proxy = behind(ProxyProtocol::Require, &["127.0.0.7"], &upstream);
    assert_eq!(text(ask(&proxy, balancer, LINE)).unwrap(), "192.0.2.1 127.0.0.7 80 198.51.100.2");
    assert_eq!(connect(&proxy, other).rest(), b"", "it is not even listened to");

    let proxy = behind(ProxyProtocol::Off, &["127.0.0.7"], &upstream);
    assert_eq!(ask(&proxy, balancer, LINE).unwrap().status(), 400);
}

#[test]
fn a_header_takes_no_longer_than_the_head_of_a_request() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = Proxy::with(WHO, &[upstream.address()], |options| {
        options.front.proxy_protocol = ProxyProtocol::Require;
        options.timeouts.head = Duration::from_millis(200);
    });
    for start in [&b""[..], b"PROXY TCP4 192.", &block(1, 0x11, &V4)[..20]] {
        assert_eq!(announced(&proxy, start).rest(), b"");
    }
}

#[test]
fn waiting_for_a_header_holds_up_no_end() {
    let upstream = Upstream::answering(EMPTY);
    let proxy = behind(ProxyProtocol::Require, &[], &upstream);
    let mut waiting = announced(&proxy, b"PROXY TCP4");
    // It was accepted before this one.
    announced(&proxy, LINE).get("/", "");
    proxy.handle().stop();
    assert_eq!(waiting.rest(), b"");
    assert_eq!(proxy.join().cut, 0);
}
