//! Repose's recorded behaviour: every vector in the directory that `RETORT_CONFORMANCE` names.
//!
//! A case without `deviation` must come out as recorded; one with it, as documented where the
//! documentation says something, and else as the table below says. Without the variable the test
//! says that it was skipped.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use http::header::CONTENT_TYPE;
use retort::{
    Body, Decision, Reply, Rules,
    config::{self, Diagnostics, href::Files},
    exchange::{record::Record, request_id, user},
    status::StatusSet,
};
use serde_json::Value;

/// What Retort does about each class of deviation.
const CLASSES: &[(&str, &str)] = &[
    ("accept-absent", "an absent Accept is */*: the first message answers where there is no */* message"),
    ("accept-lower-q-ignored", "all ranges count, by quality, then position"),
    ("accept-malformed-500", "a member that cannot be read is passed over; nothing left is */*"),
    ("accept-naive-split", "commas and semicolons in quoted strings do not split"),
    ("accept-params-dropped", "parameters count for messages whose media type has some"),
    ("accept-q-range", "a weight beyond 0 to 1 makes its member malformed"),
    ("accept-q0-chosen", "q=0 excludes"),
    ("accept-range-ignored", "type/* and */* of the client match by type"),
    ("arg-double-space", "runs of separators count once"),
    ("bodiless-status", "204, 205, 206 and 304 pass untouched"),
    ("charset-latin1", "messages are UTF-8"),
    ("charset-unknown-500", "any charset but UTF-8 is refused at load"),
    ("cond-backslash", "%\\! means %!"),
    ("cond-glued", "refused at load"),
    ("config-code-regex-required", "the id is the expression where it matches a status"),
    ("config-href-and-text", "the file wins, with a warning"),
    ("config-media-type-required", "absent means */*"),
    ("date-lenient", "a date that cannot be is printed unchanged"),
    ("date-type-case", "DATE in any case"),
    ("double-backslash", "never matches, with a warning"),
    ("duplicate-id", "refused at load"),
    ("duplicate-media-type", "the first message answers, with a warning"),
    ("escape-collapse", "one escape is one character"),
    ("href-not-watched", "message files are watched"),
    ("href-unreadable-empties", "refused at load; a file URI may have one slash"),
    ("html-reason-raw", "escaped"),
    ("iso-minutes-lost", "the minutes of an offset count"),
    ("iso-subset", "RFC 3339 is read whole"),
    ("key-collision", "messages are found by position"),
    ("length-32-bit", "64 bits"),
    ("length-missing", "the body is counted"),
    ("length-untrusted", "the body is counted; a length that is none is not believed"),
    ("port-is-local", "%p is the upstream's port"),
    ("reload-not-atomic", "the last good version stays whole"),
    ("request-line-no-query", "%r has the query"),
    ("stale-entity-headers", "what described the old body goes with it"),
    ("time-comma", "separators of a time pattern are printed as written"),
    ("time-is-render-time", "%t is the time of receipt"),
    ("underscore-header", "any token names a header field"),
    ("unknown-date-format", "refused at load"),
    ("url-full", "%U is the path"),
    ("user-null", "an absent user is -"),
    ("values-raw", "escaped for the content type"),
];

