//! Whether new connections are welcome, and if not, why.

use std::fmt;

use tokio::sync::watch;

/// Whether a server is ready. Shared by the server, which knows, with those who ask.
#[derive(Debug)]
pub struct Readiness(watch::Sender<Report>);

/// What is known at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    rules: bool,
    listeners: bool,
    upstream: bool,
    draining: bool,
}

/// What a server goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Something is still lacking.
    Starting,
    /// Connections are welcome.
    Ready,
    /// What was begun is brought to its end.
    Draining,
}

/// What a server needs before it is ready.
///
/// Each is needed once. Upstreams that fail later leave the server ready: it is the one that can
/// tell clients so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Rules are in force.
    Rules,
    /// Connections are accepted.
    Listeners,
    /// An upstream can be sent requests.
    Upstream,
}

impl Readiness {
    /// Everything is lacking.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Report::default()))
    }

    /// What is known now.
    pub fn report(&self) -> Report {
        *self.0.borrow()
    }

    /// Sees each change from now on.
    pub fn subscribe(&self) -> watch::Receiver<Report> {
        self.0.subscribe()
    }

    /// A need is met.
    pub(crate) fn meet(&self, need: Need) {
        self.change(|report| match need {
            Need::Rules => report.rules = true,
            Need::Listeners => report.listeners = true,
            Need::Upstream => report.upstream = true,
        });
    }

    /// The end has begun; there is no way back.
    pub(crate) fn drain(&self) {
        self.change(|report| report.draining = true);
    }

    fn change(&self, change: impl FnOnce(&mut Report)) {
        self.0.send_if_modified(|report| {
            let before = *report;
            change(report);
            *report != before
        });
    }
}

impl Report {
    /// The state.
    pub fn state(&self) -> State {
        match self.lacking().next() {
            _ if self.draining => State::Draining,
            Some(_) => State::Starting,
            None => State::Ready,
        }
    }

    /// What is lacking before the server is ready.
    pub fn lacking(&self) -> impl Iterator<Item = Need> + use<> {
        let needs =
            [(Need::Rules, self.rules), (Need::Listeners, self.listeners), (Need::Upstream, self.upstream)];
        needs.into_iter().filter_map(|(need, is_met)| (!is_met).then_some(need))
    }
}

/// As a person reads it: `ready`, or why it is not.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state() {
            State::Ready => f.write_str("ready"),
            State::Draining => f.write_str("draining"),
            State::Starting => {
                f.write_str("starting: ")?;
                for (index, need) in self.lacking().enumerate() {
                    write!(f, "{}{need}", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Need::Rules => "the rules are not loaded",
            Need::Listeners => "no connections are accepted",
            Need::Upstream => "no upstream can be used",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_nothing_is_lacking() {
        let readiness = Readiness::new();
        let mut changes = readiness.subscribe();
        assert_eq!(readiness.report().state(), State::Starting);
        readiness.meet(Need::Listeners);
        readiness.meet(Need::Rules);
        assert_eq!(readiness.report().to_string(), "starting: no upstream can be used");
        assert!(changes.has_changed().unwrap());
        readiness.meet(Need::Upstream);
        assert_eq!(changes.borrow_and_update().to_string(), "ready");
        readiness.meet(Need::Upstream);
        assert!(!changes.has_changed().unwrap(), "nothing new");
    }

    #[test]
    fn there_is_no_way_back_from_draining() {
        let readiness = Readiness::new();
        readiness.drain();
        assert_eq!(readiness.report().state(), State::Draining);
        [Need::Rules, Need::Listeners, Need::Upstream].into_iter().for_each(|need| readiness.meet(need));
        assert_eq!(readiness.report().to_string(), "draining");
    }
}
