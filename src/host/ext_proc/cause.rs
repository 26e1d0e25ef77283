//! From what Envoy says of its own responses to who made one, and why.
//!
//! What Envoy sends since the upstream could not, or was not asked, is the proxy's. What another
//! filter of Envoy's decided (a denial, a limit, a redirect, a direct response) is as wanted as
//! what an upstream sends, and counts as that.

use super::attributes::Attributes;
use crate::exchange::{Cause, Source};

// The bits of `%RESPONSE_FLAGS%`.
const NO_HEALTHY_UPSTREAM: u64 = 1 << 1;
const UPSTREAM_REQUEST_TIMEOUT: u64 = 1 << 2;
const LOCAL_RESET: u64 = 1 << 3;
const UPSTREAM_REMOTE_RESET: u64 = 1 << 4;
const UPSTREAM_CONNECTION_FAILURE: u64 = 1 << 5;
const UPSTREAM_CONNECTION_TERMINATION: u64 = 1 << 6;
const UPSTREAM_OVERFLOW: u64 = 1 << 7;
const NO_ROUTE_FOUND: u64 = 1 << 8;
const STREAM_IDLE_TIMEOUT: u64 = 1 << 16;
const DOWNSTREAM_PROTOCOL_ERROR: u64 = 1 << 18;
const UPSTREAM_MAX_STREAM_DURATION: u64 = 1 << 19;
const DURATION_TIMEOUT: u64 = 1 << 22;
const UPSTREAM_PROTOCOL_ERROR: u64 = 1 << 23;
const NO_CLUSTER_FOUND: u64 = 1 << 24;
const OVERLOAD_MANAGER: u64 = 1 << 25;
const DNS_FAILURE: u64 = 1 << 26;

/// The first whose bit is set counts.
const BY_FLAG: [(u64, Cause); 15] = [
    (DNS_FAILURE, Cause::Dns),
    (NO_HEALTHY_UPSTREAM, Cause::NoUpstream),
    (NO_ROUTE_FOUND | NO_CLUSTER_FOUND, Cause::NoUpstream),
    (UPSTREAM_OVERFLOW, Cause::Overload),
    (OVERLOAD_MANAGER, Cause::Overload),
    (UPSTREAM_CONNECTION_FAILURE, Cause::ConnectRefused),
    (UPSTREAM_REQUEST_TIMEOUT, Cause::ReadTimeout),
    (UPSTREAM_MAX_STREAM_DURATION, Cause::ReadTimeout),
    (DURATION_TIMEOUT, Cause::ReadTimeout),
    (STREAM_IDLE_TIMEOUT, Cause::ReadTimeout),
    (UPSTREAM_PROTOCOL_ERROR, Cause::Reset),
    (UPSTREAM_CONNECTION_TERMINATION, Cause::Reset),
    (UPSTREAM_REMOTE_RESET, Cause::Reset),
    (LOCAL_RESET, Cause::Reset),
    (DOWNSTREAM_PROTOCOL_ERROR, Cause::BadRequest),
];

/// What Envoy says where no flag tells: requests that it refuses.
const BAD_REQUESTS: [&str; 8] = [
    "missing_host_header",
    "low_version",
    "path_normalization_failed",
    "absolute_path_rejected",
    "request_payload_too_large",
    "http1.",
    "http2.",
    "http3.",
];

/// Who made the response.
pub(super) fn source(attributes: &Attributes) -> Source {
    let Some(details) = attributes.details().filter(|details| *details != "via_upstream") else {
        return Source::Upstream;
    };
    let flags = attributes.flags();
    match BY_FLAG.into_iter().find(|(bits, _)| flags & bits != 0) {
        Some((UPSTREAM_CONNECTION_FAILURE, _)) => Source::Proxy(of_connection(attributes, details)),
        Some((_, cause)) => Source::Proxy(cause),
        None if BAD_REQUESTS.iter().any(|start| details.starts_with(start)) => {
            Source::Proxy(Cause::BadRequest)
        }
        None => Source::Upstream,
    }
}

/// Why there was no connection.
fn of_connection(attributes: &Attributes, details: &str) -> Cause {
    let failure = attributes.transport_failure().unwrap_or_default();
    if failure.starts_with("TLS") || details.contains("TLS_error") {
        return Cause::Tls;
    }
    if details.contains("connection_timeout") {
        return Cause::ConnectTimeout;
    }
    Cause::ConnectRefused
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::host::ext_proc::wire::{Kind, Struct, Value};

    fn told(details: &str, flags: u64, failure: &str) -> Source {
        let value = |kind| Value { kind: Some(kind) };
        let fields = HashMap::from([
            ("response.code_details".to_owned(), value(Kind::Text(details.to_owned()))),
            ("response.flags".to_owned(), value(Kind::Number(flags as f64))),
            ("upstream.transport_failure_reason".to_owned(), value(Kind::Text(failure.to_owned()))),
        ]);
        let mut attributes = Attributes::default();
        attributes.learn(HashMap::from([("envoy.filters.http.ext_proc".to_owned(), Struct { fields })]));
        source(&attributes)
    }

    /// As Envoy 1.40 says it.
    #[test]
    fn failures_are_of_the_proxy() {
        let refused = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}";
        let failure = "delayed connect error: Connection refused";
        assert_eq!(told(refused, 32, failure), Source::Proxy(Cause::ConnectRefused));
        let slow = "upstream_reset_before_response_started{connection_timeout}";
        assert_eq!(told(slow, 32, ""), Source::Proxy(Cause::ConnectTimeout));
        let secure = "TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER";
        assert_eq!(told(refused, 32, secure), Source::Proxy(Cause::Tls));
        let cut = "upstream_reset_before_response_started{connection_termination}";
        assert_eq!(told(cut, 64, ""), Source::Proxy(Cause::Reset));
        assert_eq!(told("response_timeout", 4, ""), Source::Proxy(Cause::ReadTimeout));
        assert_eq!(told("cluster_not_found", 1 << 24, ""), Source::Proxy(Cause::NoUpstream));
        assert_eq!(told("missing_host_header", 0, ""), Source::Proxy(Cause::BadRequest));
    }

    #[test]
    fn decisions_are_not() {
        for details in ["via_upstream", "direct_response", "ext_authz_denied", "rbac_access_denied[p]"] {
            assert_eq!(told(details, 0, ""), Source::Upstream, "{details}");
        }
        assert_eq!(told("request_rate_limited", 1 << 11, ""), Source::Upstream);
        assert_eq!(source(&Attributes::default()), Source::Upstream, "Envoy was not told to tell");
    }
}
