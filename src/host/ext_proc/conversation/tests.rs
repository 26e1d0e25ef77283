use std::path::Path;

use http::HeaderName;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_oneof, proptest,
};

use super::*;
use crate::{
    config::{self, href::Disk},
    host::{
        ext_proc::wire::{BodyMutation, HeaderFields, HeaderLine, ImmediateResponse, Kind, Struct, Value},
        telemetry::Class,
    },
};

const RULES: &str = r#"<response-messaging>
    <status-code id="e" code-regex="404"><message>empty</message></status-code>
    <status-code id="a" code-regex="5\d\d" overwrite="ALWAYS"><header name="X-A">a</header><message>%s</message></status-code>
    <status-code id="b" code-regex="400" overwrite="ALWAYS"><message>%{body}x</message></status-code>
    <status-code id="m" code-regex="200"><meta/></status-code>
    <status-code id="h" code-regex="403"><header name="X-A">a</header></status-code>
    </response-messaging>"#;

fn conversation() -> Conversation {
    conversation_with(|_| {})
}

fn conversation_with(adjust: impl FnOnce(&mut Options)) -> Conversation {
    let (rules, _) = config::parse(RULES.as_bytes(), Path::new("r"), &mut Disk::default()).unwrap();
    let mut options = Options::new(Vec::new());
    adjust(&mut options);
    Conversation::new(Arc::new(Live::new(rules)), Arc::new(options), Arc::default())
}

fn head(lines: &[(&str, &str)], end_of_stream: bool) -> HttpHeaders {
    let line = |(name, value): &(&str, &str)| HeaderLine {
        name: (*name).to_owned(),
        text: Bytes::new(),
        raw: Bytes::copy_from_slice(value.as_bytes()),
    };
    HttpHeaders { fields: Some(HeaderFields { lines: lines.iter().map(line).collect() }), end_of_stream }
}

fn message(part: Part) -> ProcessingRequest {
    ProcessingRequest { part: Some(part), ..ProcessingRequest::default() }
}

fn request(method: &str) -> Part {
    Part::RequestHead(head(&[(":method", method), (":path", "/a?b"), ("x-request-id", "i")], true))
}

fn response(status: &str, end: bool) -> Part {
    Part::ResponseHead(head(&[(":status", status), ("etag", "x")], end))
}

/// A response that may have a meta object in it.
fn json_response() -> Part {
    Part::ResponseHead(head(&[(":status", "200"), ("content-type", "application/json")], false))
}

fn body(bytes: &'static [u8], end_of_stream: bool) -> Part {
    Part::ResponseBody(HttpBody { body: Bytes::from_static(bytes), end_of_stream })
}

/// What is said to these messages: `-` is an end.
fn said(parts: impl IntoIterator<Item = Part>) -> Vec<String> {
    let mut conversation = conversation();
    parts.into_iter().map(|part| summary(conversation.hear(message(part)))).collect()
}

fn summary(reaction: Reaction) -> String {
    let (sign, said) = match reaction {
        Reaction::Say(said) => ("", said),
        Reaction::SayAndHold(said) => ("?", said),
        Reaction::SayLast(said) => ("!", said),
        Reaction::End => return "-".to_owned(),
    };
    let text = match said.answer.unwrap() {
        Answer::RequestHead(it) => format!("request{}", edits(it)),
        Answer::ResponseHead(it) => format!("response{}", edits(it)),
        Answer::ResponseBody(it) => format!("body{}", edits(it)),
        Answer::Immediate(ImmediateResponse { status, body, .. }) => {
            format!("{} {}", status.unwrap().code, String::from_utf8_lossy(&body))
        }
        _ => "continue".to_owned(),
    };
    format!("{text}{sign}")
}

fn edits(answer: Continue) -> String {
    let CommonResponse { mutation, body, .. } = answer.common.unwrap_or_default();
    let HeaderMutation { set, remove } = mutation.unwrap_or_default();
    let set = set.into_iter().map(|set| format!(" +{}", set.line.unwrap().name));
    let remove = remove.into_iter().map(|name| format!(" -{name}"));
    let body = body.map(|BodyMutation { body }| format!(" {}", String::from_utf8_lossy(&body)));
    set.chain(remove).chain(body).collect()
}

