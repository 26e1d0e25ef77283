//! The flags of TLS to clients.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::{
    cli::value,
    host::{
        pingora::{ClientAuth, Pair, Tls},
        reload,
    },
};

/// TLS to clients.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS to clients")]
pub(super) struct TlsListener {
    /// Address to listen on with TLS (1.2 and 1.3, HTTP/2 and HTTP/1.1); repeatable. --listen then has
    /// no default
    #[arg(long, value_name = "ADDR", env = "RETORT_TLS_LISTEN", value_delimiter = ',')]
    #[arg(value_parser = value::address, requires = "tls_cert")]
    tls_listen: Vec<SocketAddr>,
    /// PEM file of a certificate and of those that lead from it to a root; repeatable: the name that a
    /// client asks for chooses one, and the first is for all others. Watched, as the rules are
    #[arg(long, value_name = "FILE", env = "RETORT_TLS_CERT", value_delimiter = ',')]
    #[arg(requires = "tls_listen")]
    tls_cert: Vec<PathBuf>,
    /// PEM file of the private key to each --tls-cert, in the same order [default: the file of the
    /// certificate]
    #[arg(long, value_name = "FILE", env = "RETORT_TLS_KEY", value_delimiter = ',', requires = "tls_cert")]
    tls_key: Vec<PathBuf>,
    /// PEM file of the roots of the certificates that clients have to show
    #[arg(long, value_name = "FILE", env = "RETORT_TLS_CLIENT_CA", requires = "tls_listen")]
    tls_client_ca: Option<PathBuf>,
    /// Whether a client may do without a certificate; one that is shown has to be valid in any case
    #[arg(long, value_name = "HOW", env = "RETORT_TLS_CLIENT_AUTH", requires = "tls_client_ca")]
    #[arg(value_enum, default_value_t)]
    tls_client_auth: Demand,
    /// Show the upstream the client's certificate, in the field Client-Cert (RFC 9440), and drop what the
    /// client wrote there itself
    #[arg(long, env = "RETORT_TLS_FORWARD_CLIENT_CERT", requires = "tls_listen")]
    tls_forward_client_cert: bool,
    /// Time for a handshake
    #[arg(long, value_name = "TIME", env = "RETORT_TLS_HANDSHAKE_TIMEOUT", value_parser = value::duration)]
    #[arg(default_value = "10s")]
    tls_handshake_timeout: Duration,
}

/// Whether clients have to show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Demand {
    Optional,
    #[default]
    Required,
}

impl TlsListener {
    /// The settings; certificates are looked at as often as the rules.
    pub(super) fn settings(&self, poll_interval: Duration) -> anyhow::Result<Tls> {
        let keys = if self.tls_key.is_empty() { &self.tls_cert } else { &self.tls_key };
        if self.tls_cert.len() != keys.len() {
            let (certificates, keys) = (self.tls_cert.len(), keys.len());
            bail!("there are {certificates} `--tls-cert` and {keys} `--tls-key`; each certificate has a key");
        }
        let pair = |(certificate, key): (&PathBuf, &PathBuf)| Pair {
            certificate: certificate.clone(),
            key: key.clone(),
        };
        let required = self.tls_client_auth == Demand::Required;
        Ok(Tls {
            listen: self.tls_listen.clone(),
            pairs: self.tls_cert.iter().zip(keys).map(pair).collect(),
            client_auth: self.tls_client_ca.clone().map(|ca| ClientAuth { ca, required }),
            forward_client_cert: self.tls_forward_client_cert,
            handshake: self.tls_handshake_timeout,
            reload: reload::Options { poll_interval, ..reload::Options::default() },
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        tls: TlsListener,
    }

    fn settings(flags: &str) -> anyhow::Result<Tls> {
        let line = Line::try_parse_from(std::iter::once("retort").chain(flags.split_whitespace()))?;
        line.tls.settings(reload::Options::default().poll_interval)
    }

    #[test]
    fn the_defaults_are_those_of_the_server() {
        assert_eq!(format!("{:?}", settings("").unwrap()), format!("{:?}", Tls::default()));
    }

    #[test]
    fn pairs() {
        let pair = |certificate: &str, key: &str| Pair { certificate: certificate.into(), key: key.into() };
        let listen = "--tls-listen 127.0.0.1:0 --tls-cert a.pem --tls-cert b.pem";
        let both = settings(&format!("{listen} --tls-key a.key,b.key")).unwrap();
        assert_eq!(both.pairs, [pair("a.pem", "a.key"), pair("b.pem", "b.key")]);
        assert_eq!(settings(listen).unwrap().pairs, [pair("a.pem", "a.pem"), pair("b.pem", "b.pem")]);
        assert!(
            settings(&format!("{listen} --tls-key a.key"))
                .unwrap_err()
                .to_string()
                .contains("2 `--tls-cert` and 1")
        );
    }

    #[test]
    fn flags_that_need_others() {
        for alone in ["--tls-listen 127.0.0.1:0", "--tls-cert a", "--tls-key a", "--tls-client-ca a"] {
            assert!(settings(alone).is_err(), "{alone}");
        }
    }

    #[test]
    fn client_certificates() {
        let line = "--tls-listen 127.0.0.1:0 --tls-cert a --tls-client-ca ca";
        let auth = |required| Some(ClientAuth { ca: "ca".into(), required });
        assert_eq!(settings(line).unwrap().client_auth, auth(true));
        assert_eq!(settings(&format!("{line} --tls-client-auth optional")).unwrap().client_auth, auth(false));
    }
}
