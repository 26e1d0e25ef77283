//! The page of the admin listener: HTML out of plain values.

mod explained;
mod gallery;
mod hostile;
mod state;

use std::sync::Arc;

use retort::{
    Rules,
    explain::Identity,
    host::{
        admin::{
            About, Rulebook,
            page::{self, Document, Page},
            view::View,
        },
        live::Live,
        readiness::State,
    },
};

use crate::support::{Proxy, rules, until};

/// What a proxy with these rules has to show when nothing happened yet.
fn view(rules: Rules) -> View {
    let proxy = Proxy::serving(Rules::default(), &["127.0.0.1:1".parse().unwrap()], |_| {});
    let about = About {
        telemetry: Arc::clone(&proxy.telemetry),
        host: Arc::new(proxy.observer.clone()),
        rules: Rulebook::Fixed(Arc::new(Live::new(rules))),
    };
    let page = Page::new(about, Identity::default());
    until("it is ready", || page.view().readiness.state() == State::Ready);
    page.view()
}

/// The document at a path, which may end in a query.
fn get(view: &View, target: &str) -> Document {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    page::answer(path, query, || view.clone()).unwrap_or_else(|| panic!("nothing at {target}"))
}

/// The text in a document, without markup.
fn text(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        let (_, after) = piece.split_once('>').unwrap_or(("", piece));
        text.push_str(after);
    }
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    plain.iter().fold(text, |text, (escaped, plain)| text.replace(escaped, plain))
}

const PLACES: [&str; 3] = ["/", "/messages", "/explain"];

#[test]
fn a_document_has_nothing_that_its_policy_forbids() {
    let view = view(rules(r#"<status-code id="a" code-regex="404"><message>%s</message></status-code>"#));
    for place in PLACES {
        let Document { status, content_type, policy, caching, body } = get(&view, place);
        assert_eq!((status, content_type, caching), (200, "text/html; charset=utf-8", "no-store"));
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        for forbidden in [" style=", " onclick", "<style", "javascript:", "=\"http", "=\"//", "=\"data:"] {
            assert!(!body.contains(forbidden), "{forbidden} in {place}");
        }
        assert_eq!(body.matches("<script").count(), 1, "{place}");
    }
}

#[test]
fn what_a_document_names_is_there() {
    let view = view(rules(r#"<status-code id="a" code-regex="404"><message>%s</message></status-code>"#));
    for place in PLACES {
        let document = get(&view, place);
        let named =
            [" href=\"", " src=\"", " action=\""].map(|attribute| document.body.split(attribute).skip(1));
        for target in named.into_iter().flatten().map(|rest| rest.split('"').next().unwrap()) {
            if let Some(id) = target.strip_prefix('#') {
                assert!(document.body.contains(&format!("id=\"{id}\"")), "{target}");
            } else if target != page::RELOAD {
                assert_eq!(get(&view, target.split('#').next().unwrap()).status, 200, "{target}");
            }
        }
    }
    assert!(page::answer("/nothing", None, || view.clone()).is_none());
    assert!(page::answer("/page.css/", None, || view.clone()).is_none());
}

#[test]
fn files_are_kept_by_browsers_until_they_change() {
    for file in ["/page.css", "/page.js", "/page.svg"] {
        let document = page::answer(file, None, || unreachable!("no view is taken for a file")).unwrap();
        assert!(document.caching.contains("immutable"), "{file}");
    }
}
