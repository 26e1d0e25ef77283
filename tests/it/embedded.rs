//! `examples/embedded.rs`: the filter in a proxy of somebody's own, as a process.

use std::{
    env, fs,
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::support::{Client, Upstream, free_address, until};

const RULES: &str = r#"<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="errors" code-regex="[45]\d\d">
    <message>status %s of %{upstream}x, %{source}x</message>
  </status-code>
</response-messaging>"#;

struct Embedded(Child);

impl Drop for Embedded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example, beside this test; `cargo test` has built it, while one target alone has not.
fn example() -> PathBuf {
    let path = env::current_exe().unwrap().parent().unwrap().with_file_name("examples").join("embedded");
    if !path.exists() {
        let built = Command::new(env!("CARGO")).args(["build", "--locked", "--example", "embedded"]).status();
        assert!(built.unwrap().success());
    }
    path
}

#[test]
fn it_answers_for_its_upstream_and_for_itself() {
    let upstream = Upstream::start(|connection| {
        while let Some(request) = connection.request() {
            match request.line() {
                "GET /empty HTTP/1.1" => {
                    connection.send("HTTP/1.1 404 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                }
                "GET /full HTTP/1.1" => connection.send("HTTP/1.1 404 X\r\nContent-Length: 4\r\n\r\nfull"),
                _ => return,
            };
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.xml");
    fs::write(&rules, RULES).unwrap();
    let (address, app) = (free_address(), upstream.address());
    let mut command = Command::new(example());
    command.arg(&rules).args([app.to_string(), address.to_string()]).stderr(Stdio::null());
    let _embedded = Embedded(command.spawn().unwrap());
    until("a connection", || TcpStream::connect(address).is_ok());

    let mut client = Client::connect(address);
    for _ in 0..2 {
        assert_eq!(client.get("/empty", "").text(), format!("status 404 of {app}, upstream"));
        assert_eq!(client.get("/full", "").text(), "full");
    }
    assert_eq!(upstream.requests()[0].all("x-gateway"), ["mine"]);
    let cut = client.get("/cut", "");
    assert_eq!((cut.status(), cut.text()), (502, &*format!("status 502 of {app}, proxy")));
}
