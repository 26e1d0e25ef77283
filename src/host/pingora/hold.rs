//! The order of things while a response is held back, replaced, or let go: a state machine over
//! Pingora's tasks that touches no socket.

use bytes::{Bytes, BytesMut};
use pingora::{
    http::{RequestHeader, ResponseHeader},
    protocols::http::HttpTask,
};

use super::{
    amend, debug_header,
    facts::{Facts, declared_length},
};
use crate::{
    Body, Reply,
    exchange::{Content, Fields, Source, content::MAX_CONTENT},
    host::{
        fault,
        judgement::{Known, Verdict},
        outcome::Outcome,
    },
    rules::Until,
};

/// Turns the tasks of an upstream's response into those that the client is to get.
#[derive(Debug)]
pub(super) struct Hold {
    state: State,
    /// Bytes of the old content that are read, at most.
    limit: u64,
    outcome: Option<Outcome>,
}

/// How far a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The head is held back, or has not come.
    Held,
    /// What comes is passed on.
    Passing,
    /// The message is out; the old content is still coming.
    Draining,
    /// The message is out, and more of the old content came than is worth reading.
    Flooded,
    /// The message is out, and the old content has ended.
    Done,
}

#[derive(Debug)]
enum State {
    Waiting(Box<Waiting>),
    /// The message is known; the head that it goes with has not come.
    Armed(Reply),
    Replaced {
        /// Bytes of the old content: those that came, or all if that is too much to begin with.
        dropped: u64,
        ended: bool,
    },
    Passing,
}

#[derive(Debug)]
struct Waiting {
    facts: Facts,
    until: Until,
    head: Option<Box<ResponseHeader>>,
    /// What came before it was known what to do with it.
    kept: Bytes,
}

/// How the content goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    NotYet,
    Here,
    /// It breaks off.
    Broken,
}

impl Hold {
    /// Holds the head until so much is known of its content, then asks the rules.
    pub(super) fn waiting(facts: Facts, until: Until) -> Self {
        let limit = facts.options.limits.drain;
        let waiting = Waiting { facts, until, head: None, kept: Bytes::new() };
        Self { state: State::Waiting(Box::new(waiting)), limit, outcome: None }
    }

    /// Replaces the content with this, and reads so much of it at most.
    pub(super) fn replacing(reply: Reply, limit: u64) -> Self {
        Self { state: State::Armed(reply), limit, outcome: None }
    }

    /// Lets everything pass.
    pub(super) fn passing() -> Self {
        Self { state: State::Passing, limit: 0, outcome: None }
    }

    pub(super) fn progress(&self) -> Progress {
        match &self.state {
            State::Waiting(_) | State::Armed(_) => Progress::Held,
            State::Passing => Progress::Passing,
            State::Replaced { ended: true, .. } => Progress::Done,
            State::Replaced { dropped, .. } if *dropped > self.limit => Progress::Flooded,
            State::Replaced { .. } => Progress::Draining,
        }
    }

