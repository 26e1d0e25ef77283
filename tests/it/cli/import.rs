use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use retort::{
    Reply, Rules,
    config::{self, href::Disk},
    exchange::{Fields, record::Record, request_id, user},
};
use serde_json::Value;
use tempfile::TempDir;

use super::{RULES, retort, run, snapshot};

/// A folder of Repose's configuration.
fn repose() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import/repose");
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// Imports rules, and gives the new ones.
fn imported(rules: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old.xml"), rules).unwrap();
    let done = run(retort().current_dir(&folder).args(["import", "old.xml", "--output", "-"]));
    assert_ne!(done.code, Some(2), "{}", done.stderr);
    done.stdout
}

/// `status-code` elements in a rules file of today.
fn file(rules: &str) -> String {
    format!("<response-messaging xmlns=\"{NAMESPACE}\">\n{rules}\n</response-messaging>\n")
}

const NAMESPACE: &str = "http://docs.openrepose.org/repose/response-messaging/v1.0";

#[test]
fn a_folder() {
    let folder = repose();
    let done = run(retort().current_dir(&folder).args(["import", "."]));
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""));
    snapshot("cli-import-report", &done.stdout);
    snapshot("cli-import-rules", &fs::read_to_string(folder.path().join("rules.xml")).unwrap());
}

#[test]
fn a_folder_for_machines() {
    let folder = repose();
    let done = run(retort().current_dir(&folder).args(["import", ".", "--format", "json"]));
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""));
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["loads"], false, "there is a message file missing");
    let first = &report["gotchas"][0];
    let keys = ["outcome", "code", "file", "line", "column", "what", "repose", "retort", "import"];
    assert!(keys.iter().all(|key| !first[key].is_null()), "{first}");
    assert_eq!(report["system"]["listen"], serde_json::json!(["0.0.0.0:8080"]));
    let upstreams = serde_json::json!(["http://shop1.example:9000", "http://shop2.example:9000"]);
    assert_eq!(report["system"]["upstreams"], upstreams);
    assert_eq!(
        report["files"][1],
        serde_json::json!({"href": "missing.html", "path": "missing.html", "readable": false})
    );
}

#[test]
fn tidy_rules_need_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rules = file(
        r#"  <status-code id="a" code-regex="404"><message media-type="*/*">%s %m</message></status-code>"#,
    );
    fs::write(folder.path().join("old.xml"), rules).unwrap();
    let done = run(retort().current_dir(&folder).args(["import", "old.xml"]));
    assert_eq!(
        done.stdout,
        "old.xml -> rules.xml: 1 rule, 1 message; 0 mended, 0 differs, 0 open\n\
         start it: retort serve --rules rules.xml --upstream http://HOST:PORT\n"
    );
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    let strict = run(retort().current_dir(&folder).args(["check", "--strict", "rules.xml"]));
    assert_eq!(strict.code, Some(0), "{}", strict.stderr);
    assert_eq!(run(retort().current_dir(&folder).args(["fmt", "--check", "rules.xml"])).code, Some(0));
}

#[test]
fn nothing_is_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old.xml"), RULES).unwrap();
    fs::write(folder.path().join("maintenance.html"), "<p>%M</p>").unwrap();
    fs::write(folder.path().join("rules.xml"), "mine").unwrap();
    let import = |arguments: &[&str]| {
        run(retort().current_dir(&folder).args([&["import", "old.xml"], arguments].concat()))
    };

    let refused = import(&[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.contains("rules.xml is there already; --force replaces it"), "{}", refused.stderr);
    assert_eq!(import(&["--output", "old.xml"]).code, Some(2), "not even the rules themselves");
    assert_eq!(fs::read_to_string(folder.path().join("rules.xml")).unwrap(), "mine");

    assert_ne!(import(&["--force"]).code, Some(2));
    assert!(fs::read_to_string(folder.path().join("rules.xml")).unwrap().starts_with("<response-messaging "));
    fs::create_dir(folder.path().join("conf")).unwrap();
    assert_ne!(import(&["--output", "conf"]).code, Some(2));
    assert!(folder.path().join("conf/rules.xml").exists());
    assert_eq!(import(&["--output", "none/rules.xml"]).code, Some(2));

    let printed = import(&["--output", "-"]);
    assert!(printed.stdout.starts_with("<response-messaging "), "{}", printed.stdout);
    assert!(printed.stderr.contains("start it: retort serve --rules"), "{}", printed.stderr);
}

