//! What is said on one stream: a state machine over messages that touches no socket.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, header};

use super::{
    Options,
    attributes::Attributes,
    cause,
    facts::{self, Facts},
    finished::Finished,
    head::{RequestHead, ResponseHead},
    mutation,
    wire::{
        Answer, BUFFERED_PARTIAL, CommonResponse, Continue, FULL_DUPLEX_STREAMED, HeaderMutation, HttpBody,
        HttpHeaders, Nothing, Part, ProcessingMode, ProcessingRequest, ProcessingResponse,
        ProtocolConfiguration, SEND,
    },
};
use crate::{
    Body,
    exchange::{Cause, Content, Fields, Source, content::MAX_CONTENT, hands_off},
    host::{
        fault,
        judgement::{Known, Verdict},
        live::Live,
        outcome::Outcome,
        telemetry::Telemetry,
    },
    rules::{self, Until},
};

/// One request and its response, as Envoy tells of them.
#[derive(Debug)]
pub(super) struct Conversation {
    live: Arc<Live>,
    options: Arc<Options>,
    telemetry: Arc<Telemetry>,
    attributes: Attributes,
    facts: Option<Facts>,
    state: State,
}

/// What is done about a message.
#[derive(Debug)]
pub(super) enum Reaction {
    /// This is said, and more is expected.
    Say(Box<ProcessingResponse>),
    /// This is said; if nothing comes for a while, the stream is ended.
    SayAndHold(Box<ProcessingResponse>),
    /// This is the last that is said.
    SayLast(Box<ProcessingResponse>),
    /// Nothing more is said.
    End,
}

#[derive(Debug)]
enum State {
    /// No response yet.
    Asked,
    /// The head of the response is held back.
    Held(Box<Held>),
    Answered,
}

/// What Envoy tells of, and waits for an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Content { is_all: bool },
    Trailers,
}

#[derive(Debug)]
struct Held {
    head: ResponseHead,
    until: Until,
    outcome: Outcome,
}

impl Conversation {
    /// Nothing was said yet.
    pub(super) fn new(live: Arc<Live>, options: Arc<Options>, telemetry: Arc<Telemetry>) -> Self {
        let (attributes, facts, state) = (Attributes::default(), None, State::Asked);
        Self { live, options, telemetry, attributes, facts, state }
    }

    /// Takes what Envoy says.
    pub(super) fn hear(&mut self, message: ProcessingRequest) -> Reaction {
        let ProcessingRequest { part, attributes, observability_mode, protocol } = message;
        if let Some(why) = unfit(observability_mode, protocol) {
            tracing::error!(target: "retort::ext_proc", why, "the ext_proc filter of Envoy cannot be served");
            return Reaction::End;
        }
        self.attributes.learn(attributes);
        match part {
            Some(Part::RequestHead(head)) => self.asked(head),
            Some(Part::ResponseHead(head)) => self.answered(head),
            Some(Part::ResponseBody(HttpBody { body, end_of_stream })) => {
                self.told(Stage::Content { is_all: end_of_stream }, &body)
            }
            // Where there is content, that comes first.
            Some(Part::ResponseTrailers(_)) => self.told(Stage::Trailers, &[]),
            // Not asked for, but an answer is due.
            Some(Part::RequestBody(_)) => Reaction::say(Answer::RequestBody(Continue::default())),
            Some(Part::RequestTrailers(_)) => Reaction::say(Answer::RequestTrailers(Nothing {})),
            None => Reaction::End,
        }
    }

