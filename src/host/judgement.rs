//! The judgement of a response: the same, whatever host it came through.

use std::sync::LazyLock;

use http::HeaderName;

use super::outcome::Outcome;
use crate::{
    Body, Decision, Exchange, Reply, Rules,
    exchange::{Content, Fields, Response, Source, hands_off},
    rules::Until,
};

/// The name of this machine.
pub(in crate::host) static HOSTNAME: LazyLock<String> =
    LazyLock::new(|| rustix::system::uname().nodename().to_string_lossy().into_owned());

/// What is known of a response's content.
#[derive(Clone, Copy, Debug)]
pub(in crate::host) struct Known<'a> {
    pub(in crate::host) body: Body,
    /// Bytes, if known.
    pub(in crate::host) length: Option<u64>,
    /// What was held of it.
    pub(in crate::host) content: Option<&'a Content>,
    /// Whether waiting may tell more.
    pub(in crate::host) is_pending: bool,
}

/// What is to be done with a response.
#[derive(Debug)]
pub(in crate::host) enum Verdict {
    /// It passes.
    Keep,
    /// Ask again when so much is known.
    Wait(Until),
    /// This is made of it.
    Reply(Reply),
}

impl<'a> Known<'a> {
    /// There is none.
    pub(in crate::host) const NOTHING: Self =
        Self { body: Body::Absent, length: Some(0), content: None, is_pending: false };

    /// What a head tells that declares this length, or none. The answer to HEAD ends with its head.
    pub(in crate::host) fn of_length(length: Option<u64>, is_to_head: bool) -> Self {
        let body = match length {
            Some(0) => Body::Absent,
            Some(_) => Body::Present,
            None => Body::Unknown,
        };
        let is_pending = body != Body::Absent && !is_to_head;
        Self { body, length, content: None, is_pending }
    }

    /// The response of which this is known. `opt_out` names the field by which it asks to be left alone.
    pub(in crate::host) fn response(
        self,
        status: u16,
        reason: Option<&'a str>,
        fields: Fields<'a>,
        source: Source,
        opt_out: &HeaderName,
    ) -> Response<'a> {
        Response {
            status,
            reason,
            fields,
            length: self.length,
            content: self.content,
            is_pending: self.is_pending,
            source,
            hands_off: hands_off(fields, opt_out),
        }
    }
}

/// Judges a response by these rules.
pub(in crate::host) fn judge(rules: &Rules, exchange: &Exchange<'_>, known: Known<'_>) -> (Verdict, Outcome) {
    let decision = rules.decide(exchange, known.body);
    let verdict = match &decision {
        Decision::Wait(awaited) if known.is_pending => Verdict::Wait(awaited.until),
        decided => Reply::of(decided, exchange).map_or(Verdict::Keep, Verdict::Reply),
    };
    (verdict, Outcome::of(&decision))
}
