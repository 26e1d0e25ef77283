//! What came of an exchange.

use crate::{
    Rules,
    exchange::{Fields, OPT_OUT, record::Record, request_id, user},
    explain::carried::Carried,
};

/// What came of an exchange, as far as it could be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The decision; `None` where only the response can be seen.
    pub decided: Option<Decided>,
    /// The status that the client gets.
    pub status: u16,
    /// The header lines that it gets, in order.
    pub headers: Vec<(String, String)>,
    /// The content; `None` where none can follow (HEAD over a connection).
    pub body: Option<String>,
}

/// A decision, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// `keep`, `replace` or `steer`.
    pub decision: String,
    /// Why.
    pub reason: String,
    /// The id of the rule that matched.
    pub rule: Option<String>,
    /// The position of the message that was chosen.
    pub message: Option<usize>,
}

impl Answer {
    /// Decides a recorded exchange by the rules alone, and carries the decision out. The content
    /// for HEAD is what GET would get.
    pub fn of(rules: &Rules, record: &Record) -> Self {
        let id = record.request_id(&request_id::DEFAULT_HEADERS);
        let user = user::first(Fields::Lines(&record.request.headers), &user::DEFAULT_HEADER);
        let exchange = record.exchange(&id, user);
        let decision = rules.decide(&exchange, record.body());
        let Carried { status, headers, message, .. } = Carried::out(&decision, &exchange, record, &OPT_OUT);
        let upstream = || record.response.body.clone().unwrap_or_default();
        let body = message.map_or_else(upstream, |body| String::from_utf8_lossy(&body).into_owned());
        let text = |(name, value): (String, Vec<u8>)| (name, String::from_utf8_lossy(&value).into_owned());
        Self {
            decided: Some(Decided {
                decision: decision.action().to_owned(),
                reason: decision.reason().to_owned(),
                rule: decision.rule().map(|rule| rule.id().to_string()),
                message: decision.message(),
            }),
            status,
            headers: headers.into_iter().map(text).collect(),
            body: Some(body),
        }
    }
}
