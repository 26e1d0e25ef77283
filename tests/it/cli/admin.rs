//! The admin listener of the command, and `retort health`.

use std::net::{SocketAddr, TcpListener};

use super::{
    folder, retort, run,
    running::{Running, request},
};

/// `retort` with a verb, rules, and an admin listener; and where that is.
fn start(arguments: &[&str]) -> (Running, SocketAddr) {
    let folder = folder();
    let mut command = retort();
    command.current_dir(&folder).args(arguments).args(["--rules", "rules.xml", "--listen", "127.0.0.1:0"]);
    let mut running = Running::start(command.args(["--color", "never", "--admin", "127.0.0.1:0"]));
    let address = running.stderr.after("health, metrics and the page address=");
    running.stderr.after("listening");
    (running, address.trim().parse().unwrap())
}

/// What `retort health` says, and how it ends.
fn health(address: SocketAddr, path: &str) -> (Option<i32>, String) {
    let asked = run(retort().args(["health", "--url", &format!("http://{address}{path}")]));
    (asked.code, asked.stdout + &asked.stderr)
}

fn until_ready(address: SocketAddr) {
    crate::support::until("it is ready", || health(address, "").0 == Some(0));
}

#[test]
fn health_asks_whether_it_is_ready_and_the_end_is_told_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", silent.local_addr().unwrap());
    let (serve, admin) = start(&["serve", "--upstream", &upstream, "--lame-duck-time", "1h"]);
    until_ready(admin);
    assert_eq!(health(admin, ""), (Some(0), "ready\n".to_owned()));
    assert_eq!(health(admin, "/livez"), (Some(0), "alive\n".to_owned()));
    assert!(request(admin, "GET /metrics HTTP/1.1\r\n").contains("\nretort_ready 1\n"));

    // A request that is not over keeps it from ending.
    let status = request(admin, "GET /status HTTP/1.1\r\n");
    let listener = status.split("\"address\": \"").nth(1).unwrap().split('"').next().unwrap();
    let mut client = crate::support::Client::connect(listener.parse().unwrap());
    client.request("GET", "/", "");
    crate::support::until("a request", || {
        request(admin, "GET /metrics HTTP/1.1\r\n").contains("\nretort_active_requests 1\n")
    });
    serve.signal("TERM");
    crate::support::until("it drains", || health(admin, "").0 == Some(1));
    let (_, said) = health(admin, "");
    assert_eq!(said, format!("retort: error: http://{admin}/readyz answers 503: draining\n"));
    assert_eq!(health(admin, "/livez").0, Some(0));
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
    assert_eq!(health(admin, "").0, Some(1), "nobody is there");
}

#[test]
fn an_error_backend_has_one_too() {
    let (backend, admin) = start(&["error-backend"]);
    until_ready(admin);
    assert!(request(admin, "GET /status HTTP/1.1\r\n").contains("\"role\": \"error-backend\""));
    assert!(request(admin, "POST /reload HTTP/1.1\r\n").starts_with("HTTP/1.1 422 "), "its folder is gone");
    backend.signal("TERM");
    assert_eq!(backend.end().code(), Some(0));
}

#[test]
fn an_address_that_was_asked_for_and_is_taken_is_a_mistake() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = folder();
    let serve =
        ["serve", "--upstream", "http://127.0.0.1:1", "--rules", "rules.xml", "--listen", "127.0.0.1:0"];
    let refused = run(retort().current_dir(&folder).args(serve).args(["--admin", &address]));
    assert_eq!(refused.code, Some(2));
    let expected = format!("retort: error: cannot listen on {address}: ");
    assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
    assert!(refused.stderr.contains("`--admin 127.0.0.1:0` takes a free one"), "{}", refused.stderr);
}

#[test]
fn health_is_not_fooled() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, said) = health(silent.local_addr().unwrap(), "");
    assert_eq!(code, Some(1));
    assert!(said.contains("does not answer: "), "{said}");
    let off = run(retort().arg("health"));
    assert_eq!((off.code, off.stderr.contains("is off")), (Some(1), true));
    let elsewhere = run(retort().arg("health").env("RETORT_ADMIN", "127.0.0.9:1"));
    assert_eq!(elsewhere.code, Some(1));
    assert!(elsewhere.stderr.contains("http://127.0.0.9:1/readyz does not answer"), "{}", elsewhere.stderr);
    assert_eq!(run(retort().args(["health", "--url", "https://a"])).code, Some(2));
}
