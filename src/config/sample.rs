//! Renders messages with sample values, harmless and hostile, to see whether they hold.

use chrono::DateTime;
use chrono_tz::Tz;
use http::{HeaderName, header::COOKIE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::document;
use crate::{
    exchange::{Cause, Clock, Connection, Content, Exchange, Fields, Request, Response, Source, Trace},
    template::{Escape, Read, Subject, Template},
};

/// What is wrong with a message once rendered.
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) help: String,
}

/// The statuses that a template is tried out with.
#[derive(Clone, Copy)]
pub(super) struct Statuses {
    /// The upstream's.
    pub(super) upstream: u16,
    /// That which is sent.
    pub(super) sent: u16,
}

/// Those of the examples of W3C Trace Context.
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID: &str = "b7ad6b7169203331";

/// A value with everything in it that ends a string, a tag, an attribute or a line.
const HOSTILE: &str = "\"'</script><x y=\"&#0;]]>\\\u{1}\u{7f}\u{2028}\r\n";

/// What is inserted: when that is, the values, the length of the content.
const SAMPLES: [(&str, &str, Option<u64>); 3] = [
    ("with usual values", "sample", Some(42)),
    ("with hostile values", HOSTILE, Some(42)),
    ("where values are absent", "", Some(0)),
];

/// Whether a message of this syntax, rendered, is well-formed JSON or XML; `None` where it is, or
/// where the syntax is another.
pub(super) fn problem(template: &Template, syntax: Escape, statuses: Statuses) -> Option<Problem> {
    let check: fn(&str) -> Result<(), String> = match syntax {
        Escape::Json => |text| {
            serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
        },
        Escape::Xml => |text| document::parse(text).map(drop).map_err(|error| error.to_string()),
        _ => return None,
    };
    let name = if syntax == Escape::Json { "JSON" } else { "XML" };
    SAMPLES.iter().zip(rendered(template, statuses)).find_map(|((when, ..), text)| {
        let error = check(text.trim_matches(|c| c <= ' ')).err()?;
        let message = format!("the message is not well-formed {name} {when}: {error}");
        let help = match syntax {
            Escape::Json => "write directives inside of strings, \"%{Retry-After}o\"; a number is safe only for %s, %>s and %B",
            _ => "write directives as text or inside of quoted attribute values, and one root element",
        };
        Some(Problem { message, help: help.to_owned() })
    })
}

/// What comes of a template with each of the samples.
pub(super) fn rendered(template: &Template, statuses: Statuses) -> [String; 3] {
    SAMPLES.map(|(_, value, length)| render(template, value, statuses, length))
}

/// Renders with `value` wherever something from outside is inserted.
fn render(template: &Template, value: &str, statuses: Statuses, length: Option<u64>) -> String {
    let given = Given::new(template, value);
    let content = Content::new(Fields::Lines(&[]), value.as_bytes(), false);
    let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let exchange = Exchange {
        request: Request {
            method: "GET",
            path: value,
            query: some(&given.query),
            protocol: "HTTP/1.1",
            scheme: "https",
            authority: value,
            fields: Fields::Lines(&given.request),
            id: value,
            user: some(value),
            trace: some(value).map(|_| Trace { trace_id: TRACE_ID, span_id: SPAN_ID, is_sampled: true }),
        },
        response: Response {
            status: statuses.upstream,
            reason: Some(value),
            fields: Fields::Lines(&given.response),
            length,
            content: Some(&content),
            is_pending: false,
            source: if value.is_empty() { Source::Upstream } else { Source::Proxy(Cause::ReadTimeout) },
            hands_off: false,
        },
        connection: Connection {
            client: "192.0.2.1",
            client_host: "192.0.2.1",
            peer: "192.0.2.1",
            peer_port: Some(49152),
            local: "192.0.2.2",
            local_port: Some(443),
            upstream: "192.0.2.3:80",
            upstream_port: Some(80),
            hostname: "sample",
        },
        clock: Clock { received: DateTime::UNIX_EPOCH, elapsed_us: Some(1500), zone: Tz::UTC },
    };
    let subject = Subject {
        exchange: &exchange,
        status: statuses.sent,
        rule: value,
        message: Some(0),
        language: some(value),
        sent: None,
    };
    let mut out = Vec::new();
    template.render(&subject, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// What a template reads by name, given to it.
#[derive(Default)]
struct Given {
    request: Vec<(String, Vec<u8>)>,
    response: Vec<(String, Vec<u8>)>,
    query: String,
}

impl Given {
    fn new(template: &Template, value: &str) -> Self {
        let mut given = Self { query: value.to_owned(), ..Self::default() };
        let line = |name: &HeaderName, value: &str| (name.as_str().to_owned(), value.as_bytes().to_vec());
        for read in template.reads().filter(|_| !value.is_empty()) {
            match read {
                Read::RequestField(name) => given.request.push(line(name, value)),
                Read::ResponseField(name) => given.response.push(line(name, value)),
                Read::Cookie(name) => given.request.push(line(&COOKIE, &format!("{name}={value}"))),
                Read::Parameter(name) => {
                    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
                    given.query.push_str(&format!("&{}={}", encode(name), encode(value)));
                }
                Read::Content { .. } => {}
            }
        }
        given
    }
}
