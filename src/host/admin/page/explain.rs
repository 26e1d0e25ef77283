//! The document `explain`: a form, and what becomes of the exchange that it tells.

use maud::{Markup, html};

use super::{
    EXPLAIN, answer,
    form::{Asked, CLIENTS, Client, Flaw},
    shell::{self, Place},
};
use crate::{exchange::Cause, explain::Explanation, host::admin::view::View};

/// The document. Without a query it explains the exchange that the form starts with.
pub(super) fn page(view: &View, query: &str) -> Markup {
    let asked = Asked::of(query);
    let inquiry = asked.inquiry(view);
    let flaws = inquiry.as_ref().err().map(Vec::as_slice).unwrap_or_default();
    let content = html! {
        h1 { "Explain" }
        p.note { "What the rules in force, version " (view.snapshot.generation) ", make of a response, and why." }
        div.ask {
            (form(&asked, flaws))
            section #answer.answer aria-label="Answer" aria-live="polite" {
                @match &inquiry {
                    Ok(inquiry) => {
                        (answer::answer(&Explanation::new(&view.snapshot.rules, inquiry)))
                        p.command { "The same in a terminal:" }
                        pre.command tabindex="0" role="region" aria-label="Command" { (asked.command(view.reload.file.as_deref().unwrap_or("FILE"))) }
                    }
                    Err(flaws) => p.flaw role="alert" {
                        "The form cannot be read. " @for flaw in flaws { (flaw.why) " " }
                    }
                }
            }
        }
    };
    shell::document(view, Place::Explain, &content)
}

fn form(asked: &Asked, flaws: &[Flaw]) -> Markup {
    let field = |name: &'static str, label: &str, hint: &str, input: &dyn Fn(&str, bool) -> Markup| {
        let flaw = flaws.iter().find(|flaw| flaw.field == name);
        let hint_id = format!("{name}-hint");
        html! {
            div class={ "field " (name) } {
                label for=(name) { (label) }
                (input(&hint_id, flaw.is_some()))
                span.hint id=(hint_id) {
                    @match flaw { Some(flaw) => span.flaw { (flaw.why) }, None => (hint) }
                }
            }
        }
    };
    let line = |name: &'static str, value: &str, list: Option<&str>, placeholder: &str| {
        let (value, list, placeholder) = (value.to_owned(), list.map(str::to_owned), placeholder.to_owned());
        move |hint: &str, is_wrong: bool| {
            html! {
                input id=(name) name=(name) value=(value) list=[list.as_deref()] placeholder=(placeholder)
                    spellcheck="false" autocomplete="off" autocapitalize="off"
                    aria-describedby=(hint) aria-invalid=[is_wrong.then_some("true")];
            }
        }
    };
    let lines = |name: &'static str, value: &str, rows: u8| {
        let value = value.to_owned();
        move |hint: &str, is_wrong: bool| {
            html! {
                // The line end after the tag is none of the value's (HTML §4.10.11).
                textarea id=(name) name=(name) rows=(rows) spellcheck="false" autocapitalize="off"
                    aria-describedby=(hint) aria-invalid=[is_wrong.then_some("true")] { "\n" (value) }
            }
        }
    };
    let client = Client::named(&asked.client);
    html! {
        form.form method="get" action=(EXPLAIN) data-explain="" {
            fieldset {
                legend { "Request" }
                div.pair {
                    (field("method", "Method", "", &line("method", &asked.method, Some("methods"), "GET")))
                    (field("path", "Path", "", &line("path", &asked.path, None, "/")))
                }
                (field("client", "Client", "", &|hint, _| html! {
                    select id="client" name="client" aria-describedby=(hint) {
                        @for other in CLIENTS {
                            option value=(other.name) selected[other.name == client.name] data-accept=(other.accepts()) {
                                (other.label)
                            }
                        }
                    }
                }))
                (field("accept", "Accept", "In place of the client's own, shown in grey.",
                    &line("accept", &asked.accept, Some("ranges"), client.accepts())))
                (field("headers", "Other header lines", "Name: value, a line each.", &lines("headers", &asked.headers, 2)))
            }
            fieldset {
                legend { "Response" }
                div.pair {
                    (field("status", "Status", "", &line("status", &asked.status, Some("statuses"), "503")))
                    (field("cause", "Made by", "", &|hint, _| html! {
                        select id="cause" name="cause" aria-describedby=(hint) {
                            option value="" selected[asked.cause.is_empty()] { "the upstream" }
                            @for cause in Cause::ALL {
                                option value=(cause) selected[asked.cause == cause.as_str()] { "the proxy: " (cause) }
                            }
                        }
                    }))
                }
                (field("response-headers", "Header lines", "Name: value, a line each.",
                    &lines("response-headers", &asked.response_headers, 2)))
                (field("body", "Body", "Leave it empty for a response without one.", &lines("body", &asked.body, 3)))
            }
            datalist #methods { @for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] { option value=(method) {} } }
            datalist #statuses {
                @for status in ["200", "400", "401", "403", "404", "405", "413", "429", "500", "502", "503", "504"] {
                    option value=(status) {}
                }
            }
            datalist #ranges { @for client in CLIENTS { @if let Some(accept) = client.accept { option value=(accept) {} } } }
            p.buttons { button.main type="submit" { "Explain" } " " a href=(EXPLAIN) { "Start over" } }
        }
    }
}
