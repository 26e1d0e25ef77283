//! What becomes of one exchange, and why: the values that `retort explain` prints and the page
//! shows. All of it comes of the same [`Rules::decide`] that a host asks.

use std::fmt;

use http::HeaderName;

use crate::{
    Body, Decision, Rules,
    exchange::{Exchange, Fields, OPT_OUT, hands_off, record::Record, request_id, user},
    rules::{Failed, Overwrite, StatusRule, Verdict},
    status::reason_phrase,
};

pub(crate) mod carried;
mod negotiated;
pub mod sample;

use carried::Carried;
pub use negotiated::{Chosen, Negotiated, Offered, Ranged, media_type};

/// The names of header fields that mean something to the proxy itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The request fields that may hold a request's id.
    pub request_id_headers: Vec<HeaderName>,
    /// The request field that names the remote user.
    pub user_header: HeaderName,
    /// The response field by which an upstream asks to leave its response alone.
    pub opt_out_header: HeaderName,
}

/// An exchange, and what the settings make of its header.
#[derive(Debug)]
pub struct Inquiry {
    /// The exchange.
    pub record: Record,
    id: String,
    identity: Identity,
}

/// What becomes of an exchange, and why.
///
/// What is text here is for people: what a header or a body holds of control characters is no
/// business of a terminal's or a page's, and is shown as U+FFFD.
#[derive(Debug)]
pub struct Explanation<'r> {
    /// The decision.
    pub decision: Decision<'r>,
    /// What was decided, in a sentence.
    pub exchange: String,
    /// Every rule in order, and how far it came.
    pub rules: Vec<Considered<'r>>,
    /// How the message was chosen, where the rules came that far.
    pub negotiation: Option<Negotiated>,
    /// The decision in words.
    pub words: String,
    /// What is to be said beside it, a line each.
    pub remarks: Vec<String>,
    /// What the client gets.
    pub response: Told,
    pub(crate) carried: Carried,
    /// The upstream's content.
    upstream_body: Option<String>,
}

/// A rule, and how far it came.
#[derive(Clone, Copy, Debug)]
pub struct Considered<'r> {
    /// The rule.
    pub rule: &'r StatusRule,
    /// How far it came.
    pub verdict: Verdict<'r>,
    status: u16,
}

/// A response as HTTP/1.1 would have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// `HTTP/1.1 404 Not Found`
    pub status_line: String,
    /// The header lines.
    pub headers: Vec<(String, String)>,
    /// What a GET gets, but nothing follows to HEAD.
    pub is_to_head: bool,
    /// The lines of the content; to HEAD, of that of a GET.
    pub body: Vec<String>,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            request_id_headers: request_id::DEFAULT_HEADERS.to_vec(),
            user_header: user::DEFAULT_HEADER,
            opt_out_header: OPT_OUT,
        }
    }
}

impl Inquiry {
    /// Asks about an exchange.
    pub fn new(record: Record, identity: Identity) -> Self {
        let id = record.request_id(&identity.request_id_headers);
        Self { record, id, identity }
    }

    /// The exchange as the rules see it.
    pub fn exchange(&self) -> Exchange<'_> {
        let user = user::first(Fields::Lines(&self.record.request.headers), &self.identity.user_header);
        let mut exchange = self.record.exchange(&self.id, user);
        exchange.response.hands_off = hands_off(exchange.response.fields, &self.identity.opt_out_header);
        exchange
    }

    /// What was decided, in a sentence.
    fn sentence(&self) -> String {
        let request = &self.record.request;
        let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let body = match self.record.body() {
            Body::Absent => "no body",
            Body::Present => "a body",
            Body::Unknown => "perhaps a body",
        };
        let status = self.record.response.status;
        harmless(&format!("{} {}{query} was answered with {status} and {body}.", request.method, request.uri))
    }
}

impl<'r> Explanation<'r> {
    /// Decides an exchange, and carries the decision out.
    pub fn new(rules: &'r Rules, inquiry: &Inquiry) -> Self {
        let (record, exchange) = (&inquiry.record, inquiry.exchange());
        let decision = rules.decide(&exchange, record.body());
        let carried = Carried::out(&decision, &exchange, record, &inquiry.identity.opt_out_header);
        let status = record.response.status;
        let considered = rules.verdicts(&exchange);
        let (words, remarks) = (words(&decision), remarks(&decision, &carried));
        Self {
            decision,
            exchange: inquiry.sentence(),
            rules: considered.map(|(rule, verdict)| Considered { rule, verdict, status }).collect(),
            negotiation: Negotiated::by(&decision, rules.negotiation(), &exchange),
            words,
            remarks,
            response: Told::of(&carried, record),
            carried,
            upstream_body: record.response.body.clone(),
        }
    }

