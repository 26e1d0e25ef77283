//! The last decisions.

use maud::{Markup, html};

use super::{EXPLAIN, OVERVIEW, encoded, words};
use crate::{
    host::admin::view::{Decided, View},
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
            Show::Replaced => decided.action != "keep",
            Show::Kept => decided.action == "keep",
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
            }
        }
    }
}

fn row(decided: &Decided, view: &View) -> Markup {
    let Decided { method, path, upstream_status, status, .. } = decided;
    html! {
        tr {
            td.time { (words::clock(decided.at, view.server.timezone)) }
            td.request { span.method { (method) } " " span.path { (path) } }
            td.status title=[reason_phrase(*status)] {
                @if upstream_status != status { (upstream_status) " → " }
                span.failed[*status >= 500] { (status) }
            }
            td.decision {
                @match decided.action {
                    "keep" => { "kept" span.why { (decided.reason) } },
                    action => {
                        b { @if action == "steer" { "steered" } @else { "replaced" } }
                        span.why { (decided.content_type.as_deref().unwrap_or(decided.reason)) }
                    }
                }
                @if let Some(cause) = decided.cause { span.why.cause { (cause) } }
            }
            td.rule { @if let Some(rule) = &decided.rule { (rule) } @else { span.zero { "none" } } }
            td.explain {
                a href=(explain(decided)) aria-label={ "Explain " (method) " " (path) " " (upstream_status) } { "explain" }
            }
        }
    }
}

/// The same exchange asked about, as far as it is known.
fn explain(decided: &Decided) -> String {
    let Decided { method, path, upstream_status, .. } = decided;
    let body = if decided.reason == "body-present" { "&body=x" } else { "" };
    let cause = decided.cause.map(|cause| format!("&cause={cause}")).unwrap_or_default();
    let (method, path) = (encoded(method), encoded(path));
    format!("{EXPLAIN}?status={upstream_status}&method={method}&path={path}{cause}{body}")
}
