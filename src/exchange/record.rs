//! An exchange written down: the JSON that `retort explain --exchange` reads and test cases hold.
//!
//! Everything but the response's status has a default, so that a record may be as short as
//! `{"response": {"status": 503}}`. Keys that are not known are kept in `unknown`, for the
//! reader to warn of.

mod base64;

use std::{collections::BTreeMap, sync::OnceLock};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use http::HeaderName;
use serde::{Deserialize, Deserializer};

use super::{
    Cause, Clock, Connection, Content, Exchange, Fields, OPT_OUT, Request, Response, Source, Trace,
    hands_off, request_id,
};
use crate::rules::Body;

/// A recorded exchange.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// The instant at which the message is rendered. Default: now.
    #[serde(default = "Utc::now")]
    pub clock: DateTime<Utc>,
    /// The proxy's own end.
    #[serde(default)]
    pub server: Server,
    /// What the client sent.
    #[serde(default)]
    pub request: RecordedRequest,
    /// What the upstream answered.
    pub response: RecordedResponse,
    /// Keys that mean nothing here.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Keys and values that a record holds beyond those that are read.
pub type Unknown = BTreeMap<String, serde_json::Value>;

/// The proxy's own end of the connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Server {
    /// The IP address that the client connected to.
    pub local_addr: String,
    /// The port that the client connected to.
    pub local_port: u16,
    /// The IANA name of the zone of local times.
    pub timezone: Tz,
    /// The name of the machine.
    pub hostname: String,
    /// Keys that mean nothing here.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What the client sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The path, without the query.
    #[serde(alias = "path")]
    pub uri: String,
    /// The query, without the question mark.
    pub query: Option<String>,
    /// The protocol, `HTTP/1.1`.
    pub protocol: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The host that was asked, where the header has no Host field.
    pub host: String,
    /// Its port.
    pub host_port: Option<u16>,
    /// The client's IP address.
    pub remote_addr: String,
    /// The client's host name. Default: its IP address.
    pub remote_host: Option<String>,
    /// The IP address of the TCP peer. Default: the client's.
    pub peer_addr: Option<String>,
    /// The port of the TCP peer.
    pub peer_port: Option<u16>,
    /// The header fields in order.
    #[serde(deserialize_with = "field_lines")]
    pub headers: Vec<(String, Vec<u8>)>,
    /// Milliseconds between the arrival of the request and `clock`.
    pub elapsed_ms: Option<i64>,
    /// When the request was received. Default: at `clock`.
    pub received_at: Option<DateTime<Utc>>,
    /// The id that is generated where the client sent none.
    pub generated_guid: Option<String>,
    /// Keys that mean nothing here.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What the upstream answered.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedResponse {
    /// The status code.
    #[serde(deserialize_with = "status")]
    pub status: u16,
    /// The reason phrase. Left out: the registered one. `null`: none was sent, and none is
    /// printed.
    #[serde(default = "registered", deserialize_with = "reason")]
    pub reason: Option<String>,
    /// The header fields in order.
    #[serde(default, deserialize_with = "field_lines")]
    pub headers: Vec<(String, Vec<u8>)>,
    /// The content; `null` or left out where nothing came.
    #[serde(default)]
    pub body: Option<String>,
    /// The content where it is no text, such as one that is compressed; it takes the
    /// place of `body`.
    #[serde(default, deserialize_with = "bytes")]
    pub body_base64: Option<Vec<u8>>,
    /// The port of the upstream.
    #[serde(default)]
    pub origin_port: Option<u16>,
    /// The address of the upstream, with a port.
    #[serde(default)]
    pub upstream: String,
    /// Why the proxy made the response itself; left out: the upstream made it.
    #[serde(default, deserialize_with = "cause")]
    pub cause: Option<Cause>,
    /// The content as it is read once a template asks for it.
    #[serde(skip)]
    pub content: OnceLock<Content>,
    /// Keys that mean nothing here.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Record {
    /// Reads a record from JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The id of the request, found in `headers` or else generated.
    pub fn request_id(&self, headers: &[HeaderName]) -> String {
        let generated = || self.request.generated_guid.clone().unwrap_or_else(request_id::generate);
        request_id::from_client(Fields::Lines(&self.request.headers), headers).unwrap_or_else(generated)
    }

    /// The exchange as the rules see it. `id` and `user` are what the settings make of the
    /// header: see [`Record::request_id`] and [`super::user::first`].
    pub fn exchange<'a>(&'a self, id: &'a str, user: Option<&'a str>) -> Exchange<'a> {
        let request = &self.request;
        let response_fields = Fields::Lines(&self.response.headers);
        Exchange {
            request: Request {
                method: &request.method,
                path: &request.uri,
                query: request.query.as_deref(),
                protocol: &request.protocol,
                scheme: &request.scheme,
                authority: self.authority(),
                fields: Fields::Lines(&request.headers),
                id,
                user,
                trace: Trace::of(Fields::Lines(&request.headers)),
            },
            response: Response {
                status: self.response.status,
                reason: self.response.reason.as_deref(),
                fields: response_fields,
                length: Some(self.length()),
                content: Some(self.content()),
                is_pending: false,
                source: self.response.cause.map_or(Source::Upstream, Source::Proxy),
                hands_off: hands_off(response_fields, &OPT_OUT),
            },
            connection: Connection {
                client: &request.remote_addr,
                client_host: request.remote_host.as_deref().unwrap_or(&request.remote_addr),
                peer: request.peer_addr.as_deref().unwrap_or(&request.remote_addr),
                peer_port: request.peer_port,
                local: &self.server.local_addr,
                local_port: Some(self.server.local_port),
                upstream: &self.response.upstream,
                upstream_port: self.response.origin_port,
                hostname: &self.server.hostname,
            },
            clock: Clock {
                received: request.received_at.unwrap_or(self.clock),
                elapsed_us: request.elapsed_ms.map(|ms| ms.saturating_mul(1000)),
                zone: self.server.timezone,
            },
        }
    }

    /// Whether the response has content.
    pub fn body(&self) -> Body {
        match self.response.bytes() {
            Some(body) if !body.is_empty() => Body::Present,
            _ if self.request.method == "HEAD" => match self.declared_length() {
                Some(0) => Body::Absent,
                Some(_) => Body::Present,
                None => Body::Unknown,
            },
            _ => Body::Absent,
        }
    }

    /// Whom the request is for.
    fn authority(&self) -> &str {
        let sent = Fields::Lines(&self.request.headers).first(&http::header::HOST);
        sent.and_then(|host| std::str::from_utf8(host).ok()).unwrap_or(&self.request.host)
    }

    fn content(&self) -> &Content {
        let response = &self.response;
        let held = response.bytes().unwrap_or_default();
        response.content.get_or_init(|| Content::new(Fields::Lines(&response.headers), held, false))
    }

    fn length(&self) -> u64 {
        match self.response.bytes() {
            Some(body) => body.len() as u64,
            None => self.declared_length().unwrap_or(0),
        }
    }

    fn declared_length(&self) -> Option<u64> {
        let value = Fields::Lines(&self.response.headers).first(&http::header::CONTENT_LENGTH)?;
        crate::exchange::content_length(value)
    }
}

