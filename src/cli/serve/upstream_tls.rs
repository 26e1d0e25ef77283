//! The flags of TLS and HTTP/2 to upstreams.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::host::pingora::{UpstreamHttp2, UpstreamTls};

/// TLS and HTTP/2 to upstreams.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS and HTTP/2 to upstreams")]
pub(super) struct TlsToUpstreams {
    /// PEM file of the roots that the certificates of upstreams lead to [default: those of the system]
    #[arg(long, value_name = "FILE", env = "RETORT_UPSTREAM_CA")]
    upstream_ca: Option<PathBuf>,
    /// Name that upstreams have to prove, and are asked for (SNI) [default: the host of their URL]
    #[arg(long, value_name = "NAME", env = "RETORT_UPSTREAM_SNI")]
    upstream_sni: Option<String>,
    /// Do NOT verify the certificates of upstreams: anybody on the way can read and change everything
    #[arg(long, env = "RETORT_UPSTREAM_INSECURE")]
    upstream_insecure: bool,
    /// Speak HTTP/2 with upstreams: never; auto, where there is TLS and the upstream chooses it; or
    /// always, without TLS by prior knowledge
    #[arg(long, value_name = "WHEN", env = "RETORT_UPSTREAM_H2", value_enum, default_value_t)]
    upstream_h2: When,
}

/// When HTTP/2 is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum When {
    #[default]
    Never,
    Auto,
    Always,
}

impl TlsToUpstreams {
    pub(super) fn settings(&self) -> UpstreamTls {
        UpstreamTls {
            ca: self.upstream_ca.clone(),
            server_name: self.upstream_sni.clone(),
            verify: !self.upstream_insecure,
            http2: match self.upstream_h2 {
                When::Never => UpstreamHttp2::Never,
                When::Auto => UpstreamHttp2::Auto,
                When::Always => UpstreamHttp2::Always,
            },
        }
    }
}
