use std::{fs, net::SocketAddr};

use super::{
    folder, retort, run,
    running::{Running, request},
};

#[test]
fn it_answers_reloads_and_ends() {
    let folder = folder();
    let mut command = retort();
    command.current_dir(&folder).args(["error-backend", "--rules", "rules.xml", "--listen", "127.0.0.1:0"]);
    command.args(["--log-format", "json", "--request-id-header", "X-Ray"]);
    let mut backend = Running::start(&mut command);
    let listening = backend.stderr.after("\"message\":\"listening for other proxies\"");
    let on = listening.split("\"on\":\"").nth(1).unwrap().split('"').next().unwrap();
    let address: SocketAddr = on.parse().unwrap();

    let head =
        "GET / HTTP/1.1\r\nX-Code: 410\r\nX-Format: application/json\r\nX-Original-URI: /x?y\r\nX-Ray: r\r\n";
    let gone = request(address, head);
    assert!(gone.starts_with("HTTP/1.1 410 Gone\r\n"), "{gone}");
    assert!(gone.ends_with("\r\n\r\n{\"status\":410,\"path\":\"/x\",\"id\":\"r\"}"), "{gone}");

    let new = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
      <status-code id="gone" code-regex="410"><message>new</message></status-code></response-messaging>"#;
    fs::write(folder.path().join("new.xml"), new).unwrap();
    fs::rename(folder.path().join("new.xml"), folder.path().join("rules.xml")).unwrap();
    backend.stderr.after("\"generation\":2");
    assert!(request(address, head).ends_with("\r\n\r\nnew"));

    backend.signal("TERM");
    assert_eq!(backend.end().code(), Some(0));
}

#[test]
fn forwarded_fields_are_believed_unless_it_is_told_otherwise() {
    let folder = folder();
    let path = |set: &str| {
        let mut command = retort();
        command.current_dir(&folder).args(["error-backend", "--rules", "rules.xml"]);
        command.args(["--listen", "127.0.0.1:0"]).env("RETORT_IGNORE_FORWARDED", set);
        let mut backend = Running::start(&mut command);
        let on = backend.stderr.after("listening for other proxies on=\"");
        let head = "GET /404 HTTP/1.1\r\nX-Forwarded-Uri: /asked\r\n";
        request(on.trim_end_matches('"').parse().unwrap(), head)
    };
    assert!(path("false").ends_with("\r\n\r\n404 for GET /asked"));
    assert!(path("true").ends_with("\r\n\r\n404 for GET /404"));
}

#[test]
fn mistakes_keep_it_from_starting() {
    let folder = folder();
    let backend = ["error-backend", "--listen", "127.0.0.1:0", "--rules", "mistakes.xml"];
    let refused = run(retort().current_dir(&folder).args(backend));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.ends_with("retort: error: the rules in mistakes.xml cannot be used\n"));
}
