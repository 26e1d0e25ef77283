//! The rules in order: what each is for, and what it did.

use maud::{Markup, html};

use super::{
    MESSAGES, encoded,
    strip::{self, Share, Shares},
    words,
};
use crate::{
    explain,
    host::admin::view::{Tally, View},
    rules::StatusRule,
};

/// So many rules are shown; beyond that nobody reads them in a browser.
const SHOWN: usize = 300;

/// All rules.
pub(super) fn table(view: &View) -> Markup {
    let rules = &view.snapshot.rules;
    let (count, mut shares) = (rules.iter().len(), Shares::new());
    html! {
        section.rules aria-labelledby="rules" {
            h2 #rules { "Rules" }
            p.note {
                "The first that matches applies."
                @if let Some(file) = &view.reload.file { " " code.path { (file) } }
                @if let Some(fingerprint) = view.reload.fingerprint { ", content " code { (fingerprint) } }
                ". " (words::counted(view.reload.applied, "reload")) " since the start"
                @if view.reload.refused > 0 { ", " (view.reload.refused) " refused" }
                "."
            }
            @if count == 0 {
                p { "There are none: every response passes as it came." }
            } @else {
                table {
                    thead {
                        tr {
                            th.order scope="col" { span.aside { "Order" } }
                            th scope="col" { "Rule" }
                            th.codes scope="col" { "Statuses" }
                            th.statuses scope="col" { span.aside { "What it has of 100 to 599" } (strip::axis()) }
                            th.number scope="col" { "Matched" }
                            th.number scope="col" { "Replaced" }
                            th.number scope="col" { "Kept" }
                        }
                    }
                    tbody {
                        @for (index, rule) in rules.iter().enumerate().take(SHOWN) {
                            (row(index, rule, &shares.next(rule), view.tallies.get(rule.id())))
                        }
                        @let rest = Shares::rest_of(rules);
                        tr.rest {
                            td.order {}
                            td.rule { "none of these" span.about { "passes as it came" } }
                            td.codes {}
                            td.statuses { (rest.strip()) }
                            td.number {} td.number {} td.number {}
                        }
                    }
                }
                p.key {
                    span.always { "always applies" } span.sometimes { "depends on conditions" }
                    span.never { "never: a rule above takes it" }
                }
            }
            @if count > SHOWN { p.quiet { "The first " (SHOWN) " of " (words::counted(count as u64, "rule")) "." } }
        }
    }
}

fn row(index: usize, rule: &StatusRule, share: &Share, tally: Option<&Tally>) -> Markup {
    let none = Tally::default();
    let tally = tally.unwrap_or(&none);
    let is_shadowed = share.always.is_empty() && share.sometimes.is_empty();
    let href = format!("{MESSAGES}?rule={}", encoded(rule.id()));
    html! {
        tr.shadowed[is_shadowed] {
            td.order { (index + 1) }
            th.rule scope="row" {
                a href=(href) { (rule.id()) }
                (about(rule))
                @if is_shadowed { span.condition.warn { "can never apply" } }
            }
            td.codes { (rule.statuses()) }
            td.statuses { (share.strip()) }
            td.number data-label="matched" { (count(tally.matched)) }
            td.number.replaced data-label="replaced" { (count(tally.replaced)) }
            td.number data-label="kept" { (kept(tally)) }
        }
    }
}

/// What is to be said of a rule beside its statuses.
fn about(rule: &StatusRule) -> Markup {
    html! {
        span.about {
            (explain::overwrite(rule.overwrite()))
            @match rule.messages().len() {
                0 => ", no message",
                1 => ", 1 message",
                count => { ", " (count) " messages" },
            }
            @if let Some(status) = rule.status() { ", sends " (status) }
            @if rule.is_steered() { ", steered by meta" }
            @if !rule.keep_types().is_empty() { ", keeps " (words::counted(rule.keep_types().len() as u64, "type")) }
        }
        @for condition in rule.conditions().iter() { span.condition { "if " (condition) } }
    }
}

/// How many were kept, and why.
fn kept(tally: &Tally) -> Markup {
    let reasons: Vec<_> = tally.kept.iter().filter(|(_, count)| *count > 0).collect();
    let sum = reasons.iter().map(|(_, count)| count).sum();
    html! {
        (count(sum))
        @for (reason, count) in &reasons {
            span.why { (reason) @if reasons.len() > 1 { " " (words::number(*count)) } }
        }
    }
}

fn count(count: u64) -> Markup {
    html! { @if count == 0 { span.zero { "0" } } @else { (words::number(count)) } }
}
