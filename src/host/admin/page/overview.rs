//! The overview: what whoever is on call wants to see first.

use maud::{Markup, html};

use super::{
    chart, decisions, rules,
    shell::{self, Place},
    state, words,
};
use crate::host::admin::view::View;

/// The document. The script asks for it again and again, and takes the parts that are live.
pub(super) fn page(view: &View, show: Option<&str>) -> Markup {
    let content = html! {
        h1.aside { "Overview" }
        div #live-state data-live="" { (state::facts(view)) (state::diagnostics(view)) }
        div #live-chart data-live="" { (chart::chart(view)) }
        div #live-rules data-live="" { (rules::table(view)) }
        div #live-upstreams data-live="" { (upstreams(view)) }
        div #live-decisions data-live="" { (decisions::table(view, show)) }
    };
    shell::document(view, Place::Overview, &content)
}

fn upstreams(view: &View) -> Markup {
    html! {
        @if !view.upstreams.is_empty() {
            section.upstreams aria-labelledby="upstreams" {
                h2 #upstreams { "Upstreams" }
                table {
                    thead {
                        tr {
                            th scope="col" { "Upstream" }
                            th scope="col" { "State" }
                            th.number scope="col" { "Under way" }
                            th.number scope="col" { "Failures" }
                        }
                    }
                    tbody {
                        @for upstream in view.upstreams.iter().take(200) {
                            tr.ill[!upstream.healthy] {
                                th.rule scope="row" {
                                    (upstream.name)
                                    @match &upstream.address {
                                        Some(address) => span.about { (address) },
                                        None => span.about { "no address yet" },
                                    }
                                }
                                td.health {
                                    @if upstream.healthy { "well" } @else { b { "away" } }
                                    span.why { (words::length(view.now.signed_duration_since(upstream.since))) }
                                }
                                td.number data-label="under way" { (words::number(upstream.in_flight as u64)) }
                                td.number data-label="failures" { (words::number(upstream.failures)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