#[test]
fn what_cannot_be_read_is_trouble() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old.xml"), "<!DOCTYPE a><a/>").unwrap();
    let import = |from: &str| run(retort().current_dir(&folder).args(["import", from]));
    let refused = import("old.xml");
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.starts_with("old.xml:1:1: error: "), "{}", refused.stderr);
    assert_eq!(import(".").code, Some(2), "a folder without rules");
    assert!(!folder.path().join("rules.xml").exists());
}

#[test]
fn old_versions_of_overwrite() {
    let rule = |attributes: &str, message: &str| {
        let rules = format!(
            "<status-code id=\"a\" code-regex=\"404\"{attributes}><message{message}>x</message></status-code>"
        );
        let new = imported(&file(&rules));
        let tag = new.lines().find(|line| line.contains("<status-code")).unwrap().trim().to_owned();
        let left = new.contains("-origin");
        (tag.split_once("404\"").unwrap().1.to_owned(), left)
    };
    let always = (" overwrite=\"ALWAYS\">".to_owned(), false);
    assert_eq!(rule(" overwrite-origin=\"true\"", ""), always);
    assert_eq!(rule("", " prepend-origin=\"false\""), always);
    assert_eq!(rule(" overwrite-origin=' 0 '", ""), (" overwrite=\"IF_EMPTY\">".to_owned(), false));
    assert_eq!(
        rule(" overwrite='IF_EMPTY'", " prepend-origin='false'"),
        (" overwrite=\"IF_EMPTY\">".to_owned(), false)
    );
    assert_eq!(rule("", " prepend-origin=\"true\""), (" overwrite=\"ALWAYS\">".to_owned(), true));

    let two = "<status-code id='a' code-regex='404'><message>x</message></status-code>
        <status-code id='b' code-regex='405'><message prepend-origin='false'>x</message></status-code>";
    assert_eq!(imported(&file(two)).matches("overwrite=\"ALWAYS\"").count(), 2, "as all rules meant then");
}

#[test]
fn files_without_a_namespace_get_one() {
    let rules = imported(
        "<response-messaging><status-code id='404'><message>x</message></status-code></response-messaging>",
    );
    assert!(rules.starts_with(&format!("<response-messaging xmlns=\"{NAMESPACE}\">\n")), "{rules}");
    assert!(rules.contains("<status-code id=\"404\" code-regex=\"404\">"), "{rules}");
    let prefixed = format!(
        "<r:response-messaging xmlns:r=\"{OLD}\"><r:status-code id='a' code-regex='404'><r:message>x</r:message></r:status-code></r:response-messaging>"
    );
    assert!(imported(&prefixed).starts_with(&format!("<r:response-messaging xmlns:r=\"{NAMESPACE}\">\n")));
}

const OLD: &str = "http://docs.rackspacecloud.com/power-api/response-messaging/v1.0";

#[test]
fn relative_files_are_found_from_the_new_place() {
    let folder = repose();
    let elsewhere = tempfile::tempdir().unwrap();
    let done = run(retort().current_dir(&elsewhere).arg("import").arg(folder.path()));
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let rules = fs::read_to_string(elsewhere.path().join("rules.xml")).unwrap();
    let uri = format!("file://{}", folder.path().canonicalize().unwrap().join("server.txt").display());
    assert!(rules.contains(&format!("href=\"{uri}\"")), "{uri}: {rules}");
}

#[test]
fn what_is_mended_draws_no_warning() {
    let rules = "<status-code id='a' code-regex='404'>
        <message media-type='*/*'>100% %{X FOO}i %{a/b}t %{c}a %{X DATE UNIX}o %{x}s</message></status-code>";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old.xml"), file(rules).replace(NAMESPACE, OLD)).unwrap();
    let done = run(retort().current_dir(&folder).args(["import", "old.xml"]));
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{}", done.stdout);
    let text = fs::read_to_string(folder.path().join("rules.xml")).unwrap();
    assert!(text.contains(">100%% %{X}i %%{a/b}t %a %{X DATE RFC_1123}o %s</message>"), "{text}");
    let strict = run(retort().current_dir(&folder).args(["check", "--strict", "rules.xml"]));
    assert_eq!((strict.code, strict.stderr.as_str()), (Some(0), ""));
}

#[test]
fn secrets_that_were_shown_still_are() {
    let rules = "<status-code id='a' code-regex='404'>
        <message>%{authorization}i %{Set-Cookie}o</message></status-code>";
    let new = imported(&file(rules));
    assert!(new.contains("expose=\"Authorization Set-Cookie\">"), "{new}");
    let (rules, warnings) =
        config::parse(new.as_bytes(), Path::new("new.xml"), &mut Disk::default()).unwrap();
    assert_eq!((rules.message_count(), warnings.len()), (1, 0), "{warnings}");
    let more = file("<status-code id='a' code-regex='404'><message>%{Cookie}i</message></status-code>")
        .replace("xmlns=", "expose='session' xmlns=");
    assert!(imported(&more).contains("expose=\"session Cookie\""));
}

