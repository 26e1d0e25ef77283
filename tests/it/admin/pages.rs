//! The seam to the page.

use bytes::Bytes;
use http::{Method, StatusCode, header};
use retort::host::admin::{PageRequest, PageResponse, Pages};

use super::{EMPTY, Watched};
use crate::support::Upstream;

/// Says what it was asked.
struct Echo;

impl Pages for Echo {
    fn answer(&self, request: &PageRequest) -> Option<PageResponse> {
        let PageRequest { method, path, query, body, .. } = request;
        assert_ne!(path, "/page/panic", "as asked for");
        let content = format!("{method} {path} {query:?} {}", String::from_utf8_lossy(body));
        let policy = (header::CONTENT_SECURITY_POLICY, "default-src 'self'".parse().unwrap());
        let headers = vec![(header::CONTENT_TYPE, "text/html".parse().unwrap()), policy];
        (path != "/missing").then(|| PageResponse {
            status: StatusCode::OK,
            headers,
            body: Bytes::from(content),
        })
    }
}

#[test]
fn what_nobody_else_answers_is_the_page() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::with(&[upstream.address()], |_| {}, Some(Box::new(Echo)));
    let page = watched.get("/?a=b");
    assert_eq!((page.status(), page.text()), (200, "GET / Some(\"a=b\") "));
    assert_eq!(page.field("Content-Type"), Some("text/html"));
    assert_eq!(page.field("Content-Security-Policy"), Some("default-src 'self'"));
    assert_eq!(page.field("X-Content-Type-Options"), Some("nosniff"));

    let fields = "Host: localhost\r\nContent-Length: 7\r\n";
    let post = watched.ask_with("POST", "/page/explain", fields, "a=b&c=d");
    assert_eq!(post.text(), "POST /page/explain None a=b&c=d");
    let head = watched.ask("HEAD", "/", "");
    assert_eq!((head.status(), head.text(), head.field("Content-Length")), (200, "", Some("11")));
    assert_eq!(watched.get("/missing").status(), 404);
    assert_eq!(watched.get("/livez").text(), "alive\n");
    let cross =
        watched.ask_with("POST", "/x", "Host: localhost\r\nOrigin: http://a\r\nContent-Length: 0\r\n", "");
    assert_eq!(cross.status(), 403);
    let method = Method::POST.as_str();
    assert_eq!(watched.ask(method, "/x", "Content-Length: 0\r\n").status(), 200);
}

#[test]
fn a_panic_of_the_page_costs_the_answer_alone() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::with(&[upstream.address()], |_| {}, Some(Box::new(Echo)));
    assert_eq!(watched.get("/page/panic").status(), 500);
    assert_eq!(watched.get("/page").status(), 200);
    assert_eq!(watched.proxy.connect().get("/x", "").status(), 404);
}
