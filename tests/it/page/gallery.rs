//! The messages of every rules file that there is.

use std::path::PathBuf;

use retort::{Rules, config, explain::sample::Sample};

use super::{get, text, view};
use crate::cases;

/// All rules that are shipped or tested.
fn all() -> Vec<(String, Rules)> {
    let conf = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conf");
    let files = [
        "response-messaging.cfg.xml",
        "examples/conditions.cfg.xml",
        "examples/hide-details.cfg.xml",
        "examples/id-as-status.cfg.xml",
        "examples/over-limit.cfg.xml",
    ];
    let shipped = files.map(|file| (file.to_owned(), config::load(&conf.join(file)).unwrap().rules));
    let tested = cases::cases().map(|case| (case.source.path.display().to_string(), case.rules().unwrap().0));
    shipped.into_iter().chain(tested).collect()
}

#[test]
fn every_message_is_shown_as_its_client_sees_it() {
    let mut count = 0;
    for (name, rules) in all() {
        let view = view(rules);
        for rule in view.snapshot.rules.iter() {
            let id = percent_encoding::utf8_percent_encode(rule.id(), percent_encoding::NON_ALPHANUMERIC);
            let document = get(&view, &format!("/messages?rule={id}"));
            let shown = text(&document.body);
            for index in 0..rule.messages().len() {
                let sample = Sample::of(rule, index, view.now, &view.server)
                    .unwrap_or_else(|| panic!("{name}: {} {index}", rule.id()));
                assert!(!sample.response.status_line.is_empty());
                let framed = get(&view, &format!("/message?rule={id}&message={index}"));
                assert_eq!(
                    (framed.status, &*framed.body),
                    (200, &*sample.body),
                    "{name}: {} {index}",
                    rule.id()
                );
                if !sample.content_type.starts_with("text/html") {
                    assert!(
                        shown.contains(&sample.body),
                        "{name}: {} {index}: {}\n{shown}",
                        rule.id(),
                        sample.body
                    );
                }
                count += 1;
            }
        }
    }
    assert!(count > 150, "{count} messages");
}

#[test]
fn a_message_in_a_frame_can_do_nothing() {
    let view = view(crate::support::rules(
        r#"<status-code id="a" code-regex="404"><message content-type="text/html"><![CDATA[<script>x</script><img src="/x">]]></message></status-code>"#,
    ));
    let document = get(&view, "/message?rule=a&message=0");
    assert_eq!(document.body, r#"<script>x</script><img src="/x">"#);
    assert!(document.policy.contains("default-src 'none'") && document.policy.ends_with("; sandbox"));
    assert!(get(&view, "/messages").body.contains(r#"sandbox="""#));
    for missing in
        ["/message", "/message?rule=a&message=1", "/message?rule=b&message=0", "/message?rule=a&message=-1"]
    {
        assert_eq!(get(&view, missing).status, 404, "{missing}");
    }
}

#[test]
fn messages_that_look_alike_are_shown_once() {
    let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conf/response-messaging.cfg.xml");
    let view = view(config::load(&shipped).unwrap().rules);
    let document = get(&view, "/messages?rule=not%2Dfound");
    assert_eq!(document.body.matches("<article").count(), 4, "page, JSON, XML, text");
    assert!(text(&document.body).contains("for application/problem+json, application/json"));
}
