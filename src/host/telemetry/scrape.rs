//! All metrics, as they are now.

use super::{
    Class, Observation, Telemetry,
    process::Process,
    prometheus::{
        Kind::{Counter, Gauge},
        Text,
    },
};
use crate::{
    exchange::Cause,
    host::{
        fault,
        live::Live,
        reload::{Outcome, Reloader},
    },
};

/// The Content-Type of metrics.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The causes that are the upstreams' fault, or that of the way there. The others are answers to
/// requests that nobody was to be asked about.
const UPSTREAM: [Cause; 8] = [
    Cause::ConnectRefused,
    Cause::ConnectTimeout,
    Cause::ReadTimeout,
    Cause::WriteTimeout,
    Cause::Reset,
    Cause::Tls,
    Cause::Dns,
    Cause::NoUpstream,
];

/// What metrics are made of.
#[derive(Debug)]
pub struct Scrape<'a> {
    /// What was counted.
    pub telemetry: &'a Telemetry,
    /// The rules in force.
    pub live: &'a Live,
    /// What keeps them up to date, if anything does.
    pub reloader: Option<&'a Reloader>,
    /// How the host is.
    pub host: &'a Observation,
}

impl Scrape<'_> {
    /// The metrics in Prometheus's text form.
    pub fn text(&self) -> String {
        let mut text = Text::default();
        self.requests(&mut text);
        self.rules(&mut text);
        self.config(&mut text);
        self.connections(&mut text);
        self.upstreams(&mut text);
        self.process(&mut text);
        text.into_string()
    }

    fn requests(&self, text: &mut Text) {
        let totals = self.telemetry.totals();
        let help = "Requests that are over, by the class of the status that was sent; none: the client got no response.";
        let mut requests = text.family(Counter, "retort_requests_total", help);
        for class in Class::ALL {
            requests.sample(&[("status_class", class.as_str())], totals.answers.of(class));
        }
        let help = "Requests whose content a message or a meta object replaced, by the class of the status that was sent.";
        let mut replaced = text.family(Counter, "retort_requests_replaced_total", help);
        for class in Class::ALL {
            replaced.sample(&[("status_class", class.as_str())], totals.answers.replaced(class));
        }
        let help = "Time from the head of a request to the end of its response.";
        text.histogram("retort_request_duration_seconds", help, &totals.durations);
        let help = "Time from the head of a request to the head of the upstream's response.";
        text.histogram("retort_upstream_response_seconds", help, &totals.upstream);
        text.single(Counter, "retort_sent_bytes_total", "Content sent to clients.", totals.sent);
        text.single(
            Counter,
            "retort_received_bytes_total",
            "Content received from clients.",
            totals.received,
        );
        let help = "Requests that failed for want of an upstream's response, by cause.";
        let mut errors = text.family(Counter, "retort_upstream_errors_total", help);
        for cause in UPSTREAM {
            errors.sample(&[("kind", cause.as_str())], totals.failed(cause));
        }
        let help = "Requests that were refused, or that failed in the proxy itself, by cause.";
        let mut errors = text.family(Counter, "retort_refused_requests_total", help);
        for cause in Cause::ALL.into_iter().filter(|cause| !UPSTREAM.contains(cause)) {
            errors.sample(&[("kind", cause.as_str())], totals.failed(cause));
        }
        text.single(Gauge, "retort_active_requests", "Requests that are being served.", self.host.requests);
    }

    fn rules(&self, text: &mut Text) {
        let tallies = self.live.tallies();
        let mut matches =
            text.family(Counter, "retort_rule_matches_total", "Responses that a rule was the one for.");
        for (rule, tally) in &tallies {
            matches.sample(&[("rule", rule)], tally.matched);
        }
        let help = "What became of the responses that a rule was for: replaced by a message, steered by a meta object, or kept.";
        let mut messages = text.family(Counter, "retort_messages_total", help);
        for (rule, tally) in &tallies {
            let outcomes =
                [("replaced", tally.replaced), ("steered", tally.steered), ("kept", tally.all_kept())];
            for (outcome, count) in outcomes {
                messages.sample(&[("rule", rule), ("outcome", outcome)], count);
            }
        }
        let help = "Responses that a rule was for and that kept their content, by the reason.";
        let mut kept = text.family(Counter, "retort_messages_kept_total", help);
        for (rule, tally) in &tallies {
            for (reason, count) in &tally.kept {
                kept.sample(&[("rule", rule), ("reason", reason)], count);
            }
        }
    }

    fn config(&self, text: &mut Text) {
        let snapshot = self.live.snapshot();
        text.single(Gauge, "retort_config_rules", "Rules in force.", snapshot.rules.iter().len());
        text.single(Gauge, "retort_config_messages", "Messages in force.", snapshot.rules.message_count());
        text.single(
            Gauge,
            "retort_config_generation",
            "The version of the rules in force, counted from the start.",
            snapshot.generation,
        );
        let Some(reloader) = self.reloader else { return };
        let (metrics, status) = (reloader.metrics(), reloader.status());
        if let Some(fingerprint) = status.fingerprint {
            let mut info =
                text.family(Gauge, "retort_config_info", "The hash of the files of the rules in force.");
            info.sample(&[("hash", &fingerprint.to_string())], 1);
        }
        let help = "Contents of the rules files that were put in force, or refused, after the start.";
        let mut reloads = text.family(Counter, "retort_config_reloads_total", help);
        reloads.sample(&[("result", "success")], metrics.applied());
        reloads.sample(&[("result", "failure")], metrics.refused());
        text.single(
            Gauge,
            "retort_config_last_reload_successful",
            "Whether the rules files are in force as they are now.",
            u8::from(metrics.healthy()),
        );
        text.single(
            Gauge,
            "retort_config_last_reload_success_timestamp_seconds",
            "When rules were last put in force, in Unix time.",
            metrics.applied_at(),
        );
        text.single(
            Gauge,
            "retort_config_missing",
            "Whether there never was a rules file.",
            u8::from(status.last.outcome == Outcome::Missing),
        );
    }

    fn connections(&self, text: &mut Text) {
        let host = self.host;
        text.single(
            Gauge,
            "retort_ready",
            "Whether the process is ready for requests, as /readyz tells.",
            u8::from(host.is_ready()),
        );
        text.single(Gauge, "retort_connections", "Connections of clients that are open.", host.connections);
        text.single(
            Counter,
            "retort_connections_accepted_total",
            "Connections of clients that were accepted.",
            host.accepted,
        );
        let mut reached = text.family(
            Counter,
            "retort_limits_reached_total",
            "How often a client, or all of them, reached a limit.",
        );
        for (limit, count) in &host.reached {
            reached.sample(&[("limit", limit)], count);
        }
        text.single(
            Counter,
            "retort_proxy_protocol_refusals_total",
            "Connections that did not begin with the PROXY protocol as they had to.",
            host.proxy_protocol_refusals,
        );
        text.single(
            Counter,
            "retort_tls_handshake_failures_total",
            "TLS handshakes of clients that failed.",
            host.handshake_failures,
        );
        if !host.certificates.is_empty() {
            let help = "When a certificate expires, in Unix time.";
            let mut expiry = text.family(Gauge, "retort_tls_certificate_expiry_timestamp_seconds", help);
            let mut told = Vec::new();
            for certificate in &host.certificates {
                // A file may be named twice.
                if !told.contains(&&certificate.file) {
                    told.push(&certificate.file);
                    expiry.sample(&[("file", &certificate.file)], certificate.until.timestamp());
                }
            }
        }
    }

    fn upstreams(&self, text: &mut Text) {
        // The same upstream may be named twice, and lead to the same address.
        let mut all: Vec<(&str, String, _)> = Vec::new();
        for upstream in &self.host.upstreams {
            let address = upstream.address.as_ref().map(ToString::to_string).unwrap_or_default();
            if !all.iter().any(|(name, other, _)| *name == upstream.name && *other == address) {
                all.push((&upstream.name, address, upstream));
            }
        }
        if all.is_empty() {
            return;
        }
        let help = "Whether an address of an upstream is to get requests; one without an address is not.";
        let mut family = text.family(Gauge, "retort_upstream_healthy", help);
        for (name, address, upstream) in &all {
            family.sample(&[("upstream", name), ("address", address)], u8::from(upstream.healthy));
        }
        let help = "Requests that an address of an upstream is busy with.";
        let mut family = text.family(Gauge, "retort_upstream_active_requests", help);
        for (name, address, upstream) in &all {
            family.sample(&[("upstream", name), ("address", address)], upstream.in_flight);
        }
        let help = "Requests that failed at an address of an upstream.";
        let mut family = text.family(Counter, "retort_upstream_failures_total", help);
        for (name, address, upstream) in &all {
            family.sample(&[("upstream", name), ("address", address)], upstream.failures);
        }
        let help = "How often an address of an upstream was ejected for its failures.";
        let mut family = text.family(Counter, "retort_upstream_ejections_total", help);
        for (name, address, upstream) in &all {
            family.sample(&[("upstream", name), ("address", address)], upstream.ejections);
        }
    }

    fn process(&self, text: &mut Text) {
        let mut info =
            text.family(Gauge, "retort_build_info", "The version of the program, and what it does.");
        info.sample(&[("version", env!("CARGO_PKG_VERSION")), ("role", self.host.role)], 1);
        text.single(Counter, "retort_panics_total", "Panics that were survived.", fault::count());
        let process = Process::now();
        let started = self.telemetry.started();
        let started = started.timestamp_millis() as f64 / 1000.0;
        text.single(Gauge, "process_start_time_seconds", "When the process began, in Unix time.", started);
        let help = "Processor time that the process used.";
        text.known(Counter, "process_cpu_seconds_total", help, process.cpu_seconds);
        text.known(Gauge, "process_resident_memory_bytes", "Memory in use.", process.resident_bytes);
        text.known(Gauge, "process_virtual_memory_bytes", "Memory in address space.", process.virtual_bytes);
        text.known(Gauge, "process_open_fds", "Open file descriptors.", process.open_descriptors);
        text.known(
            Gauge,
            "process_max_fds",
            "Most file descriptors that may be open.",
            process.most_descriptors,
        );
        text.known(Gauge, "process_threads", "Threads of the process.", process.threads);
    }
}
