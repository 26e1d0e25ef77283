//! The order of things while a response is held back, replaced, or let go: a state machine over
//! Pingora's tasks that touches no socket.

use bytes::Bytes;
use http::{Method, Version};
use pingora::{
    http::{RequestHeader, ResponseHeader},
    protocols::http::HttpTask,
};

use super::facts::{Content, Facts, Outcome, Verdict};
use crate::{Body, Reply, exchange::title_case, reply::Edit};

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
        dropped: u64,
        ended: bool,
    },
    Passing,
}

#[derive(Debug)]
struct Waiting {
    facts: Facts,
    head: Option<Box<ResponseHeader>>,
    /// What came before it was known what to do with it.
    kept: Vec<Bytes>,
    counted: u64,
    counting: bool,
}

impl Hold {
    /// Holds the head until its content is known, then asks the rules.
    pub(super) fn waiting(facts: Facts, limit: u64) -> Self {
        let waiting = Waiting { facts, head: None, kept: Vec::new(), counted: 0, counting: false };
        Self { state: State::Waiting(Box::new(waiting)), limit, outcome: None }
    }

    /// Replaces the content with this.
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
            HttpTask::Header(head, end) => self.replace(request, head, reply, end, out),
            // Nothing can come before the head but the news that it won't.
            other => out.push(other),
        }
    }

    fn waited(
        &mut self,
        request: &RequestHeader,
        mut waiting: Box<Waiting>,
        task: HttpTask,
        out: &mut Vec<HttpTask>,
    ) {
        // Nothing was sent yet: the proxy can still answer for itself.
        if matches!(task, HttpTask::Failed(_)) && !waiting.counting {
            return out.push(task);
        }
        let end = task.is_end();
        let mut last = None;
        match task {
            HttpTask::Header(head, _) => waiting.head = Some(head),
            HttpTask::Body(Some(data), _) if !data.is_empty() => {
                waiting.counted += data.len() as u64;
                waiting.kept.push(data);
            }
            HttpTask::Body(..) | HttpTask::Done => {}
            HttpTask::Trailer(_) | HttpTask::UpgradedBody(..) | HttpTask::Failed(_) => last = Some(task),
        }
        let Some(head) = waiting.head.take() else { return out.extend(last) };
        let (verdict, outcome) = match waiting.content(end, self.limit) {
            Some(content) => waiting.facts.judge(request, &head, content),
            None => {
                waiting.head = Some(head);
                self.state = State::Waiting(waiting);
                return;
            }
        };
        self.outcome = Some(outcome);
        match verdict {
            Verdict::Keep => release(head, waiting.kept, last, end, out),
            Verdict::Replace(reply) => {
                self.replace(request, head, reply, end, out);
                if let State::Replaced { dropped, .. } = &mut self.state {
                    *dropped = waiting.counted;
                }
            }
            Verdict::Wait | Verdict::Count => {
                waiting.counting = matches!(verdict, Verdict::Count);
                waiting.head = Some(head);
                self.state = State::Waiting(waiting);
            }
        }
    }

    fn replace(
        &mut self,
        request: &RequestHeader,
        mut head: Box<ResponseHeader>,
        reply: Reply,
        ended: bool,
        out: &mut Vec<HttpTask>,
    ) {
        edit(&mut head, &reply.edits);
        let body = reply.body.filter(|body| request.method != Method::HEAD && !body.is_empty());
        out.push(HttpTask::Header(head, body.is_none()));
        out.extend(body.map(|body| HttpTask::Body(Some(body), true)));
        self.state = State::Replaced { dropped: 0, ended };
    }
}

impl Waiting {
    /// What is known of the content, if that is enough to ask the rules again.
    fn content(&self, end: bool, limit: u64) -> Option<Content> {
        let body = if self.counted == 0 { Body::Absent } else { Body::Present };
        if end {
            return Some(Content { body, length: Some(self.counted), more: false });
        }
        let enough = if self.counting { self.counted > limit } else { self.counted > 0 };
        enough.then_some(Content { body, length: None, more: !self.counting })
    }
}

/// Applies the edits of a reply, whose message is ours whatever version the upstream speaks.
pub(super) fn edit(head: &mut ResponseHeader, edits: &[Edit]) {
    head.set_version(Version::HTTP_11);
    for edit in edits {
        match edit {
            Edit::Remove(name) => {
                head.remove_header(name);
            }
            Edit::Set(name, value) => {
                if let Err(error) = head.insert_header(title_case(name), value.clone()) {
                    tracing::error!(%error, %name, "a header field could not be set");
                }
            }
            Edit::Add(name, value) => {
                if let Err(error) = head.append_header(title_case(name), value.clone()) {
                    tracing::error!(%error, %name, "a header field could not be added");
                }
            }
        }
    }
}

