//! Findings as SARIF 2.1.0, with all that code scanning asks for.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::config::{Diagnostic, diagnostic::Position};

/// What a path may hold in a URI as it is (RFC 3986, §3.3).
const SEGMENT: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A log of one run. `complete`: all files could be read.
pub(super) fn log<'d>(diagnostics: impl Iterator<Item = &'d Diagnostic>, complete: bool) -> Value {
    let diagnostics: Vec<_> = diagnostics.collect();
    let mut codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let results: Vec<_> = diagnostics.iter().map(|diagnostic| result(diagnostic, &codes)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "retort",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            } },
            "invocations": [{ "executionSuccessful": complete }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// What is said of all results of a kind. What is wrong, and how to mend it, differs from one to the next.
fn rule(code: &str) -> Value {
    let words = code.replace('-', " ");
    json!({
        "id": code,
        "shortDescription": { "text": words },
        "fullDescription": { "text": format!("What `retort check` calls {code}.") },
        "help": { "text": "Each result says what is wrong, and how to mend it." },
    })
}

fn result(diagnostic: &Diagnostic, codes: &[&str]) -> Value {
    let text = match &diagnostic.help {
        Some(help) => format!("{}\n{help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    // Code scanning wants a place even for what is about a file as a whole.
    let start = Position { line: 1, column: 1 };
    let region = diagnostic.positions().unwrap_or(start..start);
    json!({
        "ruleId": diagnostic.code,
        "ruleIndex": codes.iter().position(|code| *code == diagnostic.code),
        "level": diagnostic.severity,
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&diagnostic.source.path) },
            "region": {
                "startLine": region.start.line,
                "startColumn": region.start.column,
                "endLine": region.end.line,
                "endColumn": region.end.column,
            },
        } }],
    })
}

/// Relative to where the command runs, which is taken for the root of the repository; or absolute.
fn uri(path: &Path) -> String {
    let text = path.strip_prefix(".").unwrap_or(path).to_string_lossy();
    let encoded = utf8_percent_encode(&text, &SEGMENT);
    if path.is_absolute() { format!("file://{encoded}") } else { encoded.to_string() }
}
