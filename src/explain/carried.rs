//! A decision carried out on a recorded response.

use bytes::Bytes;
use http::HeaderName;

use crate::{
    Decision, Reply,
    exchange::{Exchange, Source, record::Record},
    rules,
};

/// What the client gets.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The content that was written in place of the upstream's, if some was.
    pub(crate) message: Option<Bytes>,
    /// What of a meta object was not obeyed, and why.
    pub(crate) refused: Vec<String>,
}

impl Carried {
    /// Carries a decision out as a proxy does: what it made itself, and no rule has a message for,
    /// gets a generic one; the field by which an upstream opts out goes.
    pub(crate) fn out(
        decision: &Decision<'_>,
        exchange: &Exchange<'_>,
        record: &Record,
        opt_out: &HeaderName,
    ) -> Self {
        let mut carried = Self {
            status: record.response.status,
            headers: record.response.headers.clone(),
            message: None,
            refused: Vec::new(),
        };
        if let Some(reply) = Reply::of(decision, exchange) {
            carried.take(reply);
        }
        if carried.message.is_none() && matches!(exchange.response.source, Source::Proxy(_)) {
            let generic = rules::generic().decide(exchange, record.body());
            Reply::of(&generic, exchange).into_iter().for_each(|reply| carried.take(reply));
        }
        if exchange.response.hands_off {
            carried.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(opt_out.as_str()));
        }
        carried
    }

    fn take(&mut self, reply: Reply) {
        reply.apply(&mut self.headers);
        self.status = reply.status;
        self.message = reply.body;
        self.refused.extend(reply.refused);
    }
}