impl RecordedResponse {
    fn bytes(&self) -> Option<&[u8]> {
        self.body_base64.as_deref().or(self.body.as_deref().map(str::as_bytes))
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            local_addr: "127.0.0.1".into(),
            local_port: 8080,
            timezone: Tz::UTC,
            hostname: "localhost".into(),
            unknown: Unknown::new(),
        }
    }
}

impl Default for RecordedRequest {
    fn default() -> Self {
        Self {
            method: "GET".into(),
            uri: "/".into(),
            query: None,
            protocol: "HTTP/1.1".into(),
            scheme: "http".into(),
            host: "localhost".into(),
            host_port: None,
            remote_addr: "127.0.0.1".into(),
            remote_host: None,
            peer_addr: None,
            peer_port: None,
            headers: Vec::new(),
            elapsed_ms: None,
            received_at: None,
            generated_guid: None,
            unknown: Unknown::new(),
        }
    }
}

fn registered() -> Option<String> {
    None
}

/// A written `null` is an empty phrase; only a phrase that is left out becomes the registered one.
fn reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::<String>::deserialize(deserializer)?.unwrap_or_default()))
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if (100..=999).contains(&status) {
        return Ok(status);
    }
    Err(serde::de::Error::custom(format!("a status is a number from 100 to 999, not {status}")))
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    base64::decode(&text).map(Some).ok_or_else(|| serde::de::Error::custom("`body_base64` is not base64"))
}

fn cause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cause>, D::Error> {
    let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let unknown = || {
        let known = Cause::ALL.map(Cause::as_str).join("`, `");
        serde::de::Error::custom(format!("`{name}` is not a cause; they are `{known}`"))
    };
    Cause::named(&name).map(Some).ok_or_else(unknown)
}

fn field_lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Vec<u8>)>, D::Error> {
    let lines = Vec::<(String, String)>::deserialize(deserializer)?;
    Ok(lines.into_iter().map(|(name, value)| (name, value.into_bytes())).collect())
}
