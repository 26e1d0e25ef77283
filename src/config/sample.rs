//! Renders messages with sample values, harmless and hostile, to see whether they hold.

use chrono::DateTime;
use chrono_tz::Tz;

use super::document;
use crate::{
    exchange::{Clock, Connection, Exchange, Fields, Request, Response, Source},
    template::{Escape, Subject, Template},
};

/// What is wrong with a message once rendered.
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) help: String,
}

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
pub(super) fn problem(template: &Template, syntax: Escape, status: u16) -> Option<Problem> {
    let check: fn(&str) -> Result<(), String> = match syntax {
        Escape::Json => |text| {
            serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
        },
        Escape::Xml => |text| document::parse(text).map(drop).map_err(|error| error.to_string()),
        Escape::Html | Escape::Url | Escape::Text | Escape::None | Escape::Header => return None,
    };
    let name = if syntax == Escape::Json { "JSON" } else { "XML" };
    SAMPLES.iter().zip(rendered(template, status)).find_map(|((when, ..), text)| {
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
pub(super) fn rendered(template: &Template, status: u16) -> [String; 3] {
    SAMPLES.map(|(_, value, length)| render(template, value, status, length))
}

/// Renders with `value` wherever something from outside is inserted.
fn render(template: &Template, value: &str, status: u16, length: Option<u64>) -> String {
    let lines: Vec<(String, Vec<u8>)> =
        template.field_names().map(|name| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let exchange = Exchange {
        request: Request {
            method: "GET",
            path: value,
            query: Some(value),
            protocol: "HTTP/1.1",
            scheme: "https",
            authority: value,
            fields: Fields::Lines(&lines),
            id: value,
            user: Some(value).filter(|user| !user.is_empty()),
            trace: None,
        },
        response: Response {
            status,
            reason: Some(value),
            fields: Fields::Lines(&lines),
            length,
            content: None,
            is_pending: false,
            source: Source::Upstream,
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
    let mut out = Vec::new();
    template.render(&Subject::of(&exchange), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
