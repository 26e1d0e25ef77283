//! `retort health`: whether a running Retort is ready, for those who have a command but no client.

use std::{
    fmt,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use http::Uri;

use super::{
    console::Console,
    exit::Exit,
    serve::admin::{self, Place},
};

/// How long the whole may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much of an answer is read.
const MOST: u64 = 16 * 1024;

/// Ask whether a running Retort is ready
///
/// Asks /readyz of the admin listener, at the address in RETORT_ADMIN if that is set. Ends with 0 if it is
/// ready, with 1 if it is not, or does not answer within 2 seconds: for HEALTHCHECK in a container.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Health {
    /// What to ask [default: http://127.0.0.1:9901/readyz]
    #[arg(long, value_name = "URL", value_parser = target)]
    url: Option<Target>,
    #[arg(long, hide = true, env = "RETORT_ADMIN", value_parser = admin::place)]
    admin: Option<Place>,
}

const AFTER_HELP: &str = "Examples:
  retort health
  retort health --url http://127.0.0.1:9902/livez";

/// What to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    /// A name or an address, an IPv6 one in brackets, and a port.
    authority: String,
    path: String,
}

impl Health {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        let target = match (self.url, self.admin) {
            (Some(target), _) => target,
            (None, None) => Target::at(admin::DEFAULT),
            (None, Some(Place::At(address))) => Target::at(reachable(address)),
            (None, Some(Place::Off)) => {
                console.complain("the admin listener is off; `--url` names another place");
                return Ok(Exit::Findings);
            }
        };
        match within(PATIENCE, target.clone()) {
            Ok((200, said)) => {
                console.print(format!("{}\n", said.trim_end()))?;
                Ok(Exit::Fine)
            }
            Ok((status, said)) => {
                console.complain(&format!("{target} answers {status}: {}", said.trim_end()));
                Ok(Exit::Findings)
            }
            Err(error) => {
                console.complain(&format!("{target} does not answer: {error:#}"));
                Ok(Exit::Findings)
            }
        }
    }
}

impl Target {
    fn at(address: SocketAddr) -> Self {
        Self { authority: address.to_string(), path: "/readyz".to_owned() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

/// Reads `http://HOST:PORT/PATH`; without a path, it is `/readyz`.
fn target(text: &str) -> Result<Target, String> {
    let uri: Uri = text.parse().map_err(|error| format!("that is no URL: {error}"))?;
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("the URL is written http://HOST:PORT/PATH".to_owned());
    };
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let path = if path.is_empty() || path == "/" { "/readyz" } else { path };
    let authority = match authority.port() {
        Some(_) => authority.as_str().to_owned(),
        None => format!("{authority}:80"),
    };
    Ok(Target { authority, path: path.to_owned() })
}

/// Where to find who listens on all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Asks, but waits no longer than that; resolving a name may take its own time.
fn within(patience: Duration, target: Target) -> anyhow::Result<(u16, String)> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(ask(&target, Instant::now() + patience)));
    told.recv_timeout(patience).map_err(|_| anyhow!("nothing came within {patience:?}"))?
}

fn ask(target: &Target, until: Instant) -> anyhow::Result<(u16, String)> {
    let left = || Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero());
    let left = || left().context("nothing came in time");
    let mut connection = Err(anyhow!("the name has no address"));
    for address in target.authority.to_socket_addrs()? {
        connection = TcpStream::connect_timeout(&address, left()?).map_err(Into::into);
        if connection.is_ok() {
            break;
        }
    }
    let mut connection = connection?;
    connection.set_write_timeout(Some(left()?))?;
    connection.set_read_timeout(Some(left()?))?;
    let Target { authority, path } = target;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    connection.take(MOST).read_to_end(&mut answer)?;
    read(&String::from_utf8_lossy(&answer))
}

/// Reads an answer: its status, and its content.
fn read(answer: &str) -> anyhow::Result<(u16, String)> {
    let (head, said) = answer.split_once("\r\n\r\n").context("the answer breaks off")?;
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    let Some(status) = status else { bail!("the answer is none of HTTP") };
    Ok((status, said.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let read = |text| target(text).map(|target| target.to_string());
        assert_eq!(read("http://127.0.0.1:9902"), Ok("http://127.0.0.1:9902/readyz".into()));
        assert_eq!(read("http://retort/livez?x"), Ok("http://retort:80/livez?x".into()));
        assert_eq!(read("http://[::1]:1/"), Ok("http://[::1]:1/readyz".into()));
        for wrong in ["https://a", "a", "/readyz", "http://", "http://a b"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_listens_everywhere_is_found_at_home() {
        let reachable = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reachable("0.0.0.0:9901"), "127.0.0.1:9901");
        assert_eq!(reachable("[::]:9901"), "[::1]:9901");
        assert_eq!(reachable("10.0.0.1:9901"), "10.0.0.1:9901");
    }

    #[test]
    fn answers_are_read() {
        let (status, said) = read("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\ndraining\n").unwrap();
        assert_eq!((status, said.as_str()), (503, "draining\n"));
        assert!(read("HTTP/1.1 200 OK\r\n").is_err());
        assert!(read("SSH-2.0-x\r\n\r\n").is_err());
    }
}