    /// Nothing more comes, or it comes too late.
    pub(super) fn end(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Answered);
        let Some(facts) = &self.facts else { return };
        let nothing = Finished {
            facts,
            head: None,
            upstream_status: None,
            source: Source::Upstream,
            outcome: None,
            bytes: Some(0),
        };
        match state {
            State::Asked => nothing.tell(&self.telemetry),
            State::Held(held) => {
                let Held { head, outcome, .. } = *held;
                let passed = Finished {
                    head: Some(&head),
                    upstream_status: Some(head.status),
                    outcome: Some(&outcome),
                    bytes: head.declared_length(),
                    ..nothing
                };
                passed.tell(&self.telemetry);
            }
            State::Answered => {}
        }
    }

    /// The head of the request.
    fn asked(&mut self, head: HttpHeaders) -> Reaction {
        if self.facts.is_some() || !matches!(self.state, State::Asked) {
            return Reaction::End;
        }
        let facts = self.begin(RequestHead::read(head));
        let id = (!facts.id_was_sent).then(|| Bytes::from(facts.id.clone()));
        let name = facts.options.request_id_headers.first();
        let set = id.zip(name).map(|(id, name)| mutation::line(name.as_str(), id, false));
        let common = set.map(|set| CommonResponse {
            mutation: Some(HeaderMutation { set: vec![set], remove: Vec::new() }),
            ..CommonResponse::default()
        });
        self.facts = Some(facts);
        Reaction::say(Answer::RequestHead(Continue { common }))
    }

    /// The head of the response.
    fn answered(&mut self, head: HttpHeaders) -> Reaction {
        let Some(head) = ResponseHead::read(head).filter(|_| matches!(self.state, State::Asked)) else {
            return Reaction::End;
        };
        if (100..200).contains(&head.status) && head.status != 101 {
            return Reaction::say(Answer::ResponseHead(Continue::default()));
        }
        let asked = self.facts.take();
        let took = asked.as_ref().map(|facts| facts.started.elapsed());
        let mut facts = asked.unwrap_or_else(|| self.begin(RequestHead::unseen(&self.attributes)));
        facts.attributes = self.attributes.clone();
        let source = cause::source(&facts.attributes);
        facts.upstream_took = took.filter(|_| source == Source::Upstream);
        let reaction = match source {
            Source::Proxy(cause) => self.answer_for_envoy(&facts, &head, cause),
            Source::Upstream => self.answer_for_upstream(&facts, head),
        };
        self.facts = Some(facts);
        reaction
    }

    fn answer_for_upstream(&mut self, facts: &Facts, head: ResponseHead) -> Reaction {
        let known = facts::declared(&facts.request, &head);
        if !facts.snapshot.rules.covers(head.status) {
            let answer = self.carry_out(facts, &head, known.length, Verdict::Keep, None, Stage::Head);
            return Reaction::last(answer);
        }
        let (verdict, outcome) = facts.judge(&facts.snapshot.rules, &head, known, Source::Upstream);
        if let Verdict::Wait(until) = verdict {
            self.state = State::Held(Box::new(Held { head, until, outcome }));
            let answer = Some(Answer::ResponseHead(Continue::default()));
            let mode_override =
                Some(ProcessingMode { response_body_mode: BUFFERED_PARTIAL, response_trailer_mode: SEND });
            return Reaction::SayAndHold(Box::new(ProcessingResponse { answer, mode_override }));
        }
        let answer = self.carry_out(facts, &head, known.length, verdict, Some(&outcome), Stage::Head);
        Reaction::last(answer)
    }

    /// Envoy answers itself: the rules say how, else the generic ones do.
    fn answer_for_envoy(&mut self, facts: &Facts, head: &ResponseHead, cause: Cause) -> Reaction {
        let source = Source::Proxy(cause);
        // Envoy has made a gRPC response of it by now; the attribute is as it was.
        let status = match facts.request.is_grpc() {
            true => facts.attributes.status().unwrap_or(head.status),
            false => head.status,
        };
        let mut made = head.emptied(status);
        if cause == Cause::Overload && !made.fields.contains_key(header::RETRY_AFTER) {
            made.fields.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        let mut outcome = Outcome::no_rule();
        let mut body = None;
        if facts.snapshot.rules.covers(status) {
            let (verdict, said) = facts.judge(&facts.snapshot.rules, &made, Known::NOTHING, source);
            outcome = said;
            body = made.take(verdict);
        }
        if body.is_none() {
            let (verdict, _) = facts.judge(rules::generic(), &made, Known::NOTHING, source);
            body = made.take(verdict);
        }
        let length = body.as_ref().map_or_else(|| head.declared_length(), |body| Some(body.len() as u64));
        let (sent, answer) = match body {
            Some(body) => {
                facts.mark(&mut made, Some(&outcome));
                let answer = write(facts, head, &made, body, outcome.rule.as_deref(), Stage::Head);
                (&made, answer)
            }
            None => (head, Answer::ResponseHead(Continue::default())),
        };
        let finished = Finished {
            facts,
            head: Some(sent),
            upstream_status: None,
            source,
            outcome: Some(&outcome),
            bytes: facts.sent(length),
        };
        finished.tell(&self.telemetry);
        self.state = State::Answered;
        Reaction::last(answer)
    }

    /// Content of the response, or what follows where there is none.
    fn told(&mut self, stage: Stage, body: &[u8]) -> Reaction {
        let (State::Held(held), Some(facts)) =
            (std::mem::replace(&mut self.state, State::Answered), self.facts.take())
        else {
            return Reaction::say(stage.answer(Continue::default()));
        };
        let Held { head, until, .. } = *held;
        let is_all = stage != Stage::Content { is_all: false };
        let limit = self.options.content.min(MAX_CONTENT);
        let first = body.get(..limit).unwrap_or(body);
        let content = Content::new(Fields::Map(&head.fields), first, !is_all || first.len() < body.len());
        let known = Known {
            body: match (body.is_empty(), is_all) {
                (false, _) => Body::Present,
                (true, true) => Body::Absent,
                (true, false) => Body::Unknown,
            },
            length: is_all.then_some(body.len() as u64).or_else(|| head.declared_length()),
            content: Some(&content),
            is_pending: false,
        };
        tracing::trace!(target: "retort::ext_proc", id = facts.id, until = until.code(), "content came");
        let (verdict, outcome) = facts.judge(&facts.snapshot.rules, &head, known, Source::Upstream);
        let answer = self.carry_out(&facts, &head, known.length, verdict, Some(&outcome), stage);
        self.facts = Some(facts);
        Reaction::last(answer)
    }

    /// What Envoy is told of a verdict on a response with content of this length, if that is known.
    fn carry_out(
        &mut self,
        facts: &Facts,
        head: &ResponseHead,
        length: Option<u64>,
        verdict: Verdict,
        outcome: Option<&Outcome>,
        stage: Stage,
    ) -> Answer {
        let mut made = head.clone();
        let body = made.take(verdict);
        if hands_off(Fields::Map(&head.fields), &self.options.opt_out_header) {
            made.fields.remove(&self.options.opt_out_header);
        }
        // Of trailers, the head is out of reach.
        if stage != Stage::Trailers || body.is_some() || made != *head {
            facts.mark(&mut made, outcome);
        }
        let rule = outcome.and_then(|outcome| outcome.rule.as_deref());
        let length = body.as_ref().map_or(length, |body| Some(body.len() as u64));
        let answer = match body {
            Some(body) => write(facts, head, &made, body, rule, stage),
            // There is no content that would be lost.
            None if stage == Stage::Trailers && made != *head => {
                mutation::immediate(&made, Bytes::new(), rule)
            }
            None => stage.answer(mutation::amended(head, &made)),
        };
        let finished = Finished {
            facts,
            head: Some(&made),
            upstream_status: Some(head.status),
            source: Source::Upstream,
            outcome,
            bytes: facts.sent(length),
        };
        finished.tell(&self.telemetry);
        self.state = State::Answered;
        answer
    }

    fn begin(&self, request: RequestHead) -> Facts {
        Facts::new(request, self.attributes.clone(), self.live.snapshot(), Arc::clone(&self.options))
    }
}

