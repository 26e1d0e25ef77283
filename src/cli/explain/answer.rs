//! What becomes of one exchange: the decision of the rules, carried out on a recorded response.

use serde::Serialize;

use crate::{Decision, Reply, Rules, cli::recorded::Recorded};

/// The decision and what the client gets.
#[derive(Debug)]
pub(in crate::cli) struct Answer<'r> {
    pub(super) decision: Decision<'r>,
    /// The message, where one is written.
    pub(in crate::cli) reply: Option<Reply>,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
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
        let reply = Reply::of(&decision, &exchange);
        let mut headers = response.headers.clone();
        if let Some(reply) = &reply {
            reply.apply(&mut headers);
        }
        let status = reply.as_ref().map_or(response.status, |reply| reply.status);
        Self { decision, reply, status, headers, upstream_body: response.body.clone() }
    }

    /// Why the response is kept, in words; `None` where it is replaced.
    pub(in crate::cli) fn why_kept(&self) -> Option<String> {
        match &self.decision {
            Decision::Keep(kept) => Some(kept.reason.to_string()),
            Decision::Wait(_) => Some("it is not known whether the response has content".to_owned()),
            Decision::Replace(_) | Decision::Steer(_) => None,
        }
    }

    /// The content that the client gets; to HEAD, that of a GET.
    pub(super) fn body(&self) -> Option<String> {
        match self.reply.as_ref().and_then(|reply| reply.body.as_ref()) {
            Some(body) => Some(String::from_utf8_lossy(body).into_owned()),
            None => self.upstream_body.clone(),
        }
    }

    /// The answer as one line of JSON.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let headers = self.headers.iter();
        let document = Document {
            decision: self.decision.action(),
            reason: self.decision.reason(),
            rule: self.decision.rule().map(|rule| &**rule.id()),
            message: self.decision.message(),
            status: self.status,
            headers: headers
                .map(|(name, value)| [name.clone(), String::from_utf8_lossy(value).into_owned()])
                .collect(),
            body: self.body(),
        };
        Ok(serde_json::to_string(&document)? + "\n")
    }
}