/// Real files of all versions, where there are some, and those of the repository: what loads, still
/// loads, and what the import can mend, it mends.
#[test]
fn real_files() {
    let Some(vectors) = vectors() else { return };
    let mut count = 0;
    for entry in fs::read_dir(vectors.join("configs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        let Ok(old) = config::load(&path) else { continue };
        let new = imported(&fs::read_to_string(&path).unwrap());
        let (rules, warnings) =
            config::parse(new.as_bytes(), Path::new("new.xml"), &mut Disk::default()).unwrap();
        assert_eq!(format!("{rules:?}"), format!("{:?}", old.rules), "{}", path.display());
        let left: Vec<_> = warnings.iter().map(|warning| warning.code).collect();
        let open = [
            "sent-as-plain-text",
            "double-backslash",
            "not-well-formed",
            "unreachable-rule",
            "unreachable-message",
        ];
        assert!(left.iter().all(|code| open.contains(code)), "{}: {left:?}", path.display());
        count += 1;
    }
    assert!(count > 15, "{count} files");
}

/// What was recorded is answered the same after an import as before it.
#[test]
fn recorded_vectors() {
    let Some(vectors) = vectors() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for entry in fs::read_dir(&vectors).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let area: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for case in area["cases"].as_array().unwrap() {
            let Some(old) = document(case) else { continue };
            let parse = |text: &str| {
                config::parse(text.as_bytes(), &folder.path().join("r.xml"), &mut Disk::default())
                    .map(|(rules, _)| rules)
            };
            let Ok(before) = parse(&old) else { continue };
            let new = imported(&old);
            let after =
                parse(&new).unwrap_or_else(|diagnostics| panic!("{}: {diagnostics}\n{new}", case["id"]));
            assert_eq!(answer(&before, case), answer(&after, case), "{}:\n{old}\n{new}", case["id"]);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared} cases");
}

fn vectors() -> Option<PathBuf> {
    let vectors = std::env::var_os("RETORT_CONFORMANCE").map(PathBuf::from);
    if vectors.is_none() {
        println!("skipped: RETORT_CONFORMANCE names no directory of recorded vectors");
    }
    vectors
}

/// The rules of a case as a file, where it has rules and a request.
fn document(case: &Value) -> Option<String> {
    case.get("request")?;
    let rules = match case["kind"].as_str()? {
        "config" => return case["config"].as_str().map(str::to_owned),
        "template" => serde_json::json!([{
            "id": "t", "code_regex": ".*", "overwrite": "ALWAYS",
            "messages": [{"content_type": case["content_type"], "text": case["template"]}],
        }]),
        "rules" if case["files"].is_null() => case["rules"].clone(),
        _ => return None,
    };
    let mut out = String::new();
    for rule in rules.as_array()? {
        let attributes = attributes(rule, &["id", "code_regex", "overwrite"]);
        write!(out, "<status-code{attributes}>").unwrap();
        for message in rule["messages"].as_array()? {
            let attributes = attributes_of_message(message);
            write!(out, "<message{attributes}>{}</message>", escaped(message["text"].as_str().unwrap_or("")))
                .unwrap();
        }
        out.push_str("</status-code>");
    }
    Some(file(&out))
}

fn attributes_of_message(message: &Value) -> String {
    attributes(message, &["media_type", "content_type", "href"])
}

fn attributes(of: &Value, names: &[&str]) -> String {
    let written = names.iter().filter_map(|name| {
        let value = of[*name].as_str()?;
        Some(format!(" {}=\"{}\"", name.replace('_', "-"), escaped(value)))
    });
    written.collect()
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '"' | '\t' | '\n' | '\r' => write!(out, "&#{};", u32::from(c)).unwrap(),
            c => out.push(c),
        }
    }
    out
}

/// What the rules make of the exchange of a case: the decision, and all of the reply.
fn answer(rules: &Rules, case: &Value) -> String {
    let record: Record = serde_json::from_value(serde_json::json!({
        "clock": case["clock"], "server": case["server"],
        "request": case["request"], "response": case["response"],
    }))
    .unwrap();
    let id = record.request_id(&request_id::DEFAULT_HEADERS);
    let exchange =
        record.exchange(&id, user::first(Fields::Lines(&record.request.headers), &user::DEFAULT_HEADER));
    let decision = rules.decide(&exchange, record.body());
    let rule = decision.rule().map(|rule| rule.id().to_owned());
    format!("{rule:?} {:?} {:?}", decision.message(), Reply::of(&decision, &exchange))
}
