//! What the demo's upstream answers to which path.

use std::time::Duration;

use serde_json::json;

use super::request::Request;

/// A route, as the index page tells of it.
#[derive(Clone, Copy, Debug)]
struct Route {
    path: &'static str,
    meaning: &'static str,
}

/// All routes.
const ROUTES: &[Route] = &[
    Route { path: "/", meaning: "this page" },
    Route {
        path: "/status/NNN",
        meaning: "status NNN, empty; ?body=TEXT&type=MEDIA-TYPE gives it a body, &header=Name:value a header",
    },
    Route { path: "/chunked-empty/NNN", meaning: "status NNN, chunked, and the last chunk is the only one" },
    Route { path: "/close/NNN", meaning: "status NNN, no length: the end of the connection is the end" },
    Route { path: "/slow/NNN", meaning: "status NNN, and a body that begins only after ?ms=500" },
    Route { path: "/gzip/NNN", meaning: "status NNN with a gzip-encoded body" },
    Route { path: "/cut", meaning: "no answer: the connection is closed" },
    Route { path: "/headers", meaning: "200 and the request as JSON, as the upstream saw it" },
];

/// A response, and how it is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) framing: Framing,
}

/// How the end of the body is told (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By Content-Length.
    Sized,
    /// By the last chunk; the first one comes after the delay.
    Chunked { delay: Duration },
    /// By the end of the connection.
    Close,
    /// There is no response at all.
    Cut,
}

/// The pause before the content of a slow answer, unless the request says otherwise.
const DELAY: Duration = Duration::from_millis(500);

