//! The service over gRPC: each call is a conversation.

use std::{
    convert::Infallible,
    future::{self, Ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use http::{Request, Response};
use tokio::time::{self, Sleep};
use tonic::{
    Status, Streaming,
    body::Body,
    server::{Grpc, StreamingService},
};
use tonic_health::{pb::health_server::HealthServer, server::HealthService};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::{
    Options,
    conversation::{Conversation, Reaction},
    counters::{Counters, OpenStream},
    wire::{ProcessingRequest, ProcessingResponse},
};
use crate::host::{fault, live::Live, telemetry::Telemetry};

/// The service by which Envoy knows the processor.
pub(super) const NAME: &str = "envoy.service.ext_proc.v3.ExternalProcessor";

const PROCESS: &str = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Bytes of one message: content comes in one of at most what Envoy buffers, 1 MiB unless it is
/// configured otherwise. Larger ones end the stream.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// What is served: the processor, and the health of it.
#[derive(Clone)]
pub(super) struct Services {
    processor: Processor,
    health: HealthServer<HealthService>,
}

/// Begins conversations.
#[derive(Clone, Debug)]
pub(super) struct Processor {
    pub(super) live: Arc<Live>,
    pub(super) options: Arc<Options>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) counters: Arc<Counters>,
}

/// A conversation, and the stream that it is held on.
pub(super) struct Talk {
    incoming: Streaming<ProcessingRequest>,
    conversation: Conversation,
    hold: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
    options: Arc<Options>,
    _open: OpenStream,
}

impl Services {
    pub(super) fn new(processor: Processor, health: HealthService) -> Self {
        Self { processor, health: HealthServer::new(health) }
    }
}

impl Service<Request<Body>> for Services {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        if path == PROCESS {
            let processor = self.processor.clone();
            let codec = ProstCodec::<ProcessingResponse, ProcessingRequest>::default();
            let mut grpc = Grpc::new(codec).max_decoding_message_size(MAX_MESSAGE);
            return Box::pin(async move { Ok(grpc.streaming(processor, request).await) });
        }
        if path.starts_with(HEALTH) {
            return self.health.call(request);
        }
        Box::pin(future::ready(Ok(Status::unimplemented("no such service").into_http())))
    }
}

impl StreamingService<ProcessingRequest> for Processor {
    type Response = ProcessingResponse;
    type ResponseStream = Talk;
    type Future = Ready<Result<tonic::Response<Talk>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<ProcessingRequest>>) -> Self::Future {
        let Self { live, options, telemetry, counters } = self;
        let conversation = Conversation::new(Arc::clone(live), Arc::clone(options), Arc::clone(telemetry));
        future::ready(Ok(tonic::Response::new(Talk {
            incoming: request.into_inner(),
            conversation,
            hold: None,
            has_ended: false,
            options: Arc::clone(options),
            _open: OpenStream::count(counters),
        })))
    }
}

impl Talk {
    /// Takes a message. What goes wrong ends the stream, and Envoy goes on alone.
    fn hear(&mut self, message: ProcessingRequest) -> Option<ProcessingResponse> {
        self.hold = None;
        let heard = fault::caught(|| self.conversation.hear(message));
        match heard.unwrap_or(Reaction::End) {
            Reaction::Say(answer) => Some(*answer),
            Reaction::SayAndHold(answer) => {
                self.hold = Some(Box::pin(time::sleep(self.options.hold)));
                Some(*answer)
            }
            Reaction::SayLast(answer) => {
                self.has_ended = true;
                Some(*answer)
            }
            Reaction::End => {
                self.end();
                None
            }
        }
    }

    fn end(&mut self) {
        self.has_ended = true;
        fault::caught(|| self.conversation.end());
    }
}

impl Stream for Talk {
    type Item = Result<ProcessingResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while !self.has_ended {
            let Poll::Ready(message) = Pin::new(&mut self.incoming).poll_next(context) else {
                let Some(hold) = &mut self.hold else { return Poll::Pending };
                ready!(hold.as_mut().poll(context));
                tracing::debug!(target: "retort::ext_proc", "content takes too long; the response passes");
                self.end();
                break;
            };
            match message {
                Some(Ok(message)) => {
                    if let Some(answer) = self.hear(message) {
                        return Poll::Ready(Some(Ok(answer)));
                    }
                }
                Some(Err(status)) => {
                    tracing::debug!(target: "retort::ext_proc", %status, "a stream broke off");
                    self.end();
                }
                None => self.end(),
            }
        }
        Poll::Ready(None)
    }
}
