//! Heads as Envoy tells them: fields of HTTP, and pseudo-fields of HTTP/2 whatever was spoken.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    attributes::Attributes,
    wire::{HeaderLine, HttpHeaders},
};
use crate::{
    Reply,
    exchange::content_length,
    reply::{Edit, grpc},
};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The head of a request.
#[derive(Clone, Debug)]
pub(super) struct RequestHead {
    pub(super) method: String,
    /// With the query.
    pub(super) target: String,
    pub(super) scheme: String,
    pub(super) authority: String,
    pub(super) fields: HeaderMap,
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ResponseHead {
    pub(super) status: u16,
    pub(super) fields: HeaderMap,
    /// Whether there is no content.
    pub(super) is_all: bool,
}

impl RequestHead {
    /// Reads a head.
    pub(super) fn read(head: HttpHeaders) -> Self {
        let (pseudo, mut fields) = split(head);
        let pseudo = |name| pseudo.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
        // HTTP/1 has it as a field.
        if let Some(host) = pseudo(":authority").and_then(|host| HeaderValue::try_from(host).ok()) {
            fields.entry(header::HOST).or_insert(host);
        }
        let host = || Some(fields.get(header::HOST)?.to_str().ok()?.to_owned());
        Self {
            method: pseudo(":method").unwrap_or_default(),
            target: pseudo(":path").unwrap_or_default(),
            scheme: pseudo(":scheme").unwrap_or_else(|| "http".to_owned()),
            authority: pseudo(":authority").or_else(host).unwrap_or_default(),
            fields,
        }
    }

    /// What is known of a request that Envoy answered before it told of it.
    pub(super) fn unseen(attributes: &Attributes) -> Self {
        let text = |name, otherwise: &str| attributes.text(name).unwrap_or(otherwise).to_owned();
        Self {
            method: text("request.method", "GET"),
            target: text("request.path", "/"),
            scheme: text("request.scheme", "http"),
            authority: text("request.host", ""),
            fields: HeaderMap::new(),
        }
    }

    pub(super) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    pub(super) fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(super) fn is_grpc(&self) -> bool {
        self.fields.get(header::CONTENT_TYPE).is_some_and(|value| grpc::is_grpc(value.as_bytes()))
    }
}

impl ResponseHead {
    /// Reads a head; `None` where it has no status.
    pub(super) fn read(head: HttpHeaders) -> Option<Self> {
        let is_all = head.end_of_stream;
        let (pseudo, fields) = split(head);
        let status = pseudo.iter().find(|(name, _)| name == ":status")?.1.parse().ok()?;
        (100..1000).contains(&status).then_some(Self { status, fields, is_all })
    }

    /// The head of a response that the proxy makes, without what Envoy has to say: a text for
    /// operators is none for clients.
    pub(super) fn emptied(&self, status: u16) -> Self {
        let mut fields = self.fields.clone();
        [header::CONTENT_TYPE, GRPC_STATUS, GRPC_MESSAGE].iter().for_each(|name| _ = fields.remove(name));
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
        Self { status, fields, is_all: self.is_all }
    }

    /// What it says of the length of its content.
    pub(super) fn declared_length(&self) -> Option<u64> {
        let coded = self.fields.contains_key(header::TRANSFER_ENCODING);
        let field = self.fields.get(header::CONTENT_LENGTH).filter(|_| !coded);
        field.and_then(|value| content_length(value.as_bytes()))
    }

    /// Sets the status and applies the edits.
    pub(super) fn amend(&mut self, reply: &Reply) {
        self.status = reply.status;
        for edit in &reply.edits {
            match edit {
                Edit::Remove(name) => drop(self.fields.remove(name)),
                Edit::Set(name, value) => drop(self.fields.insert(name.clone(), value.clone())),
                Edit::Add(name, value) => drop(self.fields.append(name.clone(), value.clone())),
            }
        }
    }
}

/// Pseudo-fields and fields. What no HTTP message could hold is left out.
fn split(head: HttpHeaders) -> (Vec<(String, String)>, HeaderMap) {
    let lines = head.fields.map(|fields| fields.lines).unwrap_or_default();
    let (mut pseudo, mut fields) = (Vec::with_capacity(4), HeaderMap::with_capacity(lines.len()));
    for line in lines {
        if line.name.starts_with(':') {
            let value = String::from_utf8_lossy(&value(&line)).into_owned();
            pseudo.push((line.name, value));
        } else if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(line.name.as_bytes()), HeaderValue::from_maybe_shared(value(&line)))
        {
            fields.append(name, value);
        }
    }
    (pseudo, fields)
}

fn value(line: &HeaderLine) -> Bytes {
    if line.raw.is_empty() { line.text.clone() } else { line.raw.clone() }
}
