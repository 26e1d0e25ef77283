//! The response field that tells of the decision, where it is asked for.

use pingora::http::ResponseHeader;

use super::{amend, options::Options};
use crate::{exchange::title_case, host::outcome::Outcome};

/// Sets the field, in place of one that the upstream may have sent.
pub(super) fn mark(head: &mut ResponseHeader, outcome: &Outcome, options: &Options) {
    let Some(name) = &options.debug_header else { return };
    let marked = outcome.header_value().and_then(|value| {
        if head.headers.contains_key(name) {
            *head = amend::without(head, name).ok()?;
        }
        head.insert_header(title_case(name), value).ok()
    });
    if marked.is_none() {
        tracing::error!(target: "retort::proxy", "a response could not be marked");
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    const NAME: HeaderName = HeaderName::from_static("retort-decision");

    #[test]
    fn it_takes_the_place_of_another() {
        let mut options = Options::new(Vec::new(), Vec::new());
        let mut head = ResponseHeader::build(404, None).unwrap();
        head.append_header("Retort-Decision", "a lie").unwrap();
        head.append_header("X-A", "a").unwrap();
        head.append_header("retort-decision", "another").unwrap();
        mark(&mut head, &Outcome::no_rule(), &options);
        assert_eq!(head.headers.get_all(NAME).iter().count(), 2, "it is off");
        options.debug_header = Some(NAME);
        mark(&mut head, &Outcome::no_rule(), &options);
        let values: Vec<_> = head.headers.get_all(NAME).iter().collect();
        assert_eq!(values, ["keep;reason=no-rule"]);
        assert_eq!(head.headers["x-a"], "a");
    }
}