/// The longest pause that a request can ask for.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// "This text was sent with Content-Encoding: gzip.\n", encoded.
const GZIPPED: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x0b\xc9\xc8,V(I\xad(Q(O,V(N\xcd\x0322K2\x14\x9c\xf3\
    \xf3J\x80\x1c]\xd7\xbc\xe4\xfc\x94\xcc\xbct+\x85\xf4\xaa\xcc\x02=.\x00\xc1\x18\x86\x1f0\x00\x00\
    \x00";

/// The answer to a request.
pub(super) fn answer(request: &Request) -> Answer {
    let path = request.path.trim_matches('/');
    let (route, argument) = path.split_once('/').map_or((path, None), |(route, rest)| (route, Some(rest)));
    let status = argument.and_then(|text| text.parse::<u16>().ok()).filter(|s| (200..=999).contains(s));
    match (route, argument, status) {
        ("", None, _) => page(200, "text/html; charset=utf-8", index()),
        ("headers", None, _) => page(200, "application/json", echo(request)),
        ("cut", None, _) => Answer::new(502, Framing::Cut),
        ("status", _, Some(status)) => requested(request, status, Framing::Sized),
        ("close", _, Some(status)) => requested(request, status, Framing::Close),
        ("chunked-empty", _, Some(status)) => Answer::new(status, Framing::Chunked { delay: Duration::ZERO }),
        ("slow", _, Some(status)) => slow(request, status),
        ("gzip", _, Some(status)) => gzip(status),
        _ => page(404, "text/plain; charset=utf-8", format!("no such page; try one of\n{}", listing())),
    }
}

impl Answer {
    fn new(status: u16, framing: Framing) -> Self {
        Self { status, fields: Vec::new(), body: Vec::new(), framing }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn page(status: u16, content_type: &str, body: String) -> Answer {
    let mut answer = Answer::new(status, Framing::Sized).with("Content-Type", content_type);
    answer.body = body.into_bytes();
    answer
}

/// The body and the header that the query asks for.
fn requested(request: &Request, status: u16, framing: Framing) -> Answer {
    let mut answer = Answer::new(status, framing);
    for (_, line) in request.query.iter().filter(|(name, _)| name == "header") {
        // Whoever asks for a line break does not get a second header line.
        if let Some((name, value)) = line.split_once(':').filter(|_| !line.contains(['\r', '\n'])) {
            answer = answer.with(name.trim(), value.trim());
        }
    }
    let Some(body) = request.parameter("body") else { return answer };
    answer.body = body.as_bytes().to_vec();
    let content_type = request.parameter("type").unwrap_or("text/plain; charset=utf-8");
    answer.with("Content-Type", content_type.split(['\r', '\n']).next().unwrap_or_default())
}

fn slow(request: &Request, status: u16) -> Answer {
    let asked = request.parameter("ms").and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
    let delay = asked.unwrap_or(DELAY).min(MAX_DELAY);
    let body = request.parameter("body").unwrap_or("Late, but here.\n");
    let mut answer = Answer::new(status, Framing::Chunked { delay });
    answer.body = body.as_bytes().to_vec();
    answer.with("Content-Type", "text/plain; charset=utf-8")
}

fn gzip(status: u16) -> Answer {
    let mut answer = Answer::new(status, Framing::Sized);
    answer.body = GZIPPED.to_vec();
    answer.with("Content-Type", "text/plain; charset=utf-8").with("Content-Encoding", "gzip")
}

fn echo(request: &Request) -> String {
    let lines = request.fields.iter().map(|(name, value)| format!("    {}", json!([name, value])));
    let lines = lines.collect::<Vec<_>>().join(",\n");
    let (method, target) = (json!(request.method), json!(request.target));
    format!("{{\n  \"method\": {method},\n  \"target\": {target},\n  \"headers\": [\n{lines}\n  ]\n}}\n")
}

fn index() -> String {
    let items: String = ROUTES
        .iter()
        .map(|Route { path, meaning }| {
            let example = path.replace("NNN", "503");
            format!("<dt><a href=\"{example}\"><code>{path}</code></a></dt><dd>{}</dd>\n", escaped(meaning))
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Retort: demo</title>\n\
         <h1>The demo's upstream</h1>\n<p>It answers badly on purpose. Retort, in front of it, answers better.</p>\n\
         <dl>\n{items}</dl></html>\n"
    )
}

fn listing() -> String {
    ROUTES.iter().map(|route| format!("  {}\n", route.path)).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(target: &str) -> Answer {
        answer(&Request::parse(format!("GET {target} HTTP/1.1\r\nHost: demo\r\n\r\n").as_bytes()).unwrap())
    }

    #[test]
    fn statuses_are_empty_unless_a_body_is_asked_for() {
        assert_eq!(get("/status/503"), Answer::new(503, Framing::Sized));
        let answer = get("/status/404?body=gone&type=text/html&header=Retry-After:%2030");
        assert_eq!(answer.body, b"gone");
        let fields = [("Retry-After", "30"), ("Content-Type", "text/html")];
        assert_eq!(answer.fields, fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn no_header_line_is_smuggled_in() {
        let answer = get("/status/404?header=A:b%0d%0aC:d&body=x&type=a/b%0d%0aE:f");
        assert_eq!(answer.fields, [("Content-Type".to_owned(), "a/b".to_owned())]);
    }

    #[test]
    fn each_way_to_end_a_body() {
        assert_eq!(get("/chunked-empty/500").framing, Framing::Chunked { delay: Duration::ZERO });
        assert_eq!(get("/slow/500?ms=20").framing, Framing::Chunked { delay: Duration::from_millis(20) });
        assert_eq!(get("/slow/500?ms=99999999").framing, Framing::Chunked { delay: MAX_DELAY });
        assert_eq!(get("/close/500").framing, Framing::Close);
        assert_eq!(get("/cut").framing, Framing::Cut);
        assert!(get("/gzip/500").body.starts_with(b"\x1f\x8b"));
    }

    #[test]
    fn the_request_comes_back_as_json() {
        let body: serde_json::Value = serde_json::from_slice(&get("/headers?a=b").body).unwrap();
        assert_eq!(body, json!({"method": "GET", "target": "/headers?a=b", "headers": [["Host", "demo"]]}));
    }

    #[test]
    fn what_is_not_there_is_told() {
        for target in ["/nothing", "/status", "/status/99", "/status/100", "/status/x", "/headers/1"] {
            assert_eq!(get(target).status, 404, "{target}");
        }
    }

    #[test]
    fn the_index_names_every_route() {
        let page = String::from_utf8(get("/").body).unwrap();
        for route in ROUTES {
            assert!(page.contains(&format!("<code>{}</code>", route.path)), "{}", route.path);
        }
    }
}
