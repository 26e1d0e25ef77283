//! What all documents have: the head, the masthead, the way from one to the other.

use maud::{DOCTYPE, Markup, html};

use super::{EXPLAIN, MESSAGES, OVERVIEW, assets, state, words};
use crate::host::admin::view::View;

/// Which document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Messages,
    Explain,
}

impl Place {
    const ALL: [Self; 3] = [Place::Overview, Place::Messages, Place::Explain];

    fn name(self) -> &'static str {
        match self {
            Place::Overview => "Overview",
            Place::Messages => "Messages",
            Place::Explain => "Explain",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Place::Overview => OVERVIEW,
            Place::Messages => MESSAGES,
            Place::Explain => EXPLAIN,
        }
    }
}

/// A whole document.
pub(super) fn document(view: &View, place: Place, content: &Markup) -> Markup {
    let headline = state::headline(view);
    let title = match place {
        Place::Overview => format!("{headline} · Retort"),
        Place::Messages | Place::Explain => format!("{} · Retort", place.name()),
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="icon" type="image/svg+xml" href=(assets::icon());
                link rel="stylesheet" href=(assets::style());
                script src=(assets::script()) defer {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header.masthead {
                    p.mark { a href=(OVERVIEW) { "Retort" } " " span.quiet { (view.version) } }
                    nav aria-label="Pages" {
                        ul {
                            @for other in Place::ALL {
                                li {
                                    a href=(other.path()) aria-current=[(other == place).then_some("page")] {
                                        (other.name())
                                    }
                                }
                            }
                        }
                    }
                    // What the script adds; without it nothing changes, and nothing needs to be said.
                    div.live data-controls="" {}
                }
                main #content tabindex="-1" { (content) }
                footer.quiet {
                    (view.server.hostname)
                    ", up " (words::length(view.now.signed_duration_since(view.started)))
                    ". Times are of " (view.server.timezone.name()) "; this was written at "
                    (words::clock(view.now, view.server.timezone)) "."
                }
            }
        }
    }
}
