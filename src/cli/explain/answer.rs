//! What becomes of one exchange: the decision of the rules, carried out on a recorded response.

use http::HeaderName;
use serde::Serialize;

use crate::{
    Decision, Reply, Rules,
    cli::{recorded::Recorded, value},
    reply::Edit,
};

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
        let reply = match &decision {
            Decision::Replace(choice) => Some(Reply::new(choice, &exchange)),
            Decision::Keep(_) | Decision::Wait(_) => None,
        };
        let mut headers = response.headers.clone();
        for edit in reply.iter().flat_map(|reply| &reply.edits) {
            apply(edit, &mut headers);
        }
        Self { decision, reply, status: response.status, headers, upstream_body: response.body.clone() }
    }

    /// Why the response is kept, in words; `None` where it is replaced.
    pub(in crate::cli) fn why_kept(&self) -> Option<String> {
        match &self.decision {
            Decision::Keep(kept) => Some(kept.reason.to_string()),
            Decision::Wait(_) => Some("it is not known whether the response has content".to_owned()),
            Decision::Replace(_) => None,
        }
    }

    /// The content that the client gets; to HEAD, that of a GET.
    pub(super) fn body(&self) -> Option<String> {
        match &self.reply {
            Some(reply) => Some(String::from_utf8_lossy(&reply.body).into_owned()),
            None => self.upstream_body.clone(),
        }
    }

    /// The answer as one line of JSON.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let headers = self.headers.iter();
        let document = Document {
            decision: if self.reply.is_some() { "replace" } else { "keep" },
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

fn apply(edit: &Edit, lines: &mut Vec<(String, Vec<u8>)>) {
    let is = |name: &HeaderName, line: &(String, Vec<u8>)| line.0.eq_ignore_ascii_case(name.as_str());
    match edit {
        Edit::Remove(name) => lines.retain(|line| !is(name, line)),
        Edit::Set(name, value) => {
            let value = value.as_bytes().to_vec();
            let first = lines.iter().position(|line| is(name, line));
            lines.retain(|line| !is(name, line));
            let at = first.unwrap_or(lines.len());
            lines.insert(at, (value::title_case(name), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn edited(edit: &Edit) -> Vec<(String, String)> {
        let mut lines = [("A", "1"), ("vary", "x"), ("B", "2"), ("Vary", "y")]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .to_vec();
        apply(edit, &mut lines);
        lines.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect()
    }

    fn lines(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn removing_takes_every_line_of_the_name() {
        assert_eq!(edited(&Edit::Remove(header::VARY)), lines(&[("A", "1"), ("B", "2")]));
        assert_eq!(edited(&Edit::Remove(header::ETAG)).len(), 4);
    }

    #[test]
    fn setting_leaves_one_line_where_the_first_stood() {
        let set = |name| Edit::Set(name, HeaderValue::from_static("z"));
        assert_eq!(edited(&set(header::VARY)), lines(&[("A", "1"), ("Vary", "z"), ("B", "2")]));
        assert_eq!(edited(&set(header::RETRY_AFTER)).last().unwrap().0, "Retry-After");
    }
}
