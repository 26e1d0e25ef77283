use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    thread,
};

use super::{
    folder, retort, run,
    running::{Running, request},
};
use crate::support::tls::{Authority, client, dial};

/// An upstream that answers every request with an empty 410.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let head = BufReader::new(connection.try_clone().unwrap()).lines();
            for _ in head.map_while(Result::ok).take_while(|line| !line.is_empty()) {}
            let gone = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            connection.write_all(gone).unwrap();
        }
    });
    address
}

#[test]
fn settings_come_from_the_environment_and_flags_win() {
    let folder = folder();
    let mut serve = retort();
    serve.current_dir(&folder).args(["serve", "--rules", "rules.xml"]);
    serve.env("RETORT_RULES", "missing.xml").env("RETORT_UPSTREAM", format!("http://{}", upstream()));
    serve.env("RETORT_LISTEN", "127.0.0.1:0,127.0.0.1:0").env("RETORT_LOG_FORMAT", "json");
    serve.env("RETORT_REQUEST_ID_HEADER", "X-One,X-Two").env("RETORT_LOG", "info,retort::access=info");
    let mut serve = Running::start(&mut serve);
    let listening = serve.stderr.after("\"message\":\"listening\"");
    let on = listening.split("\"on\":\"").nth(1).unwrap().split('"').next().unwrap();
    let addresses: Vec<SocketAddr> = on.split(' ').map(|address| address.parse().unwrap()).collect();
    let [address, other] = addresses[..] else { panic!("{addresses:?}") };

    let replaced = request(address, "GET /x HTTP/1.1\r\nAccept: application/json\r\nX-Two: two\r\n");
    assert!(replaced.starts_with("HTTP/1.1 410 Gone\r\n"), "{replaced}");
    assert!(replaced.ends_with("\r\n\r\n{\"status\":410,\"path\":\"/x\",\"id\":\"two\"}"), "{replaced}");
    serve.stderr.after("\"target\":\"retort::access\"");
    assert!(request(other, "GET /y HTTP/1.1\r\n").ends_with("\r\n\r\n410 for GET /y"));

    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn mistakes_keep_it_from_starting() {
    let folder = folder();
    let serve = ["serve", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--rules"];
    let refused = run(retort().current_dir(&folder).args(serve).arg("mistakes.xml"));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.starts_with("mistakes.xml:2:"), "{}", refused.stderr);
    assert!(refused.stderr.ends_with("retort: error: the rules in mistakes.xml cannot be used\n"));

    let wrong = run(retort().current_dir(&folder).args(serve).args(["rules.xml", "--log", "=loud="]));
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.starts_with("retort: error: `=loud=` is not a log filter; "), "{}", wrong.stderr);
}

#[test]
fn a_port_that_is_taken_is_told_of() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = folder();
    let serve = ["serve", "--upstream", "http://127.0.0.1:1", "--rules", "rules.xml", "--listen", &address];
    let refused = run(retort().current_dir(&folder).args(serve));
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains(&format!("retort: error: cannot listen on {address}: ")),
        "{}",
        refused.stderr
    );
}

#[test]
fn tls_is_spoken_where_it_is_asked_for_and_nowhere_else() {
    let folder = folder();
    let authority = Authority::new();
    authority.issue(&["localhost"]).write(folder.path(), "tls");
    let mut serve = retort();
    serve.current_dir(&folder).args(["serve", "--rules", "rules.xml", "--tls-listen", "127.0.0.1:0"]);
    serve.args(["--tls-cert", "tls.pem", "--tls-key", "tls.key"]);
    serve.env("RETORT_UPSTREAM", format!("http://{}", upstream())).env("RETORT_LOG_FORMAT", "json");
    let mut serve = Running::start(&mut serve);
    let listening = serve.stderr.after("\"message\":\"listening\"");
    let field = |name: &str| {
        let start = format!("\"{name}\":\"");
        listening.split(&start).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    assert_eq!(field("on"), "", "the default of --listen is gone");
    let secured = dial(field("tls").parse().unwrap(), client(&authority, &[], None), "localhost").unwrap();
    let gone = crate::support::Client::over(secured.stream).get("/x", "");
    assert_eq!((gone.status(), gone.text()), (410, "410 for GET /x"));
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn certificates_that_cannot_be_used_keep_it_from_starting() {
    let folder = folder();
    let authority = Authority::new();
    authority.issue(&["localhost"]).write(folder.path(), "a");
    authority.issue(&["localhost"]).write(folder.path(), "b");
    let refused = |flags: &[&str]| {
        let serve = ["serve", "--rules", "rules.xml", "--upstream", "http://127.0.0.1:1"];
        let refused = run(retort().current_dir(&folder).args(serve).args(flags));
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{flags:?}");
        refused
            .stderr
            .lines()
            .filter(|line| line.starts_with("retort: error: "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let listen = ["--tls-listen", "127.0.0.1:0", "--tls-cert", "a.pem", "--tls-key"];
    assert_eq!(
        refused(&[&listen[..], &["b.key"]].concat()),
        "retort: error: b.key: the private key is not that of the certificate in a.pem; the two have to be \
         made, and replaced, together"
    );
    assert!(
        refused(&[&listen[..], &["no.key"]].concat())
            .starts_with("retort: error: no.key: No such file or directory")
    );
    assert_eq!(
        refused(&[&listen[..], &["a.key", "--tls-cert", "b.pem"]].concat()),
        "retort: error: there are 2 `--tls-cert` and 1 `--tls-key`; each certificate has a key"
    );
    assert!(
        refused(&["--listen", "127.0.0.1:0", "--upstream", "https://app", "--upstream-ca", "a.key"])
            .starts_with("retort: error: a.key: there is no certificate in it, but a private key")
    );
}
