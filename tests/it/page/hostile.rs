//! What others wrote is text, wherever it is shown.

use std::{fs, sync::Arc};

use chrono::Utc;
use retort::{
    config,
    host::{
        admin::view::{Decided, Tally},
        pingora::UpstreamStatus,
        reload::Outcome,
        telemetry::Action,
    },
};

use super::{PLACES, get, text, view};
use crate::support::rules;

const HOSTILE: &str = r#"</title></pre><script>alert(1)</script>"'><img src=x onerror=alert(1)>"#;

#[test]
fn nothing_breaks_out() {
    let escaped = HOSTILE.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let hostile_rules = format!(
        r#"<status-code id="{escaped}" code-regex="404|5.." path="{}.*">
          <message content-type="application/json" media-type="application/json">{{"a": "{}"}}</message>
          <message content-type="application/xml" media-type="application/xml">&lt;a b="&lt;script>"/></message>
          <message xml:lang="en">{escaped}</message>
        </status-code>"#,
        regex::escape(HOSTILE).replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"),
        escaped.replace("&quot;", ""),
    );
    let mut view = view(rules(&hostile_rules));
    let id: Arc<str> = HOSTILE.into();
    view.tallies
        .insert(Arc::clone(&id), Tally { matched: 1234, replaced: 1000, kept: vec![("body-present", 234)] });
    view.recent.push(Decided {
        at: Utc::now(),
        method: HOSTILE.into(),
        path: HOSTILE.into(),
        upstream_status: Some(404),
        status: Some(503),
        action: Action::Replace,
        reason: "always",
        rule: Some(id),
        message: Some(0),
        content_type: Some(HOSTILE.into()),
        cause: None,
        request_id: HOSTILE.into(),
    });
    view.upstreams =
        vec![UpstreamStatus { name: HOSTILE.into(), healthy: false, ..view.upstreams[0].clone() }];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.xml");
    fs::write(&file, format!("<response-messaging><!--{HOSTILE}--><{HOSTILE}</response-messaging>")).unwrap();
    view.reload.diagnostics = Arc::new(config::load(&file).unwrap_err().diagnostics);
    view.reload.outcome = Outcome::Refused;
    view.reload.file = Some(HOSTILE.into());
    view.server.hostname = HOSTILE.into();

    let query: String =
        ["status", "method", "path", "accept", "client", "headers", "cause", "response-headers", "body"]
            .iter()
            .map(|name| {
                format!(
                    "{name}={}&",
                    percent_encoding::utf8_percent_encode(HOSTILE, percent_encoding::NON_ALPHANUMERIC)
                )
            })
            .collect();
    let readable =
        query.replace("status=", "status=404&x=").replace("method=", "method=GET&x=").replace("cause=", "x=");
    let readable = readable.replace("path=", "path=/&x=").replace("headers=", "headers=X-A:+");
    let places = PLACES.map(str::to_owned).into_iter().chain([
        format!("/explain?{query}"),
        format!("/explain?{readable}"),
        format!("/messages?{}", query.replace("path=", "rule=")),
        format!(
            "/?show={}",
            percent_encoding::utf8_percent_encode(HOSTILE, percent_encoding::NON_ALPHANUMERIC)
        ),
    ]);
    for place in places {
        let body = get(&view, &place).body;
        assert_eq!(body.matches("<script").count(), 1, "{place}\n{body}");
        assert!(!body.contains("<img") && !body.contains("\"'>"), "{place}\n{body}");
        assert!(text(&body).contains(HOSTILE), "{place}");
    }
    let overview = text(&get(&view, "/").body);
    assert!(overview.contains("1\u{202f}234") && overview.contains("body-present"), "{overview}");
}
