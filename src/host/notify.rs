//! Keeps a supervisor posted, in the notification protocol of systemd: lines of `NAME=value` in
//! datagrams to a Unix socket (sd_notify(3)).
//!
//! It is spoken here and not by a crate: all of it is one `send`, and what the lines say is the work.

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    process,
    sync::Arc,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task, time,
};

use super::{
    readiness::{Need, Readiness, Report, State},
    reload::{Attempt, NoAnswer, Outcome, Reloader},
};

/// How long a supervisor that does not read may hold up who writes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whoever started this process and wants to know how it is.
#[derive(Debug)]
pub struct Supervisor {
    socket: UnixDatagram,
    /// Without a sign of life for so long, it ends the process.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// The one that the environment names; `None` where it names none.
    pub fn from_env() -> io::Result<Option<Self>> {
        let Some(address) = env::var_os("NOTIFY_SOCKET") else { return Ok(None) };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        match address.as_encoded_bytes() {
            [b'/', ..] => socket.connect(&address)?,
            [b'@', name @ ..] => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
            _ => return Err(io::Error::other("NOTIFY_SOCKET is neither a path nor an abstract name")),
        }
        let variable = |name| env::var(name).ok();
        let watchdog = watchdog(variable("WATCHDOG_USEC").as_deref(), variable("WATCHDOG_PID").as_deref());
        Ok(Some(Self { socket, watchdog }))
    }

    /// Tells of every change of readiness and of every reload by SIGHUP, and gives signs of life, for
    /// as long as the server is there. Runs on the server's threads: signs of life are theirs.
    pub async fn follow(self: Arc<Self>, readiness: Arc<Readiness>, reloader: Arc<Reloader>) {
        let mut changes = readiness.subscribe();
        let mut hangups = signal(SignalKind::hangup()).ok();
        // Half the time, as sd_watchdog_enabled(3) asks for.
        let mut beats = self.watchdog.map(|limit| time::interval(limit / 2));
        let mut is_ready = false;
        loop {
            let report = *changes.borrow_and_update();
            self.tell(&news(report, is_ready));
            is_ready |= can_serve(report);
            let is_over = loop {
                tokio::select! {
                    changed = changes.changed() => break changed.is_err(),
                    () = beat(&mut beats) => self.tell("WATCHDOG=1"),
                    () = hangup(&mut hangups) => self.reload(Arc::clone(&reloader)).await,
                }
            };
            if is_over {
                return;
            }
        }
    }

    /// Says that the end has begun.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says that the rules are being reloaded, and what came of it.
    async fn reload(&self, reloader: Arc<Reloader>) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_usec()));
        let outcome = task::spawn_blocking(move || reloader.reload_now()).await.unwrap_or(Err(NoAnswer));
        self.tell(&format!("READY=1\nSTATUS={}", told(&outcome)));
    }

    fn tell(&self, lines: &str) {
        // It is gone, or it does not read: serving goes on.
        if let Err(error) = self.socket.send(lines.as_bytes()) {
            tracing::debug!(target: "retort::life", %error, "the supervisor cannot be told");
        }
    }
}

/// The time without a sign of life, if it is for this process.
fn watchdog(usec: Option<&str>, pid: Option<&str>) -> Option<Duration> {
    let is_for_us = pid.is_none_or(|pid| pid.parse() == Ok(process::id()));
    let limit = Duration::from_micros(usec?.parse().ok()?);
    (is_for_us && limit >= Duration::from_millis(2)).then_some(limit)
}

/// What a change comes to.
fn news(report: Report, is_ready: bool) -> String {
    match report.state() {
        State::Draining => format!("STOPPING=1\nSTATUS={report}"),
        _ if can_serve(report) && !is_ready => format!("READY=1\nSTATUS={report}"),
        _ => format!("STATUS={report}"),
    }
}

/// Whether what was started is running. It is without an upstream, too: it can tell clients so, and a
/// supervisor would end it for nothing.
fn can_serve(report: Report) -> bool {
    !report.lacking().any(|need| need == Need::Listeners)
}

fn told(outcome: &Result<Attempt, NoAnswer>) -> &'static str {
    match outcome.as_ref().map(|attempt| attempt.outcome) {
        Ok(Outcome::Applied) => "ready; new rules are in force",
        Ok(Outcome::Unchanged) => "ready; the rules are those that were in force",
        Ok(Outcome::Missing) => "ready; there is no rules file",
        Ok(Outcome::Refused) => "ready; the rules were refused, those before stay in force",
        Err(NoAnswer) => "ready; a fault ended the reload, the rules before stay in force",
    }
}

fn monotonic_usec() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

async fn beat(beats: &mut Option<time::Interval>) {
    match beats {
        Some(beats) => drop(beats.tick().await),
        None => std::future::pending().await,
    }
}

async fn hangup(hangups: &mut Option<Signal>) {
    let came = match hangups {
        Some(hangups) => hangups.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_without_an_upstream_and_once() {
        let readiness = Readiness::new();
        readiness.meet(Need::Rules);
        assert_eq!(
            news(readiness.report(), false),
            "STATUS=starting: no connections are accepted, no upstream can be used"
        );
        readiness.meet(Need::Listeners);
        assert_eq!(news(readiness.report(), false), "READY=1\nSTATUS=starting: no upstream can be used");
        readiness.meet(Need::Upstream);
        assert_eq!(news(readiness.report(), true), "STATUS=ready");
        readiness.drain();
        assert_eq!(news(readiness.report(), true), "STOPPING=1\nSTATUS=draining");
    }

    #[test]
    fn a_watchdog_is_for_the_process_that_it_names() {
        let own = process::id().to_string();
        let limit = Some(Duration::from_secs(30));
        assert_eq!(watchdog(Some("30000000"), None), limit);
        assert_eq!(watchdog(Some("30000000"), Some(&own)), limit);
        assert_eq!(watchdog(Some("30000000"), Some("1")), None);
        for nothing in [None, Some(""), Some("0"), Some("soon")] {
            assert_eq!(watchdog(nothing, None), None);
        }
    }
}
