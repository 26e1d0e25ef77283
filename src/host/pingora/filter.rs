//! The phases of Pingora's proxy: they become exchanges, and decisions become calls.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{StatusCode, Version, header};
use pingora::{
    BError, Error, ErrorSource, ErrorType, Result,
    http::{RequestHeader, ResponseHeader},
    proxy::{FailToProxy, Session},
    upstreams::peer::{HttpPeer, Peer as _},
};

use super::{
    access::Untold,
    amend, answer,
    app::Scope,
    cause::Fate,
    context::{Context, final_head},
    facts::{self, Facts},
    finished,
    forward::{self, TraceContext},
    guard::{Bound, Link, Pace},
    held::{Drain, REPLIED, Slot},
    hold::Hold,
    in_flight::InFlight,
    mend,
    options::Options,
    phases::Phases,
    proxy_protocol, tls,
    trusted::Hop,
    upstream::{Address, Nobody, Upstreams},
};
use crate::{
    exchange::{Cause, Fields, Source, Trace, hands_off, request_id, trace::NewTrace},
    host::{judgement::Verdict, live::Live, outcome::Outcome, telemetry::Telemetry},
    reply::grpc,
    rules::Reason,
};

/// Answers for the upstream: a [`ProxyHttp`](pingora::proxy::ProxyHttp) whose rules are those in
/// force when a request begins.
///
/// # In a proxy of one's own
///
/// The filter can stand alone as the proxy of a Pingora service, or be a field of somebody's own
/// `ProxyHttp` whose `CTX` is [`Context`] (or has one). That proxy then calls the filter in each of
/// these phases, before or after it does what is its own:
///
/// | phase | what the filter does |
/// |---|---|
/// | `new_ctx` | takes a snapshot of the rules |
/// | `init_downstream_modules` | leaves out Pingora's compression; without it, that is off by default |
/// | `early_request_filter` | reads who asks, and refuses what HTTP does not allow |
/// | `upstream_peer` | chooses one of the upstreams of its options; whoever chooses, calls [`Filter::attempt`] instead |
/// | `upstream_request_filter` | tells the upstream who asks, and the id of the request |
/// | `upstream_response_filter` | refuses what is no response |
/// | `response_filter` | asks the rules, and sees to the message |
/// | `fail_to_proxy` | answers for the proxy itself, by the rules or with a generic message |
/// | `fail_to_connect` | tries the next of its upstreams; to be left out with one's own |
/// | `logging` | gives the session back, and logs what was decided |
///
/// `examples/embedded.rs` is such a proxy, whole. It works as [`Server`](super::Server) does, but
/// that the client's connection is closed after each response that the proxy made itself, and that
/// clients are not watched for their pace.
#[derive(Debug)]
pub struct Filter {
    options: Arc<Options>,
    live: Arc<Live>,
    upstreams: Arc<Upstreams>,
    in_flight: Arc<InFlight>,
    telemetry: Arc<Telemetry>,
}

impl Filter {
    /// A filter that sends requests to the upstreams of `options` and answers by the rules of
    /// `live`. Names of upstreams are resolved, and their health is checked, once
    /// [`Filter::watch_upstreams`] was called.
    pub fn new(options: Options, live: Arc<Live>) -> Self {
        let upstreams = Arc::new(Upstreams::new(&options));
        Self::before(upstreams, options, live, Arc::default(), Arc::default())
    }

    /// The same, before upstreams that were made of the same options; requests are counted there, and
    /// told of when they are over.
    pub(super) fn before(
        upstreams: Arc<Upstreams>,
        options: Options,
        live: Arc<Live>,
        in_flight: Arc<InFlight>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self { options: Arc::new(options), live, upstreams, in_flight, telemetry }
    }

    /// The upstreams, whose state can be read.
    pub fn upstreams(&self) -> Arc<Upstreams> {
        Arc::clone(&self.upstreams)
    }