    /// What was decided while the response was held.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        self.outcome.take()
    }

    /// Gives up: what comes is passed on.
    pub(super) fn pass(&mut self) {
        self.state = State::Passing;
    }

    /// Takes what the upstream sent and appends what the client is to get.
    pub(super) fn feed(&mut self, request: &RequestHeader, task: HttpTask, out: &mut Vec<HttpTask>) {
        if let HttpTask::Header(head, _) = &task
            && head.status.is_informational()
        {
            return out.push(task);
        }
        match std::mem::replace(&mut self.state, State::Passing) {
            State::Passing => out.push(task),
            State::Armed(reply) => self.armed(request, reply, task, out),
            State::Replaced { dropped, ended } => {
                let ended = ended || task.is_end();
                self.state = State::Replaced { dropped: dropped + length(&task), ended };
            }
            State::Waiting(waiting) => self.waited(request, waiting, task, out),
        }
    }

    fn armed(&mut self, request: &RequestHeader, reply: Reply, task: HttpTask, out: &mut Vec<HttpTask>) {
        match task {
            HttpTask::Header(head, ended) => {
                let dropped = self.excess(&head);
                match replace(request, head, reply, out) {
                    Ok(()) => self.state = State::Replaced { dropped, ended },
                    Err(head) => {
                        self.outcome = Some(Outcome::panic());
                        out.push(HttpTask::Header(head, ended));
                    }
                }
            }
            // Nothing can come before the head but the news that it won't.
            other => out.push(other),
        }
    }

    /// How long the old content is, if that is known to be more than is worth reading: then none of it
    /// is.
    fn excess(&self, head: &ResponseHeader) -> u64 {
        declared_length(head).filter(|length| *length > self.limit).unwrap_or_default()
    }

    fn waited(
        &mut self,
        request: &RequestHeader,
        mut waiting: Box<Waiting>,
        task: HttpTask,
        out: &mut Vec<HttpTask>,
    ) {
        let end = End::of(&task);
        let mut last = None;
        match task {
            HttpTask::Header(head, _) => waiting.head = Some(head),
            HttpTask::Body(Some(data), _) => waiting.keep(data),
            HttpTask::Body(None, _) | HttpTask::Done => {}
            HttpTask::Trailer(_) | HttpTask::UpgradedBody(..) | HttpTask::Failed(_) => last = Some(task),
        }
        let Some(mut head) = waiting.head.take() else { return out.extend(last) };
        let verdict = loop {
            // Decoding what was held is the work of others, on bytes of others.
            let asked = fault::caught(|| waiting.ask(request, &head, end));
            let asked = asked.unwrap_or_else(|| Some((Verdict::Keep, Outcome::panic())));
            let Some((verdict, outcome)) = asked else {
                waiting.head = Some(head);
                self.state = State::Waiting(waiting);
                return;
            };
            debug_header::mark(&mut head, &outcome, &waiting.facts.options);
            self.outcome = Some(outcome);
            match verdict {
                Verdict::Wait(until) if until != waiting.until => waiting.until = until,
                decided => break decided,
            }
        };
        let excess = self.excess(&head);
        match verdict {
            Verdict::Reply(reply) if reply.body.is_some() => match replace(request, head, reply, out) {
                Ok(()) => {
                    let dropped = excess.max(waiting.kept.len() as u64);
                    self.state = State::Replaced { dropped, ended: end != End::NotYet };
                    return;
                }
                Err(unamended) => {
                    self.outcome = Some(Outcome::panic());
                    head = unamended;
                }
            },
            Verdict::Reply(reply) => {
                if amend::amend(&mut head, &reply).is_err() {
                    self.outcome = Some(Outcome::panic());
                }
            }
            Verdict::Keep | Verdict::Wait(_) => {}
        }
        release(head, waiting.kept, last, end, out);
    }
}

impl Waiting {
    fn keep(&mut self, data: Bytes) {
        let kept = std::mem::take(&mut self.kept);
        self.kept = if kept.is_empty() {
            data
        } else {
            // One buffer that grows: pieces of a byte each must not cost more than they are.
            let mut all = BytesMut::from(kept);
            all.extend_from_slice(&data);
            all.freeze()
        };
    }

    /// Asks the rules, if enough is known.
    fn ask(&self, request: &RequestHeader, head: &ResponseHeader, end: End) -> Option<(Verdict, Outcome)> {
        let limit = self.facts.options.limits.content.min(MAX_CONTENT);
        let is_over = end != End::NotYet || self.kept.len() > limit;
        let has_begun = self.until == Until::FirstByte && !self.kept.is_empty();
        if !is_over && !has_begun {
            return None;
        }
        let counted = (end != End::NotYet).then_some(self.kept.len() as u64);
        let content = is_over.then(|| {
            let held = self.kept.get(..limit).unwrap_or(&self.kept);
            Content::new(Fields::Map(&head.headers), held, end != End::Here || held.len() < self.kept.len())
        });
        let known = Known {
            body: match end {
                _ if !self.kept.is_empty() => Body::Present,
                End::Here => Body::Absent,
                End::NotYet | End::Broken => Body::Unknown,
            },
            length: counted.or_else(|| declared_length(head)),
            content: content.as_ref(),
            is_pending: !is_over,
        };
        Some(self.facts.judge(request, head, known, Source::Upstream))
    }
}

