//! The trace context of requests.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use retort::host::pingora::TraceContext;

use crate::support::{Proxy, Request, Upstream, access};

const EMPTY: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

const IDS: &str = r#"
  <status-code id="ids" code-regex="404"><message>%{trace-id}x %{span-id}x</message></status-code>"#;

const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const VALID_IDS: &str = "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331";

/// Fields that make no trace context.
fn malformed() -> Vec<String> {
    let of = |text: &str| format!("traceparent: {text}\r\n");
    vec![
        String::new(),
        of(""),
        of("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        of("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        of("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        of("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
        of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"),
        of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"),
        of("00-%s%s%s-\"</b>-01"),
        of(VALID).repeat(2),
        of(VALID).repeat(5),
        format!("{}{}", of(VALID), of("")),
    ]
}

struct Seen {
    message: String,
    logged: Option<String>,
    traceparent: Vec<String>,
    tracestate: Vec<String>,
}

/// Sends each of these fields, with a `tracestate`.
fn ask(mode: TraceContext, fields: &[String]) -> Vec<Seen> {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let log = access();
    let upstream = Upstream::answering(EMPTY);
    let proxy = Proxy::with(IDS, &[upstream.address()], |options| options.trace_context = mode);
    let mut client = proxy.connect();
    let messages = fields.iter().map(|fields| {
        let id = format!("trace-{}", ASKED.fetch_add(1, Ordering::Relaxed));
        let fields = format!("{fields}tracestate: vendor=1\r\nX-Request-Id: {id}\r\n");
        (client.get("/", &fields).text().to_owned(), log(&id).get("trace_id").cloned())
    });
    let messages: Vec<_> = messages.collect();
    let of = |((message, logged), request): ((String, Option<String>), Request)| Seen {
        message,
        logged,
        traceparent: request.all("traceparent"),
        tracestate: request.all("tracestate"),
    };
    messages.into_iter().zip(upstream.requests()).map(of).collect()
}

#[test]
fn a_valid_one_passes_as_it_came() {
    let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-what-comes";
    let valid = [VALID, later].map(|text| format!("TraceParent: {text}\r\n"));
    for mode in [TraceContext::Forward, TraceContext::Make, TraceContext::Off] {
        for (seen, sent) in ask(mode, &valid).iter().zip([VALID, later]) {
            assert_eq!(seen.traceparent, [sent]);
            assert_eq!(seen.tracestate, ["vendor=1"]);
            assert_eq!(seen.message, VALID_IDS);
            assert_eq!(seen.logged.as_deref(), VALID_IDS.split(' ').next());
        }
    }
}

#[test]
fn any_other_is_dropped() {
    for seen in ask(TraceContext::Forward, &malformed()) {
        assert!(seen.traceparent.is_empty() && seen.tracestate.is_empty(), "{:?}", seen.traceparent);
        assert_eq!((&*seen.message, seen.logged), ("", None));
    }
}

#[test]
fn or_replaced_by_a_new_one() {
    let all = ask(TraceContext::Make, &malformed());
    for seen in &all {
        let [traceparent] = &seen.traceparent[..] else { panic!("{:?}", seen.traceparent) };
        let (trace_id, span_id) = seen.message.split_once(' ').unwrap();
        assert_eq!(*traceparent, format!("00-{trace_id}-{span_id}-00"), "the upstream sees what was said");
        assert_eq!((trace_id.len(), span_id.len()), (32, 16));
        assert_ne!(trace_id, VALID_IDS.split(' ').next().unwrap());
        assert_eq!(seen.logged.as_deref(), Some(trace_id));
        assert!(seen.tracestate.is_empty(), "it was about another trace");
    }
    let different: HashSet<_> = all.iter().map(|seen| &seen.message).collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn or_let_pass_unread() {
    let fields = malformed();
    for (seen, sent) in ask(TraceContext::Off, &fields).iter().zip(&fields) {
        assert_eq!(seen.traceparent.len(), sent.matches("traceparent:").count());
        assert_eq!(seen.tracestate, ["vendor=1"]);
        assert_eq!(seen.message, "", "nobody can tell");
    }
}
