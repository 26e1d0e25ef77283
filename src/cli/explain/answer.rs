//! What becomes of one exchange: the decision of the rules, carried out on a recorded response.

use serde::Serialize;

use crate::{Decision, Rules, case::carried::Carried, cli::recorded::Recorded, rules::Failed};

/// The decision and what the client gets.
#[derive(Debug)]
pub(in crate::cli) struct Answer<'r> {
    pub(super) decision: Decision<'r>,
    pub(in crate::cli) carried: Carried,
    /// The upstream's content.
    upstream_body: Option<String>,
}

/// The answer for machines. These keys are a promise.
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

impl<'r> Answer<'r> {
    /// Decides a recorded exchange and carries the decision out.
    pub(in crate::cli) fn new(rules: &'r Rules, recorded: &Recorded) -> Self {
        let exchange = recorded.exchange();
        let response = &recorded.record.response;
        let decision = rules.decide(&exchange, recorded.record.body());
        let carried = Carried::out(&decision, &exchange, &recorded.record, &recorded.opt_out_header);
        Self { decision, carried, upstream_body: response.body.clone() }
    }

    /// Why the response is kept, in words; `None` where it is replaced.
    pub(in crate::cli) fn why_kept(&self) -> Option<String> {
        match &self.decision {
            Decision::Keep(kept) => Some(match kept.failed {
                Some(Failed { rule, condition }) => {
                    format!("{} does not apply: {condition} fails", rule.id())
                }
                None => kept.reason.to_string(),
            }),
            Decision::Wait(_) => Some("it is not known whether the response has content".to_owned()),
            Decision::Replace(_) | Decision::Steer(_) => None,
        }
    }

    /// The content that the client gets; to HEAD, that of a GET.
    pub(super) fn body(&self) -> Option<String> {
        match &self.carried.message {
            Some(body) => Some(String::from_utf8_lossy(body).into_owned()),
            None => self.upstream_body.clone(),
        }
    }

    /// The answer as one line of JSON.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let headers = self.carried.headers.iter();
        let failed = match &self.decision {
            Decision::Keep(kept) => kept.failed,
            _ => None,
        };
        let document = Document {
            decision: self.decision.action(),
            reason: self.decision.reason(),
            rule: self.decision.rule().map(|rule| &**rule.id()),
            message: self.decision.message(),
            condition: failed.map(|failed| failed.condition.to_string()),
            status: self.carried.status,
            headers: headers
                .map(|(name, value)| [name.clone(), String::from_utf8_lossy(value).into_owned()])
                .collect(),
            body: self.body(),
        };
        Ok(serde_json::to_string(&document)? + "\n")
    }
}
