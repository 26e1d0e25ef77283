//! `explain` on the page and in the terminal.

use std::{fs, path::Path, process::Command};

use retort::{
    case::Case,
    explain::{Explanation, Identity, Inquiry},
    host::admin::page,
};
use roxmltree::{Document, Node};

use super::{get, text, view};
use crate::{cases, support::rules};

/// The words of each row of a table.
type Rows = Vec<Vec<String>>;

/// What is told, in whatever layout.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    exchange: String,
    rules: Rows,
    negotiation: Rows,
    decision: Vec<String>,
    response: Vec<String>,
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().filter(|word| *word != "<-").map(str::to_owned).collect()
}

impl Told {
    fn by_command(output: &str) -> Self {
        let section = |name: &str| -> Vec<&str> {
            let mut lines = output.lines();
            assert!(lines.by_ref().any(|line| line == name) || name == "Negotiation", "{name} in {output}");
            // The response comes last, and may hold anything.
            let is_over = |line: &str| name != "Response" && !line.is_empty() && !line.starts_with(' ');
            lines.take_while(|line| !is_over(line)).collect()
        };
        let rows = |name: &str| section(name).into_iter().map(words).filter(|row| !row.is_empty()).collect();
        Self {
            exchange: output.lines().next().unwrap().to_owned(),
            rules: rows("Rules"),
            negotiation: rows("Negotiation"),
            decision: section("Decision")
                .iter()
                .map(|line| line.trim().to_owned())
                .filter(|l| !l.is_empty())
                .collect(),
            response: section("Response")
                .iter()
                .map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned())
                .collect(),
        }
    }

    fn by_page(fragment: &str) -> Self {
        let whole = format!("<div>{fragment}</div>");
        let document = Document::parse(&whole).unwrap_or_else(|error| panic!("{error} in {whole}"));
        let parts: Vec<Node> = document.root_element().children().collect();
        let section = |name: &str| -> Vec<Node> {
            let mut parts =
                parts.iter().skip_while(|part| !part.has_tag_name("h2") || content(part) != name).skip(1);
            parts.by_ref().take_while(|part| !part.has_tag_name("h2")).copied().collect()
        };
        let rows = |name: &str| -> Rows {
            let rows = section(name).into_iter().flat_map(|part| match part.has_tag_name("table") {
                true => part.descendants().filter(|node| node.has_tag_name("tr")).map(cells).collect(),
                false => vec![words(&content(&part))],
            });
            rows.collect()
        };
        Self {
            exchange: content(&parts[0]),
            rules: rows("Rules"),
            negotiation: rows("Negotiation"),
            decision: section("Decision").iter().map(content).collect(),
            response: section("Response")
                .iter()
                .map(content)
                .collect::<String>()
                .lines()
                .map(str::to_owned)
                .collect(),
        }
    }
}

fn content(node: &Node) -> String {
    node.descendants().filter(Node::is_text).map(|node| node.text().unwrap()).collect()
}

/// The words of a row; of a heading that is not seen, none.
fn cells(row: Node) -> Vec<String> {
    let cells =
        row.children().filter(|cell| !cell.children().any(|part| part.attribute("class") == Some("aside")));
    cells.flat_map(|cell| words(&content(&cell))).collect()
}

#[test]
fn the_page_tells_what_the_command_tells_of_every_case() {
    let mut count = 0;
    for case in cases::cases() {
        let directory = tempfile::tempdir().unwrap();
        let file = cases::lay_out(&case.rules, directory.path());
        let (rules, _) = case.rules().unwrap();
        for trial in &case.trials {
            let record = directory.path().join("exchange.json");
            fs::write(&record, trial.json.to_string()).unwrap();
            let output = explain(&file, &["--exchange", record.to_str().unwrap()]);
            let inquiry = Inquiry::new(trial.record.clone(), Identity::default());
            let fragment = page::explanation(&Explanation::new(&rules, &inquiry));
            assert_eq!(
                Told::by_page(&fragment),
                Told::by_command(&output),
                "{}\n{output}",
                place(&case, trial.line)
            );
            count += 1;
        }
    }
    assert!(count > 100, "{count} exchanges");
}

fn explain(rules: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retort"));
    let output = command.args(["explain", "--rules"]).arg(rules).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn place(case: &Case, line: usize) -> String {
    format!("{}:{line}", case.source.path.display())
}

const RULES: &str = r#"
  <status-code id="gone" code-regex="404" path="/a.*">
    <message media-type="application/json" content-type="application/json">{"path":"%U","x":"%{X-A}i"}</message>
    <message>plain %s</message>
  </status-code>
  <status-code id="all" code-regex="..." overwrite="ALWAYS"><message>all %s</message></status-code>"#;

#[test]
fn the_form_asks_what_the_flags_ask() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.xml");
    let namespace = "http://docs.openrepose.org/repose/response-messaging/v1.0";
    fs::write(&file, format!("<response-messaging xmlns='{namespace}'>{RULES}</response-messaging>"))
        .unwrap();
    let output = explain(
        &file,
        &[
            "--status",
            "404",
            "--path",
            "/a/b?c=d",
            "--accept",
            "application/json",
            "--header",
            "X-A: \"quoted\"",
            "--response-header",
            "Server: x",
        ],
    );
    let view = view(rules(RULES));
    let query = "status=404&path=%2Fa%2Fb%3Fc%3Dd&client=api&headers=x-a%3A+%22quoted%22%0D%0A&response-headers=Server%3A+x";
    let document = get(&view, &format!("/explain?{query}"));
    let (_, answer) = document.body.split_once(r#"aria-live="polite">"#).unwrap();
    let (fragment, _) = answer.split_once(r#"<p class="command">"#).unwrap();
    assert_eq!(Told::by_page(fragment), Told::by_command(&output));
    assert!(fragment.contains("&quot;"));
}

#[test]
fn a_form_that_cannot_be_read_says_why() {
    let view = view(rules(RULES));
    let document = get(&view, "/explain?status=99&method=G+T&path=x&headers=nothing&cause=bad+luck");
    assert_eq!(document.status, 200);
    assert_eq!(document.body.matches("aria-invalid=\"true\"").count(), 4);
    let shown = text(&document.body);
    for why in
        ["from 100 to 999", "A method is", "A path starts", "“nothing” is no header line", "no such cause"]
    {
        assert!(shown.contains(why), "{why}");
    }
    assert!(!document.body.contains("<h2>Decision"));
}
