//! The answer for people.

use std::fmt::Write;

use super::answer::Answer;
use crate::{
    Body, Decision, Rules,
    accept::{Accept, Negotiation, Offer},
    case::carried::Carried,
    cli::{recorded::Recorded, table::Table},
    exchange::Fields,
    media::QValue,
    rules::{Overwrite, Reason, StatusRule, Verdict},
    status::reason_phrase,
};

/// The whole answer: the exchange, the rules, the negotiation, the decision, the response.
pub(super) fn text(rules: &Rules, recorded: &Recorded, answer: &Answer<'_>) -> String {
    let mut out = exchange(recorded);
    out.push_str("\nRules\n");
    out.push_str(&matching(rules, recorded));
    if let Some(rule) = answer.decision.rule().filter(|_| was_negotiated(&answer.decision)) {
        let fields = Fields::Lines(&recorded.record.request.headers);
        _ = write!(out, "\nNegotiation\n{}", negotiation(rules, rule, fields, answer));
    }
    harmless(&out) + "\n" + &outcome(recorded, answer)
}

/// The end of the answer: the decision, the response.
pub(in crate::cli) fn outcome(recorded: &Recorded, answer: &Answer<'_>) -> String {
    harmless(&format!("Decision\n  {}\n\nResponse\n{}", decision(answer), response(recorded, answer)))
}

/// What a header or a body holds is no business of the terminal's.
fn harmless(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}")
}

/// What is decided, in a line.
fn exchange(recorded: &Recorded) -> String {
    let request = &recorded.record.request;
    let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let body = match recorded.record.body() {
        Body::Absent => "no body".to_owned(),
        Body::Present => "a body".to_owned(),
        Body::Unknown => "perhaps a body".to_owned(),
    };
    let status = recorded.record.response.status;
    format!("{} {}{query} was answered with {status} and {body}.\n", request.method, request.uri)
}

/// Each rule, and why it does or does not apply.
fn matching(rules: &Rules, recorded: &Recorded) -> String {
    if rules.iter().len() == 0 {
        return "  none\n".to_owned();
    }
    let status = recorded.record.response.status;
    let mut table = Table::new(["rule", "statuses", "overwrite", "verdict"]);
    for (rule, verdict) in rules.verdicts(&recorded.exchange()) {
        let verdict = match verdict {
            Verdict::Matches => "matches".to_owned(),
            Verdict::NotAsked(first) => format!("not asked, {} comes first", first.id()),
            Verdict::NotForStatus => format!("not for {status}"),
            Verdict::Failed(condition) => format!("fails: {condition}"),
        };
        table.row([rule.id().to_string(), rule.statuses().to_string(), overwrite(rule.overwrite()), verdict]);
    }
    table.text("  ")
}

/// Whether the rules came as far as the client's Accept.
fn was_negotiated(decision: &Decision<'_>) -> bool {
    match decision {
        Decision::Keep(kept) => kept.message.is_some() || kept.reason == Reason::NotAcceptable,
        Decision::Replace(_) | Decision::Steer(_) | Decision::Wait(_) => true,
    }
}

/// What the client accepts, and what each message is worth to it.
fn negotiation(rules: &Rules, rule: &StatusRule, fields: Fields<'_>, answer: &Answer<'_>) -> String {
    let accept = Accept::new(fields);
    let weights: Vec<_> = rule.offers().iter().map(|offer| accept.weigh(offer, rule.offers())).collect();
    let mut ranges = Table::new(["accepted", "q", "decides for message"]);
    for (position, range) in accept.ranges().enumerate() {
        let decided =
            (0..).zip(&weights).filter(|(_, weight)| weight.is_some_and(|w| w.position == position));
        let decided: Vec<_> = decided.map(|(index, _): (usize, _)| index.to_string()).collect();
        let decided = if decided.is_empty() { "-".to_owned() } else { decided.join(", ") };
        let range_text = String::from_utf8_lossy(range.text()).trim().to_owned();
        ranges.row([range_text, range.quality().to_string(), decided]);
    }
    let mut messages = Table::new(["message", "media type", "language", "q", ""]);
    for (index, (offer, weight)) in rule.offers().iter().zip(&weights).enumerate() {
        let language = rule.messages().get(index).and_then(|message| message.language.as_ref());
        let language = language.map_or("-".to_owned(), ToString::to_string);
        let quality = weight.map_or("-".to_owned(), |weight| weight.quality.to_string());
        let chosen = match weight {
            _ if answer.decision.message() != Some(index) => "",
            Some(weight) if weight.quality > QValue::ZERO => "<- chosen",
            _ => "<- chosen: it answers where nothing is acceptable",
        };
        messages.row([index.to_string(), media_type(offer), language, quality, chosen.to_owned()]);
    }
    let exact = match rules.negotiation() {
        Negotiation::Rfc9110 => "",
        Negotiation::Exact => "  (exact: only the ranges of the best quality count)\n",
    };
    format!("{exact}{}\n{}", ranges.text("  "), messages.text("  "))
}

fn decision(answer: &Answer<'_>) -> String {
    let reason = answer.decision.reason();
    let mut text = match &answer.decision {
        Decision::Replace(choice) => {
            format!("replace: message {} of {} is written ({reason})", choice.index, choice.rule.id())
        }
        Decision::Steer(steered) => {
            format!("steer: the meta object says what to send, {} lets it ({reason})", steered.rule.id())
        }
        Decision::Keep(_) | Decision::Wait(_) => {
            format!("keep: {} ({reason})", answer.why_kept().unwrap_or_default())
        }
    };
    if matches!(answer.decision, Decision::Keep(_)) && answer.carried.message.is_some() {
        text.push_str("\n  The proxy made the response: it gets a generic message.");
    }
    for refused in &answer.carried.refused {
        _ = write!(text, "\n  Not obeyed: {refused}");
    }
    text
}

/// The response as HTTP/1.1 would have it.
fn response(recorded: &Recorded, answer: &Answer<'_>) -> String {
    let Carried { status, headers, .. } = &answer.carried;
    let upstream = &recorded.record.response;
    let own = upstream.reason.as_deref().filter(|_| upstream.status == *status);
    let reason = own.or_else(|| reason_phrase(*status)).unwrap_or_default();
    let mut out = format!("  HTTP/1.1 {status} {reason}").trim_end().to_owned() + "\n";
    for (name, value) in headers {
        _ = writeln!(out, "  {name}: {}", String::from_utf8_lossy(value));
    }
    let body = answer.body().unwrap_or_default();
    if !body.is_empty() {
        let to_head =
            if recorded.record.request.method == "HEAD" { "  (to GET; nothing follows to HEAD)" } else { "" };
        _ = writeln!(out, "{to_head}");
        body.lines().for_each(|line| out.extend(["  ", line, "\n"]));
    }
    out
}

fn media_type(offer: &Offer) -> String {
    match offer {
        Offer::Any => "*/*".to_owned(),
        Offer::Type(media_type) => media_type.to_string(),
        Offer::Never => "(none that a client can name)".to_owned(),
    }
}

fn overwrite(overwrite: Overwrite) -> String {
    match overwrite {
        Overwrite::IfEmpty => "IF_EMPTY".to_owned(),
        Overwrite::Always => "ALWAYS".to_owned(),
        Overwrite::IfNotAcceptable => "IF_NOT_ACCEPTABLE".to_owned(),
    }
}
