//! What a supervisor is told; sd_notify(3) has the words.

use std::{
    fs,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    path::Path,
    process::{self, Command},
    time::Instant,
};

use super::{
    folder, retort,
    running::{PATIENCE, Running, request},
};

/// `retort serve` in this folder, with an upstream that is not there.
fn serve(folder: &Path) -> Command {
    let mut command = retort();
    command.current_dir(folder).args(["serve", "--rules", "rules.xml", "--listen", "127.0.0.1:0"]);
    command.args(["--upstream", "http://127.0.0.1:1", "--color", "never", "--lame-duck-time", "0"]);
    command
}

/// The lines of the next datagram that is not just a sign of life.
fn news(socket: &UnixDatagram) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let lines = datagram(socket);
        if lines != ["WATCHDOG=1"] {
            return lines;
        }
    }
    panic!("nothing but signs of life");
}

fn datagram(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap().lines().map(ToOwned::to_owned).collect()
}

fn supervisor(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Microseconds of the clock that systemd compares with.
fn monotonic() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

#[test]
fn it_is_told_of_the_beginning_of_reloads_and_of_the_end() {
    let folder = folder();
    let socket = supervisor(&folder.path().join("notify"));
    let mut serve = Running::start(serve(folder.path()).env("NOTIFY_SOCKET", folder.path().join("notify")));
    loop {
        let lines = news(&socket);
        if lines[0] == "READY=1" {
            break assert!(lines[1].starts_with("STATUS="), "{lines:?}");
        }
        assert!(lines[0].starts_with("STATUS=starting: "), "{lines:?}");
    }
    serve.stderr.after("listening on=");

    for (content, status) in [
        ("<response-messaging/>", "ready; new rules are in force"),
        ("<response-messaging>", "ready; the rules were refused, those before stay in force"),
    ] {
        fs::write(folder.path().join("rules.xml"), content).unwrap();
        let before = monotonic();
        serve.signal("HUP");
        let begun = loop {
            // Meanwhile, what the upstream is like may have changed.
            let lines = news(&socket);
            if lines[0] == "RELOADING=1" {
                break lines;
            }
            assert!(lines[0].starts_with("STATUS="), "{lines:?}");
        };
        let at: i64 = begun[1].strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
        assert!((before..=monotonic()).contains(&at), "{begun:?}");
        let ended = news(&socket);
        assert_eq!(ended[0], "READY=1");
        assert!(ended[1].starts_with("STATUS=ready; "), "{ended:?}");
        // The watcher may have been quicker than the signal.
        let of_watcher = "STATUS=ready; the rules are those that were in force";
        assert!(ended[1] == format!("STATUS={status}") || ended[1] == of_watcher, "{ended:?}");
    }

    serve.signal("TERM");
    loop {
        let lines = news(&socket);
        if lines[0] == "STOPPING=1" {
            break;
        }
        assert!(lines[0].starts_with("STATUS="), "{lines:?}");
    }
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn signs_of_life_come_in_time() {
    let folder = folder();
    let socket = supervisor(&folder.path().join("notify"));
    let mut command = serve(folder.path());
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "100000");
    let serve = Running::start(&mut command);
    let signs = (0..).map(|_| datagram(&socket)).filter(|lines| lines == &["WATCHDOG=1"]).take(5);
    assert_eq!(signs.count(), 5);
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn those_for_another_process_are_not_given() {
    let folder = folder();
    let socket = supervisor(&folder.path().join("notify"));
    let mut command = serve(folder.path());
    command.env("NOTIFY_SOCKET", folder.path().join("notify"));
    command.env("WATCHDOG_USEC", "2000").env("WATCHDOG_PID", process::id().to_string());
    let serve = Running::start(&mut command);
    while datagram(&socket)[0] != "READY=1" {}
    serve.signal("TERM");
    loop {
        let lines = datagram(&socket);
        assert_ne!(lines, ["WATCHDOG=1"]);
        if lines == ["STOPPING=1"] {
            break;
        }
    }
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn a_supervisor_may_have_an_abstract_address() {
    let folder = folder();
    let name = format!("retort-test-{}", process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let serve = Running::start(serve(folder.path()).env("NOTIFY_SOCKET", format!("@{name}")));
    while datagram(&socket)[0] != "READY=1" {}
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn it_is_told_of_other_servers_too() {
    for verb in ["error-backend", "ext-proc"] {
        let folder = folder();
        let socket = supervisor(&folder.path().join("notify"));
        let mut command = retort();
        command.current_dir(&folder).args([verb, "--rules", "rules.xml", "--listen", "127.0.0.1:0"]);
        command.args(["--lame-duck-time", "0"]).env("NOTIFY_SOCKET", folder.path().join("notify"));
        let server = Running::start(&mut command);
        while datagram(&socket)[0] != "READY=1" {}
        server.signal("TERM");
        while datagram(&socket)[0] != "STOPPING=1" {}
        assert_eq!(server.end().code(), Some(0), "{verb}");
    }
}

/// Waits until it serves, with this in its log, and ends it.
fn serves(mut serve: Running, log: &str) {
    let listening = serve.stderr.after("listening on=\"");
    let address = listening.split('"').next().unwrap().parse().unwrap();
    serve.stderr.after(log);
    assert!(request(address, "GET / HTTP/1.1\r\n").starts_with("HTTP/1.1 502 "));
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn without_one_that_can_be_told_it_serves_all_the_same() {
    let folder = folder();
    for address in ["/nowhere/notify", "vsock:2:1"] {
        let serve = Running::start(serve(folder.path()).env("NOTIFY_SOCKET", address));
        serves(serve, "the supervisor cannot be told of anything");
    }
}

#[test]
fn one_that_does_not_read_keeps_nobody_from_being_served() {
    let folder = folder();
    let path = folder.path().join("notify");
    let _deaf = supervisor(&path);
    let other = UnixDatagram::unbound().unwrap();
    other.connect(&path).unwrap();
    other.set_nonblocking(true).unwrap();
    while other.send(b"X=1").is_ok() {}
    let mut command = serve(folder.path());
    command.env("NOTIFY_SOCKET", &path).args(["--log", "debug"]);
    serves(Running::start(&mut command), "the supervisor cannot be told error=");
}