#[test]
fn what_no_rule_is_for_passes() {
    assert_eq!(said([request("GET"), response("302", false)]), ["request", "response!"]);
    assert_eq!(
        said([request("GET"), response("103", false), response("302", true)])[1..],
        ["response", "response!"]
    );
}

#[test]
fn messages_take_the_place_of_content() {
    assert_eq!(said([request("GET"), response("503", false)])[1], "503 503!");
    assert_eq!(said([request("GET"), response("404", true)])[1], "404 empty!");
    assert_eq!(said([request("GET"), response("403", false)])[1], "response +x-a!");
    let to_head = &said([request("HEAD"), response("503", true)])[1];
    assert!(to_head.starts_with("response ") && to_head.contains("+content-length"), "{to_head}");
}

#[test]
fn content_is_asked_for_where_it_decides() {
    let with =
        |status, bytes, end| said([request("GET"), response(status, false), body(bytes, end)])[1..].join(" ");
    assert_eq!(with("404", b"", true), "response? 404 empty!");
    assert_eq!(with("404", b"a", true), "response? body!");
    assert_eq!(with("404", b"", false), "response? body!", "Envoy is odd");
    assert_eq!(with("400", b"abc", true), "response? 400 abc!");
    assert_eq!(with("400", b"abc", false), "response? 400 abc!");
    let trailers =
        |status| said([request("GET"), response(status, false), Part::ResponseTrailers(Nothing {})]);
    assert_eq!(trailers("404")[2], "404 empty!", "there was no content before them");
}

#[test]
fn what_is_out_of_order_ends_the_matter() {
    assert_eq!(said([request("GET"), request("GET")])[1], "-");
    assert_eq!(
        said([response("404", true)]),
        ["404 empty!"],
        "Envoy may answer before it tells of the request"
    );
    assert_eq!(said([response("302", true), request("GET")])[1], "-");
    assert_eq!(said([request("GET"), response("x", true)])[1], "-");
    assert_eq!(said([request("GET"), body(b"a", true)])[1], "body");
    let mut conversation = conversation();
    assert_eq!(summary(conversation.hear(ProcessingRequest::default())), "-");
    let streamed = ProtocolConfiguration { request_body_mode: 0, response_body_mode: FULL_DUPLEX_STREAMED };
    let first = ProcessingRequest { protocol: Some(streamed), ..message(request("GET")) };
    assert_eq!(summary(conversation.hear(first)), "-");
}

#[test]
fn hands_are_kept_off() {
    let asked = Part::ResponseHead(head(&[(":status", "503"), ("x-retort", "leave")], false));
    assert_eq!(said([request("GET"), asked])[1], "response -x-retort!");
}

#[test]
fn a_request_without_an_id_gets_one() {
    assert_eq!(said([Part::RequestHead(head(&[(":method", "GET")], true))]), ["request +x-request-id"]);
}

