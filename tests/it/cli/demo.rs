use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    time::Instant,
};

use super::{
    retort, run,
    running::{Running, request},
};

/// The demo in a folder without rules, on free ports, and the address of its proxy.
fn demo(folder: &tempfile::TempDir) -> (Running, SocketAddr) {
    let mut demo = Running::start(retort().current_dir(folder).args(["demo", "--listen", "127.0.0.1:0"]));
    let address = proxy(&mut demo);
    (demo, address)
}

/// The address that the demo says its proxy is at.
fn proxy(demo: &mut Running) -> SocketAddr {
    let line = demo.stdout.after("Retort listens on http://");
    line.split(',').next().unwrap().parse().unwrap()
}

#[test]
fn empty_errors_get_a_message_and_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (mut demo, address) = demo(&folder);
    demo.stdout.after("The rules are built in");

    let replaced = request(address, "GET /status/503 HTTP/1.1\r\nAccept: application/json\r\n");
    assert!(replaced.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{replaced}");
    let (head, body) = replaced.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/problem+json"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["status"], 503);

    let kept = request(address, "GET /status/404?body=Nothing+here HTTP/1.1\r\n");
    assert!(kept.starts_with("HTTP/1.1 404 Not Found\r\n"), "{kept}");
    assert!(kept.ends_with("\r\n\r\nNothing here"), "{kept}");

    for target in ["/chunked-empty/500", "/close/500", "/cut"] {
        let replaced = request(address, &format!("GET {target} HTTP/1.1\r\n"));
        let (_, body) = replaced.split_once("\r\n\r\n").unwrap();
        assert!(!body.trim().is_empty(), "{target}: {replaced}");
    }
    let late = request(address, "GET /slow/500?ms=1 HTTP/1.0\r\n");
    assert!(late.ends_with("Late, but here.\n"), "{late}");
}

#[test]
fn it_ends_when_told_to() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let (demo, address) = demo(&folder);
        request(address, "GET /status/503 HTTP/1.1\r\n");
        let told = Instant::now();
        demo.signal(signal);
        assert_eq!(demo.end().code(), Some(0), "{signal}");
        assert!(told.elapsed().as_secs() < 5, "{signal}: {:?}", told.elapsed());
    }
}

#[test]
fn it_goes_on_when_nobody_reads_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = retort();
    command.current_dir(&folder).args(["demo", "--listen", "127.0.0.1:0"]);
    let (reader, log) = io::pipe().unwrap();
    drop(reader);
    let mut demo = Running::start_with_log(&mut command, log.into());
    let address = proxy(&mut demo);
    // Both on one connection, which a fault in the first would end.
    let both = "GET /status/503 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /status/599 HTTP/1.1\r\n";
    let answers = request(address, both);
    assert!(answers.contains("HTTP/1.1 503 ") && answers.contains("HTTP/1.1 599"), "{answers}");
    demo.signal("TERM");
    assert_eq!(demo.end().code(), Some(0));
}

#[test]
fn the_rules_in_the_working_directory_are_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("conf")).unwrap();
    let rules = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
        <status-code id="418"><message>tea, %U</message></status-code></response-messaging>"#;
    fs::write(folder.path().join("conf/response-messaging.cfg.xml"), rules).unwrap();
    let (mut demo, address) = demo(&folder);
    demo.stdout.after("The rules are in conf/response-messaging.cfg.xml");
    assert!(request(address, "GET /status/418 HTTP/1.1\r\n").ends_with("\r\n\r\ntea, /status/418"));

    fs::write(folder.path().join("conf/response-messaging.cfg.xml"), rules.replace("tea", "coffee")).unwrap();
    demo.signal("HUP");
    demo.stderr.after("generation=2");
    assert!(request(address, "GET /status/418 HTTP/1.1\r\n").ends_with("\r\n\r\ncoffee, /status/418"));
}

#[test]
fn a_port_that_is_taken_is_told_of() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    for flag in ["--listen", "--upstream-listen"] {
        let free = if flag == "--listen" { "--upstream-listen" } else { "--listen" };
        let arguments = ["demo", free, "127.0.0.1:0", flag, &address];
        let refused = run(retort().current_dir(&folder).args(arguments));
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
        let error = refused.stderr.lines().last().unwrap();
        assert!(error.starts_with("retort: error: "), "{error}");
        assert!(error.contains(&format!("cannot listen on {address}: ")), "{error}");
        assert!(error.contains(&format!("`{flag} 127.0.0.1:0` takes a free one")), "{error}");
    }
}
