//! From a rules file to what is sent: every attribute and element has its effect.

use super::{parse, wrap};
use retort::{Reply, exchange::record::Record};
use serde_json::{Value, json};

const RULES: &str = r#"
    <status-code id="moved" code-regex="404" path="/old/.*" status="308">
        <header name="Location">https://example.com%U</header>
    </status-code>
    <status-code id="refused" code-regex="502" cause="connect-refused dns" method="GET|HEAD" status="503"
        host="(.*\.)?example\.com" overwrite="ALWAYS" keep-types="application/json">
        <when request-header="X-Debug" matches=".*" negate="true"/>
        <when query="plain" matches="1?"/>
        <header name="Retry-After" action="default">30</header>
        <header name="Set-Cookie" action="add">a=1</header>
        <header name="Set-Cookie" action="add">b=%s; Path=%U</header>
        <header name="Server" action="remove"/>
        <header name="X-List"><item>a,b</item><item>%m</item></header>
        <header name="X-Map" explode="true"><entry key="k=1">%{X-Echo}i</entry></header>
        <message media-type="text/html" content-type="text/html" xml:lang="en"><![CDATA[<p>%{X-Echo}i]]></message>
        <message media-type="text/html" content-type="text/html" xml:lang="de" escape="none">%{X-Echo}i
            <header name="X-Message" action="set">de %{X-Echo}i</header></message>
        <message>%{sid}C %{language:-none}x</message>
    </status-code>
    <status-code id="steered" code-regex="500"><meta/></status-code>
    <status-code id="xml" code-regex="5.." source="upstream" overwrite="IF_NOT_ACCEPTABLE">
        <message media-type="application/xml" content-type="application/xml"><![CDATA[<e s="%s"/>]]></message>
    </status-code>"#;

/// A request that the rule `refused` is for.
fn refused() -> Value {
    json!({
        "request": {
            "uri": "/a", "query": "plain", "host": "www.example.com",
            "headers": [["X-Echo", "<b>"], ["Cookie", "sid=s"], ["Accept", "text/html"], ["Accept-Language", "de"]],
        },
        "response": {"status": 502, "source": "proxy", "cause": "dns", "headers": [["Server", "x"]]},
    })
}

/// The rule that applied, and the status, the header and the body that are sent.
struct Sent {
    rule: Option<String>,
    status: u16,
    header: Vec<String>,
    body: Option<String>,
}

fn sent(exchange: &Value) -> Sent {
    let document = wrap(RULES).replacen('>', " expose='sid'>", 1);
    let (rules, warnings) = parse(&document).unwrap_or_else(|refused| panic!("{refused}"));
    assert!(warnings.is_empty(), "{warnings}");
    let record = Record::from_json(exchange.to_string().as_bytes()).unwrap();
    let exchange = record.exchange("id", None);
    let decision = rules.decide(&exchange, record.body());
    let mut lines = record.response.headers.clone();
    let reply = Reply::of(&decision, &exchange);
    if let Some(reply) = &reply {
        reply.apply(&mut lines);
    }
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut header: Vec<_> =
        lines.iter().map(|(name, value)| format!("{}: {}", name.to_lowercase(), text(value))).collect();
    header.sort();
    Sent {
        rule: decision.rule().map(|rule| rule.id().to_string()),
        status: reply.as_ref().map_or(exchange.response.status, |reply| reply.status),
        header,
        body: reply.and_then(|reply| reply.body).map(|body| text(&body)),
    }
}

/// The exchange with another value at a JSON pointer.
fn with(mut exchange: Value, pointer: &str, value: Value) -> Value {
    *exchange.pointer_mut(pointer).unwrap() = value;
    exchange
}

#[test]
fn everything_at_once() {
    let sent = sent(&refused());
    assert_eq!((sent.rule.as_deref(), sent.status), (Some("refused"), 503));
    assert_eq!(sent.body.as_deref(), Some("<b>"));
    assert_eq!(
        sent.header,
        [
            "content-language: de",
            "content-length: 3",
            "content-type: text/html; charset=utf-8",
            "retry-after: 30",
            "set-cookie: a=1",
            "set-cookie: b=503; Path=/a",
            "vary: Accept, Accept-Language",
            "x-content-type-options: nosniff",
            "x-list: a%2Cb,GET",
            "x-map: k%3D1=%3Cb%3E",
            "x-message: de <b>",
        ]
    );
}

#[test]
fn the_language_and_the_media_type_choose() {
    let english = sent(&with(refused(), "/request/headers/3/1", json!("en")));
    assert_eq!(english.body.as_deref(), Some("<p>&lt;b&gt;"));
    assert!(english.header.contains(&"content-language: en".to_owned()));
    assert!(!english.header.iter().any(|line| line.starts_with("x-message")));
    let plain = sent(&with(refused(), "/request/headers/2/1", json!("image/png")));
    assert_eq!(plain.body.as_deref(), Some("s none"));
}

#[test]
fn each_condition_counts() {
    let others = [
        with(refused(), "/response/cause", json!("reset")),
        with(refused(), "/request/host", json!("example.org")),
        with(refused(), "/request/query", json!("plain=2")),
        with(refused(), "/request/query", json!("other")),
        with(refused(), "/request/headers/0", json!(["X-Debug", ""])),
        with(refused(), "/request", json!({"method": "POST", "query": "plain", "host": "example.com"})),
        with(refused(), "/response", json!({"status": 502})),
    ];
    for exchange in others {
        assert_ne!(sent(&exchange).rule.as_deref(), Some("refused"), "{exchange}");
    }
}

#[test]
fn content_is_kept_or_not() {
    let body = |content_type: &str| {
        let response = json!({
            "status": 502, "source": "proxy", "cause": "dns", "body": "{}",
            "headers": [["Content-Type", content_type], ["Retry-After", "5"]],
        });
        sent(&with(refused(), "/response", response))
    };
    assert_eq!(body("text/plain").body.as_deref(), Some("<b>"));
    let kept = body("application/json; charset=utf-8");
    assert_eq!((kept.body, kept.status), (None, 503), "the status changes all the same");
    assert!(kept.header.contains(&"retry-after: 5".to_owned()), "a default does not replace");
    assert!(kept.header.contains(&"set-cookie: a=1".to_owned()));

    let upstream = |accept: &str| {
        let exchange = json!({
            "request": {"headers": [["Accept", accept]]},
            "response": {"status": 504, "body": "{}", "headers": [["Content-Type", "application/json"]]},
        });
        sent(&exchange).body
    };
    assert_eq!(upstream("application/json"), None);
    assert_eq!(upstream("application/xml").as_deref(), Some("<e s=\"504\"/>"));
}

#[test]
fn a_rule_without_messages_and_one_that_is_steered() {
    let moved = sent(&json!({"request": {"uri": "/old/x"}, "response": {"status": 404, "body": "gone"}}));
    assert_eq!((moved.status, moved.body), (308, None));
    assert!(moved.header.contains(&"location: https://example.com/old/x".to_owned()));

    let steered = json!({
        "response": {
            "status": 500, "headers": [["Content-Type", "application/json"]],
            "body": r#"{"a": 1, "meta": {"status": 402, "header": {"X-A": ["1"]}}}"#,
        },
    });
    let steered = sent(&steered);
    assert_eq!((steered.rule.as_deref(), steered.status), (Some("steered"), 402));
    assert!(steered.header.contains(&"x-a: 1".to_owned()) && !steered.body.unwrap().contains("meta"));
}
