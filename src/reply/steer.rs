//! What a steered response becomes.

use bytes::Bytes;
use http::{HeaderValue, header};

use super::{Edits, Reply, meta::Steering, of_message, of_rule, render};
use crate::{
    exchange::{Exchange, Response},
    rules::{self, Choice, Steered},
};

/// The response as the meta object in its content has it.
pub(super) fn reply(steered: &Steered<'_>, exchange: &Exchange<'_>) -> Option<Reply> {
    let steering = Steering::read(exchange.response.content?.text())?;
    let (rule, upstream) = (steered.rule, exchange.response.status);
    let status = steering.status.or(rule.status()).unwrap_or(upstream);
    let mut edits = Edits::new(exchange.response.fields);
    edits.strip(status, upstream);
    for (name, values) in &steering.fields {
        for (index, value) in values.iter().enumerate() {
            // Each cookie is a field line of its own (RFC 6265 §3).
            match index == 0 && *name != header::SET_COOKIE {
                true => edits.set(name.clone(), value.clone()),
                false => edits.add(name.clone(), value.clone()),
            }
        }
    }
    edits.apply(rule.fields(), &of_rule(rule, exchange, status));
    let body = match (status, steering.error()) {
        (304, _) => Bytes::new(),
        (..400, _) => steering.content(),
        (_, Some(error)) => error,
        (_, None) => describe(&mut edits, steered.choice.as_ref(), exchange, status),
    };
    match status {
        // It has no content, and the fields that describe some are those of a 200.
        304 => [header::CONTENT_TYPE, header::CONTENT_LENGTH].iter().for_each(|name| edits.remove(name)),
        _ => edits.set(header::CONTENT_LENGTH, HeaderValue::from(body.len())),
    }
    Some(Reply { status, body: Some(body), edits: edits.into_vec(), refused: steering.refused })
}

/// The message for an error that the upstream does not describe: the rule's, else a generic one.
fn describe(
    edits: &mut Edits<'_>,
    choice: Option<&Choice<'_>>,
    exchange: &Exchange<'_>,
    status: u16,
) -> Bytes {
    if let Some(choice) = choice {
        let subject = of_message(choice, exchange, status);
        edits.describe(choice, &subject);
        return render(choice, &subject);
    }
    // It names the status that is sent, not the one that the upstream's response had.
    let response = Response { status, reason: None, ..exchange.response };
    let exchange = Exchange { response, ..*exchange };
    let generic = rules::generic();
    let choice = generic.iter().find_map(|rule| rule.choose(&exchange, generic.negotiation()));
    choice.map_or_else(Bytes::new, |choice| {
        let subject = of_message(&choice, &exchange, status);
        edits.describe(&choice, &subject);
        render(&choice, &subject)
    })
}
