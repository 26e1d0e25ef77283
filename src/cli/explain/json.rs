//! The answer for machines.

use serde::Serialize;

use crate::{Decision, explain::Explanation};

/// The decision and what the client gets. These keys are a promise.
#[derive(Debug, Serialize)]
struct Document<'a> {
    decision: &'static str,
    reason: &'static str,
    rule: Option<&'a str>,
    message: Option<usize>,
    /// What kept the first rule for the status from applying.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    status: u16,
    headers: Vec<[String; 2]>,
    body: Option<String>,
}

/// The answer as one line of JSON.
pub(super) fn json(answer: &Explanation<'_>) -> serde_json::Result<String> {
    let headers = answer.headers().iter();
    let failed = match &answer.decision {
        Decision::Keep(kept) => kept.failed,
        _ => None,
    };
    let document = Document {
        decision: answer.decision.action(),
        reason: answer.decision.reason(),
        rule: answer.decision.rule().map(|rule| &**rule.id()),
        message: answer.decision.message(),
        condition: failed.map(|failed| failed.condition.to_string()),
        status: answer.status(),
        headers: headers
            .map(|(name, value)| [name.clone(), String::from_utf8_lossy(value).into_owned()])
            .collect(),
        body: answer.body(),
    };
    Ok(serde_json::to_string(&document)? + "\n")
}
