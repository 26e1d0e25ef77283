//! What is logged of a request.

use super::IF_EMPTY;
use crate::support::{Proxy, Upstream, access};

#[test]
fn facts_of_each_request() {
    let log = access();
    let upstream = Upstream::start(|connection| {
        while let Some(request) = connection.request() {
            let response = match request.line().replace("?q", "").as_str() {
                "GET /empty HTTP/1.1" => "404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "GET /full HTTP/1.1" => {
                    "404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
                }
                "GET /fine HTTP/1.1" => "200 OK\r\nContent-Length: 0\r\n\r\n",
                _ => return,
            };
            connection.send(format!("HTTP/1.1 {response}"));
        }
    });
    let proxy = Proxy::start(IF_EMPTY, &upstream);
    let mut client = proxy.connect();
    // Path, then: upstream's status, status sent, decision, reason, rule, cause.
    let cases = [
        ("/empty", Some("404"), "404", "replace", "body-empty", Some("empty"), None),
        ("/full", Some("404"), "404", "keep", "body-present", Some("empty"), None),
        ("/fine", Some("200"), "200", "keep", "no-rule", None, None),
        ("/dead", None, "502", "replace", "body-empty", Some("empty"), Some("reset")),
    ];
    for (path, status_upstream, status, decision, reason, rule, cause) in cases {
        let id = format!("log{path}");
        client.get(&format!("{path}?q"), &format!("X-Request-Id: {id}\r\n"));
        let event = log(&id);
        let field = |name: &str| event.get(name).map(String::as_str);
        assert_eq!(field("method"), Some("GET"));
        assert_eq!(field("path"), Some(path));
        assert_eq!(field("client"), Some("127.0.0.1"));
        assert_eq!(field("status_upstream"), status_upstream, "{path}");
        assert_eq!(field("status"), Some(status), "{path}");
        assert_eq!(field("decision"), Some(decision), "{path}");
        assert_eq!(field("reason"), Some(reason), "{path}");
        assert_eq!(field("rule"), rule, "{path}");
        assert_eq!(field("cause"), cause, "{path}");
        assert!(field("duration_us").unwrap().parse::<u64>().is_ok());
    }
}
