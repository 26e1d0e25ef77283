use std::{fs, process::Command};

use roxmltree::Document;
use tempfile::TempDir;

use super::{Run, folder, retort, run, snapshot};

const FINE: &str = r#"description = "All is well."
rules-file = "rules.xml"

[[exchange]]
name = "gone"
record = { request = { uri = "/x", headers = [["Accept", "application/json"]] }, response = { status = 410 } }
expect = { decision = "replace", reason = "body-empty", rule = "gone", message = 1, status = 410, headers = { vary = "Accept", Content-Length = "70" }, absent = ["ETag"], body-json = '{"status": 410, "path": "/x", "id": "00000000-0000-4000-8000-000000000000"}', body-contains = ["410", "/x"] }

[[exchange]]
record = { response = { status = 200, body = "fine", headers = [["Set-Cookie", "a=1"], ["set-cookie", "b=2"]] } }
expect = { decision = "keep", body = "fine", headers = { Set-Cookie = ["a=1", "b=2"] } }
"#;

const FAILING: &str = r#"rules = '''
<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="down" code-regex="503" overwrite="ALWAYS">
    <message media-type="application/json" content-type="application/json">{"status":%s,"at":"%t"}</message>
    <message>line one
line two, %U
line three</message>
  </status-code>
</response-messaging>'''

[[exchange]]
name = "as it is"
record = { response = { status = 503 } }
expect = { status = 503 }

[[exchange]]
name = "a <few> things"
record = { request = { headers = [["Accept", "application/json"]] }, response = { status = 503, headers = [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]] } }
expect = { decision = "keep", rule = "up", message = 1, status = 502, headers = { set-cookie = ["a=1", "c=2"], X-None = "x" }, absent = ["Vary"], body-contains = "down", body-json = { status = 503 } }

[[exchange]]
record = { response = { status = 503 } }
expect = { body = "line one\nline 2, /\nline three\n" }

[[exchange]]
name = "what drives \u001b[31mterminals"
record = { response = { status = 200, body = "\u001b[2J" } }
expect = { body = "" }
"#;

const BROKEN: &str = r#"rules-file = "rules.xml"

[[exchange]]
nam = "a"
record = { response = { status = 503 } }
expect = { status = 503 }

[[exchange]]
record = { request = { header = [] }, response = { status = 503 } }
expect = { headers = { "Retry After" = "1" } }

[[exchange]]
record = { response = { status = 99 } }
expect = { stauts = 503 }

[[exchange]]
record = { response = { status = 99 } }
expect = { body-json = "{" }

[[exchange]]
record = { response = { status = 500 } }
expect = {}
"#;

const BROKEN_RULES: &str = r#"rules = '''
<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="down" code-regx="503"><message href="a.txt"/><message media-type="a/b" href="b.txt"/></status-code>
</response-messaging>'''
files = { "a.txt" = "some\n %z" }

[[exchange]]
record = { response = { status = 503 } }
expect = { status = 503 }
"#;

/// A folder with rules, and cases in `cases`.
fn with_cases(cases: &[(&str, &str)]) -> TempDir {
    let folder = folder();
    fs::create_dir(folder.path().join("cases")).unwrap();
    fs::copy(folder.path().join("rules.xml"), folder.path().join("cases/rules.xml")).unwrap();
    fs::copy(folder.path().join("maintenance.html"), folder.path().join("cases/maintenance.html")).unwrap();
    for (name, text) in cases {
        fs::write(folder.path().join("cases").join(name), text).unwrap();
    }
    folder
}

fn test(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = retort();
    command.current_dir(folder).arg("test").args(arguments);
    command
}

/// What is fine: nothing on standard error.
fn fine(run: Run) -> String {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    run.stdout
}

#[test]
fn the_cases_of_this_project_are_green() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    let told = fine(run(retort().args(["test", tests])));
    assert!(told.starts_with("ok: ") && told.lines().count() == 1, "{told}");
}

#[test]
fn what_is_fine_is_told_in_a_line_or_in_full() {
    let folder = with_cases(&[("fine.toml", FINE)]);
    assert_eq!(fine(run(&mut test(&folder, &["cases/fine.toml"]))), "ok: 2 exchanges in 1 case\n");
    let told = fine(run(&mut test(&folder, &["--verbose", "cases"])));
    let lines = "ok cases/fine.toml:4: gone\nok cases/fine.toml:9: exchange 2\nok: 2 exchanges in 1 case\n";
    assert_eq!(told, lines);
}

#[test]
fn what_is_not_as_expected_is_shown_line_by_line() {
    let folder = with_cases(&[("failing.toml", FAILING), ("fine.toml", FINE)]);
    let told = run(&mut test(&folder, &["cases"]));
    assert_eq!((told.code, told.stdout.as_str()), (Some(1), ""));
    assert!(!told.stderr.contains('\x1b'), "{}", told.stderr);
    snapshot("cli-test-failures", &told.stderr);

    let coloured = run(&mut test(&folder, &["cases", "--color", "always"])).stderr;
    assert!(coloured.contains("  \x1b[31m- 502\x1b[0m\n  \x1b[32m+ 503\x1b[0m\n"), "{coloured}");
}

#[test]
fn all_mistakes_of_a_case_at_once() {
    let folder = with_cases(&[("broken.toml", BROKEN), ("fine.toml", FINE), ("rules.toml", BROKEN_RULES)]);
    let told = run(&mut test(&folder, &["cases"]));
    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    snapshot("cli-test-mistakes", &told.stderr);
}

#[test]
fn mistakes_of_the_whole() {
    let exchange = "[[exchange]]\nrecord = { response = { status = 503 } }\nexpect = { status = 503 }\n";
    let cases = [
        ("", "1.toml: error: the case has no exchange"),
        ("exchange = 7", "1.toml:1:12: error: this is no list of exchanges"),
        ("exchange = [7]", "1.toml:1:13: error: invalid type: integer `7`, expected a table"),
        ("rules = ''\nrules-file = 'x'\nEXCHANGE", "1.toml:2:14: error: the case has `rules` as well"),
        ("rules-file = 'x'\nfiles = {}\nEXCHANGE", "1.toml:2:9: error: `files` go with `rules` only"),
        ("EXCHANGE", "1.toml: error: the case has no rules"),
        ("rules-file = 'none.xml'\nEXCHANGE", "none.xml: error: cannot read the rules file: "),
        ("a = 1\na = 2", "1.toml:2:1: error: duplicate key"),
        ("a =", "1.toml:1:4: error: "),
        // The place of a mistake is lost in a text with escapes; that of the text is told.
        (
            "rules = \"<response-messaging>\\u003cx/></response-messaging>\"\nEXCHANGE",
            "1.toml:1:9: error: unknown element `x`",
        ),
    ];
    for (text, want) in cases {
        let text = text.replace("EXCHANGE", exchange);
        let folder = with_cases(&[("1.toml", &text)]);
        let told = run(&mut test(&folder, &["cases/1.toml"]));
        assert_eq!(told.code, Some(2), "{text}: {told:?}");
        assert!(told.stderr.contains(&format!("cases/{want}")), "{text}: {}", told.stderr);
    }
}

#[test]
fn other_rules_may_be_tested() {
    let exchange = "[[exchange]]\nrecord = { response = { status = 404 } }\nexpect = { rule = 'gone' }\n";
    let folder = with_cases(&[("any.toml", exchange), ("own.toml", FAILING)]);
    assert_eq!(fine(run(&mut test(&folder, &["--rules", "rules.xml", "cases/any.toml"]))).lines().count(), 1);
    let told = run(&mut test(&folder, &["--rules", "empty.xml", "cases"]));
    assert_eq!(told.code, Some(1));
    assert!(told.stderr.contains("4 of 5 exchanges failed"), "{}", told.stderr);
    let told = run(&mut test(&folder, &["--rules", "mistakes.xml", "cases"]));
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.ends_with("retort: error: the rules in mistakes.xml cannot be used\n"));
}

#[test]
fn junit() {
    let cases = [("1.toml", FAILING), ("2.toml", FINE), ("3.toml", BROKEN_RULES)];
    let folder = with_cases(&cases);
    let told = run(&mut test(&folder, &["cases", "--junit", "report.xml"]));
    assert_eq!(told.code, Some(2));
    let text = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    let document = Document::parse(&text).unwrap();
    let root = document.root_element();
    assert!(root.has_tag_name("testsuites"));
    let counts = ["tests", "failures", "errors"].map(|name| root.attribute(name).unwrap());
    assert_eq!(counts, ["7", "3", "1"]);
    for element in root.descendants().filter(|node| node.is_element()) {
        let is_timed = !matches!(element.tag_name().name(), "failure" | "error");
        assert_eq!(element.attribute("time").is_some_and(|time| time.parse::<f64>().is_ok()), is_timed);
    }
    let suites: Vec<_> = root.children().filter(|node| node.is_element()).collect();
    let names: Vec<_> = suites.iter().map(|suite| suite.attribute("name").unwrap()).collect();
    assert_eq!(names, ["cases/1.toml", "cases/2.toml", "cases/3.toml"]);
    let tests: Vec<_> = root.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    let names: Vec<_> = tests.iter().map(|test| test.attribute("name").unwrap()).collect();
    let odd = "what drives \u{fffd}[31mterminals";
    assert_eq!(names, ["as it is", "a <few> things", "exchange 3", odd, "gone", "exchange 2", "the case"]);
    let failures: Vec<_> = root.descendants().filter(|node| node.has_tag_name("failure")).collect();
    assert!(failures[0].text().unwrap().contains("\nstatus\n- 502\n+ 503\n"), "{text}");
    assert_eq!(failures[1].attribute("message"), Some("not as expected: body"));
    assert!(failures[2].text().unwrap().contains("+ \u{fffd}[2J\n"), "{text}");
    let error = root.descendants().find(|node| node.has_tag_name("error")).unwrap();
    assert!(error.text().unwrap().contains("unknown attribute `code-regx`"), "{text}");
}

#[test]
fn what_cannot_be_read_or_written() {
    let folder = with_cases(&[("fine.toml", FINE)]);
    fs::create_dir(folder.path().join("none")).unwrap();
    fs::write(folder.path().join("latin.toml"), b"name = '\xe9'").unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["missing.toml", "cases/fine.toml"], "missing.toml: error: cannot read the case: "),
        (&["latin.toml"], "latin.toml: error: cannot read the case: "),
        (&["none"], "retort: error: no *.toml in none"),
        (&["cases", "--junit", "none"], "retort: error: cannot write none: "),
    ];
    for (arguments, want) in cases {
        let told = run(&mut test(&folder, arguments));
        assert_eq!(told.code, Some(2), "{arguments:?}: {told:?}");
        assert!(told.stderr.starts_with(want), "{arguments:?}: {}", told.stderr);
    }
}
