use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    thread,
};

use super::{
    folder, retort, run,
    running::{Running, request},
};

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
    serve.env("RETORT_REQUEST_ID_HEADER", "X-One,X-Two");
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
