//! What is to be seen in two seconds.

use std::{fs, sync::Arc};

use chrono::TimeDelta;
use retort::{
    Rules, config,
    explain::Identity,
    host::{
        admin::{
            About, Rulebook,
            page::Page,
            view::{History, Slot, View},
        },
        pingora::UpstreamStatus,
        readiness::Report,
        reload::Outcome,
    },
};

use super::{get, text, view};
use crate::support::{Proxy, Upstream, rules, until};

fn title(view: &View) -> String {
    let body = get(view, "/").body;
    body.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0.to_owned()
}

/// The mood and the text of a fact.
fn fact(view: &View, about: &str) -> (String, String) {
    let body = get(view, "/").body.into_owned();
    let (before, after) = body.split_once(&format!("<dt>{about}</dt>")).unwrap();
    let (_, mood) = before.rsplit_once("class=\"fact ").unwrap();
    (mood.split('"').next().unwrap().to_owned(), text(after.split("</div>").next().unwrap()))
}

#[test]
fn ready_or_not() {
    let mut view = view(Rules::default());
    view.has_upstream = true;
    let (mood, shown) = fact(&view, "Proxy");
    assert_eq!((&*mood, shown.starts_with("Ready"), &*title(&view)), ("well", true, "Ready · Retort"));
    view.has_upstream = false;
    assert_eq!(fact(&view, "Proxy"), ("bad".to_owned(), "Not readyno upstream is well".to_owned()));
    assert_eq!(title(&view), "No upstream · Retort");
    view.readiness = Report::default();
    let (mood, shown) = fact(&view, "Proxy");
    assert!(mood == "bad" && shown.contains("the rules are not loaded"), "{shown}");
    assert_eq!(title(&view), "Not ready · Retort");
}

#[test]
fn a_refused_reload_is_on_top_with_its_carets() {
    let mut view = view(rules(r#"<status-code id="a" code-regex="404"><message>%s</message></status-code>"#));
    view.has_upstream = true;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.xml");
    fs::write(&file, "<response-messaging>\n  <status-code id='a' code-regx='404'/>\n</response-messaging>")
        .unwrap();
    view.reload.diagnostics = Arc::new(config::load(&file).unwrap_err().diagnostics);
    view.reload.outcome = Outcome::Refused;
    view.reload.file = Some("rules.xml".into());
    let (mood, shown) = fact(&view, "Rules");
    assert!(
        mood == "bad" && shown.starts_with("Reload refused") && shown.contains("version 1 stays in force"),
        "{shown}"
    );
    assert_eq!(title(&view), "Reload refused · Retort");
    let body = get(&view, "/").body;
    let shown = text(&body);
    for diagnostic in view.reload.diagnostics.iter() {
        assert!(shown.contains(&diagnostic.to_string()), "{diagnostic}\n{shown}");
    }
    assert!(body.contains(r#"<span class="carets">"#));
    assert!(body.find("id=\"diagnostics\"").unwrap() < body.find("id=\"replies\"").unwrap());
}

#[test]
fn what_is_replaced_of_late() {
    let mut view = view(Rules::default());
    let slot = |replaced| Slot { replaced, server_errors: 1, ..Slot::default() };
    view.history = History { span: TimeDelta::minutes(1), slots: [100, 1, 1, 1, 1, 3].map(slot).to_vec() };
    let (mood, shown) = fact(&view, "Replacing");
    assert_eq!((&*mood, &*shown), ("notable", "7 repliesin the last 5 min"));
    let shown = text(&get(&view, "/").body);
    assert!(shown.contains("In the last 6 min: 107 replaced, 6 of 5xx"), "{shown}");
    view.history.slots.clear();
    assert_eq!(fact(&view, "Replacing").1, "Nothingin the last 5 min");
}

#[test]
fn an_upstream_that_is_away_is_named() {
    let mut view = view(Rules::default());
    let of = |name: &str, healthy, view: &View| UpstreamStatus {
        name: name.into(),
        healthy,
        ..view.upstreams[0].clone()
    };
    view.upstreams = vec![of("http://a:1", true, &view), of("http://b:1", false, &view)];
    let (mood, shown) = fact(&view, "Upstreams");
    assert!(
        mood == "bad" && shown.starts_with("1 of 2 well") && shown.contains("http://b:1 away"),
        "{shown}"
    );
    view.upstreams.clear();
    assert!(!get(&view, "/").body.contains("<dt>Upstreams"));
}

#[test]
fn what_happened_is_in_view() {
    let upstream = Upstream::answering("HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n");
    let proxy = Proxy::start(
        r#"<status-code id="a" code-regex="503"><message content-type="application/json">{"status":%s}</message></status-code>"#,
        &upstream,
    );
    let about = About {
        telemetry: Arc::clone(&proxy.telemetry),
        host: Arc::new(proxy.observer.clone()),
        rules: Rulebook::Fixed(Arc::clone(&proxy.live)),
    };
    let page = Page::new(about, Identity::default());
    proxy.connect().get("/orders?token=secret", "Authorization: secret\r\n");
    until("it is over", || !page.view().recent.is_empty());
    let view = page.view();
    assert_eq!((view.tallies["a"].matched, view.tallies["a"].replaced), (1, 1));
    assert_eq!((view.history.span, view.history.slots.len()), (TimeDelta::minutes(1), 60));
    assert_eq!(view.history.slots[59], Slot { replaced: 1, ..Slot::default() });
    assert_eq!(view.recent[0].content_type.as_deref(), Some("application/json"));
    let body = get(&view, "/").body;
    let shown = text(&body);
    assert!(shown.contains("1 replyin the last 5 min, mostly 503 by a"), "{shown}");
    assert!(shown.contains("/orders503replacedapplication/jsonaexplain"), "{shown}");
    assert!(!body.contains("secret"));
    // Of another version of the rules, nobody knows what the message was.
    proxy.live.replace(Rules::default());
    assert_eq!(page.view().recent[0].content_type, None);
}
