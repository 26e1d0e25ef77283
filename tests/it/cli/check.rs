use std::fs;

use serde_json::Value;

use super::{folder, retort, run, snapshot};

#[test]
fn a_line_for_each_file_that_is_fine() {
    let folder = folder();
    let checked = run(retort().current_dir(&folder).args(["check", "rules.xml", "empty.xml"]));
    assert_eq!(checked.stdout, "rules.xml: ok: 3 rules, 5 messages\nempty.xml: ok: 0 rules, 0 messages\n");
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
}

#[test]
fn all_mistakes_at_once() {
    let folder = folder();
    let checked = run(retort().current_dir(&folder).args(["check", "mistakes.xml", "rules.xml"]));
    assert_eq!(checked.code, Some(1));
    assert_eq!(checked.stdout, "rules.xml: ok: 3 rules, 5 messages\n", "the others are checked all the same");
    snapshot("cli-check-mistakes", &checked.stderr);
}

#[test]
fn all_mistakes_as_one_json_document() {
    let folder = folder();
    let arguments = ["check", "--format", "json", "mistakes.xml", "rules.xml"];
    let checked = run(retort().current_dir(&folder).args(arguments));
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(1), ""));
    let document: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(document["files"][1]["ok"], true);
    snapshot("cli-check-json", &checked.stdout);
}

#[test]
fn a_warning_is_a_mistake_to_the_strict() {
    let folder = folder();
    let checked = run(retort().current_dir(&folder).args(["check", "warning.xml"]));
    assert_eq!(checked.code, Some(0));
    assert_eq!(checked.stdout, "warning.xml: ok: 1 rule, 1 message\n");
    assert!(checked.stderr.starts_with("warning.xml:1:1: warning: "), "{}", checked.stderr);

    let strict = run(retort().current_dir(&folder).args(["check", "--strict", "warning.xml"]));
    assert_eq!((strict.code, strict.stdout.as_str()), (Some(1), ""));
    assert!(strict.stderr.ends_with("warning.xml: 1 warning\n"), "{}", strict.stderr);
}

#[test]
fn what_cannot_be_read_is_another_matter() {
    let folder = folder();
    let checked = run(retort().current_dir(&folder).args(["check", "missing.xml", "mistakes.xml"]));
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(2), ""));
    assert!(
        checked.stderr.starts_with("missing.xml: error: cannot read the rules file: "),
        "{}",
        checked.stderr
    );
    assert!(checked.stderr.contains("mistakes.xml:"));
    assert_eq!(run(retort().current_dir(&folder).args(["check", "."])).code, Some(2));
}

#[test]
fn a_message_file_that_cannot_be_read_is_a_mistake_of_the_rules() {
    let folder = folder();
    fs::remove_file(folder.path().join("maintenance.html")).unwrap();
    let checked = run(retort().current_dir(&folder).args(["check", "rules.xml"]));
    assert_eq!(checked.code, Some(1));
    assert!(checked.stderr.starts_with("rules.xml:12:"), "{}", checked.stderr);
}

#[test]
fn mistakes_are_coloured_when_asked_for() {
    let folder = folder();
    let arguments = ["check", "mistakes.xml", "--color", "always"];
    assert!(run(retort().current_dir(&folder).args(arguments)).stderr.contains("\x1b["));
    let arguments = ["check", "mistakes.xml"];
    assert!(!run(retort().current_dir(&folder).args(arguments)).stderr.contains('\x1b'));
}

#[test]
fn colours_without_a_terminal_can_be_asked_for_in_the_environment() {
    let folder = folder();
    let check = |name: &str, value: &str| {
        let mut command = retort();
        command.current_dir(&folder).args(["check", "mistakes.xml"]).env(name, value);
        run(&mut command).stderr.contains('\x1b')
    };
    assert!(check("CLICOLOR_FORCE", "1"));
    assert!(!check("CLICOLOR_FORCE", "0"));
    let explain = ["explain", "--rules", "rules.xml", "--status", "500"];
    let mut explain_in_colour = retort();
    explain_in_colour.current_dir(&folder).args(explain).env("CLICOLOR_FORCE", "1");
    assert!(run(&mut explain_in_colour).stdout.contains("\x1b[32m  failed"));
    assert!(!run(explain_in_colour.env("NO_COLOR", "1")).stdout.contains('\x1b'));
    let help = |when| run(retort().args(["check", "--color", when, "--help"])).stdout.contains('\x1b');
    assert!(help("always") && !help("auto") && !help("never"));
}

/// The members that code scanning wants, each where SARIF 2.1.0 has it.
#[test]
fn all_mistakes_as_sarif() {
    let folder = folder();
    let arguments = ["check", "--format", "sarif", "mistakes.xml", "./warning.xml", "a b.xml"];
    let checked = run(retort().current_dir(&folder).args(arguments));
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(2), ""));
    let log: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(log["$schema"], "https://json.schemastore.org/sarif-2.1.0.json");
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let driver = &run["tool"]["driver"];
    assert_eq!((&driver["name"], &driver["version"]), (&"retort".into(), &env!("CARGO_PKG_VERSION").into()));
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
    }

    let results = run["results"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()), "{result}");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let region = &result["locations"][0]["physicalLocation"]["region"];
        for place in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(region[place].as_u64().unwrap() >= 1, "{result}");
        }
    }
    let uris: Vec<_> = results.iter().map(uri).collect();
    assert_eq!((uris.first(), uris.last()), (Some(&"mistakes.xml"), Some(&"a%20b.xml")));
    assert!(uris.contains(&"warning.xml"));
    let misspelt = results.iter().find(|result| result["ruleId"] == "unknown-attribute").unwrap();
    let region = &misspelt["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["startColumn"]), (&2.into(), &26.into()));
}

fn uri(result: &Value) -> &str {
    result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap()
}

#[test]
fn nothing_to_find_is_sarif_as_well() {
    let folder = folder();
    let checked = run(retort().current_dir(&folder).args(["check", "--format=sarif", "rules.xml"]));
    let log: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!((checked.code, &log["runs"][0]["results"]), (Some(0), &Value::Array(Vec::new())));
}
