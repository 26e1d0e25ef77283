//! The short messages for what the proxy answers itself and no rule is for.
//!
//! They are rules like any others, so that they are negotiated, escaped and sent in one way.

use std::{path::Path, sync::LazyLock};

use crate::{
    Rules,
    config::{self, href::Disk},
};

/// Matches every error, and always writes a message: JSON, HTML, else text.
const RULES: &str = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="generic" code-regex="[1-9]\d\d" overwrite="ALWAYS">
    <message media-type="application/json" content-type="application/problem+json">{"title":"%M","status":%s}</message>
    <message media-type="application/problem+json" content-type="application/problem+json">{"title":"%M","status":%s}</message>
    <message media-type="text/html" content-type="text/html">&lt;!doctype html>&lt;html lang="en">&lt;meta charset="utf-8">&lt;title>%s %M&lt;/title>&lt;h1>%s %M&lt;/h1>&lt;/html></message>
    <message media-type="*/*" content-type="text/plain">%s %M</message>
  </status-code>
</response-messaging>"#;

static GENERIC: LazyLock<Option<Rules>> = LazyLock::new(|| {
    let parsed = config::parse(RULES.as_bytes(), Path::new("generic"), &mut Disk::default());
    parsed.ok().map(|(rules, _)| rules)
});

/// The rules for what no other rule is for.
pub(super) fn rules() -> Option<&'static Rules> {
    GENERIC.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_for_every_status() {
        let rules = rules().unwrap();
        assert!((100..=999).all(|status| rules.covers(status)));
    }
}
