//! The state at a glance: is it ready, did the last reload fail, what is being replaced, are the
//! upstreams well. And, where the rules have mistakes, which.

use std::{collections::HashMap, sync::Arc};

use chrono::TimeDelta;
use maud::{Markup, html};

use super::{RELOAD, words};
use crate::{
    config::{Diagnostic, Severity},
    host::{admin::view::View, readiness::State, reload::Outcome},
};

/// How far back "of late" goes.
const OF_LATE: TimeDelta = TimeDelta::minutes(5);

/// How a fact is to be taken.
#[derive(Clone, Copy)]
enum Mood {
    Well,
    Notable,
    Bad,
    Plain,
}

/// One of the facts.
struct Fact {
    mood: Mood,
    /// What it is about.
    about: &'static str,
    /// What is to be seen from afar.
    head: String,
    more: Markup,
}

/// The worst of it in a few words, for the tab.
pub(super) fn headline(view: &View) -> String {
    match (view.readiness.state(), view.reload.outcome) {
        (State::Draining, _) => "Draining".to_owned(),
        (State::Starting, _) => "Not ready".to_owned(),
        (State::Ready, _) if !view.has_upstream => "No upstream".to_owned(),
        (State::Ready, Outcome::Refused) => "Reload refused".to_owned(),
        (State::Ready, Outcome::Missing) => "No rules".to_owned(),
        (State::Ready, Outcome::Applied | Outcome::Unchanged) => "Ready".to_owned(),
    }
}

/// The facts side by side.
pub(super) fn facts(view: &View) -> Markup {
    let upstreams = upstreams(view);
    let facts = [Some(readiness(view)), Some(reload(view)), Some(replacing(view)), upstreams];
    html! {
        dl.facts {
            @for fact in facts.into_iter().flatten() {
                div class={ "fact " (fact.mood.class()) } {
                    dt { (fact.about) }
                    dd { strong { (fact.head) } span.more { (fact.more) } }
                }
            }
        }
    }
}

/// The diagnostics of the rules, with their carets.
pub(super) fn diagnostics(view: &View) -> Markup {
    let reload = &view.reload;
    let (refused, zone) = (reload.outcome == Outcome::Refused, view.server.timezone);
    html! {
        @if !reload.diagnostics.is_empty() {
            section.diagnostics.refused[refused] aria-labelledby="diagnostics" {
                h2 #diagnostics { @if refused { "Why the reload was refused" } @else { "Warnings of the rules in force" } }
                @if refused {
                    p {
                        "The files as they are since " (words::clock(reload.at, zone)) " cannot be used. Version "
                        (view.snapshot.generation) " stays in force until they can."
                    }
                }
                div.scroll role="group" aria-label="Excerpts of the files" tabindex="0" {
                    @for diagnostic in reload.diagnostics.iter().take(50) { (excerpt(diagnostic)) }
                }
                @if reload.diagnostics.len() > 50 {
                    p.quiet { "The first 50 of " (reload.diagnostics.len()) ". " code { "retort check" } " tells them all." }
                }
            }
        }
    }
}

fn excerpt(diagnostic: &Diagnostic) -> Markup {
    let class = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let text = diagnostic.to_string();
    let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
    html! {
        pre class=(class) {
            b { (head) } "\n"
            @for line in rest.lines() {
                @match line.find('^').filter(|at| line.get(..*at).is_some_and(|gutter| gutter.trim() == "|")) {
                    Some(at) => {
                        @let (gutter, carets) = line.split_at_checked(at).unwrap_or((line, ""));
                        (gutter) span.carets { (carets) }
                    },
                    None => (line),
                }
                "\n"
            }
        }
    }
}

impl Mood {
    fn class(self) -> &'static str {
        match self {
            Mood::Well => "well",
            Mood::Notable => "notable",
            Mood::Bad => "bad",
            Mood::Plain => "plain",
        }
    }
}

fn readiness(view: &View) -> Fact {
    let up = words::length(view.now.signed_duration_since(view.started));
    let (mood, head, more) = match view.readiness.state() {
        State::Ready if !view.has_upstream => (Mood::Bad, "Not ready", html! { "no upstream is well" }),
        State::Ready => (Mood::Well, "Ready", html! { "up " (up) }),
        State::Draining => (Mood::Bad, "Draining", html! { "finishing what was begun" }),
        State::Starting => {
            let lacking: Vec<_> = view.readiness.lacking().map(|need| need.to_string()).collect();
            (Mood::Bad, "Not ready", html! { (lacking.join(", ")) })
        }
    };
    Fact { mood, about: "Proxy", head: head.to_owned(), more }
}

