//! What is answered to whom.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::task;

use super::{
    About,
    door::{Door, Refusal},
    pages::{PageRequest, PageResponse, Pages},
    status,
};
use crate::host::{
    fault,
    readiness::State,
    reload::Outcome,
    telemetry::{CONTENT_TYPE, Observation},
};

/// Bytes of content that a request may bring.
const MAX_BODY: usize = 64 * 1024;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Protection for browsers, where an answer does not bring its own.
const PROTECTION: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Everything that can be asked for.
pub(super) struct Site {
    about: About,
    door: Door,
    pages: Option<Arc<dyn Pages>>,
}

type Answer = Response<Full<Bytes>>;

impl Site {
    pub(super) fn new(about: About, door: Door, pages: Option<Box<dyn Pages>>) -> Self {
        Self { about, door, pages: pages.map(Arc::from) }
    }

    /// Takes note of the time.
    pub(super) fn tick(&self) {
        self.about.telemetry.tick();
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let answered = fault::survived(self.route(request)).await;
        let mut answer = answered.unwrap_or_else(|| text(StatusCode::INTERNAL_SERVER_ERROR, "a fault\n"));
        for (name, value) in PROTECTION {
            answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        }
        answer
    }

    async fn route(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        if let Err(refusal) = self.door.admit(&head.method, &head.uri, &head.headers) {
            return refuse(&refusal);
        }
        let reads = matches!(head.method, Method::GET | Method::HEAD);
        match head.uri.path() {
            "/livez" | "/readyz" | "/metrics" | "/status" if !reads => not_allowed("GET, HEAD"),
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" => ready(&self.about.observe()),
            "/metrics" => content(StatusCode::OK, CONTENT_TYPE, self.about.metrics()),
            "/status" => json(StatusCode::OK, &status::of(&self.about)),
            "/reload" if head.method != Method::POST => not_allowed("POST"),
            "/reload" => self.reload(&head.headers).await,
            _ if !reads && head.method != Method::POST => not_allowed("GET, HEAD, POST"),
            path => {
                let body = match Limited::new(body, MAX_BODY).collect().await {
                    Ok(body) => body.to_bytes(),
                    Err(error) if error.is::<LengthLimitError>() => {
                        return text(StatusCode::PAYLOAD_TOO_LARGE, "more than 64 KiB\n");
                    }
                    Err(_) => return text(StatusCode::BAD_REQUEST, "the content did not come\n"),
                };
                let page = PageRequest {
                    method: if reads { Method::GET } else { head.method },
                    path: path.to_owned(),
                    query: head.uri.query().map(str::to_owned),
                    body: if reads { Bytes::new() } else { body },
                    headers: head.headers,
                };
                self.page(page).await
            }
        }
    }

    async fn page(&self, request: PageRequest) -> Answer {
        let Some(pages) = self.pages.clone() else { return contents(&request) };
        let answer = move || fault::caught(|| pages.answer(&request));
        match task::spawn_blocking(answer).await {
            Ok(Some(Some(PageResponse { status, headers, body }))) => {
                let mut answer = Response::new(Full::new(body));
                *answer.status_mut() = status;
                answer.headers_mut().extend(headers);
                answer
            }
            Ok(Some(None)) => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
            Ok(None) | Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "a fault\n"),
        }
    }

    async fn reload(&self, headers: &HeaderMap) -> Answer {
        let Some(reloader) = self.about.rules.reloader().cloned() else {
            return text(StatusCode::CONFLICT, "the rules are of no file\n");
        };
        let Ok(Ok(attempt)) = task::spawn_blocking(move || reloader.reload_now()).await else {
            return text(StatusCode::INTERNAL_SERVER_ERROR, "a fault ended the reload\n");
        };
        // A form without a script goes back to the page, which shows what came of it.
        if self.pages.is_some() && wants_a_page(headers) {
            let mut answer = text(StatusCode::SEE_OTHER, "see the page\n");
            answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
            return answer;
        }
        let status = match attempt.outcome {
            Outcome::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            Outcome::Applied | Outcome::Unchanged | Outcome::Missing => StatusCode::OK,
        };
        json(status, &status::Attempted::of(&attempt))
    }
}

/// Whether new connections are welcome, and if not, why.
fn ready(host: &Observation) -> Answer {
    let report = host.readiness;
    match report.state() {
        State::Ready if host.has_upstream => text(StatusCode::OK, "ready\n"),
        State::Ready => text(StatusCode::SERVICE_UNAVAILABLE, "no upstream is healthy\n"),
        State::Starting | State::Draining => text(StatusCode::SERVICE_UNAVAILABLE, &format!("{report}\n")),
    }
}

/// What there is, where there is no page.
fn contents(request: &PageRequest) -> Answer {
    match (request.path.as_str(), request.method == Method::GET) {
        ("/", true) => text(StatusCode::OK, "/livez\n/readyz\n/metrics\n/status\nPOST /reload\n"),
        ("/", false) => not_allowed("GET, HEAD"),
        _ => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

fn refuse(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::NoHost => text(StatusCode::BAD_REQUEST, "there has to be one Host field\n"),
        Refusal::Name(_) => {
            let why = "this is called by its IP address or as localhost; `--admin-host` adds names\n";
            text(StatusCode::FORBIDDEN, why)
        }
        Refusal::CrossSite => text(StatusCode::FORBIDDEN, "another site may not do that\n"),
    }
}

/// Whether this is a browser that shows what it gets.
fn wants_a_page(headers: &HeaderMap) -> bool {
    let accept: Vec<_> =
        headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    accept.iter().any(|line| line.contains("text/html"))
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, &format!("only {methods}\n"));
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    answer
}

fn text(status: StatusCode, text: &str) -> Answer {
    content(status, TEXT, text.to_owned())
}

fn json(status: StatusCode, value: &impl serde::Serialize) -> Answer {
    match serde_json::to_string_pretty(value) {
        Ok(text) => content(status, JSON, text + "\n"),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
    }
}

fn content(status: StatusCode, content_type: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