#[test]
fn responses_are_marked_where_that_is_asked_for() {
    let said = |parts: Vec<Part>| {
        let mut conversation = conversation_with(|options| {
            options.debug_header = Some(HeaderName::from_static("retort-decision"));
        });
        let said = parts.into_iter().map(|part| conversation.hear(message(part))).last().unwrap();
        let fields = format!("{said:?}");
        (summary(said), fields)
    };
    let (passed, fields) = said(vec![request("GET"), response("302", false)]);
    assert_eq!(passed, "response +retort-decision!");
    assert!(fields.contains("keep;reason=no-rule"), "{fields}");
    let (replaced, fields) = said(vec![request("GET"), response("503", false)]);
    assert_eq!(replaced, "503 503!");
    assert!(fields.contains(r#"replace;rule=\"a\";message=0;reason=always"#), "{fields}");
    let (held, _) = said(vec![request("GET"), response("404", false), body(b"a", true)]);
    assert_eq!(held, "body +retort-decision!");
    let trailers = Part::ResponseTrailers(Nothing {});
    let (steered, _) = said(vec![request("GET"), json_response(), trailers]);
    assert_eq!(steered, "continue!", "the head is out, and trailers are not lost for a mark");
}

#[test]
fn each_request_is_counted_once() {
    let counted = |parts: Vec<Part>| {
        let mut conversation = conversation();
        let telemetry = Arc::clone(&conversation.telemetry);
        parts.into_iter().for_each(|part| _ = conversation.hear(message(part)));
        conversation.end();
        drop(conversation);
        let (totals, recent) = (telemetry.totals(), telemetry.recent().decisions);
        let classes = Class::ALL.into_iter().filter(|class| totals.answers.of(*class) == 1);
        let classes: Vec<_> = classes.map(Class::as_str).collect();
        let decided = recent.iter().map(|it| format!("{} {:?}", it.action.as_str(), it.upstream_status));
        format!("{} {} {}", classes.join("+"), totals.sent, decided.collect::<Vec<_>>().join("+"))
    };
    assert_eq!(counted(vec![request("GET"), response("302", true)]), "3xx 0 ");
    assert_eq!(counted(vec![request("GET"), response("503", false)]), "5xx 3 replace Some(503)");
    assert_eq!(counted(vec![request("HEAD"), response("503", true)]), "5xx 0 replace Some(503)");
    let kept = vec![request("GET"), response("404", false), body(b"four", true)];
    assert_eq!(counted(kept), "4xx 4 keep Some(404)");
    assert_eq!(counted(vec![request("GET"), response("404", false)]), "4xx 0 wait Some(404)");
    assert_eq!(counted(vec![request("GET")]), "none 0 ", "Envoy hung up");
    assert_eq!(counted(Vec::new()), " 0 ");
}

fn any_lines() -> impl Strategy<Value = HttpHeaders> {
    let names = prop_oneof![
        Just(":status"),
        Just(":method"),
        Just(":path"),
        Just("content-length"),
        Just("content-type"),
        Just("content-encoding"),
        Just("x-retort"),
        Just("accept"),
        Just("no name"),
        Just(""),
        Just("date"),
    ];
    let values = prop_oneof![
        "(200|204|304|400|403|404|500|503|99999|-1)",
        "(application/json|application/grpc|gzip|leave|HEAD|GET|0|5)",
        "\\PC{0,8}",
    ];
    (vec((names, values), 0..8), any::<bool>()).prop_map(|(lines, end)| {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        head(&lines, end)
    })
}

fn any_message() -> impl Strategy<Value = ProcessingRequest> {
    let content = || (vec(any::<u8>(), 0..20), any::<bool>());
    let content =
        move || content().prop_map(|(body, end_of_stream)| HttpBody { body: body.into(), end_of_stream });
    let part = prop_oneof![
        3 => any_lines().prop_map(Part::RequestHead),
        3 => any_lines().prop_map(Part::ResponseHead),
        1 => content().prop_map(Part::RequestBody),
        3 => content().prop_map(Part::ResponseBody),
        1 => Just(Part::RequestTrailers(Nothing {})),
        1 => Just(Part::ResponseTrailers(Nothing {})),
    ];
    let names = prop_oneof![
        Just("source.address"),
        Just("upstream.address"),
        Just("request.time"),
        Just("response.code"),
        Just("response.code_details"),
        Just("response.flags"),
    ];
    let kinds = prop_oneof![any::<f64>().prop_map(Kind::Number), "\\PC{0,8}".prop_map(Kind::Text)];
    let attribute = (names, kinds).prop_map(|(name, kind)| (name.to_owned(), Value { kind: Some(kind) }));
    (proptest::option::of(part), vec(attribute, 0..4)).prop_map(|(part, fields)| {
        let fields = fields.into_iter().collect();
        let attributes = [("a".to_owned(), Struct { fields })].into_iter().collect();
        ProcessingRequest { part, attributes, ..ProcessingRequest::default() }
    })
}

proptest! {
    #[test]
    fn nothing_that_is_said_brings_it_down(messages in vec(any_message(), 0..8)) {
        let mut conversation = conversation();
        messages.into_iter().for_each(|message| _ = conversation.hear(message));
    }
}