/// Who hung up before anything was decided is told of as well.
impl Drop for Conversation {
    fn drop(&mut self) {
        // A panic while another one unwinds would be the end of the process.
        fault::caught(|| self.end());
    }
}

impl Stage {
    /// The answer to it.
    fn answer(self, answer: Continue) -> Answer {
        match self {
            Stage::Head => Answer::ResponseHead(answer),
            Stage::Content { .. } => Answer::ResponseBody(answer),
            Stage::Trailers => Answer::ResponseTrailers(Nothing {}),
        }
    }
}

impl Reaction {
    fn say(answer: Answer) -> Self {
        Reaction::Say(said(answer))
    }

    fn last(answer: Answer) -> Self {
        Reaction::SayLast(said(answer))
    }
}

impl ResponseHead {
    /// Becomes what the verdict makes of it; returns the message, if there is one.
    fn take(&mut self, verdict: Verdict) -> Option<Bytes> {
        let Verdict::Reply(reply) = verdict else { return None };
        self.amend(&reply);
        reply.body
    }
}

fn said(answer: Answer) -> Box<ProcessingResponse> {
    Box::new(ProcessingResponse { answer: Some(answer), mode_override: None })
}

/// How content of ours is sent.
fn write(
    facts: &Facts,
    head: &ResponseHead,
    made: &ResponseHead,
    body: Bytes,
    rule: Option<&str>,
    stage: Stage,
) -> Answer {
    if facts.request.is_head() || head.is_all && body.is_empty() {
        return stage.answer(mutation::amended(head, made));
    }
    // Of an immediate response to gRPC, Envoy would make something else.
    if facts.request.is_grpc() && matches!(stage, Stage::Head | Stage::Content { is_all: true }) {
        return stage.answer(mutation::replaced(head, made, body));
    }
    mutation::immediate(made, body, rule)
}

/// Why nothing can be done for a filter that is configured like this.
fn unfit(observes: bool, protocol: Option<ProtocolConfiguration>) -> Option<&'static str> {
    let ProtocolConfiguration { request_body_mode, response_body_mode } = protocol.unwrap_or_default();
    if observes {
        return Some("observability_mode is on: no answer would be heard");
    }
    (request_body_mode.max(response_body_mode) >= FULL_DUPLEX_STREAMED)
        .then_some("a body mode is FULL_DUPLEX_STREAMED or GRPC: use NONE")
}

#[cfg(test)]
mod tests;