    /// The message that is written, to its bytes, if one is.
    pub fn message(&self) -> Option<&[u8]> {
        self.carried.message.as_deref()
    }

    /// Why the response is kept, in words; `None` where it is replaced.
    pub fn why_kept(&self) -> Option<String> {
        why_kept(&self.decision)
    }

    /// The status that the client gets.
    pub fn status(&self) -> u16 {
        self.carried.status
    }

    /// The header lines that the client gets, as they are.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.carried.headers
    }

    /// The content that the client gets, as it is; to HEAD, that of a GET.
    pub fn body(&self) -> Option<String> {
        content(&self.carried, self.upstream_body.as_deref())
    }
}

impl Considered<'_> {
    /// The value of the attribute.
    pub fn overwrite(&self) -> &'static str {
        overwrite(self.rule.overwrite())
    }
}

/// The verdict in words.
impl fmt::Display for Considered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::Matches => f.write_str("matches"),
            Verdict::NotAsked(first) => write!(f, "not asked, {} comes first", first.id()),
            Verdict::NotForStatus => write!(f, "not for {}", self.status),
            Verdict::Failed(condition) => write!(f, "fails: {condition}"),
        }
    }
}

impl Told {
    /// What the client gets.
    fn of(carried: &Carried, record: &Record) -> Self {
        let upstream = &record.response;
        let body = content(carried, upstream.body.as_deref()).unwrap_or_default();
        let own = upstream.reason.as_deref().filter(|_| upstream.status == carried.status);
        let is_to_head = record.request.method == "HEAD" && !body.is_empty();
        Self { is_to_head, ..Self::new(carried.status, own, &carried.headers, &body) }
    }

    /// A response; without a reason phrase of its own it has the registered one.
    pub(crate) fn new(status: u16, reason: Option<&str>, headers: &[(String, Vec<u8>)], body: &str) -> Self {
        let reason = reason.or_else(|| reason_phrase(status)).unwrap_or_default();
        let headers =
            headers.iter().map(|(name, value)| (harmless(name), harmless(&String::from_utf8_lossy(value))));
        Self {
            status_line: harmless(format!("HTTP/1.1 {status} {reason}").trim_end()),
            headers: headers.collect(),
            is_to_head: false,
            body: body.lines().map(harmless).collect(),
        }
    }
}

/// The value of the attribute `overwrite`.
pub fn overwrite(overwrite: Overwrite) -> &'static str {
    match overwrite {
        Overwrite::IfEmpty => "IF_EMPTY",
        Overwrite::Always => "ALWAYS",
        Overwrite::IfNotAcceptable => "IF_NOT_ACCEPTABLE",
    }
}

/// The decision in words.
fn words(decision: &Decision<'_>) -> String {
    let reason = decision.reason();
    harmless(&match decision {
        Decision::Replace(choice) => {
            format!("replace: message {} of {} is written ({reason})", choice.index, choice.rule.id())
        }
        Decision::Steer(steered) => {
            format!("steer: the meta object says what to send, {} lets it ({reason})", steered.rule.id())
        }
        Decision::Keep(_) | Decision::Wait(_) => {
            format!("keep: {} ({reason})", why_kept(decision).unwrap_or_default())
        }
    })
}

fn remarks(decision: &Decision<'_>, carried: &Carried) -> Vec<String> {
    let is_generic = matches!(decision, Decision::Keep(_)) && carried.message.is_some();
    let generic = is_generic.then(|| "The proxy made the response: it gets a generic message.".to_owned());
    let refused = carried.refused.iter().map(|refused| harmless(&format!("Not obeyed: {refused}")));
    generic.into_iter().chain(refused).collect()
}

fn why_kept(decision: &Decision<'_>) -> Option<String> {
    match decision {
        Decision::Keep(kept) => Some(match kept.failed {
            Some(Failed { rule, condition }) => format!("{} does not apply: {condition} fails", rule.id()),
            None => kept.reason.to_string(),
        }),
        Decision::Wait(_) => Some("it is not known whether the response has content".to_owned()),
        Decision::Replace(_) | Decision::Steer(_) => None,
    }
}

/// The content that the client gets; to HEAD, that of a GET.
fn content(carried: &Carried, upstream: Option<&str>) -> Option<String> {
    match &carried.message {
        Some(body) => Some(String::from_utf8_lossy(body).into_owned()),
        None => upstream.map(str::to_owned),
    }
}

/// The text with U+FFFD in place of control characters.
pub(crate) fn harmless(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}")
}
