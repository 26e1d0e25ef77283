use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{folder, retort, run, snapshot};

/// `retort explain` with the rules of the folder.
fn explain(folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = retort();
    command.current_dir(folder).args(["explain", "--rules", "rules.xml"]).args(arguments);
    command
}

fn answer(exchange: Value) -> Value {
    let folder = folder();
    std::fs::write(folder.path().join("exchange.json"), exchange.to_string()).unwrap();
    let told = run(&mut explain(&folder, &["--exchange", "exchange.json", "--format", "json"]));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    assert_eq!(told.stdout.lines().count(), 1);
    serde_json::from_str(&told.stdout).unwrap()
}

#[test]
fn a_response_that_is_replaced() {
    let told = answer(json!({
        "clock": "2026-03-01T12:00:00Z",
        "request": {
            "uri": "/orders/7", "headers": [["Accept", "application/json"]], "generated_guid": "the-id",
        },
        "response": {
            "status": 404, "body": null,
            "headers": [["X-Kept", "1"], ["Content-Encoding", "gzip"], ["VARY", "Origin"], ["Etag", "\"x\""]],
        },
    }));
    assert_eq!(
        told,
        json!({
            "decision": "replace",
            "reason": "body-empty",
            "rule": "gone",
            "message": 1,
            "status": 404,
            "headers": [
                ["X-Kept", "1"],
                ["Vary", "Origin, Accept"],
                ["Content-Type", "application/problem+json"],
                ["X-Content-Type-Options", "nosniff"],
                ["Content-Length", "47"],
            ],
            "body": r#"{"status":404,"path":"/orders/7","id":"the-id"}"#,
        })
    );
}

#[test]
fn a_response_that_is_kept() {
    let headers = json!([["content-type", "text/plain"], ["Content-Length", "4"]]);
    let response = |status, body| json!({"response": {"status": status, "headers": headers, "body": body}});
    assert_eq!(
        answer(response(404, Value::from("gone"))),
        json!({
            "decision": "keep", "reason": "body-present", "rule": "gone", "message": 2, "status": 404,
            "headers": headers, "body": "gone",
        })
    );
    assert_eq!(
        answer(json!({"response": {"status": 200}})),
        json!({
            "decision": "keep", "reason": "no-rule", "rule": null, "message": null, "status": 200,
            "headers": [], "body": null,
        })
    );
}

#[test]
fn head_gets_the_message_of_get_where_it_is_known_to_be_empty() {
    let head =
        |headers| json!({"request": {"method": "HEAD"}, "response": {"status": 404, "headers": headers}});
    let unknown = answer(head(json!([])));
    assert_eq!((&unknown["decision"], &unknown["reason"]), (&json!("keep"), &json!("length-unknown")));
    assert_eq!((&unknown["message"], &unknown["body"]), (&json!(2), &Value::Null));
    let empty = answer(head(json!([["Content-Length", "0"]])));
    assert_eq!((&empty["decision"], &empty["body"]), (&json!("replace"), &json!("404 for HEAD /")));
}

#[test]
fn text_for_people() {
    let folder = folder();
    let flags = ["--status", "404", "--accept", "text/html;q=0.8, application/*;q=0.9, */*;q=0.1"];
    let more = ["--path", "/orders?id=7", "--header", "X-Request-Id: r-1", "--response-header", "Server: x"];
    let told = run(&mut explain(&folder, &[&flags[..], &more].concat()));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    snapshot("cli-explain-replace", &told.stdout);
}

#[test]
fn text_for_people_where_a_rule_does_not_apply() {
    let folder = folder();
    let kept = |flags: &[&str]| run(&mut explain(&folder, flags)).stdout;
    let told = [
        kept(&["--status", "404", "--body", "gone \u{1b}[31m", "--method", "DELETE"]),
        kept(&["--status", "500", "--accept", "image/png"]),
        kept(&["--status", "301", "--response-header", "Location: /there"]),
        kept(&["--status", "404", "--method", "HEAD"]),
        kept(&["--status", "404", "--body", "gone", "--accept", "image/png, */*;q=0"]),
    ];
    snapshot("cli-explain-keep", &told.join("\n~~~\n\n"));
}

#[test]
fn an_exchange_comes_from_standard_input_as_well() {
    let folder = folder();
    let mut command = explain(&folder, &["--exchange", "-", "--format", "json"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let exchange = r#"{"response": {"status": 500, "colour": "red"}, "kind": "x", "request": {"tea": 1}}"#;
    child.stdin.take().unwrap().write_all(exchange.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "retort: warning: -: keys that mean nothing: kind, request.tea, response.colour\n"
    );
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["rule"], "failed");
}

#[test]
fn what_cannot_be_used_is_told() {
    let folder = folder();
    std::fs::write(folder.path().join("broken.json"), r#"{"response": {"status": 99}}"#).unwrap();
    let refused = |flags: &[&str]| {
        let told = run(&mut explain(&folder, flags));
        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
        told.stderr
    };
    let broken = refused(&["--exchange", "broken.json"]);
    assert!(
        broken.starts_with("retort: error: broken.json is not a recorded exchange: a status is"),
        "{broken}"
    );
    let missing = refused(&["--exchange", "missing.json"]);
    assert!(missing.starts_with("retort: error: cannot read missing.json: "), "{missing}");

    let mut mistakes = retort();
    mistakes.current_dir(&folder).args(["explain", "--rules", "mistakes.xml", "--status", "404"]);
    let told = run(&mut mistakes);
    assert_eq!(told.code, Some(2));
    assert!(
        told.stderr.ends_with("retort: error: the rules in mistakes.xml cannot be used\n"),
        "{}",
        told.stderr
    );
}
