//! The settings that say what is believed of proxies in front, and what the upstream is told.

use clap::{Args, ValueEnum};

use crate::host::pingora::{self, Options, TrustedProxy};

/// Which proxies in front are believed, and how they say who asks.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Proxies in front")]
pub(super) struct Front {
    /// Proxies whose word is taken on who asks: a network, an address, `loopback`, `private` or `unix`;
    /// repeatable [default: none]
    ///
    /// The client (`%a`) is the last address in the forwarded header that is not trusted. From
    /// others the header counts for nothing, and the upstream does not get it.
    #[arg(long, value_name = "CIDR", env = "RETORT_TRUSTED_PROXY", value_delimiter = ',')]
    trusted_proxy: Vec<TrustedProxy>,
    /// Header in which they write it; the upstream gets the other one only as this proxy writes it
    #[arg(long, value_name = "NAME", env = "RETORT_FORWARDED_HEADER", value_enum)]
    #[arg(default_value_t = ForwardedHeader::XForwardedFor)]
    forwarded_header: ForwardedHeader,
    /// Pass `Forwarded` and the X-Forwarded- fields on as they came, whoever wrote them
    #[arg(long, env = "RETORT_KEEP_FORWARDED")]
    keep_forwarded: bool,
    /// PROXY protocol, version 1 or 2, before TLS and HTTP
    #[arg(long, value_name = "MODE", env = "RETORT_PROXY_PROTOCOL", value_enum)]
    #[arg(default_value_t = ProxyProtocol::Off, requires_if("trusted", "trusted_proxy"))]
    proxy_protocol: ProxyProtocol,
    /// W3C trace context of requests (`%{trace-id}x`)
    #[arg(long, value_name = "MODE", env = "RETORT_TRACE_CONTEXT", value_enum)]
    #[arg(default_value_t = TraceContext::Forward)]
    trace_context: TraceContext,
}

/// The header in which proxies write who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ForwardedHeader {
    /// With X-Forwarded-Proto, -Host and -Port
    XForwardedFor,
    /// RFC 7239
    Forwarded,
}

/// Whether connections begin with a header of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProxyProtocol {
    /// No connection begins with its header
    Off,
    /// Those from trusted proxies do, and no others
    Trusted,
    /// All do. Name the balancers with --trusted-proxy, or anybody can say who asks; connections from
    /// elsewhere are closed then
    Require,
}

/// What becomes of the trace context of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TraceContext {
    /// Pass a valid one on, drop any other
    Forward,
    /// The same, and make one, not sampled, where there is none
    Make,
    /// Pass it on unread
    Off,
}

impl Front {
    pub(super) fn apply(&self, options: &mut Options) {
        options.forwarded = !self.keep_forwarded;
        options.front.trusted.clone_from(&self.trusted_proxy);
        options.front.header = match self.forwarded_header {
            ForwardedHeader::XForwardedFor => pingora::ForwardedHeader::XForwardedFor,
            ForwardedHeader::Forwarded => pingora::ForwardedHeader::Forwarded,
        };
        options.front.proxy_protocol = match self.proxy_protocol {
            ProxyProtocol::Off => pingora::ProxyProtocol::Off,
            ProxyProtocol::Trusted => pingora::ProxyProtocol::Trusted,
            ProxyProtocol::Require => pingora::ProxyProtocol::Require,
        };
        options.trace_context = match self.trace_context {
            TraceContext::Forward => pingora::TraceContext::Forward,
            TraceContext::Make => pingora::TraceContext::Make,
            TraceContext::Off => pingora::TraceContext::Off,
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
        front: Front,
    }

    fn options(flags: &[&str]) -> Result<Options, clap::Error> {
        let line = Line::try_parse_from(["retort"].iter().chain(flags))?;
        let mut options = Options::new(Vec::new(), Vec::new());
        line.front.apply(&mut options);
        Ok(options)
    }

    #[test]
    fn flags_reach_the_server() {
        let options = options(&[
            "--trusted-proxy=10.0.0.0/8,loopback",
            "--trusted-proxy=192.0.2.1",
            "--forwarded-header=forwarded",
            "--proxy-protocol=trusted",
            "--trace-context=make",
            "--keep-forwarded",
        ])
        .unwrap();
        let trusted: Vec<_> = options.front.trusted.iter().map(TrustedProxy::to_string).collect();
        assert_eq!(trusted, ["10.0.0.0/8", "loopback", "192.0.2.1/32"]);
        assert_eq!(options.front.header, pingora::ForwardedHeader::Forwarded);
        assert_eq!(options.front.proxy_protocol, pingora::ProxyProtocol::Trusted);
        assert_eq!(options.trace_context, pingora::TraceContext::Make);
        assert!(!options.forwarded);
    }

    #[test]
    fn mistakes_say_how_to_mend_them() {
        for (flags, help) in [
            (&["--trusted-proxy=10.0.0.1/8"][..], "write 10.0.0.0/8"),
            (&["--trusted-proxy=everyone"], "10.0.0.0/8, 2001:db8::/32"),
            (&["--proxy-protocol=trusted"], "--trusted-proxy <CIDR>"),
            (&["--proxy-protocol=accept"], "off, trusted, require"),
        ] {
            let error = options(flags).unwrap_err().to_string();
            assert!(error.contains(help), "{flags:?}: {error}");
        }
        assert!(options(&["--proxy-protocol=require"]).is_ok());
    }
}
