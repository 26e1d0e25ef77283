//! A command that goes on until it is told to stop.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// How long anything may take. Nothing here takes nearly as long unless it hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A running command; it does not outlive its test.
pub(super) struct Running {
    child: Child,
    pub(super) stdout: Lines,
    pub(super) stderr: Lines,
}

/// What a running command writes.
pub(super) struct Lines {
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        Self::start_with_log(command, Stdio::piped())
    }

    /// Starts it with its standard error elsewhere.
    pub(super) fn start_with_log(command: &mut Command, stderr: Stdio) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let stdout = Lines::of(child.stdout.take());
        let stderr = Lines::of(child.stderr.take());
        Self { child, stdout, stderr }
    }

    /// Sends a signal by its name.
    pub(super) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(super) fn end(mut self) -> ExitStatus {
        // Its output ends when it does.
        while self.stdout.next().is_some() {}
        while self.stderr.next().is_some() {}
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    /// Without output, there are none.
    fn of(output: Option<impl Read + Send + 'static>) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { lines, seen: Vec::new() }
    }

    /// The rest of the first line that holds `text`, behind it.
    pub(super) fn after(&mut self, text: &str) -> String {
        while let Some(line) = self.next() {
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
        }
        panic!("{text:?} never came, only {:#?}", self.seen);
    }

    /// The next line; `None` at the end.
    fn next(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("nothing came for long, after {:#?}", self.seen),
        }
    }
}

/// Sends a request and returns the whole response, as text.
pub(super) fn request(address: SocketAddr, head: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(format!("{head}Host: localhost\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).unwrap();
    response
}
