//! What a request costs the allocator: nothing to decide, one buffer to render.

use std::path::Path;

use allocation_counter::measure;
use retort::{
    Body, Decision,
    config::{self, href::Disk},
    exchange::record::Record,
    template::Subject,
};
use serde_json::json;

const RULES: &str = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="limits" code-regex="(?!409)4\d\d" overwrite="ALWAYS">
    <message media-type="application/json" content-type="application/problem+json"><![CDATA[
      {"title":"%M","status":%s,"detail":"%{X-Detail}i","instance":"%U","requestId":"%g","retry":"%{Retry-After DATE ISO_8601}o",
       "client":"%a","query":"%q","line":"%r","at":"%{yyyy-MM-dd HH:mm:ss zzzz}t","took":"%T"}]]></message>
    <message media-type="text/html" content-type="text/html"><![CDATA[<p>%{X-Detail}i</p>]]></message>
    <message>%s</message>
  </status-code>
</response-messaging>"#;

#[test]
fn deciding_allocates_nothing_and_rendering_once() {
    let (rules, _) = config::parse(RULES.as_bytes(), Path::new("rules.xml"), &mut Disk::default()).unwrap();
    let hostile = "\"\\\u{1}<é>".repeat(2000);
    let record: Record = serde_json::from_value(json!({
        "request": {
            "query": "a=%22&b=<",
            "headers": [
                ["Accept", "text/html;q=0.8, application/*, text/plain;q=0.5;x=\"a,b\", */*;q=0.1"],
                ["X-Detail", hostile], ["X-Detail", "second"],
            ],
            "elapsed_ms": 12345,
        },
        "response": {"status": 404, "headers": [["Retry-After", "Fri, 09 Mar 2012 14:56:32 GMT"]]},
    }))
    .unwrap();
    let exchange = record.exchange("id", None);
    for body in [Body::Absent, Body::Present, Body::Unknown] {
        let counted = measure(|| assert!(matches!(rules.decide(&exchange, body), Decision::Replace(_))));
        assert_eq!(counted.count_total, 0, "{counted:?}");
    }
    let Decision::Replace(choice) = rules.decide(&exchange, Body::Absent) else { panic!("ALWAYS") };
    assert_eq!(choice.index, 0);
    let mut out = Vec::new();
    let counted = measure(|| choice.message.template.render(&Subject::of(&exchange), &mut out));
    assert_eq!(counted.count_total, 1, "{counted:?}");
    serde_json::from_slice::<serde_json::Value>(&out).unwrap();
}
