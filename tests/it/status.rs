//! `code-regex`: Java's syntax, the whole status.

use retort::status::StatusSet;

fn set(expression: &str) -> String {
    StatusSet::from_regex(expression).unwrap_or_else(|e| panic!("{expression}: {e}")).to_string()
}

fn refused(expression: &str) -> String {
    let error = StatusSet::from_regex(expression).expect_err(expression);
    assert!(error.span.end <= expression.len().max(1), "{expression}: {:?}", error.span);
    format!("{}..{} {error}", error.span.start, error.span.end)
}
