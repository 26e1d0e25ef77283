//! What Envoy tells beside the heads, as far as it is configured to.

use std::{collections::HashMap, net::SocketAddr};

use chrono::{DateTime, Utc};

use super::wire::{Kind, Struct};

/// The attributes of a request and its response.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes(HashMap<String, Kind>);

impl Attributes {
    /// Takes in what a message brings. What came before stays unless it is told anew.
    pub(super) fn learn(&mut self, told: HashMap<String, Struct>) {
        let fields = told.into_values().flat_map(|told| told.fields);
        self.0.extend(fields.filter_map(|(name, value)| Some((name, value.kind?))));
    }

    /// The client, as far as Envoy believes those in front of it.
    pub(super) fn client(&self) -> Option<SocketAddr> {
        self.text("source.address")?.parse().ok()
    }

    /// What the client connected to.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.text("destination.address")?.parse().ok()
    }

    /// The upstream: an address with a port, or the path of a Unix socket.
    pub(super) fn upstream(&self) -> Option<&str> {
        self.text("upstream.address")
    }

    /// The protocol as an access log writes it.
    pub(super) fn protocol(&self) -> Option<&'static str> {
        match self.text("request.protocol")? {
            "HTTP/1.0" => Some("HTTP/1.0"),
            "HTTP/1.1" => Some("HTTP/1.1"),
            "HTTP/2" => Some("HTTP/2.0"),
            "HTTP/3" => Some("HTTP/3.0"),
            _ => None,
        }
    }

    /// When the request was received.
    pub(super) fn received(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(self.text("request.time")?).ok().map(|time| time.to_utc())
    }

    /// The status of the response, which for gRPC is not the one of its head.
    pub(super) fn status(&self) -> Option<u16> {
        let code = self.number("response.code")?;
        (100.0..1000.0).contains(&code).then_some(code as u16)
    }

    /// Why Envoy sends this response.
    pub(super) fn details(&self) -> Option<&str> {
        self.text("response.code_details")
    }

    /// `%RESPONSE_FLAGS%`, as bits.
    pub(super) fn flags(&self) -> u64 {
        self.number("response.flags").map_or(0, |bits| bits as u64)
    }

    pub(super) fn transport_failure(&self) -> Option<&str> {
        self.text("upstream.transport_failure_reason").filter(|reason| !reason.is_empty())
    }

    /// A text that stands in for a part of a head which did not come.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Kind::Text(text) => Some(text),
            Kind::Number(_) => None,
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Kind::Number(number) => Some(*number),
            Kind::Text(_) => None,
        }
    }
}
