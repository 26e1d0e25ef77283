//! Traces for OpenTelemetry, over OTLP: a span for each request.
//!
//! Whether, and where, is said by the variables that OpenTelemetry has for it: there are spans once
//! `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` names a collector, unless
//! `OTEL_SDK_DISABLED` or `OTEL_TRACES_EXPORTER` says otherwise. They are collected and sent by a
//! thread of their own; where it cannot keep up, spans are left out.

mod client;
mod sampler;
mod span;

use std::{env, time::Duration};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, SpanProcessor},
};

use self::{client::Client, sampler::Sampler};
use super::spans::Spans;
use crate::{
    exchange::{Trace, trace::NewTrace},
    template::Subject,
};

/// How long the last spans may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Sends spans to a collector.
#[derive(Debug)]
pub struct Otlp {
    sampler: Sampler,
    processor: BatchSpanProcessor,
}

impl Otlp {
    /// What the environment asks for; `None` where it asks for nothing.
    pub fn of_environment() -> Result<Option<Self>, ExporterBuildError> {
        if !is_asked_for() {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().with_http_client(Client::new()).build()?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&resource());
        Ok(Some(Self { sampler: Sampler::of_environment(), processor }))
    }
}

impl Spans for Otlp {
    fn begin(&self, parent: Option<Trace<'_>>) -> NewTrace {
        NewTrace::under(parent, |trace_id| self.sampler.samples(parent, trace_id))
    }

    fn end(&self, subject: &Subject<'_>, span: &NewTrace) {
        if let Some(data) = span.is_sampled().then(|| span::of(subject, span)).flatten() {
            self.processor.on_end(data);
        }
    }

    fn close(&self) {
        if let Err(error) = self.processor.shutdown_with_timeout(LAST_WORDS) {
            tracing::warn!(target: TARGET, %error, "the last spans were not sent");
        }
    }
}

const TARGET: &str = "retort::otlp";

fn is_asked_for() -> bool {
    let set = |name: &str| env::var(name).is_ok_and(|value| !value.is_empty());
    let says = |name: &str, word: &str| env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case(word));
    let names_collector = set("OTEL_EXPORTER_OTLP_ENDPOINT") || set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    names_collector && !says("OTEL_SDK_DISABLED", "true") && !says("OTEL_TRACES_EXPORTER", "none")
}

/// What sends the spans, as the environment says; by itself it is `retort`.
fn resource() -> Resource {
    let attributes = env::var("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let has_name = attributes.split(',').any(|pair| pair.trim_start().starts_with("service.name="));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let builder = Resource::builder().with_attribute(version);
    match has_name || env::var_os("OTEL_SERVICE_NAME").is_some() {
        true => builder.build(),
        false => builder.with_service_name("retort").build(),
    }
}