fn reload(view: &View) -> Fact {
    let (reload, zone) = (&view.reload, view.server.timezone);
    let generation = view.snapshot.generation;
    let since = words::ago(reload.since, view.now, zone);
    let mistakes = reload.diagnostics.errors().count() as u64;
    let warnings = reload.diagnostics.warnings().count() as u64;
    let again = html! {
        @if reload.file.is_some() {
            form.again method="post" action=(RELOAD) { button type="submit" { "Reload" } }
        }
    };
    let (mood, head, more) = match reload.outcome {
        Outcome::Refused => (
            Mood::Bad,
            "Reload refused".to_owned(),
            html! {
                (words::ago(reload.at, view.now, zone)) ", "
                a href="#diagnostics" { (words::counted(mistakes, "mistake")) }
                "; version " (generation) " stays in force " (again)
            },
        ),
        Outcome::Missing => (
            Mood::Bad,
            "No rules file".to_owned(),
            html! { "waiting for " code { (reload.file.as_deref().unwrap_or("it")) } " " (again) },
        ),
        Outcome::Applied | Outcome::Unchanged => (
            if warnings > 0 { Mood::Notable } else { Mood::Well },
            format!("Version {generation}"),
            html! {
                "loaded " (since) ", " (words::counted(view.snapshot.rules.iter().len() as u64, "rule"))
                @if warnings > 0 { ", " a href="#diagnostics" { (words::counted(warnings, "warning")) } }
                " " (again)
            },
        ),
    };
    Fact { mood, about: "Rules", head, more }
}

/// What was replaced of late, and by which rule most.
fn replacing(view: &View) -> Fact {
    let span = view.history.span.num_milliseconds().max(1);
    let spans = usize::try_from((OF_LATE.num_milliseconds() / span).max(1)).unwrap_or(1);
    let slots = view.history.slots.iter().rev().take(spans);
    let replaced: u64 = slots.map(|slot| slot.replaced).sum();
    let since = view.now - OF_LATE;
    let mut by_rule: HashMap<(&Arc<str>, u16), u64> = HashMap::new();
    for decided in view.recent.iter().filter(|decided| decided.at >= since && decided.action.is_replaced()) {
        if let (Some(rule), Some(status)) = (&decided.rule, decided.upstream_status.or(decided.status)) {
            *by_rule.entry((rule, status)).or_default() += 1;
        }
    }
    let most = by_rule.into_iter().max_by_key(|((rule, status), count)| (*count, (*rule).clone(), *status));
    let of_late = format!("in the last {}", words::length(OF_LATE));
    let (mood, head) = match replaced {
        0 => (Mood::Plain, "Nothing".to_owned()),
        1 => (Mood::Notable, "1 reply".to_owned()),
        _ => (Mood::Notable, format!("{} replies", words::number(replaced))),
    };
    let more = html! {
        (of_late)
        @if let Some(((rule, status), _)) = most { ", mostly " (status) " by " b { (rule) } }
    };
    Fact { mood, about: "Replacing", head, more }
}

fn upstreams(view: &View) -> Option<Fact> {
    let all = view.upstreams.len();
    if all == 0 {
        return None;
    }
    let ill: Vec<_> = view.upstreams.iter().filter(|upstream| !upstream.healthy).collect();
    let well = all - ill.len();
    let more = match ill.first() {
        None => {
            let busy: usize = view.upstreams.iter().map(|upstream| upstream.in_flight).sum();
            html! { (words::counted(busy as u64, "request")) " under way" }
        }
        Some(first) => html! {
            b { (first.name) } " away " (words::length(view.now.signed_duration_since(first.since)))
            @if ill.len() > 1 { ", and " (ill.len() - 1) " more" }
        },
    };
    let mood = if ill.is_empty() { Mood::Well } else { Mood::Bad };
    Some(Fact { mood, about: "Upstreams", head: format!("{well} of {all} well"), more })
}
