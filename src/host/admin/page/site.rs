//! Where the page gets its view from, and how its documents get to the listener.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use super::answer;
use crate::{
    Rules,
    exchange::record::Server,
    explain::Identity,
    host::{
        admin::{
            About, PageRequest, PageResponse, Pages, Rulebook,
            view::{Decided, History, Reload, Slot, Tally, View},
        },
        judgement::HOSTNAME,
        reload::Outcome,
        telemetry::{self, Class, Recent},
        zone,
    },
};

/// The page of a host.
#[derive(Clone, Debug)]
pub struct Page {
    about: About,
    identity: Identity,
    server: Server,
}

/// The bars of the chart: an hour of minutes.
const BARS: usize = 60;
/// How many spans of the history are one bar.
const SPANS_PER_BAR: usize = 6;

impl Page {
    /// The page of this host, whose settings name these header fields.
    pub fn new(about: About, identity: Identity) -> Self {
        let server = Server { timezone: zone::local(), hostname: HOSTNAME.clone(), ..Server::default() };
        Self { about, identity, server }
    }

    /// What it shows now.
    pub fn view(&self) -> View {
        let (host, telemetry) = (self.about.observe(), &self.about.telemetry);
        let snapshot = self.about.rules.live().snapshot();
        let recent = telemetry.recent();
        let decided = |recent: Recent| Decided::of(recent, &snapshot.rules, snapshot.generation);
        View {
            now: Utc::now(),
            started: telemetry.started(),
            version: env!("CARGO_PKG_VERSION"),
            server: self.server.clone(),
            identity: self.identity.clone(),
            readiness: host.readiness,
            has_upstream: host.has_upstream,
            reload: Reload::of(&self.about),
            tallies: self
                .about
                .rules
                .live()
                .tallies()
                .into_iter()
                .map(|(id, tally)| (id, tally.into()))
                .collect(),
            missed: recent.missed,
            recent: recent.decisions.into_iter().map(decided).collect(),
            history: telemetry.history().into(),
            upstreams: host.upstreams,
            snapshot: Arc::clone(&snapshot),
        }
    }
}

impl Pages for Page {
    fn answer(&self, request: &PageRequest) -> Option<PageResponse> {
        if request.method != Method::GET {
            return None;
        }
        let document = answer(&request.path, request.query.as_deref(), || self.view())?;
        let field = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
        Some(PageResponse {
            status: StatusCode::from_u16(document.status).unwrap_or(StatusCode::OK),
            headers: vec![
                field(header::CONTENT_TYPE, document.content_type),
                field(header::CONTENT_SECURITY_POLICY, document.policy),
                field(header::CACHE_CONTROL, document.caching),
                // Without a referrer a form comes from nowhere (`Origin: null`), and is refused.
                field(header::REFERRER_POLICY, "same-origin"),
            ],
            body: match document.body {
                std::borrow::Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
                std::borrow::Cow::Owned(text) => Bytes::from(text),
            },
        })
    }
}

impl Reload {
    fn of(about: &About) -> Self {
        match &about.rules {
            Rulebook::File { path, reloader } => {
                let (status, metrics) = (reloader.status(), reloader.metrics());
                Self {
                    file: Some(path.display().to_string()),
                    outcome: status.last.outcome,
                    at: status.last.at,
                    since: status.since,
                    fingerprint: status.fingerprint,
                    diagnostics: status.last.diagnostics,
                    applied: metrics.applied(),
                    refused: metrics.refused(),
                }
            }
            Rulebook::Fixed(_) => Self {
                file: None,
                outcome: Outcome::Applied,
                at: about.telemetry.started(),
                since: about.telemetry.started(),
                fingerprint: None,
                diagnostics: Arc::default(),
                applied: 0,
                refused: 0,
            },
        }
    }
}

impl From<telemetry::Tally> for Tally {
    fn from(tally: telemetry::Tally) -> Self {
        let telemetry::Tally { matched, replaced, steered, kept } = tally;
        Self { matched, replaced: replaced + steered, kept }
    }
}

impl Decided {
    /// A decision of the rules that are in force as `generation`, or of others.
    fn of(recent: Recent, rules: &Rules, generation: u64) -> Self {
        let rule =
            recent.rule.as_ref().filter(|_| recent.action.is_replaced() && recent.generation == generation);
        let rule = rule.and_then(|id| rules.iter().find(|rule| rule.id() == id));
        let message = rule.zip(recent.message).and_then(|(rule, index)| rule.messages().get(index));
        Self {
            at: recent.at,
            content_type: message
                .map(|message| String::from_utf8_lossy(message.content_type.as_bytes()).into_owned()),
            method: recent.method,
            path: recent.path,
            upstream_status: recent.upstream_status,
            status: recent.status,
            action: recent.action,
            reason: recent.reason,
            rule: recent.rule,
            message: recent.message,
            cause: recent.cause.map(|cause| cause.as_str()),
            request_id: recent.id,
        }
    }
}

/// An hour of minutes, whatever is known of it.
impl From<telemetry::History> for History {
    fn from(history: telemetry::History) -> Self {
        let span =
            TimeDelta::from_std(history.span).unwrap_or_default() * i32::try_from(SPANS_PER_BAR).unwrap_or(1);
        let mut slots: Vec<Slot> = history.slots.rchunks(SPANS_PER_BAR).take(BARS).map(slot).collect();
        slots.resize(BARS, Slot::default());
        slots.reverse();
        Self { span, slots }
    }
}

/// The sum of spans.
fn slot(spans: &[telemetry::Slot]) -> Slot {
    let mut sum = Slot::default();
    for telemetry::Slot(answers) in spans {
        for class in Class::ALL {
            sum.replaced += answers.replaced(class);
            *match class {
                Class::ClientError => &mut sum.client_errors,
                Class::ServerError => &mut sum.server_errors,
                _ => &mut sum.others,
            } += answers.passed(class);
        }
    }
    sum
}
