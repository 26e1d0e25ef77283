//! How `retort serve` ends, and how one takes the place of another.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
};

use super::{
    folder, retort, run,
    running::{PATIENCE, Running, request},
};

const EMPTY: &[u8] = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";

/// An upstream that answers every request in this way; with nothing, it never does. It tells of each
/// request that came.
fn upstream(answer: &'static [u8]) -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (came, requests) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let came = came.clone();
            thread::spawn(move || {
                let mut connection = BufReader::new(connection);
                while head(&mut connection).is_some() {
                    // Not every test wants to know.
                    let _ = came.send(());
                    if connection.get_mut().write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, requests)
}

/// The lines of a head; `None` where none comes.
fn head(connection: &mut impl BufRead) -> Option<Vec<String>> {
    let lines = connection.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    Some(lines.collect()).filter(|lines: &Vec<_>| !lines.is_empty())
}

/// `retort serve` in this folder, on this address.
fn serve(folder: &Path, listen: &str, upstream: SocketAddr, more: &[&str]) -> (Running, SocketAddr) {
    let mut command = retort();
    command.current_dir(folder).args(["serve", "--rules", "rules.xml", "--listen", listen, "--upstream"]);
    command.arg(format!("http://{upstream}")).args(["--color", "never", "--log", "info"]).args(more);
    let mut running = Running::start(&mut command);
    let listening = running.stderr.after("listening on=\"");
    let address = listening.split('"').next().unwrap().parse().unwrap();
    (running, address)
}

/// Opens a connection with a request that the upstream has got.
fn begin(address: SocketAddr, path: &str, requests: &Receiver<()>) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    write!(client, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    requests.recv_timeout(PATIENCE).unwrap();
    client
}

#[test]
fn requests_that_take_too_long_are_cut_and_told_of() {
    let folder = folder();
    let (upstream, requests) = upstream(b"");
    let times = ["--lame-duck-time", "0", "--drain-time", "50ms"];
    let (mut serve, address) = serve(folder.path(), "127.0.0.1:0", upstream, &times);
    let _client = begin(address, "/slow?secret", &requests);
    serve.signal("TERM");
    serve.stderr.after("stopped: requests are cut off cut=1");
    let cut = serve.stderr.after("a request was cut off ");
    assert!(cut.contains("method=\"GET\" path=\"/slow\""), "{cut}");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn a_second_signal_is_the_last() {
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM"), ("TERM", "INT")] {
        let folder = folder();
        let (upstream, requests) = upstream(b"");
        let times = ["--lame-duck-time", "1h", "--drain-time", "1h"];
        let (mut serve, address) = serve(folder.path(), "127.0.0.1:0", upstream, &times);
        let _client = begin(address, "/slow", &requests);
        serve.signal(first);
        serve.stderr.after("stopping requests=1 connections=1");
        serve.signal(second);
        assert_eq!(serve.end().code(), Some(0), "{first} {second}");
    }
}

#[test]
fn a_log_that_nobody_reads_costs_no_request() {
    let folder = folder();
    let (upstream, _) = upstream(EMPTY);
    let (log, writer) = io::pipe().unwrap();
    let mut command = retort();
    command.current_dir(&folder).args(["serve", "--rules", "rules.xml", "--listen", "127.0.0.1:0"]);
    command.args(["--upstream", &format!("http://{upstream}"), "--color", "never"]);
    let serve = Running::start_with_log(&mut command, Stdio::from(writer));
    // The command has a copy of the pipe's end, which nobody else is to have.
    drop(command);
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    let listening = lines.find(|line| line.contains("listening on=\"")).unwrap();
    let address = listening.split('"').nth(1).unwrap().parse().unwrap();
    for _ in 0..3 {
        let replaced = request(address, "GET /x HTTP/1.1\r\n");
        assert!(replaced.ends_with("\r\n\r\n410 for GET /x"), "{replaced}");
    }
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
}

#[test]
fn a_successor_takes_over_under_load() {
    let folder = folder();
    let (upstream, _) = upstream(EMPTY);
    let socket = folder.path().join("upgrade");
    let life = ["--upgrade-socket", socket.to_str().unwrap(), "--lame-duck-time", "500ms"];
    let (mut old, address) = serve(folder.path(), "127.0.0.1:0", upstream, &life);
    let listen = address.to_string();
    let load = Load::start(address);
    load.more();
    for _ in 0..3 {
        // One that cannot start changes nothing.
        let mut refused = retort();
        refused.current_dir(&folder).args(["serve", "--rules", "mistakes.xml", "--listen", &listen]);
        refused.args(["--upstream", "http://127.0.0.1:1"]).args(life);
        assert_eq!(run(&mut refused).code, Some(2));
        let (mut new, same) = serve(folder.path(), &listen, upstream, &life);
        assert_eq!(same, address);
        new.stderr.after("took over from another process");
        old.stderr.after("another process has taken over");
        load.more();
        assert_eq!(old.end().code(), Some(0));
        load.more();
        old = new;
    }
    let failures = load.end();
    assert!(failures.is_empty(), "{failures:#?}");
    old.signal("TERM");
    assert_eq!(old.end().code(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn an_upgrade_socket_that_cannot_be_used_is_told_of() {
    let folder = folder();
    for (path, what) in
        [("rules.xml", "there is a file that is no socket"), ("missing/socket", "No such file")]
    {
        let mut refused = retort();
        refused.current_dir(&folder).args(["serve", "--rules", "rules.xml", "--listen", "127.0.0.1:0"]);
        refused.args(["--upstream", "http://127.0.0.1:1", "--upgrade-socket", path]);
        let refused = run(&mut refused);
        assert_eq!(refused.code, Some(2));
        let expected = format!("retort: error: cannot use the upgrade socket {path}: {what}");
        assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
    }
}

/// Clients that ask again and again, some on connections that they keep.
struct Load {
    served: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    clients: Vec<thread::JoinHandle<Option<String>>>,
}

impl Load {
    fn start(address: SocketAddr) -> Self {
        let (served, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let client = |index| {
            let (served, stop) = (Arc::clone(&served), Arc::clone(&stop));
            thread::spawn(move || {
                let mut kept = None;
                while !stop.load(Ordering::Relaxed) {
                    if let Err(failure) = ask(address, index % 2 == 0, &mut kept) {
                        return Some(failure);
                    }
                    served.fetch_add(1, Ordering::Relaxed);
                }
                None
            })
        };
        let clients = (0..4).map(client).collect();
        Self { served, stop, clients }
    }

    /// Waits until some more requests were served, or a client failed.
    fn more(&self) {
        let enough = self.served.load(Ordering::Relaxed) + 200;
        while self.served.load(Ordering::Relaxed) < enough
            && !self.clients.iter().any(thread::JoinHandle::is_finished)
        {
            thread::yield_now();
        }
    }

    /// Stops, and tells what went wrong.
    fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().filter_map(|client| client.join().unwrap()).collect()
    }
}

/// Asks once. A connection that was kept may have been closed meanwhile; then a new one is used, as
/// RFC 9112 §9.3.1 lets clients do.
fn ask(address: SocketAddr, keep: bool, kept: &mut Option<BufReader<TcpStream>>) -> Result<(), String> {
    let was_kept = kept.is_some();
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => BufReader::new(TcpStream::connect(address).map_err(|error| format!("connect: {error}"))?),
    };
    connection.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    let written = connection.get_mut().write_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = written.ok().and_then(|()| head(&mut connection));
    let Some(head) = head else {
        return if was_kept { ask(address, keep, kept) } else { Err("no answer".to_owned()) };
    };
    let mut body = [0; 14];
    connection.read_exact(&mut body).map_err(|error| format!("{error} after {head:?}"))?;
    if head[0] != "HTTP/1.1 410 Gone" || &body != b"410 for GET /x" {
        return Err(format!("{head:?} {body:?}"));
    }
    if keep && head.iter().any(|line| line == "Connection: keep-alive") {
        *kept = Some(connection);
    }
    Ok(())
}
