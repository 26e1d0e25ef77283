//! An explanation: the same values that `retort explain` prints.

use maud::{Markup, html};

use super::highlight;
use crate::{
    Decision,
    accept::Negotiation,
    explain::{Considered, Explanation, Negotiated, Offered, Ranged, Told},
    rules::Verdict,
};

/// So many rules are listed where there are more: those for the status first of all.
const SHOWN: usize = 200;

/// The whole answer: the decision, the response, then how it came about.
pub(super) fn answer(explanation: &Explanation<'_>) -> Markup {
    let class = match explanation.decision {
        Decision::Replace(_) | Decision::Steer(_) => "replaced",
        Decision::Keep(_) | Decision::Wait(_) => "kept",
    };
    html! {
        p.exchange { (explanation.exchange) }
        h2 { "Decision" }
        p class={ "decision " (class) } { (explanation.words) }
        @for remark in &explanation.remarks { p.remark { (remark) } }
        h2 { "Response" }
        (response(&explanation.response))
        @if let Some(negotiated) = &explanation.negotiation { h2 { "Negotiation" } (negotiation(negotiated)) }
        h2 { "Rules" }
        (rules(&explanation.rules))
    }
}

/// The response as HTTP/1.1 would have it.
fn response(told: &Told) -> Markup {
    let content_type = told.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = content_type.map(|(_, value)| value.as_str()).unwrap_or_default();
    html! {
        pre.response tabindex="0" role="region" aria-label="Response" {
            b { (told.status_line) } "\n"
            @for (name, value) in &told.headers { span.a { (name) ":" } " " (value) "\n" }
            @if !told.body.is_empty() {
                @if told.is_to_head { i { "(to GET; nothing follows to HEAD)" } }
                "\n" (highlight::text(content_type, &told.body.join("\n"))) "\n"
            }
        }
    }
}

/// Every rule, and how far it came.
fn rules(rules: &[Considered<'_>]) -> Markup {
    let shown = || {
        let is_asked = |considered: &&Considered<'_>| !matches!(considered.verdict, Verdict::NotForStatus);
        rules.iter().filter(move |considered| rules.len() <= SHOWN || is_asked(considered)).take(SHOWN)
    };
    let left = rules.len() - shown().count();
    html! {
        @if rules.is_empty() { p { "none" } } @else {
            table.verdicts {
                thead {
                    tr { th scope="col" { "rule" } th scope="col" { "statuses" } th scope="col" { "overwrite" } th scope="col" { "verdict" } }
                }
                tbody {
                    @for considered in shown() {
                        tr class=(class(considered.verdict)) {
                            th scope="row" { (considered.rule.id()) }
                            td { (considered.rule.statuses()) }
                            td { (considered.overwrite()) }
                            td { (considered) }
                        }
                    }
                }
            }
        }
        @if left > 0 { p.quiet { (left) " more rules are not for this status, or come after." } }
    }
}

fn class(verdict: Verdict<'_>) -> &'static str {
    match verdict {
        Verdict::Matches => "matches",
        Verdict::Failed(_) => "fails",
        Verdict::NotAsked(_) => "later",
        Verdict::NotForStatus => "other",
    }
}

/// What the client accepts, and what each message is worth to it.
fn negotiation(negotiated: &Negotiated) -> Markup {
    html! {
        @if negotiated.negotiation == Negotiation::Exact { p { "(exact: only the ranges of the best quality count)" } }
        table.ranges {
            thead { tr { th scope="col" { "accepted" } th.number scope="col" { "q" } th scope="col" { "decides for message" } } }
            tbody {
                @for Ranged { text, quality, decides } in &negotiated.ranges {
                    tr {
                        th scope="row" { (text) }
                        td.number { (quality.to_string()) }
                        td {
                            @if decides.is_empty() { "-" }
                            @for (place, index) in decides.iter().enumerate() { @if place > 0 { ", " } (index) }
                        }
                    }
                }
            }
        }
        table.offers {
            thead {
                tr { th.number scope="col" { "message" } th scope="col" { "media type" } th scope="col" { "language" } th.number scope="col" { "q" }
                    th scope="col" { span.aside { "choice" } } }
            }
            tbody {
                @for Offered { index, media_type, language, quality, chosen } in &negotiated.messages {
                    tr class=(if chosen.is_some() { "matches" } else { "" }) {
                        th.number scope="row" { (index) }
                        td { (media_type) }
                        td { (language.as_deref().unwrap_or("-")) }
                        td.number { @match quality { Some(quality) => (quality.to_string()), None => "-" } }
                        td { @if let Some(chosen) = chosen { (chosen.words()) } }
                    }
                }
            }
        }
    }
}
