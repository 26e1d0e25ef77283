//! The answer for people.

use std::fmt::Write;

use crate::{
    accept::Negotiation,
    cli::table::Table,
    explain::{Considered, Explanation, Negotiated, Told, harmless},
};

/// The whole answer: the exchange, the rules, the negotiation, the decision, the response.
pub(super) fn text(answer: &Explanation<'_>) -> String {
    let mut out = format!("{}\n\nRules\n{}", answer.exchange, matching(&answer.rules));
    if let Some(negotiated) = &answer.negotiation {
        _ = write!(out, "\nNegotiation\n{}", negotiation(negotiated));
    }
    harmless(&out) + "\n" + &outcome(answer)
}

/// The end of the answer: the decision, the response.
fn outcome(answer: &Explanation<'_>) -> String {
    let mut out = format!("Decision\n  {}\n", answer.words);
    answer.remarks.iter().for_each(|remark| out.extend(["  ", remark, "\n"]));
    _ = write!(out, "\nResponse\n{}", response(&answer.response));
    out
}

/// Each rule, and why it does or does not apply.
fn matching(rules: &[Considered<'_>]) -> String {
    if rules.is_empty() {
        return "  none\n".to_owned();
    }
    let mut table = Table::new(["rule", "statuses", "overwrite", "verdict"]);
    for considered in rules {
        let Considered { rule, .. } = considered;
        let overwrite = considered.overwrite().to_owned();
        table.row([rule.id().to_string(), rule.statuses().to_string(), overwrite, considered.to_string()]);
    }
    table.text("  ")
}

/// What the client accepts, and what each message is worth to it.
fn negotiation(negotiated: &Negotiated) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut ranges = Table::new(["accepted", "q", "decides for message"]);
    for range in &negotiated.ranges {
        let decided: Vec<_> = range.decides.iter().map(usize::to_string).collect();
        let decided = or_dash(Some(decided.join(", ")).filter(|decided| !decided.is_empty()));
        ranges.row([range.text.clone(), range.quality.to_string(), decided]);
    }
    let mut messages = Table::new(["message", "media type", "language", "q", ""]);
    for message in &negotiated.messages {
        let quality = or_dash(message.quality.map(|quality| quality.to_string()));
        let chosen = message.chosen.map(|chosen| format!("<- {}", chosen.words())).unwrap_or_default();
        let (index, language) = (message.index.to_string(), or_dash(message.language.clone()));
        messages.row([index, message.media_type.clone(), language, quality, chosen]);
    }
    let exact = match negotiated.negotiation {
        Negotiation::Rfc9110 => "",
        Negotiation::Exact => "  (exact: only the ranges of the best quality count)\n",
    };
    format!("{exact}{}\n{}", ranges.text("  "), messages.text("  "))
}

/// The response as HTTP/1.1 would have it.
fn response(told: &Told) -> String {
    let mut out = format!("  {}\n", told.status_line);
    for (name, value) in &told.headers {
        _ = writeln!(out, "  {name}: {value}");
    }
    if !told.body.is_empty() {
        let to_head = if told.is_to_head { "  (to GET; nothing follows to HEAD)" } else { "" };
        _ = writeln!(out, "{to_head}");
        told.body.iter().for_each(|line| out.extend(["  ", line, "\n"]));
    }
    out
}
