//! What `retort serve` tells of requests, and that nobody can put words into its mouth.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use super::{
    folder, retort, run,
    running::{PATIENCE, Running, request},
};
use crate::support::until;

/// An upstream that answers every request with an empty 410, but never one for `/slow`.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && connection.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                if head.starts_with(b"GET /slow") {
                    let _ = connection.read_exact(&mut byte);
                }
                let gone = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = connection.write_all(gone);
            });
        }
    });
    address
}

fn command(folder: &Path, more: &[&str]) -> Command {
    let mut command = retort();
    command.current_dir(folder).args(["serve", "--rules", "rules.xml", "--listen", "127.0.0.1:0"]);
    command.args(["--upstream", &format!("http://{}", upstream()), "--color", "never"]).args(more);
    command
}

fn serve(folder: &Path, more: &[&str]) -> (Running, SocketAddr) {
    let mut running = Running::start(&mut command(folder, more));
    let listening = running.stderr.after("listening on=\"");
    (running, listening.split('"').next().unwrap().parse().unwrap())
}

#[test]
fn a_file_is_rotated_and_whole_at_the_end() {
    let folder = folder();
    let (log, old) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let flags = ["--access-log", "access.log", "--access-log-format", "%U %s %{decision}x"];
    let (mut serve, address) = serve(folder.path(), &flags);
    let ask = |path: &str| request(address, &format!("GET {path} HTTP/1.1\r\n"));
    (0..10).for_each(|_| drop(ask("/old")));
    fs::rename(&log, &old).unwrap();
    serve.signal("USR1");
    serve.stderr.after("the access log was opened anew file=access.log");
    (0..10).for_each(|_| drop(ask("/new")));
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
    assert_eq!(fs::read_to_string(old).unwrap(), "/old 410 replace\n".repeat(10));
    assert_eq!(fs::read_to_string(log).unwrap(), "/new 410 replace\n".repeat(10));
}

#[test]
fn what_is_cut_off_at_the_end_is_told_of() {
    let folder = folder();
    let flags = ["--access-log", "stdout", "--lame-duck-time", "0", "--drain-time", "50ms"];
    let (mut serve, address) = serve(folder.path(), &flags);
    drop(request(address, "GET /fine HTTP/1.1\r\n"));
    let fine: serde_json::Value = serde_json::from_str(&format!("{{{}", serve.stdout.after("{"))).unwrap();
    assert_eq!((&fine["path"], &fine["status"]), (&"/fine".into(), &410.into()));
    let mut client = TcpStream::connect(address).unwrap();
    write!(client, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    // The request is there once another one that came later was served.
    drop(request(address, "GET /fine HTTP/1.1\r\n"));
    serve.signal("TERM");
    let slow = serve.stdout.after("\"path\":\"/slow\"");
    assert!(slow.contains("\"bytes\":0") && slow.ends_with("\"cut\":true}"), "{slow}");
    assert!(!slow.contains("\"status\""), "{slow}");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn sigusr1_ends_nobody() {
    let folder = folder();
    for flags in [&[][..], &["--access-log", "stderr", "--access-log-format", "%s it was"]] {
        let (mut serve, address) = serve(folder.path(), flags);
        serve.signal("USR1");
        assert!(request(address, "GET /x HTTP/1.1\r\n").starts_with("HTTP/1.1 410 Gone"));
        if !flags.is_empty() {
            serve.stderr.after("410 it was");
        }
        serve.signal("TERM");
        assert_eq!(serve.end().code(), Some(0));
    }
}

#[test]
fn a_full_disk_is_told_of_once() {
    let folder = folder();
    let (mut serve, address) = serve(folder.path(), &["--access-log", "/dev/full"]);
    for _ in 0..3 {
        assert!(request(address, "GET /x HTTP/1.1\r\n").starts_with("HTTP/1.1 410 Gone"));
    }
    let rest = serve.stderr.after("the access log cannot be written; lines are lost error=");
    assert!(rest.contains("No space left on device"), "{rest}");
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn mistakes_keep_it_from_starting() {
    let folder = folder();
    let refused = |flags: &[&str]| {
        let refused = run(&mut command(folder.path(), flags));
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{flags:?}");
        refused.stderr
    };
    let format = |text| refused(&["--access-log", "stdout", "--access-log-format", text]);
    let secret = format("%h %{Authorization}i");
    let expected = "retort: error: `--access-log-format`: the header field `Authorization` is not exposed at 5 \
                    (it may hold a secret; to log it all the same, expose `Authorization`)\n";
    assert_eq!(secret, expected);
    assert!(format("apache").contains("`apache` is not json, common or combined"));
    assert!(format("%h %Z").contains("unknown directive `%Z` at 3"));
    assert!(
        refused(&["--access-log", "missing/log"]).contains("cannot open the access log missing/log: No such")
    );
    assert!(refused(&["--debug-header", "Content-Length"]).contains("`content-length` means something else"));
}

#[test]
fn secrets_that_are_exposed_and_the_decision() {
    let folder = folder();
    let flags = ["--access-log", "stdout", "--access-log-format", "%{Authorization}i %{sid}C"];
    let more = ["--access-log-expose", "authorization,sid", "--debug-header"];
    let (mut serve, address) = serve(folder.path(), &[&flags[..], &more].concat());
    let response = request(address, "GET /x HTTP/1.1\r\nAuthorization: Basic x\r\nCookie: sid=7\r\n");
    let told = "\r\nRetort-Decision: replace;rule=\"gone\";message=2;reason=body-empty\r\n";
    assert!(response.contains(told), "{response}");
    serve.stdout.after("Basic x 7");
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn no_request_can_make_up_a_line_of_the_log() {
    let folder = folder();
    let path = folder.path().join("stderr");
    let log = || fs::read_to_string(&path).unwrap_or_default();
    let flags = ["--log", "debug,retort::access=info", "--strict-is-no-flag"];
    let mut command = command(folder.path(), &flags[..2]);
    let serve = Running::start_with_log(&mut command, Stdio::from(File::create(&path).unwrap()));
    until("it listens", || log().contains("listening on=\""));
    let address = log().split("listening on=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    let forged = "2026-01-01T00:00:00.000000Z  INFO retort: forged";
    let hostile = [
        format!("GET /a\x1b[31mred%0a{forged} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!(
            "GET /b HTTP/1.1\r\nHost: a\r\nX-Request-Id: x\"\x1b[2J y\r\nUser-Agent: \u{9b}2J {forged}\r\n\r\n"
        ),
        format!("GET /c HTTP/1.1\r\nHost: a\r\n{forged}\n{forged}\r\n\r\n"),
        format!("{forged}\n{forged}\r\n\r\n"),
        "GET /d HTTP/1.1\r\nHost: \x1b]0;owned\x07\r\n\r\n".to_owned(),
        "GET /e\u{202e}gnp.exe HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
    ];
    for request in &hostile {
        let mut client = TcpStream::connect::<SocketAddr>(address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
    }
    drop(request(address, "GET /the-last HTTP/1.1\r\n"));
    until("the last is told of", || log().contains("/the-last"));
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
    let text = log();
    for line in text.lines() {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(line.starts_with("    ") || chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{line:?}");
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(!line.starts_with(forged) && !rest.starts_with(" INFO retort: forged"), "{line:?}");
        let of_request = rest.contains("retort::access") || rest.contains("request refused");
        assert!(!of_request || rest.contains(" id="), "{line}");
    }
}
