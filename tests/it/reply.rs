//! What a replacement does to the header.

mod fields;
mod steer;

use std::path::Path;

use retort::{
    Reply,
    config::{self, href::Disk},
    exchange::record::Record,
    reply::Edit,
};
use serde_json::{Value, json};

/// The edits that replacing this response implies, a line each, and the body.
fn reply(messages: &str, record: Value) -> (Vec<String>, String) {
    let document = format!(
        "<response-messaging xmlns='http://docs.openrepose.org/repose/response-messaging/v1.0'>\
         <status-code id='r' code-regex='...' overwrite='ALWAYS'>{messages}</status-code></response-messaging>"
    );
    let (rules, _) = config::parse(document.as_bytes(), Path::new("rules.xml"), &mut Disk::default())
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let record: Record = serde_json::from_value(record).unwrap();
    let exchange = record.exchange("id", None);
    let decision = rules.decide(&exchange, record.body());
    let reply = Reply::of(&decision, &exchange).expect("a replacement");
    (summary(&reply), String::from_utf8(reply.body.unwrap().to_vec()).unwrap())
}

/// The edits, a line each.
fn summary(reply: &Reply) -> Vec<String> {
    let edits = reply.edits.iter().map(|edit| match edit {
        Edit::Remove(name) => format!("-{name}"),
        Edit::Set(name, value) => format!("{name}: {}", value.to_str().unwrap()),
        Edit::Add(name, value) => format!("+{name}: {}", value.to_str().unwrap()),
    });
    edits.collect()
}

const TEXT: &str = "<message>gone</message>";

#[test]
fn the_least_there_is() {
    let (edits, body) = reply(TEXT, json!({"response": {"status": 503}}));
    assert_eq!(
        edits,
        ["content-type: text/plain; charset=utf-8", "x-content-type-options: nosniff", "content-length: 4"]
    );
    assert_eq!(body, "gone");
}

#[test]
fn what_described_the_old_body_goes() {
    let stale = [
        "Transfer-Encoding",
        "Trailer",
        "Content-Encoding",
        "ETag",
        "Last-Modified",
        "Accept-Ranges",
        "Content-Range",
        "Content-MD5",
        "Digest",
        "Content-Digest",
        "Repr-Digest",
        "Content-Location",
        "Content-Disposition",
        "Content-Language",
    ];
    let kept = [
        "WWW-Authenticate",
        "Retry-After",
        "Allow",
        "Set-Cookie",
        "Access-Control-Allow-Origin",
        "Location",
        "Cache-Control",
        "Date",
        "Server",
    ];
    let headers: Vec<[&str; 2]> = stale.iter().chain(&kept).map(|name| [*name, "x"]).collect();
    let (edits, _) = reply(TEXT, json!({"response": {"status": 503, "headers": headers}}));
    for name in stale {
        assert!(edits.contains(&format!("-{}", name.to_lowercase())), "{name} stays: {edits:?}");
    }
    for name in kept {
        assert!(
            !edits.iter().any(|edit| *edit == format!("-{}", name.to_lowercase())
                || edit.starts_with(&format!("{}:", name.to_lowercase()))),
            "{name} is edited: {edits:?}"
        );
    }
}

#[test]
fn a_416_keeps_its_content_range() {
    let headers = json!([["Content-Range", "bytes */9"]]);
    let (edits, _) = reply(TEXT, json!({"response": {"status": 416, "headers": headers}}));
    assert!(!edits.contains(&"-content-range".to_owned()), "{edits:?}");
}

#[test]
fn the_length_counts_bytes() {
    let (edits, body) = reply(
        "<message> \n żółw € 😀\t </message>",
        json!({"response": {"status": 503, "body": "long ago"}}),
    );
    assert_eq!(body, "żółw € 😀");
    assert_eq!(edits.last().unwrap(), &format!("content-length: {}", "żółw € 😀".len()));
}

#[test]
fn a_policy_of_the_upstream_on_sniffing_stays() {
    let headers = json!([["X-Content-Type-Options", "other"]]);
    let (edits, _) = reply(TEXT, json!({"response": {"status": 503, "headers": headers}}));
    assert!(!edits.iter().any(|edit| edit.starts_with("x-content-type-options")), "{edits:?}");
}

#[test]
fn vary_where_accept_has_a_say() {
    let json = "<message media-type='application/json' content-type='application/json'>{}</message>";
    let vary = |messages: &str, present: &[&str]| {
        let headers: Vec<[&str; 2]> = present.iter().map(|value| ["Vary", *value]).collect();
        let (edits, _) = reply(messages, json!({"response": {"status": 503, "headers": headers}}));
        edits.into_iter().find_map(|edit| edit.strip_prefix("vary: ").map(str::to_owned))
    };
    let both = format!("{json}{TEXT}");
    assert_eq!(vary(TEXT, &[]), None);
    assert_eq!(vary(json, &[]).as_deref(), Some("Accept"));
    assert_eq!(vary(&both, &["Origin", " Cookie ,"]).as_deref(), Some("Origin, Cookie, Accept"));
    assert_eq!(vary(&both, &["origin, ACCEPT"]), None);
    assert_eq!(vary(&both, &["Accept-Encoding"]).as_deref(), Some("Accept-Encoding, Accept"));
    assert_eq!(vary(&both, &["*"]), None);
}
