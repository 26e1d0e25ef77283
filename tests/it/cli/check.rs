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
