//! What is shipped in `conf/`, and what the other documents say of the code.

mod editors;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use retort::{Body, Decision, Reply, Rules, config, exchange::record::Record, rules::Overwrite};
use serde_json::json;

/// What a client or an upstream would send to break out of a message.
const HOSTILE: [&str; 6] = [
    r#"","admin":true,"x":""#,
    r#""><script>alert(1)</script>"#,
    "</title></detail></problem>]]>",
    "line\u{2028}feed \\ \\\" &amp; <!-- ",
    "\u{1}\u{b}\u{1f}\u{7f}\u{fffe}",
    "%s%{Authorization}i%%",
];

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn read(relative: &str) -> String {
    fs::read_to_string(path(relative)).unwrap()
}

/// The files of a folder, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(path(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// Every rules file. The XML in folders named `messages` is text for clients.
fn rules_files() -> Vec<PathBuf> {
    let all = [files("conf"), files("conf/examples")].concat();
    all.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "xml")).collect()
}

fn load(path: &Path) -> config::Loaded {
    match config::load(path) {
        Ok(loaded) => loaded,
        Err(refused) => panic!("{}", told(&refused.diagnostics)),
    }
}

fn told(diagnostics: &config::Diagnostics) -> String {
    diagnostics.iter().map(ToString::to_string).collect()
}

fn shipped() -> Rules {
    load(&path("conf/response-messaging.cfg.xml")).rules
}

/// An exchange in which everything that others can choose is hostile.
fn attack(status: u16, value: &str) -> Record {
    let record = json!({
        "request": {
            "method": value, "uri": format!("/{value}"), "query": value, "remote_addr": value,
            "headers": [["X-PP-User", value], ["Accept", value]],
            "generated_guid": value,
        },
        "response": {
            "status": status, "reason": value, "headers": [["Retry-After", value], ["Allow", value]],
        },
    });
    Record::from_json(record.to_string().as_bytes()).unwrap()
}

/// The content type and the text of each message that the rules have for a status.
fn messages(rules: &Rules, status: u16, record: &Record) -> Vec<(String, String)> {
    let exchange = record.exchange(record.request.generated_guid.as_deref().unwrap_or("-"), None);
    let Some(rule) = rules.iter().find(|rule| rule.statuses().contains(status)) else { return Vec::new() };
    let choices = (0..).map_while(|index| rule.choice(index));
    choices
        .map(|choice| {
            let content_type = choice.message.content_type.to_str().unwrap().to_owned();
            let body = Reply::of(&Decision::Replace(choice), &exchange).unwrap().body.unwrap();
            (content_type, String::from_utf8(body.to_vec()).unwrap())
        })
        .collect()
}

#[test]
fn every_rules_file_loads_without_a_word() {
    let files = rules_files();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let loaded = load(&file);
        assert!(loaded.warnings.is_empty(), "{}", told(&loaded.warnings));
    }
}

#[test]
fn every_message_file_is_used() {
    let read: BTreeSet<_> = rules_files().iter().flat_map(|file| load(file).files).collect();
    let read: BTreeSet<_> = read.iter().map(|path| path.canonicalize().unwrap()).collect();
    for file in [files("conf/messages"), files("conf/examples/messages")].concat() {
        assert!(read.contains(&file.canonicalize().unwrap()), "no rule names {}", file.display());
    }
}

#[test]
fn the_shipped_rules_answer_every_error_and_touch_no_body() {
    let rules = shipped();
    assert!(rules.iter().all(|rule| rule.overwrite() == Overwrite::IfEmpty));
    for status in 100..=999 {
        assert_eq!(rules.covers(status), (400..=599).contains(&status), "{status}");
    }
    for status in 400..=599 {
        let record = attack(status, "x");
        let exchange = record.exchange("id", None);
        assert!(matches!(rules.decide(&exchange, Body::Present), Decision::Keep(_)), "{status}");
        assert!(matches!(rules.decide(&exchange, Body::Absent), Decision::Replace(_)), "{status}");
    }
}

#[test]
fn no_value_breaks_out_of_a_message() {
    for file in rules_files() {
        let rules = load(&file).rules;
        for (status, value) in (400..=599).flat_map(|status| HOSTILE.map(|value| (status, value))) {
            for (content_type, text) in messages(&rules, status, &attack(status, value)) {
                let place = format!("{} {status} {content_type} {value:?}\n{text}", file.display());
                if content_type.contains("json") {
                    serde_json::from_str::<serde_json::Value>(&text).expect(&place);
                } else if content_type.contains("xml") {
                    roxmltree::Document::parse(&text).expect(&place);
                } else if content_type.contains("html") {
                    assert!(!text.contains("<script") && text.matches("</title>").count() == 1, "{place}");
                } else {
                    // The first line has the reason phrase, which passes as it came: HTTP has no
                    // control characters in it.
                    let rest: String = text.lines().skip(1).collect();
                    assert!(!rest.contains(char::is_control), "{place}");
                }
            }
        }
    }
}