impl End {
    fn of(task: &HttpTask) -> Self {
        match task {
            HttpTask::Failed(_) => Self::Broken,
            task if task.is_end() => Self::Here,
            _ => Self::NotYet,
        }
    }
}

/// Sends the message in place of the content; gives the head back where that cannot be done.
fn replace(
    request: &RequestHeader,
    mut head: Box<ResponseHeader>,
    reply: Reply,
    out: &mut Vec<HttpTask>,
) -> Result<(), Box<ResponseHeader>> {
    if amend::amend(&mut head, &reply).is_err() {
        return Err(head);
    }
    let body = amend::content(request, &head, reply.body);
    out.push(HttpTask::Header(head, body.is_none()));
    out.extend(body.map(|body| HttpTask::Body(Some(body), true)));
    Ok(())
}

/// Lets go what was held. Of a response that breaks off before its first byte nothing is sent, so
/// that the proxy can still answer for itself.
fn release(
    head: Box<ResponseHeader>,
    kept: Bytes,
    last: Option<HttpTask>,
    end: End,
    out: &mut Vec<HttpTask>,
) {
    if kept.is_empty() && end == End::Broken {
        return out.extend(last);
    }
    let is_end = end == End::Here && last.is_none();
    out.push(HttpTask::Header(head, is_end && kept.is_empty()));
    if !kept.is_empty() {
        out.push(HttpTask::Body(Some(kept), is_end));
    }
    out.extend(last);
}

