//! Traces, as a collector gets them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use super::{
    folder, retort,
    running::{PATIENCE, Running, request},
};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID: &str = "b7ad6b7169203331";

/// A span as it came: what of it is looked at.
#[derive(Debug, Default)]
struct Span {
    trace_id: String,
    span_id: String,
    parent: String,
    name: String,
    kind: u64,
    status: u64,
    took: i128,
    attributes: BTreeMap<String, String>,
    service: String,
}

/// A collector, or an upstream: takes requests, tells of them, and answers each in the same way.
fn server(answer: &'static str) -> (SocketAddr, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, requests) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let sender: Sender<(String, Vec<u8>)> = sender.clone();
            thread::spawn(move || {
                let mut connection = BufReader::new(connection);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && connection.read_line(&mut head).unwrap_or(0) > 0 {}
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                connection.read_exact(&mut body).unwrap();
                connection.get_mut().write_all(answer.as_bytes()).unwrap();
                let _ = sender.send((head, body));
            });
        }
    });
    (address, requests)
}

const GONE: &str = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn serve(upstream: SocketAddr, collector: SocketAddr, more: &[(&str, &str)]) -> (Running, SocketAddr) {
    let folder = folder();
    let mut command = retort();
    command.current_dir(&folder).args(["serve", "--rules", "rules.xml", "--listen", "127.0.0.1:0"]);
    command.args(["--upstream", &format!("http://{upstream}"), "--color", "never"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"));
    command.env("OTEL_BSP_SCHEDULE_DELAY", "20").env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a");
    let mut running = Running::start(command.envs(more.iter().copied()));
    let listening = running.stderr.after("listening on=\"");
    (running, listening.split('"').next().unwrap().parse().unwrap())
}

#[test]
fn a_request_is_a_span_under_that_of_its_client() {
    let (upstream, asked) = server(GONE);
    let (collector, exported) = server(TAKEN);
    let (serve, address) = serve(upstream, collector, &[("OTEL_RESOURCE_ATTRIBUTES", "team=errors")]);
    let fields =
        format!("Traceparent: 00-{TRACE_ID}-{SPAN_ID}-01\r\nTracestate: v=1\r\nUser-Agent: test\r\n");
    request(address, &format!("GET /a?b=c HTTP/1.1\r\n{fields}"));

    let (head, body) = exported.recv_timeout(PATIENCE).unwrap();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("x-tenant: a\r\n") && head.contains("content-type: application/x-protobuf\r\n"),
        "{head}"
    );
    let [span] = &spans(&body)[..] else { panic!("one span") };
    assert_eq!((span.trace_id.as_str(), span.parent.as_str()), (TRACE_ID, SPAN_ID));
    assert_eq!((span.name.as_str(), span.kind, span.status, span.service.as_str()), ("GET", 2, 0, "retort"));
    assert!(span.took >= 0, "{span:?}");
    for (name, value) in [
        ("http.request.method", "GET"),
        ("url.path", "/a"),
        ("url.query", "b=c"),
        ("url.scheme", "http"),
        ("server.address", "localhost"),
        ("client.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("user_agent.original", "test"),
        ("http.response.status_code", "410"),
        ("retort.rule", "gone"),
        ("retort.decision", "replace"),
        ("retort.reason", "body-empty"),
        ("retort.upstream_status_code", "410"),
    ] {
        assert_eq!(span.attributes.get(name).map(String::as_str), Some(value), "{name} of {span:#?}");
    }
    let (head, _) = asked.recv_timeout(PATIENCE).unwrap();
    let told = format!("00-{TRACE_ID}-{}-01", span.span_id);
    assert!(head.to_lowercase().contains(&format!("traceparent: {told}\r\n")), "{head}");
    assert!(head.to_lowercase().contains("tracestate: v=1\r\n"), "{head}");

    // One whose caller does not record it is not recorded here.
    request(address, &format!("GET /b HTTP/1.1\r\nTraceparent: 00-{TRACE_ID}-{SPAN_ID}-00\r\n"));
    assert!(asked.recv_timeout(PATIENCE).unwrap().0.contains("-00\r\n"));
    // One without a caller begins a trace; what is not sent yet at the end is sent then.
    request(address, "BREW /c HTTP/1.1\r\n");
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
    let (_, body) = exported.recv_timeout(PATIENCE).unwrap();
    let [span] = &spans(&body)[..] else { panic!("one span") };
    assert_eq!((span.name.as_str(), span.parent.as_str()), ("HTTP", ""));
    assert_eq!(span.attributes["http.request.method_original"], "BREW");
    assert!(exported.try_recv().is_err(), "and no more");
}

#[test]
fn failures_are_errors_and_a_collector_that_is_gone_costs_nothing() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (collector, exported) = server(TAKEN);
    let (serving, address) = serve(gone, collector, &[]);
    request(address, "GET /x HTTP/1.1\r\n");
    let (_, body) = exported.recv_timeout(PATIENCE).unwrap();
    let [span] = &spans(&body)[..] else { panic!("one span") };
    assert_eq!((span.status, span.attributes["error.type"].as_str()), (2, "connect-refused"));
    assert_eq!(span.attributes["http.response.status_code"], "502");
    drop(serving);

    let (upstream, _asked) = server(GONE);
    let (mut serving, address) = serve(upstream, gone, &[]);
    for _ in 0..3 {
        assert!(request(address, "GET /x HTTP/1.1\r\n").starts_with("HTTP/1.1 410 Gone"));
    }
    serving.stderr.after("spans cannot be sent; they are lost");
    serving.signal("TERM");
    assert_eq!(serving.end().code(), Some(0));

    let (serving, address) = serve(upstream, collector, &[("OTEL_SDK_DISABLED", "true")]);
    request(address, "GET /x HTTP/1.1\r\n");
    serving.signal("TERM");
    assert_eq!(serving.end().code(), Some(0));
    assert!(exported.try_recv().is_err());
}

/// Reads an `ExportTraceServiceRequest`.
fn spans(bytes: &[u8]) -> Vec<Span> {
    let mut all = Vec::new();
    for resource_spans in messages(bytes, 1) {
        let resource: BTreeMap<_, _> =
            messages(resource_spans, 1).flat_map(|resource| messages(resource, 1)).map(key_value).collect();
        for span in messages(resource_spans, 2).flat_map(|scope| messages(scope, 2)) {
            let bytes = |number| messages(span, number).next().unwrap_or_default();
            let hex = |number| bytes(number).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let int =
                |message, number| fields(message).find(|field| field.0 == number).map_or(0, |field| field.1);
            all.push(Span {
                trace_id: hex(1),
                span_id: hex(2),
                parent: hex(4),
                name: String::from_utf8(bytes(5).to_vec()).unwrap(),
                kind: int(span, 6),
                status: int(bytes(15), 3),
                took: i128::from(int(span, 8)) - i128::from(int(span, 7)),
                attributes: messages(span, 9).map(key_value).collect(),
                service: resource["service.name"].clone(),
            });
        }
    }
    all
}

fn key_value(message: &[u8]) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let value = messages(message, 2).next().unwrap();
    let value = match fields(value).next().unwrap() {
        (1, _, bytes) => text(bytes),
        (_, number, _) => number.to_string(),
    };
    (text(messages(message, 1).next().unwrap()), value)
}

/// The values of a field that are messages, texts or bytes.
fn messages(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    fields(message).filter(move |field| field.0 == number).map(|field| field.2)
}

/// The fields of a message of Protocol Buffers: number, value if that is one, content if it has some.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, u64, &[u8])> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let tag = varint(&mut rest);
        let take = |rest: &mut &[u8], count: usize| -> u64 {
            let (taken, left) = rest.split_at(count);
            *rest = left;
            taken.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
        };
        Some(match tag & 7 {
            0 => (tag >> 3, varint(&mut rest), &[][..]),
            1 => (tag >> 3, take(&mut rest, 8), &[][..]),
            5 => (tag >> 3, take(&mut rest, 4), &[][..]),
            2 => {
                let length = usize::try_from(varint(&mut rest)).unwrap();
                let (content, left) = rest.split_at(length);
                rest = left;
                (tag >> 3, 0, content)
            }
            other => panic!("wire type {other}"),
        })
    })
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let (byte, left) = rest.split_first().unwrap();
        *rest = left;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}
