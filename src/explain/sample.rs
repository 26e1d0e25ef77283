//! A sample of each message: what its client would see, made up as little as can be.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use http::{HeaderName, header};

use super::Told;
use crate::{
    Decision, Reply,
    accept::Offer,
    exchange::{
        Cause,
        record::{Record, RecordedRequest, RecordedResponse, Server, Unknown},
    },
    rules::{Condition, StatusRule},
    status::StatusSet,
    template::{Read, Template},
};

/// A message as its client would see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The Content-Type that is sent.
    pub content_type: String,
    /// The response.
    pub response: Told,
    /// Its content, as it is.
    pub body: String,
}

/// Statuses that a rule is shown for rather than for others.
const USUAL: [u16; 12] = [503, 404, 500, 429, 401, 403, 400, 502, 504, 413, 405, 200];

impl Sample {
    /// The message at this position of a rule, for an exchange that would get it but for the rule's
    /// conditions, at this time on this server.
    pub fn of(rule: &StatusRule, index: usize, at: DateTime<Utc>, server: &Server) -> Option<Self> {
        let choice = rule.choice(index)?;
        let record = record(rule, index, at, server);
        let id = record.request_id(&[]);
        let exchange = record.exchange(&id, Some("ada"));
        let reply = Reply::of(&Decision::Replace(choice), &exchange)?;
        let mut headers = record.response.headers.clone();
        reply.apply(&mut headers);
        let body = String::from_utf8_lossy(reply.body.as_deref().unwrap_or_default()).into_owned();
        Some(Self {
            content_type: String::from_utf8_lossy(choice.message.content_type.as_bytes()).into_owned(),
            response: Told::new(reply.status, None, &headers, &body),
            body,
        })
    }
}

/// The status for which a rule is shown: one that is common, else the first.
pub fn status(statuses: &StatusSet) -> Option<u16> {
    USUAL.into_iter().find(|status| statuses.contains(*status)).or_else(|| statuses.iter().next())
}

/// An exchange that is answered with the message.
fn record(rule: &StatusRule, index: usize, at: DateTime<Utc>, server: &Server) -> Record {
    let template = rule.messages().get(index).map(|message| &message.template);
    let accept = match rule.offers().get(index) {
        Some(Offer::Type(media_type)) => media_type.to_string(),
        Some(Offer::Any | Offer::Never) | None => "*/*".to_owned(),
    };
    let mut given = Given::default();
    given.request.push(line(&header::ACCEPT, &accept));
    template.into_iter().for_each(|template| given.take(template));
    let request = RecordedRequest {
        uri: "/orders/7".to_owned(),
        query: Some(given.query.join("&")).filter(|query| !query.is_empty()),
        host: "shop.example".to_owned(),
        remote_addr: "192.0.2.1".to_owned(),
        headers: given.request,
        elapsed_ms: Some(12),
        generated_guid: Some("5f0c8a7e-2b1d-4c3f-9e6a-7d8b9c0a1e2f".to_owned()),
        ..RecordedRequest::default()
    };
    let response = RecordedResponse {
        status: status(rule.statuses()).unwrap_or(500),
        reason: None,
        headers: given.response,
        body: given.content.then(|| r#"{"error":"what the upstream said"}"#.to_owned()),
        body_base64: None,
        origin_port: Some(9000),
        upstream: "192.0.2.3:9000".to_owned(),
        cause: cause(rule),
        content: OnceLock::new(),
        unknown: Unknown::new(),
    };
    Record { clock: at, server: server.clone(), request, response, unknown: Unknown::new() }
}

/// Why the proxy made the response, for a rule that asks for it.
fn cause(rule: &StatusRule) -> Option<Cause> {
    rule.conditions().iter().find_map(|condition| match condition {
        Condition::Proxy => Some(Cause::ConnectRefused),
        Condition::Cause(causes) => causes.first().copied(),
        _ => None,
    })
}

/// What a template reads by name, given to it.
#[derive(Default)]
struct Given {
    request: Vec<(String, Vec<u8>)>,
    response: Vec<(String, Vec<u8>)>,
    query: Vec<String>,
    content: bool,
}

impl Given {
    fn take(&mut self, template: &Template) {
        for read in template.reads() {
            match read {
                Read::RequestField(name) => push(&mut self.request, name),
                Read::ResponseField(name) => push(&mut self.response, name),
                Read::Cookie(name) => self.request.push(line(&header::COOKIE, &format!("{name}=sample"))),
                Read::Parameter(name) => self.query.push(format!("{name}=sample")),
                Read::Content { .. } => self.content = true,
            }
        }
    }
}

/// Adds a line with the field, unless there is one.
fn push(lines: &mut Vec<(String, Vec<u8>)>, name: &HeaderName) {
    if !lines.iter().any(|(other, _)| other.eq_ignore_ascii_case(name.as_str())) {
        lines.push(line(name, value(name)));
    }
}

fn line(name: &HeaderName, value: &str) -> (String, Vec<u8>) {
    (crate::exchange::title_case(name), value.as_bytes().to_vec())
}

/// A value that such a field may have.
fn value(name: &HeaderName) -> &'static str {
    match name.as_str() {
        "retry-after" => "120",
        "allow" => "GET, HEAD",
        "date" | "expires" | "last-modified" => "Fri, 09 Mar 2012 14:56:32 GMT",
        "host" => "shop.example",
        "location" => "/orders",
        "server" => "nginx",
        "user-agent" => "curl/8.5.0",
        "content-type" => "text/plain",
        "www-authenticate" => "Bearer",
        _ => "sample",
    }
}