fn length(task: &HttpTask) -> u64 {
    match task {
        HttpTask::Body(Some(data), _) => data.len() as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use http::HeaderMap;
    use pingora::{Error, ErrorType};

    use super::*;
    use crate::{
        config::{self, href::Disk},
        host::{live::Live, pingora::Options},
    };

    const IF_EMPTY: &str = r#"<response-messaging>
        <status-code id="e" code-regex="404"><message>empty</message></status-code></response-messaging>"#;
    const LENGTH: &str = r#"<response-messaging>
        <status-code id="l" code-regex="404" overwrite="ALWAYS"><message>%B</message></status-code></response-messaging>"#;

    const READ: &str = r#"<response-messaging>
        <status-code id="r" code-regex="404" status="410"><header name="X-A">a</header><meta/></status-code>
        </response-messaging>"#;
    const BODY: &str = r#"<response-messaging><status-code id="b" code-regex="404" keep-types="image/*">
        <header name="X-A">%{body}x</header><message>empty</message></status-code></response-messaging>"#;

    /// A response of 404 whose head says nothing of its content.
    struct Held {
        hold: Hold,
        request: RequestHeader,
    }

    impl Held {
        fn new(rules: &str, until: Until) -> Self {
            let (rules, _) = config::parse(rules.as_bytes(), Path::new("r"), &mut Disk::default()).unwrap();
            let mut options = Options::new(Vec::new(), Vec::new());
            (options.limits.drain, options.limits.content) = (10, 10);
            let facts = Facts::new(Arc::clone(&Live::new(rules).snapshot()), Arc::new(options));
            let hold = Hold::waiting(facts, until);
            Self { hold, request: RequestHeader::build("GET", b"/", None).unwrap() }
        }

        /// What the client gets of a task, in short.
        fn feed(&mut self, task: HttpTask) -> Vec<String> {
            let mut out = Vec::new();
            self.hold.feed(&self.request, task, &mut out);
            out.iter().map(summary).collect()
        }
    }

    fn summary(task: &HttpTask) -> String {
        let text = match task {
            HttpTask::Header(head, _) => head.status.as_u16().to_string(),
            HttpTask::Body(data, _) => String::from_utf8(data.clone().unwrap_or_default().to_vec()).unwrap(),
            other => other.type_str().to_owned(),
        };
        if task.is_end() { format!("{text} end") } else { text }
    }

    fn head(status: u16, end: bool) -> HttpTask {
        HttpTask::Header(Box::new(ResponseHeader::build(status, None).unwrap()), end)
    }

    fn json() -> HttpTask {
        let mut head = ResponseHeader::build(404, None).unwrap();
        head.insert_header("Content-Type", "application/json").unwrap();
        HttpTask::Header(Box::new(head), false)
    }

    fn body(data: &'static str, end: bool) -> HttpTask {
        HttpTask::Body(Some(Bytes::from_static(data.as_bytes())), end)
    }

    fn failure() -> HttpTask {
        HttpTask::Failed(Error::new_up(ErrorType::ConnectionClosed))
    }

    #[test]
    fn a_head_that_ends_the_stream_is_empty() {
        let mut held = Held::new(IF_EMPTY, Until::FirstByte);
        assert_eq!(held.feed(head(404, true)), ["404", "empty end"]);
        assert_eq!(held.hold.progress(), Progress::Done);
    }

    #[test]
    fn content_that_is_said_to_be_too_long_is_not_read_at_all() {
        for (length, before, after) in
            [("10", Progress::Draining, Progress::Done), ("11", Progress::Flooded, Progress::Done)]
        {
            let reply =
                Reply { status: 404, body: Some("new".into()), edits: Vec::new(), refused: Vec::new() };
            let mut hold = Hold::replacing(reply, 10);
            let request = RequestHeader::build("GET", b"/", None).unwrap();
            let mut head = ResponseHeader::build(404, None).unwrap();
            head.insert_header("Content-Length", length).unwrap();
            let mut out = Vec::new();
            hold.feed(&request, HttpTask::Header(Box::new(head), false), &mut out);
            assert_eq!(out.iter().map(summary).collect::<Vec<_>>(), ["404", "new end"]);
            assert_eq!(hold.progress(), before);
            hold.feed(&request, HttpTask::Done, &mut out);
            assert_eq!(hold.progress(), after);
        }
    }

    #[test]
    fn interim_heads_pass() {
        let mut held = Held::new(IF_EMPTY, Until::FirstByte);
        assert_eq!(held.feed(head(103, false)), ["103"]);
        assert!(held.feed(head(404, false)).is_empty());
        assert_eq!(held.hold.progress(), Progress::Held);
    }

    #[test]
    fn empty_pieces_are_no_content() {
        for end in [body("", true), HttpTask::Body(None, true), HttpTask::Done, HttpTask::Trailer(None)] {
            let mut held = Held::new(IF_EMPTY, Until::FirstByte);
            assert!(held.feed(head(404, false)).is_empty());
            assert!(held.feed(body("", false)).is_empty());
            assert_eq!(held.feed(end), ["404", "empty end"]);
        }
    }

    #[test]
    fn trailers_without_content_go_with_it() {
        let mut held = Held::new(IF_EMPTY, Until::FirstByte);
        held.feed(head(404, false));
        let trailers = HttpTask::Trailer(Some(Box::new(HeaderMap::new())));
        assert_eq!(held.feed(trailers), ["404", "empty end"]);
    }

    #[test]
    fn the_first_byte_lets_go_of_everything() {
        let mut held = Held::new(IF_EMPTY, Until::FirstByte);
        held.feed(head(404, false));
        assert_eq!(held.feed(body("a", false)), ["404", "a"]);
        assert_eq!(held.hold.progress(), Progress::Passing);
        assert_eq!(held.feed(body("b", true)), ["b end"]);
        assert_eq!(held.feed(failure()), ["Failed end"]);
    }

    #[test]
    fn a_failure_before_it_leaves_nothing_behind() {
        let mut held = Held::new(IF_EMPTY, Until::FirstByte);
        held.feed(head(404, false));
        assert_eq!(held.feed(failure()), ["Failed end"]);
    }

    #[test]
    fn counting_ends_with_the_content_or_the_limit_or_a_failure() {
        let cases = [(body("cde", true), "5 end"), (failure(), "2 end"), (HttpTask::Done, "2 end")];
        for (last, message) in cases {
            let mut held = Held::new(LENGTH, Until::Length);
            held.feed(head(404, false));
            assert!(held.feed(body("ab", false)).is_empty());
            assert_eq!(held.feed(last), ["404", message]);
            assert_eq!(held.hold.progress(), Progress::Done);
        }
        let mut held = Held::new(LENGTH, Until::Length);
        held.feed(head(404, false));
        assert!(held.feed(body("0123456789", false)).is_empty());
        assert_eq!(held.feed(body("!", false)), ["404", "0 end"], "nobody knows");
        assert_eq!(held.hold.progress(), Progress::Flooded);
    }

    #[test]
    fn what_is_read_and_kept_goes_on_in_order() {
        let trailer = || HttpTask::Trailer(Some(Box::new(HeaderMap::new())));
        let cases: [(HttpTask, &[&str]); 5] = [
            (body("c", true), &["410", "abc end"]),
            (HttpTask::Done, &["410", "ab end"]),
            (trailer(), &["410", "ab", "Trailer end"]),
            (failure(), &["410", "ab", "Failed end"]),
            (body("0123456789", false), &["410", "ab0123456789"]),
        ];
        for (last, released) in cases {
            let mut held = Held::new(READ, Until::Content);
            held.feed(json());
            assert!(held.feed(body("a", false)).is_empty());
            assert!(held.feed(body("b", false)).is_empty());
            assert_eq!(held.feed(last), released);
            assert_eq!(held.hold.progress(), Progress::Passing);
            assert_eq!(held.feed(body("more", false)), ["more"]);
        }
    }

    #[test]
    fn what_breaks_off_before_its_first_byte_is_nothing() {
        let mut held = Held::new(READ, Until::Content);
        held.feed(json());
        assert_eq!(held.feed(failure()), ["Failed end"]);
    }

    #[test]
    fn the_first_byte_may_call_for_the_rest() {
        let mut held = Held::new(BODY, Until::FirstByte);
        assert!(held.feed(head(404, false)).is_empty());
        assert!(held.feed(body("a", false)).is_empty());
        assert_eq!(held.feed(body("b", true)), ["404", "ab end"]);
        let mut empty = Held::new(BODY, Until::FirstByte);
        empty.feed(head(404, false));
        assert_eq!(empty.feed(HttpTask::Done), ["404", "empty end"]);
    }

    #[test]
    fn pieces_are_kept_as_one() {
        let mut held = Held::new(READ, Until::Content);
        held.feed(json());
        (0..10).for_each(|_| assert!(held.feed(body("x", false)).is_empty()));
        let State::Waiting(waiting) = &held.hold.state else { panic!("it waits") };
        assert_eq!(waiting.kept, "x".repeat(10));
        assert_eq!(held.feed(body("", true)), ["410", "xxxxxxxxxx end"]);
    }

    #[test]
    fn what_follows_a_message_is_dropped_and_counted() {
        let mut held = Held::new(LENGTH, Until::Length);
        held.hold = Hold::replacing(
            Reply {
                status: 404,
                body: Some(Bytes::from_static(b"m")),
                edits: Vec::new(),
                refused: Vec::new(),
            },
            3,
        );
        assert_eq!(held.feed(head(404, false)), ["404", "m end"]);
        assert_eq!(held.hold.progress(), Progress::Draining);
        assert!(held.feed(body("abc", false)).is_empty());
        assert_eq!(held.hold.progress(), Progress::Draining);
        assert!(held.feed(body("d", false)).is_empty());
        assert_eq!(held.hold.progress(), Progress::Flooded);
        assert!(held.feed(failure()).is_empty());
        assert_eq!(held.hold.progress(), Progress::Done);
    }
}