/// Lets go what was held.
fn release(
    head: Box<ResponseHeader>,
    mut kept: Vec<Bytes>,
    last: Option<HttpTask>,
    end: bool,
    out: &mut Vec<HttpTask>,
) {
    let end = end && last.is_none();
    let tail = kept.pop();
    out.push(HttpTask::Header(head, end && tail.is_none()));
    out.extend(kept.into_iter().map(|data| HttpTask::Body(Some(data), false)));
    out.extend(tail.map(|data| HttpTask::Body(Some(data), end)));
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
    use std::{path::Path, sync::Arc, time::Instant};

    use chrono::Utc;
    use chrono_tz::Tz;
    use http::HeaderMap;
    use pingora::{Error, ErrorType};

    use super::*;
    use crate::{
        config::{self, href::Disk},
        exchange::user,
        host::live::Live,
    };

    const IF_EMPTY: &str = r#"<response-messaging>
        <status-code id="e" code-regex="404"><message>empty</message></status-code></response-messaging>"#;
    const LENGTH: &str = r#"<response-messaging>
        <status-code id="l" code-regex="404" overwrite="ALWAYS"><message>%B</message></status-code></response-messaging>"#;

    /// A response of 404 whose head says nothing of its content.
    struct Held {
        hold: Hold,
        request: RequestHeader,
    }

    impl Held {
        fn new(rules: &str) -> Self {
            let (rules, _) = config::parse(rules.as_bytes(), Path::new("r"), &mut Disk::default()).unwrap();
            let facts = Facts {
                id_was_sent: false,
                snapshot: Arc::clone(&Live::new(rules).snapshot()),
                id: String::new(),
                client: String::new(),
                local: None,
                upstream_port: None,
                received: Utc::now(),
                started: Instant::now(),
                zone: Tz::UTC,
                user_header: user::DEFAULT_HEADER,
            };
            Self { hold: Hold::waiting(facts, 10), request: RequestHeader::build("GET", b"/", None).unwrap() }
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

    fn body(data: &'static str, end: bool) -> HttpTask {
        HttpTask::Body(Some(Bytes::from_static(data.as_bytes())), end)
    }

    fn failure() -> HttpTask {
        HttpTask::Failed(Error::new_up(ErrorType::ConnectionClosed))
    }

    #[test]
    fn a_head_that_ends_the_stream_is_empty() {
        let mut held = Held::new(IF_EMPTY);
        assert_eq!(held.feed(head(404, true)), ["404", "empty end"]);
        assert_eq!(held.hold.progress(), Progress::Done);
    }

    #[test]
    fn interim_heads_pass() {
        let mut held = Held::new(IF_EMPTY);
        assert_eq!(held.feed(head(103, false)), ["103"]);
        assert!(held.feed(head(404, false)).is_empty());
        assert_eq!(held.hold.progress(), Progress::Held);
    }

    #[test]
    fn empty_pieces_are_no_content() {
        for end in [body("", true), HttpTask::Body(None, true), HttpTask::Done, HttpTask::Trailer(None)] {
            let mut held = Held::new(IF_EMPTY);
            assert!(held.feed(head(404, false)).is_empty());
            assert!(held.feed(body("", false)).is_empty());
            assert_eq!(held.feed(end), ["404", "empty end"]);
        }
    }

    #[test]
    fn trailers_without_content_go_with_it() {
        let mut held = Held::new(IF_EMPTY);
        held.feed(head(404, false));
        let trailers = HttpTask::Trailer(Some(Box::new(HeaderMap::new())));
        assert_eq!(held.feed(trailers), ["404", "empty end"]);
    }

    #[test]
    fn the_first_byte_lets_go_of_everything() {
        let mut held = Held::new(IF_EMPTY);
        held.feed(head(404, false));
        assert_eq!(held.feed(body("a", false)), ["404", "a"]);
        assert_eq!(held.hold.progress(), Progress::Passing);
        assert_eq!(held.feed(body("b", true)), ["b end"]);
        assert_eq!(held.feed(failure()), ["Failed end"]);
    }

    #[test]
    fn a_failure_before_it_leaves_nothing_behind() {
        let mut held = Held::new(IF_EMPTY);
        held.feed(head(404, false));
        assert_eq!(held.feed(failure()), ["Failed end"]);
    }

    #[test]
    fn counting_ends_with_the_content_or_the_limit_or_a_failure() {
        let cases = [(body("cde", true), "5 end"), (failure(), "2 end"), (HttpTask::Done, "2 end")];
        for (last, message) in cases {
            let mut held = Held::new(LENGTH);
            held.feed(head(404, false));
            assert!(held.feed(body("ab", false)).is_empty());
            assert_eq!(held.feed(last), ["404", message]);
            assert_eq!(held.hold.progress(), Progress::Done);
        }
        let mut held = Held::new(LENGTH);
        held.feed(head(404, false));
        assert!(held.feed(body("0123456789", false)).is_empty());
        assert_eq!(held.feed(body("!", false)), ["404", "0 end"], "nobody knows");
        assert_eq!(held.hold.progress(), Progress::Flooded);
    }

    #[test]
    fn what_follows_a_message_is_dropped_and_counted() {
        let mut held = Held::new(LENGTH);
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
