//! The last decisions.

use maud::{Markup, html};

use super::{EXPLAIN, OVERVIEW, encoded, words};
use crate::{
    host::{
        admin::view::{Decided, View},
        telemetry::Action,
    },
    rules::Reason,
    status::reason_phrase,
};

const SHOWN: usize = 200;

/// Which decisions are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    All,
    Replaced,
    Kept,
}

impl Show {
    const ALL: [(Self, &'static str, &'static str); 3] =
        [(Show::All, "all", "All"), (Show::Replaced, "replaced", "Replaced"), (Show::Kept, "kept", "Kept")];

    fn named(name: Option<&str>) -> Self {
        let found = Self::ALL.into_iter().find(|(_, other, _)| Some(*other) == name);
        found.map_or(Show::All, |(show, ..)| show)
    }

    fn has(self, decided: &Decided) -> bool {
        match self {
            Show::All => true,
            Show::Replaced => decided.action.is_replaced(),
            Show::Kept => !decided.action.is_replaced(),
        }
    }
}

/// The newest first.
pub(super) fn table(view: &View, show: Option<&str>) -> Markup {
    let show = Show::named(show);
    let recent: Vec<_> = view.recent.iter().take(SHOWN).filter(|decided| show.has(decided)).collect();
    html! {
        section.decisions aria-labelledby="decisions" {
            div.row {
                h2 #decisions { "Last decisions" }
                ul.choice aria-label="Which decisions" {
                    @for (other, name, label) in Show::ALL {
                        li { a href={ (OVERVIEW) "?show=" (name) "#decisions" } aria-current=[(other == show).then_some("true")] { (label) } }
                    }
                }
            }
            @if recent.is_empty() {
                p.quiet { "None yet." }
            } @else {
                table {
                    thead {
                        tr {
                            th scope="col" { "Time" }
                            th scope="col" { "Request" }
                            th scope="col" { "Status" }
                            th scope="col" { "Decision" }
                            th scope="col" { "Rule" }
                            th scope="col" { span.aside { "Explain" } }
                        }
                    }
                    tbody { @for decided in recent { (row(decided, view)) } }
                }
                @if view.missed > 0 { p.quiet { (words::number(view.missed)) " more were too many to be listed." } }
            }
        }
    }
}

fn row(decided: &Decided, view: &View) -> Markup {
    let Decided { method, path, upstream_status, status, .. } = decided;
    let media_type = decided.content_type.as_deref().and_then(|content_type| content_type.split(';').next());
    let why = media_type.unwrap_or(decided.reason);
    html! {
        tr {
            td.time { (words::clock(decided.at, view.server.timezone)) }
            td.request { span.method { (method) } " " span.path { (path) } }
            td.status title=[status.and_then(reason_phrase)] {
                @if let Some(upstream) = upstream_status.filter(|_| upstream_status != status) { (upstream) " → " }
                @match status {
                    Some(status) => span.failed[*status >= 500] { (status) },
                    None => span.zero { "none" },
                }
            }
            td.decision {
                @match decided.action {
                    Action::Keep => { "kept" span.why { (decided.reason) } },
                    Action::Replace => { b { "replaced" } span.why { (why) } },
                    Action::Steer => { b { "steered" } span.why { (why) } },
                    Action::Wait => { "undecided" span.why { "it ended early" } },
                    Action::Panic => { span.failed { "a fault" } span.why { "it passed" } },
                }
                @if let Some(cause) = decided.cause { span.why.cause { (cause) } }
            }
            td.rule { @if let Some(rule) = &decided.rule { (rule) } @else { span.zero { "none" } } }
            td.explain {
                @if let Some(status) = upstream_status.or(*status) {
                    a href=(explain(decided, status)) aria-label={ "Explain " (method) " " (path) " " (status) } { "explain" }
                }
            }
        }
    }
}

/// The same exchange asked about, as far as it is known.
fn explain(decided: &Decided, status: u16) -> String {
    let body = if decided.reason == Reason::BodyPresent.code() { "&body=content" } else { "" };
    let cause = decided.cause.map(|cause| format!("&cause={cause}")).unwrap_or_default();
    let (method, path) = (encoded(&decided.method), encoded(&decided.path));
    format!("{EXPLAIN}?status={status}&method={method}&path={path}{cause}{body}")
}