    /// Notes that the request goes to this peer. To be called by a proxy that chooses its upstreams
    /// itself, in each `upstream_peer`.
    pub fn attempt(&self, session: &mut Session, ctx: &mut Context, peer: &HttpPeer) {
        // An earlier attempt may have left its wrapper.
        ctx.restore(session);
        ctx.facts.upstream = peer.address().as_inet().copied().map(Address::Tcp);
    }

    /// Starts to resolve the names of upstreams and to check their health, in the background, and
    /// returns when each name was looked up once. To be called within the runtime that is to do it.
    pub async fn watch_upstreams(&self) {
        for first in self.upstreams.watch() {
            first.await;
        }
    }

    /// What is counted of finished requests.
    pub fn telemetry(&self) -> Arc<Telemetry> {
        Arc::clone(&self.telemetry)
    }

    pub(super) fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options)
    }

    pub(super) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }

    pub(super) fn in_flight(&self) -> Arc<InFlight> {
        Arc::clone(&self.in_flight)
    }

    /// Fills in what only the request tells.
    fn read(&self, session: &Session, ctx: &mut Context) {
        let request = session.req_header();
        ctx.untold = Some(Untold::of(request));
        let from_client =
            request_id::from_client(Fields::Map(&request.headers), &self.options.request_id_headers);
        let inet = |address: Option<&pingora::protocols::l4::socket::SocketAddr>| {
            address.and_then(|address| address.as_inet()).copied()
        };
        ctx.facts.id_was_sent = from_client.is_some();
        ctx.facts.id = from_client.unwrap_or_else(request_id::generate);
        ctx.facts.peer = inet(session.client_addr());
        let ends = session.digest().and_then(proxy_protocol::announced);
        ctx.facts.local = ends.map(|ends| ends.destination).or(inet(session.server_addr()));
        let socket = session.digest().and_then(|digest| digest.socket_digest.as_deref());
        ctx.facts.source = match ends {
            Some(ends) => Hop::from(ends.source),
            None => socket.map_or(Hop::Unknown, Hop::of),
        };
        let asker = self.options.front.asker(ctx.facts.source, &request.headers);
        ctx.facts.client = asker.client;
        ctx.facts.is_believed = asker.is_believed;
        let is_secure = || session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
        ctx.facts.is_secure = asker.is_secure.unwrap_or_else(is_secure);
        if let Some(spans) = &self.options.spans {
            ctx.facts.new_trace = Some(spans.begin(Trace::of(Fields::Map(&request.headers))));
            return;
        }
        let makes_traces = self.options.trace_context == TraceContext::Make;
        if makes_traces && Trace::of(Fields::Map(&request.headers)).is_none() {
            ctx.facts.new_trace = Some(NewTrace::generate());
        }
    }

    /// Refuses what is too much at once.
    fn refuse_excess(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        let busy = |ctx: &mut Context, context| {
            Err(ctx.refuse(StatusCode::SERVICE_UNAVAILABLE, Cause::Overload, context))
        };
        if let Some(link) = ctx.link.as_deref().filter(|link| link.is_refused()) {
            link.count(Bound::Connections);
            link.end();
            session.set_keepalive(None);
            return busy(ctx, "too many connections");
        }
        let most = self.options.limits.requests;
        if most > 0 && self.in_flight.requests() > most {
            if let Some(link) = &ctx.link {
                link.count(Bound::Requests);
            }
            return busy(ctx, "too many requests");
        }
        Ok(())
    }

    /// The pace of the content that still comes on a stream of HTTP/2; in HTTP/1, the connection has it.
    fn pace(&self, session: &mut Session, ctx: &Context, usual: fn(&Link) -> Pace) -> Option<Pace> {
        let link = ctx.link.as_deref().filter(|_| session.as_downstream().is_http2())?;
        if session.is_body_done() {
            return None;
        }
        let content_type = session.req_header().headers.get(header::CONTENT_TYPE);
        let is_grpc = content_type.is_some_and(|value| grpc::is_grpc(value.as_bytes()));
        Some(if is_grpc { link.grpc_pace() } else { usual(link) })
    }

    /// Swaps the client's session for a wrapper, if one is needed.
    fn wrap(&self, session: &mut Session, ctx: &mut Context, hold: Option<Hold>, usual: fn(&Link) -> Pace) {
        let pace = self.pace(session, ctx, usual);
        if hold.is_some() || pace.is_some() {
            let hold = hold.unwrap_or_else(Hold::passing);
            ctx.slot = Some(Slot::install(session, hold, self.drain(), pace));
        }
    }

    /// Once the end has begun, a response is the last one on its connection.
    fn say_whether_to_stay(&self, session: &mut Session) {
        if self.in_flight.is_leaving() {
            session.set_keepalive(None);
        }
    }

    fn drain(&self) -> Drain {
        Drain { time: self.options.timeouts.drain, may_cut: Scope::is_there() }
    }
}

