//! What clients are allowed: time, pace, numbers.

use std::{num::NonZeroU32, time::Duration};

use clap::Args;

use super::super::value;
use crate::host::pingora::{Limits, Options, Timeouts};

/// Limits of what clients may take up.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits for clients")]
pub(super) struct ClientLimits {
    /// Time for the head of a request, from its first byte to its last, and from the start of the
    /// connection for the first; then 408
    #[arg(long, value_name = "TIME", env = "RETORT_HEAD_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "10s")]
    head_timeout: Duration,
    /// Time for which a connection without a request is kept
    #[arg(long, value_name = "TIME", env = "RETORT_KEEP_ALIVE_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "75s")]
    keep_alive_timeout: Duration,
    /// Time over which the content of a request has to come at --min-client-rate on average; then 408.
    /// Where there is a response already, and in gRPC, it is --read-timeout
    #[arg(long, value_name = "TIME", env = "RETORT_BODY_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "30s")]
    body_timeout: Duration,
    /// Time over which a response has to be taken at --min-client-rate on average
    #[arg(long, value_name = "TIME", env = "RETORT_SEND_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "60s")]
    send_timeout: Duration,
    /// Bytes per second that a client has to send or take while it is waited for; 0: one byte in time
    #[arg(long, value_name = "SIZE", env = "RETORT_MIN_CLIENT_RATE", value_parser = value::size)]
    #[arg(default_value = "240")]
    min_client_rate: u64,
    /// Connections at once; one more gets 503. 0: as many as the limit of open files allows, up to 65536
    #[arg(long, value_name = "N", env = "RETORT_MAX_CONNECTIONS", default_value = "0")]
    max_connections: usize,
    /// Requests at once; one more gets 503. 0: as many as connections by default
    #[arg(long, value_name = "N", env = "RETORT_MAX_REQUESTS", default_value = "0")]
    max_requests: usize,
    /// Requests on one connection
    #[arg(long, value_name = "N", env = "RETORT_MAX_CONNECTION_REQUESTS", default_value = "1000")]
    max_connection_requests: NonZeroU32,
    /// Requests at once on one connection of HTTP/2
    #[arg(long, value_name = "N", env = "RETORT_MAX_STREAMS", default_value = "100")]
    max_streams: NonZeroU32,
}

impl ClientLimits {
    pub(super) fn apply(&self, options: &mut Options) {
        options.timeouts = Timeouts {
            head: self.head_timeout,
            keep_alive: self.keep_alive_timeout,
            client_body: self.body_timeout,
            client_write: self.send_timeout,
            ..options.timeouts
        };
        options.limits = Limits {
            client_rate: self.min_client_rate,
            connections: self.max_connections,
            requests: self.max_requests,
            requests_per_connection: self.max_connection_requests.get(),
            h2_streams: self.max_streams.get(),
            ..options.limits
        };
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        limits: ClientLimits,
    }

    fn options(flags: &[&str]) -> Options {
        let mut options = Options::new(Vec::new(), Vec::new());
        Line::parse_from(["retort"].iter().chain(flags)).limits.apply(&mut options);
        options
    }

    #[test]
    fn flags_reach_the_server() {
        let time = ["--head-timeout", "1s", "--keep-alive-timeout", "2s", "--body-timeout", "3s"];
        let pace = ["--send-timeout", "4s", "--min-client-rate", "5kB"];
        let numbers = ["--max-connections", "6", "--max-requests", "7", "--max-connection-requests", "8"];
        let Options { timeouts, limits, .. } =
            options(&[&time[..], &pace, &numbers, &["--max-streams", "9"]].concat());
        let seconds = [timeouts.head, timeouts.keep_alive, timeouts.client_body, timeouts.client_write];
        assert_eq!(seconds.map(|time| time.as_secs()), [1, 2, 3, 4]);
        assert_eq!((limits.client_rate, limits.connections, limits.requests), (5000, 6, 7));
        assert_eq!((limits.requests_per_connection, limits.h2_streams), (8, 9));
    }

    #[test]
    fn none_is_not_a_number_of_requests() {
        for flag in ["--max-connection-requests", "--max-streams"] {
            assert!(Line::try_parse_from(["retort", flag, "0"]).is_err());
        }
    }
}
