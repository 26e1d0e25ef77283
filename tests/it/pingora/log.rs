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

#[test]
fn who_answered_and_which_condition_failed() {
    let log = access();
    let upstream = Upstream::start(|connection| {
        while let Some(request) = connection.request() {
            if request.line().contains("/dead") {
                return;
            }
            let json = r#"{"meta":{"status":402}}"#;
            let head = "HTTP/1.1 500 Oops\r\nContent-Type: application/json";
            connection.send(format!("{head}\r\nContent-Length: {}\r\n\r\n{json}", json.len()));
        }
    });
    let rules = r#"
      <status-code id="post" code-regex="50." method="POST"><message>post</message></status-code>
      <status-code id="meta" code-regex="500" path="/meta"><meta/></status-code>"#;
    let proxy = Proxy::start(rules, &upstream);
    let mut client = proxy.connect();
    let failed = Some("method matches \"POST\"");
    let cases = [
        ("/meta", "402", "upstream", "steer", "meta", Some("meta"), None),
        ("/other", "500", "upstream", "keep", "condition", None, failed),
        ("/dead", "502", "proxy", "keep", "condition", None, failed),
    ];
    for (path, status, source, decision, reason, rule, condition) in cases {
        let id = format!("who{path}");
        client.get(path, &format!("X-Request-Id: {id}\r\n"));
        let event = log(&id);
        let field = |name: &str| event.get(name).map(String::as_str);
        assert_eq!((field("status"), field("source")), (Some(status), Some(source)), "{path}");
        assert_eq!((field("decision"), field("reason")), (Some(decision), Some(reason)), "{path}");
        assert_eq!((field("rule"), field("condition")), (rule, condition), "{path}");
    }
}