/// What comes out of the deviating cases whose documentation is silent, and of the few others
/// that SPEC rules although they are not marked.
const RULED: &[(&str, Outcome)] = &[
    // `type/*` is no media type of a message.
    ("neg-range-configured", Outcome::Refused),
    ("neg-range-both-same-text", Outcome::Refused),
    // Secrets are exposed by name or not at all.
    ("hdr-credentials", Outcome::Refused),
    // A time pattern may hold slashes.
    ("time-slash", Outcome::Body("05/Mar/2019:07:08:09 +0000")),
    // No document type declarations.
    ("cfg-entity-definition", Outcome::Refused),
    ("neg-absent-no-wildcard", Outcome::Body("J")),
    ("neg-any-no-wildcard", Outcome::Body("J")),
    ("neg-q-lower-before-wildcard", Outcome::Body("J")),
    ("neg-q-any-low", Outcome::Body("J")),
    ("neg-q-word", Outcome::Body("W")),
    ("neg-q-empty", Outcome::Body("W")),
    ("neg-only-semicolon", Outcome::Body("W")),
    ("ow-charset-unknown", Outcome::Refused),
    ("ow-304", Outcome::Kept),
    ("ow-204", Outcome::Kept),
    ("href-missing", Outcome::Refused),
    ("href-http", Outcome::Refused),
    ("href-one-slash", Outcome::Body("from file")),
    ("href-space", Outcome::Refused),
    ("sel-duplicate-media-type", Outcome::Body("first")),
    ("sel-duplicate-id", Outcome::Refused),
    ("escp-reason-html", Outcome::Body("[&lt;b&gt;&amp;&quot;&#39;]")),
    ("escp-header-json", Outcome::Body(r#"{"v":"a\"},{\"b\":\"c\\"}"#)),
    ("escp-header-xml", Outcome::Body("<v>&lt;script&gt;alert(1)&lt;/script&gt;&amp;</v>")),
    ("escp-header-html", Outcome::Body("<p>&lt;img src=x onerror=alert(1)&gt;</p>")),
    ("escp-query-html", Outcome::Body("<a href=\"?x=&quot;&gt;&lt;script&gt;\">")),
    ("escp-user-json", Outcome::Body(r#"{"u":"al\"ice"}"#)),
    ("bytes-above-int", Outcome::Body("2147483648 2147483648")),
    ("dir-u-absent", Outcome::Body("-")),
    ("date-iso-fraction", Outcome::Body("2012-03-09T14:56:32Z")),
    ("date-two-digit-year", Outcome::Body("Fri, 09 Mar 12 14:56:32 GMT")),
    ("date-day-32", Outcome::Body("Fri, 32 Mar 2012 14:56:32 GMT")),
    ("date-trailing-text", Outcome::Body("Fri, 09 Mar 2012 14:56:32 GMT and more")),
    ("date-unknown-out", Outcome::Refused),
    ("date-comma-space", Outcome::Body("2012-03-09T14:56:32Z")),
    ("time-comma-later", Outcome::Body("05 Mar, 2019|07:08,09,045")),
    // The escape stays in a JSON string, where it means the same.
    ("esc-in-json", Outcome::Body(r#"{"m":"a\nb"}"#)),
    ("cfg-no-code-regex", Outcome::Accepted),
    ("rel-bad-template", Outcome::Accepted),
    ("rel-bad-first", Outcome::Accepted),
    ("st-double-backslash", Outcome::Accepted),
];

/// What a case must come to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The configuration is refused.
    Refused,
    /// It is accepted; what more there is to see, the case itself tells.
    Accepted,
    /// The response passes.
    Kept,
    /// This body is sent.
    Body(&'static str),
}

#[test]
fn recorded_vectors() {
    let Some(directory) = std::env::var_os("RETORT_CONFORMANCE").map(PathBuf::from) else {
        println!("skipped: RETORT_CONFORMANCE names no directory of recorded vectors");
        return;
    };
    let mut tally = Tally::default();
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let area: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            area["cases"].as_array().unwrap().iter().for_each(|case| tally.run(case));
        }
    }
    for (class, count) in &tally.classes {
        let known = CLASSES.iter().find(|(name, _)| name == class);
        let (_, what) = known.unwrap_or_else(|| panic!("deviation class {class} is not in the table"));
        println!("{count:3} {class}: {what}");
    }
    println!("{} cases, {} without an expectation", tally.count, tally.unruled.len());
    assert!(tally.count > 0, "no cases in {}", directory.display());
    assert!(tally.unruled.is_empty(), "no expectation for {:?}", tally.unruled);
    assert!(tally.failures.is_empty(), "{} failed:\n{}", tally.failures.len(), tally.failures.join("\n"));
}

#[derive(Default)]
struct Tally {
    count: usize,
    classes: BTreeMap<String, usize>,
    unruled: Vec<String>,
    failures: Vec<String>,
}

impl Tally {
    fn run(&mut self, case: &Value) {
        self.count += 1;
        let id = case["id"].as_str().unwrap();
        if let Some(class) = case["deviation_id"].as_str() {
            *self.classes.entry(class.to_owned()).or_default() += 1;
        }
        let ruled = RULED.iter().find(|(name, _)| *name == id).map(|(_, outcome)| *outcome);
        if ruled.is_none() && case.get("deviation").is_some() && case.get("documented").is_none() {
            self.unruled.push(id.to_owned());
            return;
        }
        let result = match case["kind"].as_str().unwrap() {
            "template" => template(case, ruled),
            "rules" => rules(case, ruled),
            "status" => status(case),
            "config" => configuration(case, ruled),
            "reload" => reload(case),
            other => Err(format!("unknown kind {other}")),
        };
        if let Err(problem) = result {
            self.failures.push(format!("{id}: {problem}"));
        }
    }
}

/// What `expect` says once `documented` has replaced a part of it.
fn expected(case: &Value) -> Value {
    let mut expect = case["expect"].clone();
    if let Some(documented) = case["documented"].as_object() {
        let expect = expect.as_object_mut().unwrap();
        expect.extend(documented.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    expect
}

fn template(case: &Value, ruled: Option<Outcome>) -> Result<(), String> {
    let message = serde_json::json!({"content_type": case["content_type"], "text": case["template"]});
    let rule =
        serde_json::json!([{"id": "t", "code_regex": ".*", "overwrite": "ALWAYS", "messages": [message]}]);
    let expect = expected(case);
    let loaded = parse(&xml(&rule, None), &mut Messages);
    let refused = ruled == Some(Outcome::Refused) || expect["error"] == "config";
    let rules = match loaded {
        Ok(_) if refused => return Err("was accepted".into()),
        Ok(rules) => rules,
        Err(_) if refused => return Ok(()),
        Err(diagnostics) => return Err(format!("was refused: {diagnostics}")),
    };
    let answer = Answer::of(&rules, case);
    let want = match ruled {
        Some(Outcome::Body(body)) => body,
        _ => expect["body"].as_str().unwrap(),
    };
    same_body(&answer.body, want)
}

fn rules(case: &Value, ruled: Option<Outcome>) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in case["files"].as_object().into_iter().flatten() {
        std::fs::write(directory.path().join(name), text.as_str().unwrap()).unwrap();
    }
    let document = xml(&case["rules"], Some(directory.path()));
    let mut disk = config::href::Disk::default();
    let loaded = config::parse(document.as_bytes(), &directory.path().join("rules.xml"), &mut disk);
    let expect = expected(case);
    let refused = ruled == Some(Outcome::Refused) || expect["error"] == "config";
    match loaded {
        Ok(_) if refused => Err("was accepted".into()),
        Ok((rules, _)) => compare(&rules, case, &expect, ruled),
        Err(_) if refused => Ok(()),
        Err(diagnostics) => Err(format!("was refused: {diagnostics}")),
    }
}

/// Compares what the rules answer with the result that is expected.
fn compare(rules: &Rules, case: &Value, expect: &Value, ruled: Option<Outcome>) -> Result<(), String> {
    let answer = Answer::of(rules, case);
    match ruled {
        Some(Outcome::Body(body)) => return same_body(&answer.body, body),
        Some(Outcome::Kept) if !answer.replaced => return Ok(()),
        Some(Outcome::Kept) => return Err(format!("was replaced by {:?}", answer.body)),
        _ => {}
    }
    let mut problems = String::new();
    let mut check = |key: &str, got: Value| {
        if expect.get(key).is_some_and(|want| *want != got) {
            write!(problems, "{key} is {got}, not {}; ", expect[key]).unwrap();
        }
    };
    check("rule", answer.rule.into());
    check("message", answer.message.into());
    check("rewritten", answer.replaced.into());
    check("status", case["response"]["status"].clone());
    if let Some(want) = expect["content_type"].as_str().filter(|_| answer.replaced) {
        let bare_text = want.starts_with("text/") && !want.contains("charset");
        let want = if bare_text { format!("{want}; charset=utf-8") } else { want.to_owned() };
        if answer.content_type != want {
            write!(problems, "content type is {}, not {want}; ", answer.content_type).unwrap();
        }
    }
    if let Some(want) = expect["body"].as_str()
        && let Err(problem) = same_body(&answer.body, want)
    {
        problems.push_str(&problem);
    }
    if let Some(want) = expect["headers"].as_array() {
        let want: Vec<(String, String)> = want
            .iter()
            .map(|line| (line[0].as_str().unwrap().to_lowercase(), line[1].as_str().unwrap().to_owned()))
            .filter(|(name, _)| name != "content-type")
            .collect();
        let added = ["content-type", "content-length", "x-content-type-options", "vary"];
        let got: Vec<_> =
            answer.headers.into_iter().filter(|(name, _)| !added.contains(&name.as_str())).collect();
        let kept = case["deviation_id"] != "stale-entity-headers";
        if kept && got != want {
            write!(problems, "headers are {got:?}, not {want:?}").unwrap();
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn status(case: &Value) -> Result<(), String> {
    let expect = &case["expect"];
    match StatusSet::from_regex(case["code_regex"].as_str().unwrap()) {
        Err(_) if expect["error"] == "config" => Ok(()),
        Err(error) => Err(format!("was refused: {error}")),
        Ok(_) if expect["error"] == "config" => Err("was accepted".into()),
        Ok(set) => {
            let list = |key: &str| -> Vec<u16> { serde_json::from_value(expect[key].clone()).unwrap() };
            let wrong = |status: &u16, want: bool| set.contains(*status) != want;
            let mut failed: Vec<u16> = list("matches").into_iter().filter(|s| wrong(s, true)).collect();
            failed.extend(list("no_match").into_iter().filter(|s| wrong(s, false)));
            if failed.is_empty() { Ok(()) } else { Err(format!("wrong for {failed:?}")) }
        }
    }
}

fn configuration(case: &Value, ruled: Option<Outcome>) -> Result<(), String> {
    let expect = expected(case);
    let document = case["config"].as_str().unwrap();
    let loaded = parse(document, &mut Messages);
    // Older namespaces load, with a warning.
    let old_namespace = document.contains("docs.rackspacecloud.com");
    let no_namespace = !document.contains("xmlns");
    let refused_by_result = expect["result"]["error"] == "config";
    let accepted = match ruled {
        Some(outcome) => outcome != Outcome::Refused,
        None => (expect["valid"] == true || old_namespace || no_namespace) && !refused_by_result,
    };
    match loaded {
        Ok(_) if !accepted => Err("was accepted".into()),
        Err(_) if !accepted => Ok(()),
        Err(diagnostics) => Err(format!("was refused: {diagnostics}")),
        Ok(rules) if case.get("request").is_some() => compare(&rules, case, &expect["result"], None),
        Ok(rules) => {
            let count = expect["rules"].as_array().map(Vec::len);
            match count.is_none_or(|count| count == rules.iter().len()) {
                true => Ok(()),
                false => Err(format!("{} rules, not {count:?}", rules.iter().len())),
            }
        }
    }
}

/// Steps on one service: what is refused leaves the version in force.
fn reload(case: &Value) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let mut in_force = Rules::default();
    let steps = case["steps"].as_array().unwrap();
    let expects = case["expect"]["steps"].as_array().unwrap();
    let atomic = case.get("deviation").is_none();
    for (step, expect) in steps.iter().zip(expects) {
        if let Some(files) = step["write"].as_object() {
            for (name, text) in files {
                std::fs::write(directory.path().join(name), text.as_str().unwrap()).unwrap();
            }
        } else if step.get("load").is_some() {
            let document = xml(&step["load"], Some(directory.path()));
            let mut disk = config::href::Disk::default();
            let loaded = config::parse(document.as_bytes(), &directory.path().join("r.xml"), &mut disk);
            if expect["accepted"] != loaded.is_ok() {
                return Err(format!("accepted is {}", loaded.is_ok()));
            }
            in_force = loaded.map_or(in_force, |(rules, _)| rules);
        } else if atomic {
            let mut exchange = step.clone();
            exchange["clock"] = case["clock"].clone();
            exchange["server"] = case["server"].clone();
            compare(&in_force, &exchange, expect, None)?;
        }
    }
    Ok(())
}

/// What the rules answer to the exchange of a case.
struct Answer {
    rule: Option<String>,
    message: Option<usize>,
    replaced: bool,
    content_type: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn of(rules: &Rules, case: &Value) -> Self {
        let record: Record = serde_json::from_value(serde_json::json!({
            "clock": case["clock"], "server": case["server"],
            "request": case["request"], "response": case["response"],
        }))
        .unwrap();
        let id = record.request_id(&request_id::DEFAULT_HEADERS);
        let fields = retort::exchange::Fields::Lines(&record.request.headers);
        let exchange = record.exchange(&id, user::first(fields, &user::DEFAULT_HEADER));
        let decision = rules.decide(&exchange, record.body());
        let mut lines = record.response.headers.clone();
        let mut answer = Answer {
            rule: decision.rule().map(|rule| rule.id().to_string()),
            message: decision.message(),
            replaced: false,
            content_type: String::new(),
            headers: Vec::new(),
            body: record.response.body.clone().unwrap_or_default(),
        };
        assert!(record.body() == Body::Unknown || !matches!(decision, Decision::Wait(_)));
        if let Some(reply) = Reply::of(&decision, &exchange) {
            reply.apply(&mut lines);
            answer.replaced = reply.body.is_some();
            answer.body = reply.body.map_or(answer.body, |body| String::from_utf8(body.to_vec()).unwrap());
        }
        let mut headers: Vec<(String, String)> = lines
            .into_iter()
            .map(|(name, value)| (name.to_lowercase(), String::from_utf8(value).unwrap()))
            .collect();
        headers.sort();
        let content_type = headers.iter().find(|(name, _)| *name == CONTENT_TYPE.as_str());
        answer.content_type = content_type.map(|(_, value)| value.clone()).unwrap_or_default();
        answer.headers = headers;
        answer
    }
}

/// Bodies are the same if only the escaping of `/` differs.
fn same_body(got: &str, want: &str) -> Result<(), String> {
    if got == want || got.replace("\\/", "/") == want.replace("\\/", "/") {
        return Ok(());
    }
    Err(format!("body is {got:?}, not {want:?}"))
}

/// A rules file with these rules.
fn xml(rules: &Value, directory: Option<&Path>) -> String {
    let namespace = "http://docs.openrepose.org/repose/response-messaging/v1.0";
    let mut out = format!("<response-messaging xmlns=\"{namespace}\">");
    for rule in rules.as_array().unwrap() {
        write!(
            out,
            "<status-code{}{}{}>",
            attribute("id", &rule["id"]),
            attribute("code-regex", &rule["code_regex"]),
            attribute("overwrite", &rule["overwrite"])
        )
        .unwrap();
        for message in rule["messages"].as_array().unwrap() {
            let mut href = message["href"].clone();
            if let (Some(text), Some(directory)) = (href.as_str(), directory) {
                href = text.replace("{{DIR}}", directory.to_str().unwrap()).into();
            }
            let attributes = [
                ("media-type", &message["media_type"]),
                ("content-type", &message["content_type"]),
                ("href", &href),
            ];
            let attributes: String = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
            write!(out, "<message{attributes}>{}</message>", escape(message["text"].as_str().unwrap_or("")))
                .unwrap();
        }
        out.push_str("</status-code>");
    }
    out.push_str("</response-messaging>");
    out
}

fn attribute(name: &str, value: &Value) -> String {
    value.as_str().map_or(String::new(), |value| format!(" {name}=\"{}\"", escape(value)))
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '<' | '>' | '&' | '"' | '\t' | '\n' | '\r' => write!(out, "&#{};", u32::from(c)).unwrap(),
            _ => out.push(c),
        }
        out
    })
}

/// Message files that all hold the same.
struct Messages;

impl Files for Messages {
    fn read(&mut self, _: &config::href::Target) -> Result<String, config::href::HrefError> {
        Ok("from a file".into())
    }
}

fn parse(document: &str, files: &mut Messages) -> Result<Rules, Diagnostics> {
    config::parse(document.as_bytes(), Path::new("rules.xml"), files).map(|(rules, _)| rules)
}

/// The real files load or are refused as their index and the older namespaces imply.
#[test]
fn real_files() {
    let Some(directory) =
        std::env::var_os("RETORT_CONFORMANCE").map(|path| PathBuf::from(path).join("configs"))
    else {
        println!("skipped: RETORT_CONFORMANCE names no directory of recorded vectors");
        return;
    };
    let index: Value = serde_json::from_slice(&std::fs::read(directory.join("INDEX.json")).unwrap()).unwrap();
    let files = index["files"].as_array().unwrap();
    assert!(!files.is_empty());
    for file in files {
        let name = file["file"].as_str().unwrap();
        let bytes = std::fs::read(directory.join(name)).unwrap();
        let prepends = String::from_utf8_lossy(&bytes).contains("prepend-origin=\"true\"");
        // A placeholder of Repose's test suite is no file name.
        let placeholder = file["href_placeholders"].as_array().is_some_and(|list| !list.is_empty());
        let loads = file["loads"] == true && !prepends && !placeholder;
        let result = config::parse(&bytes, &directory.join(name), &mut Messages);
        match result {
            Ok((rules, _)) => {
                assert!(loads, "{name} was accepted");
                assert_eq!(rules.iter().len(), file["rules"].as_u64().unwrap() as usize, "{name}");
                assert_eq!(rules.message_count(), file["messages"].as_u64().unwrap() as usize, "{name}");
            }
            Err(diagnostics) => assert!(!loads, "{name} was refused:\n{diagnostics}"),
        }
    }
}