#[test]
fn the_forms_of_a_message_agree() {
    let rules = shipped();
    for status in 400..=599 {
        let record = attack(status, "x");
        let messages = messages(&rules, status, &record);
        let of = |content_type: &str| {
            let texts: BTreeSet<_> = messages.iter().filter(|m| m.0 == content_type).map(|m| &m.1).collect();
            assert_eq!(texts.len(), 1, "{status}: one text for all that are sent as {content_type}");
            texts.into_iter().next().unwrap()
        };
        let json: serde_json::Value = serde_json::from_str(of("application/problem+json")).unwrap();
        assert_eq!(json["status"], status);
        let xml = roxmltree::Document::parse(of("application/problem+xml")).unwrap();
        assert!(xml.root_element().has_tag_name(("urn:ietf:rfc:7807", "problem")), "RFC 9457, appendix B");
        for element in xml.root_element().children().filter(roxmltree::Node::is_element) {
            let member = &json[element.tag_name().name()];
            let member = member.as_str().map_or_else(|| member.to_string(), str::to_owned);
            assert_eq!(element.text().unwrap_or_default(), member, "{status} {element:?}");
        }
        let text = of("text/plain; charset=utf-8").split_whitespace().collect::<Vec<_>>().join(" ");
        let detail = json["detail"].as_str().unwrap();
        assert!(text.starts_with(&status.to_string()) && text.contains(detail), "{status}: {text}");
        assert!(of("text/html; charset=utf-8").contains("<html lang="), "{status}");
    }
}

#[test]
fn the_pages_have_one_style_and_need_nothing_else() {
    let pages: Vec<_> = files("conf/messages")
        .into_iter()
        .filter(|file| file.extension().is_some_and(|e| e == "html"))
        .collect();
    let style = |page: &str| {
        let (start, end) = (page.find("<style>").unwrap(), page.find("</style>").unwrap());
        page[start..end].to_owned()
    };
    let texts: Vec<_> = pages.iter().map(|page| fs::read_to_string(page).unwrap()).collect();
    let styles: BTreeSet<_> = texts.iter().map(|text| style(text)).collect();
    assert_eq!(styles.len(), 1, "{pages:?}");
    for text in texts {
        for fetching in ["src=", "url(", "@import", "<link", "<script", "//"] {
            assert!(!text.contains(fetching), "{fetching} in\n{text}");
        }
    }
}

#[test]
fn every_rules_file_is_laid_out() {
    let output = Command::new(env!("CARGO_BIN_EXE_retort"))
        .args(["fmt", "--check"])
        .args(rules_files())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_table_of_directives_in_the_readme_is_the_one_of_the_code() {
    let output = Command::new(env!("CARGO_BIN_EXE_retort"))
        .args(["directives", "--format", "markdown"])
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success() && !output.stdout.is_empty());
    let readme = read("README.md");
    let (_, after) = readme.split_once("<!-- directives:begin -->\n").unwrap();
    let (table, _) = after.split_once("<!-- directives:end -->").unwrap();
    let hint = "cargo run -- directives --format markdown";
    assert_eq!(table.trim(), String::from_utf8(output.stdout).unwrap().trim(), "{hint}");
}

#[test]
fn the_rules_and_the_exchange_in_the_readme_work() {
    let folder = tempfile::tempdir().unwrap();
    for (number, rules) in blocks("README.md", "xml").iter().enumerate() {
        let file = folder.path().join(format!("{number}.xml"));
        fs::write(&file, rules).unwrap();
        let loaded = load(&file);
        assert!(loaded.warnings.is_empty(), "{}", told(&loaded.warnings));
    }
    for exchange in blocks("README.md", "json") {
        let record = Record::from_json(exchange.as_bytes()).unwrap();
        let parts = [record.unknown, record.server.unknown, record.request.unknown, record.response.unknown];
        assert!(parts.iter().all(|unknown| unknown.is_empty()), "{parts:?}");
    }
}

/// The fenced blocks of a language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let (text, fence) = (read(document), format!("```{language}\n"));
    let blocks = text.split(&fence).skip(1);
    let blocks: Vec<_> = blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect();
    assert!(!blocks.is_empty(), "{document} has no {language}");
    blocks
}

/// Each class of recorded behaviour that is not followed is told to those who come from Repose.
#[test]
fn every_recorded_deviation_is_documented() {
    let Some(vectors) = std::env::var_os("RETORT_CONFORMANCE") else { return };
    let documented = read("COMPATIBILITY.md");
    let mut classes = BTreeSet::new();
    for entry in fs::read_dir(vectors).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let area: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let cases = area["cases"].as_array().unwrap();
        classes.extend(cases.iter().filter_map(|case| case["deviation_id"].as_str().map(str::to_owned)));
    }
    assert!(!classes.is_empty());
    let missing: Vec<_> =
        classes.iter().filter(|class| !documented.contains(&format!("`{class}`"))).collect();
    assert!(missing.is_empty(), "COMPATIBILITY.md does not name {missing:?}");
}
