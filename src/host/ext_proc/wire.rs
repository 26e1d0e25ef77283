//! The messages of `envoy.service.ext_proc.v3`, as far as they are spoken here.
//!
//! They are written by hand: of the generated ones, the whole API of Envoy, not one in a hundred
//! would be used. Fields that are not named are skipped by whoever reads, on either side, as
//! protocol buffers have it. Names and numbers are those of Envoy's `external_processor.proto`,
//! `base.proto`, `processing_mode.proto` and of Protocol Buffers' `struct.proto`.

use std::collections::HashMap;

use bytes::Bytes;
use prost::{Message, Oneof};

/// What Envoy says.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProcessingRequest {
    #[prost(oneof = "Part", tags = "2, 3, 4, 5, 6, 7")]
    pub(super) part: Option<Part>,
    /// By the name of the filter.
    #[prost(map = "string, message", tag = "9")]
    pub(super) attributes: HashMap<String, Struct>,
    /// Whether Envoy goes on without an answer, and wants none.
    #[prost(bool, tag = "10")]
    pub(super) observability_mode: bool,
    /// Comes with the first message.
    #[prost(message, optional, tag = "11")]
    pub(super) protocol: Option<ProtocolConfiguration>,
}

/// What a message of Envoy's is about.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Part {
    #[prost(message, tag = "2")]
    RequestHead(HttpHeaders),
    #[prost(message, tag = "3")]
    ResponseHead(HttpHeaders),
    #[prost(message, tag = "4")]
    RequestBody(HttpBody),
    #[prost(message, tag = "5")]
    ResponseBody(HttpBody),
    #[prost(message, tag = "6")]
    RequestTrailers(Nothing),
    #[prost(message, tag = "7")]
    ResponseTrailers(Nothing),
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct ProtocolConfiguration {
    #[prost(int32, tag = "1")]
    pub(super) request_body_mode: i32,
    #[prost(int32, tag = "2")]
    pub(super) response_body_mode: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpHeaders {
    #[prost(message, optional, tag = "1")]
    pub(super) fields: Option<HeaderFields>,
    #[prost(bool, tag = "3")]
    pub(super) end_of_stream: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpBody {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) body: Bytes,
    #[prost(bool, tag = "2")]
    pub(super) end_of_stream: bool,
}

/// What is not read.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Nothing {}

/// `envoy.config.core.v3.HeaderMap`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderFields {
    #[prost(message, repeated, tag = "1")]
    pub(super) lines: Vec<HeaderLine>,
}

/// `envoy.config.core.v3.HeaderValue`: one of the values is empty.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderLine {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) text: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) raw: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Struct {
    #[prost(map = "string, message", tag = "1")]
    pub(super) fields: HashMap<String, Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(oneof = "Kind", tags = "2, 3")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
}

/// What Envoy is told.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProcessingResponse {
    #[prost(oneof = "Answer", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) answer: Option<Answer>,
    #[prost(message, optional, tag = "9")]
    pub(super) mode_override: Option<ProcessingMode>,
}

/// The answer to each [`Part`], and the one that ends the matter.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Answer {
    #[prost(message, tag = "1")]
    RequestHead(Continue),
    #[prost(message, tag = "2")]
    ResponseHead(Continue),
    #[prost(message, tag = "3")]
    RequestBody(Continue),
    #[prost(message, tag = "4")]
    ResponseBody(Continue),
    #[prost(message, tag = "5")]
    RequestTrailers(Nothing),
    #[prost(message, tag = "6")]
    ResponseTrailers(Nothing),
    #[prost(message, tag = "7")]
    Immediate(ImmediateResponse),
}

/// `HeadersResponse` and `BodyResponse`, which are alike.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Continue {
    #[prost(message, optional, tag = "1")]
    pub(super) common: Option<CommonResponse>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CommonResponse {
    /// `CONTINUE`, or [`CONTINUE_AND_REPLACE`].
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) mutation: Option<HeaderMutation>,
    #[prost(message, optional, tag = "3")]
    pub(super) body: Option<BodyMutation>,
}

/// `BodyMutation`, where it has content.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BodyMutation {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) body: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderMutation {
    #[prost(message, repeated, tag = "1")]
    pub(super) set: Vec<HeaderOption>,
    #[prost(string, repeated, tag = "2")]
    pub(super) remove: Vec<String>,
}

/// `envoy.config.core.v3.HeaderValueOption`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderOption {
    #[prost(message, optional, tag = "1")]
    pub(super) line: Option<HeaderLine>,
    /// Whether the lines that are there stay.
    #[prost(message, optional, tag = "2")]
    pub(super) append: Option<Bool>,
}

/// `google.protobuf.BoolValue`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Bool {
    #[prost(bool, tag = "1")]
    pub(super) value: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ImmediateResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<HttpStatus>,
    #[prost(message, optional, tag = "2")]
    pub(super) fields: Option<HeaderMutation>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) body: Bytes,
    /// What `%RESPONSE_CODE_DETAILS%` says in Envoy's access log.
    #[prost(string, tag = "5")]
    pub(super) details: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct HttpStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
}

/// `envoy.extensions.filters.http.ext_proc.v3.ProcessingMode`. What is not set stays as Envoy has
/// it configured, but for the bodies.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct ProcessingMode {
    #[prost(int32, tag = "4")]
    pub(super) response_body_mode: i32,
    #[prost(int32, tag = "6")]
    pub(super) response_trailer_mode: i32,
}

/// The content is replaced, and nothing more is told of it.
pub(super) const CONTINUE_AND_REPLACE: i32 = 1;

/// `BUFFERED_PARTIAL`: the head is held until the content is here, or as much as Envoy buffers.
pub(super) const BUFFERED_PARTIAL: i32 = 3;

/// Trailers are told.
pub(super) const SEND: i32 = 1;

/// `FULL_DUPLEX_STREAMED`, and what comes after it: content is to be sent back by the processor.
pub(super) const FULL_DUPLEX_STREAMED: i32 = 4;