impl Phases for Filter {
    fn new_ctx(&self) -> Context {
        let facts = Facts::new(self.live.snapshot(), Arc::clone(&self.options));
        Context::new(facts, &self.telemetry, &self.in_flight)
    }

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        let readable = Scope::enter(session);
        self.read(session, ctx);
        if let Err(objection) = readable {
            return Err(ctx.object(objection));
        }
        let timeouts = &self.options.timeouts;
        if session.is_process_shutting_down() {
            session.set_keepalive(None);
        }
        self.say_whether_to_stay(session);
        // It is off, too, where the client asked for that, or does not know it.
        if session.get_keepalive().is_some() && ctx.link.is_none() {
            session.set_keepalive(Some(timeouts.keep_alive.as_secs().max(1)));
        }
        // A connection with a link knows itself when the client takes too little, but not on which of
        // the streams that share it.
        if ctx.link.is_none() || session.as_downstream().is_http2() {
            session.set_write_timeout(Some(timeouts.client_write));
        }
        session.set_abort_on_close(false);
        let upgrade = session.is_upgrade_req();
        session.set_pipelining_enabled(!upgrade);
        self.refuse_excess(session, ctx)?;
        let raw = session.as_downstream().as_http1().map(|session| session.get_headers_raw_bytes());
        match self.options.strictness.objection(session.req_header(), raw.as_deref()) {
            Some(objection) => Err(ctx.object(objection)),
            None => Ok(()),
        }
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        // An earlier attempt may have left its wrapper.
        ctx.restore(session);
        // So that the attempt which this one is to replace is not counted as load.
        ctx.lease = None;
        let turn = *ctx.turn.get_or_insert_with(|| self.upstreams.turn());
        let key = self.upstreams.strategy().key(session.req_header(), ctx.facts.client);
        let lease = match self.upstreams.pick(turn, key.as_deref(), &ctx.tried) {
            Ok(lease) => lease,
            Err(nobody) => {
                self.upstreams.hurry();
                let (status, cause, context) = unasked(nobody);
                return Err(ctx.refuse(status, cause, context));
            }
        };
        let peer = Box::new(lease.endpoint().peer());
        ctx.facts.upstream = Some(lease.endpoint().address().clone());
        ctx.lease = Some(lease);
        Ok(peer)
    }

    /// No byte was sent: another address may be tried.
    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Context,
        mut error: BError,
    ) -> BError {
        ctx.facts.upstream = None;
        if let Some(lease) = ctx.lease.take() {
            let address = lease.endpoint().address();
            tracing::debug!(id = ctx.facts.id, %address, %error, "an upstream took no connection");
            self.upstreams.took_no_connection(&lease);
            ctx.tried.push(address.clone());
        }
        error.set_retry(self.upstreams.is_another_left(&ctx.tried));
        error
    }

    fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let host = forward::host(session.req_header());
        if request.version == Version::HTTP_2 && host.is_none_or(|host| host.is_empty()) {
            let context = "no Host field, and the upstream speaks HTTP/2";
            return Err(ctx.refuse(StatusCode::BAD_REQUEST, Cause::BadRequest, context));
        }
        self.wrap(session, ctx, None, Link::body_pace);
        mend::request(request)?;
        if self.options.forwarded {
            forward::tell_who_asked(request, session.req_header(), &ctx.facts)?;
        }
        forward::tell_the_trace(request, &ctx.facts)?;
        if self.options.tls.forward_client_cert {
            tls::tell_who_proved(request, session.digest())?;
        }
        forward::tell_the_id(request, &ctx.facts, &self.options.request_id_headers)
    }

    fn request_body_filter(
        &self,
        _session: &mut Session,
        _body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        if end && let Some(link) = &ctx.link {
            link.awaits_nothing();
        }
        Ok(())
    }

    fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let status = response.status;
        if status == StatusCode::SWITCHING_PROTOCOLS && !session.is_upgrade_req() {
            let context = "the upstream switched protocols unasked";
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, context).into_up());
        }
        if let Some(objection) = self.options.strictness.objection_to_response(response) {
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, objection).into_up());
        }
        mend::response(response)?;
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            ctx.upstream_status = Some(status.as_u16());
            ctx.upstream_took = Some(ctx.facts.started.elapsed());
            if let Some(lease) = &ctx.lease {
                self.upstreams.answered(lease);
            }
        }
        Ok(())
    }

    fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if response.status.is_informational() {
            return Ok(());
        }
        self.say_whether_to_stay(session);
        ctx.converses(session);
        // A client of HTTP/1.0 knows no chunks; the end of the connection is the end for it. Of a
        // response of HTTP/2, Pingora makes chunks only after this, and the wrapper undoes that.
        let is_old = session.req_header().version < Version::HTTP_11;
        let has_length = response.headers.contains_key(header::CONTENT_LENGTH);
        let chunks_to_come = is_old && response.version == Version::HTTP_2 && !has_length;
        let had_chunks = is_old && response.remove_header(&header::TRANSFER_ENCODING).is_some();
        if chunks_to_come || had_chunks {
            session.set_keepalive(None);
        }
        let verdict = if ctx.facts.snapshot.rules.covers(response.status.as_u16()) {
            let request = session.req_header();
            let known = facts::declared(request, response);
            let (verdict, outcome) = ctx.facts.judge(request, response, known, Source::Upstream);
            ctx.outcome = Some(outcome);
            verdict
        } else {
            Verdict::Keep
        };
        if hands_off(Fields::Map(&response.headers), &self.options.opt_out_header) {
            *response = amend::without(response, &self.options.opt_out_header)?;
        }
        let hold = match verdict {
            Verdict::Keep => {
                ctx.mark(response);
                chunks_to_come.then(Hold::passing)
            }
            Verdict::Wait(until) => Some(Hold::waiting(ctx.facts.clone(), until)),
            Verdict::Reply(reply) if reply.body.is_some() => {
                ctx.mark(response);
                Some(Hold::replacing(reply, self.options.limits.drain))
            }
            Verdict::Reply(reply) => {
                if amend::amend(response, &reply).is_err() {
                    ctx.outcome = Some(Outcome::panic());
                }
                ctx.mark(response);
                chunks_to_come.then(Hold::passing)
            }
        };
        self.wrap(session, ctx, hold, Link::talk_pace);
        Ok(())
    }

    /// Notes how much was sent, in case that the request does not live to be logged.
    fn response_body_filter(
        &self,
        session: &mut Session,
        _body: &mut Option<Bytes>,
        _end: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        if let Some(untold) = &mut ctx.untold {
            let bytes = session.body_bytes_sent() as u64;
            untold.sent = final_head(session).map(|head| (head.status.as_u16(), bytes));
        }
        Ok(None)
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        ctx.restore(session);
        let nothing = FailToProxy { error_code: 0, can_reuse_downstream: false };
        if error.etype() == &REPLIED {
            ctx.answered = true;
            return nothing;
        }
        // What was tried again and went well does not come here: a connection may go stale.
        if let Some(lease) = ctx.lease.as_ref().filter(|_| *error.esource() == ErrorSource::Upstream) {
            self.upstreams.broke(lease);
        }
        let fate = ctx.fate_of(error);
        let Fate::Answer(status, cause) = fate else {
            tracing::debug!(target: "retort::proxy", id = ctx.facts.id, %error, "the client is gone");
            return nothing;
        };
        ctx.cause = Some(cause);
        match cause {
            Cause::BadRequest | Cause::Overload => {
                tracing::debug!(target: "retort::proxy", id = ctx.facts.id, %cause, %error, "request refused");
            }
            Cause::Internal => {
                tracing::error!(target: "retort::proxy", id = ctx.facts.id, %cause, %error, "request failed");
            }
            _ => {
                tracing::warn!(target: "retort::proxy", id = ctx.facts.id, %cause, %error, "request failed");
            }
        }
        if final_head(session).is_some() {
            // Too late to say anything but by an end before the end.
            return nothing;
        }
        answer::drop_request_body(session, &self.options, &ctx.facts.id).await;
        self.say_whether_to_stay(session);
        if !Scope::is_there() || cause == Cause::BadRequest {
            session.set_keepalive(None);
        }
        ctx.source = Source::Proxy(cause);
        match answer::send(session, &ctx.facts, status, cause).await {
            Ok(outcome) => {
                ctx.outcome = Some(outcome);
                ctx.answered = true;
            }
            Err(error) => {
                tracing::debug!(target: "retort::proxy", id = ctx.facts.id, %error, "the client is gone");
            }
        }
        FailToProxy { error_code: status.as_u16(), can_reuse_downstream: false }
    }

    fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        ctx.restore(session);
        ctx.untold = None;
        ctx.ended(session, error).tell();
        let request = ctx.subject.as_ref().unwrap_or_else(|| session.req_header());
        let status = final_head(session).map(|head| head.status.as_u16());
        finished::record(ctx, session, request, status);
        let outcome = ctx.outcome.as_ref();
        tracing::info!(
            target: "retort::access",
            id = ctx.facts.id,
            trace_id = ctx.facts.trace(Fields::Map(&request.headers)).map(|trace| trace.trace_id),
            client = %ctx.facts.client,
            method = request.method.as_str(),
            path = request.uri.path(),
            upstream = ctx.lease.as_ref().map(|lease| tracing::field::display(lease.endpoint().address())),
            status_upstream = ctx.upstream_status,
            status,
            bytes = session.body_bytes_sent(),
            decision = outcome.map_or("keep", |outcome| outcome.action.as_str()),
            reason = outcome.map_or(Reason::NoRule.code(), |outcome| outcome.reason),
            rule = outcome.and_then(|outcome| outcome.rule.as_deref()),
            condition = outcome.and_then(|outcome| outcome.condition.as_deref()),
            message_index = outcome.and_then(|outcome| outcome.message),
            source = ctx.source.as_str(),
            cause = ctx.cause.map(Cause::as_str),
            duration_us = u64::try_from(ctx.facts.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
        // What is left of it is read, so that the connection can be used again.
        if session.as_downstream().as_http1().is_some()
            && !session.is_body_done()
            && let Some(link) = &ctx.link
        {
            link.awaits_body(false);
        }
        if error.is_some() && ctx.answered {
            Scope::save(session);
        }
    }
}

/// What the client is told where no upstream can be asked.
fn unasked(nobody: Nobody) -> (StatusCode, Cause, &'static str) {
    match nobody {
        Nobody::NoUpstream => (StatusCode::SERVICE_UNAVAILABLE, Cause::NoUpstream, "there is no upstream"),
        Nobody::Unhealthy => (StatusCode::SERVICE_UNAVAILABLE, Cause::NoUpstream, "no upstream is healthy"),
        Nobody::NoAddress => (StatusCode::BAD_GATEWAY, Cause::Dns, "no upstream has an address"),
    }
}
