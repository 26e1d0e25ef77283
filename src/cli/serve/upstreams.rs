//! How requests are shared among upstreams, and when one of them gets none.

use std::{num::NonZeroU32, time::Duration};

use anyhow::bail;
use clap::{Args, ValueEnum};
use http::uri::Authority;

use crate::{
    cli::value,
    host::pingora::{Balancing, Ejection, HashOn, HealthCheck, Probe, Strategy},
    status::StatusSet,
};

/// How requests are shared among upstreams, and when one of them gets none.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Upstreams")]
pub(super) struct Upstreams {
    /// Which upstream gets a request
    #[arg(long, value_name = "HOW", env = "RETORT_BALANCE", default_value = "round-robin")]
    balance: Balance,
    /// What tells requests apart for consistent-hash: client, path or header:NAME [default: client]
    #[arg(long, value_name = "WHAT", env = "RETORT_HASH_ON")]
    hash_on: Option<HashOn>,
    /// Addresses tried for a request until one takes the connection
    #[arg(long, value_name = "N", env = "RETORT_TRIES", default_value = "5")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=16))]
    tries: u8,
    /// Time between two resolutions of an upstream's name
    #[arg(long, value_name = "TIME", env = "RETORT_RESOLVE_INTERVAL", value_parser = value::duration)]
    #[arg(default_value = "10s")]
    resolve_interval: Duration,
    /// Failures in a row that take an upstream out for a while; none to connect to is out at once, 0 is
    /// never
    #[arg(long, value_name = "N", env = "RETORT_EJECT_AFTER", default_value = "3")]
    eject_after: u32,
    /// How long it is out; twice as long each time that it comes back and fails
    #[arg(long, value_name = "TIME", env = "RETORT_EJECT_TIME", value_parser = value::duration)]
    #[arg(default_value = "1s")]
    eject_time: Duration,
    /// How long it is out at most
    #[arg(long, value_name = "TIME", env = "RETORT_EJECT_MAX", value_parser = value::duration)]
    #[arg(default_value = "1m")]
    eject_max: Duration,
    /// Ask upstreams whether they are well: tcp, or http:/PATH [default: do not]
    #[arg(long, value_name = "CHECK", env = "RETORT_HEALTH_CHECK")]
    health_check: Option<Probe>,
    /// Time between two checks of an upstream
    #[arg(long, value_name = "TIME", env = "RETORT_HEALTH_INTERVAL", value_parser = value::duration)]
    #[arg(default_value = "5s")]
    health_interval: Duration,
    /// Time for a check
    #[arg(long, value_name = "TIME", env = "RETORT_HEALTH_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "2s")]
    health_timeout: Duration,
    /// Checks in a row that fail before an upstream gets no more requests
    #[arg(long, value_name = "N", env = "RETORT_HEALTH_DOWN", default_value = "3")]
    health_down: NonZeroU32,
    /// Checks in a row that pass before it gets requests again
    #[arg(long, value_name = "N", env = "RETORT_HEALTH_UP", default_value = "2")]
    health_up: NonZeroU32,
    /// Statuses of an upstream that is well, as a code-regex
    #[arg(long, value_name = "REGEX", env = "RETORT_HEALTH_STATUS", value_parser = statuses)]
    #[arg(default_value = r"[23]\d\d")]
    health_status: StatusSet,
    /// Host that checks ask for [default: that of the upstream]
    #[arg(long, value_name = "HOST", env = "RETORT_HEALTH_HOST")]
    health_host: Option<Authority>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Balance {
    /// Each in turn
    RoundRobin,
    /// The one with fewer requests in flight, of two taken by chance
    LeastLoad,
    /// The same one for the same client, path or header
    ConsistentHash,
}

impl Upstreams {
    pub(super) fn balancing(&self) -> anyhow::Result<Balancing> {
        let strategy = match (self.balance, &self.hash_on) {
            (Balance::ConsistentHash, on) => Strategy::ConsistentHash(on.clone().unwrap_or_default()),
            (_, Some(on)) => {
                bail!("`--hash-on {on}` says nothing without `--balance consistent-hash`; set both, or none")
            }
            (Balance::RoundRobin, None) => Strategy::RoundRobin,
            (Balance::LeastLoad, None) => Strategy::LeastLoad,
        };
        Ok(Balancing {
            strategy,
            health_check: self.health_check.clone().map(|probe| self.check(probe)),
            ejection: Ejection { after: self.eject_after, time: self.eject_time, max: self.eject_max },
            tries: usize::from(self.tries),
            resolve_every: self.resolve_interval,
        })
    }

    fn check(&self, probe: Probe) -> HealthCheck {
        HealthCheck {
            probe,
            interval: self.health_interval,
            timeout: self.health_timeout,
            down: self.health_down.get(),
            up: self.health_up.get(),
            statuses: self.health_status.clone(),
            host: self.health_host.clone(),
        }
    }
}

fn statuses(expression: &str) -> Result<StatusSet, String> {
    let statuses = StatusSet::from_regex(expression).map_err(|error| error.message)?;
    match statuses.is_empty() {
        true => Err("it matches no status from 100 to 999".to_owned()),
        false => Ok(statuses),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        upstreams: Upstreams,
    }

    fn balancing(flags: &[&str]) -> anyhow::Result<Balancing> {
        let line = Line::try_parse_from([&["retort"], flags].concat())?;
        line.upstreams.balancing()
    }

    #[test]
    fn the_defaults_are_those_of_the_server() {
        let told = balancing(&[]).unwrap();
        assert_eq!(format!("{told:?}"), format!("{:?}", Balancing::default()));
        let told = balancing(&["--health-check", "tcp"]).unwrap().health_check.unwrap();
        assert_eq!(format!("{told:?}"), format!("{:?}", HealthCheck::new(Probe::Tcp)));
    }

    #[test]
    fn flags_reach_the_server() {
        let flags = ["--balance", "consistent-hash", "--hash-on", "header:X-User", "--tries", "2"];
        let eject = ["--eject-after", "0", "--eject-time", "2s", "--eject-max", "1h"];
        let check =
            ["--health-check", "http:/healthz", "--health-interval", "1s", "--health-timeout", "100ms"];
        let more =
            ["--health-down", "1", "--health-up", "5", "--health-status", "204", "--health-host", "app"];
        let told = balancing(&[&flags[..], &eject, &check, &more, &["--resolve-interval", "1m"]].concat());
        let told = told.unwrap();
        assert_eq!(told.strategy, Strategy::ConsistentHash(HashOn::Header("x-user".parse().unwrap())));
        assert_eq!((told.tries, told.resolve_every), (2, Duration::from_secs(60)));
        assert_eq!(
            (told.ejection.after, told.ejection.time.as_secs(), told.ejection.max.as_secs()),
            (0, 2, 3600)
        );
        let check = told.health_check.unwrap();
        assert_eq!(check.probe.to_string(), "http:/healthz");
        assert_eq!((check.interval, check.timeout), (Duration::from_secs(1), Duration::from_millis(100)));
        assert_eq!((check.down, check.up, check.statuses.to_string()), (1, 5, "204".to_owned()));
        assert_eq!(check.host.unwrap(), "app");
    }

    #[test]
    fn what_says_nothing_is_told() {
        let error = balancing(&["--hash-on", "path"]).unwrap_err().to_string();
        assert!(error.starts_with("`--hash-on path` says nothing without"), "{error}");
        for wrong in [["--tries", "0"], ["--tries", "17"], ["--health-down", "0"], ["--health-status", "[a]"]]
        {
            assert!(balancing(&wrong).is_err(), "{wrong:?}");
        }
    }
}
