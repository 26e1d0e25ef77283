//! Who made a response, and why.

use std::fmt;

/// Who made a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The upstream.
    #[default]
    Upstream,
    /// The proxy, since the upstream could not, or was not asked.
    Proxy(Cause),
}

/// Why the proxy had to answer itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The upstream took no connection: refused, or no route to it.
    ConnectRefused,
    /// No connection within the time for it.
    ConnectTimeout,
    /// The upstream was silent for too long.
    ReadTimeout,
    /// The upstream took nothing for too long.
    WriteTimeout,
    /// The connection broke before the response, or what came over it was no response.
    Reset,
    /// No secure connection could be agreed on.
    Tls,
    /// The name of the upstream has no address.
    Dns,
    /// There is no upstream to ask.
    NoUpstream,
    /// The request is not one that HTTP allows, or it came too slowly.
    BadRequest,
    /// The proxy has too much to do at once.
    Overload,
    /// A fault of the proxy.
    Internal,
}

impl Source {
    /// The name as rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Upstream => "upstream",
            Source::Proxy(_) => "proxy",
        }
    }

    /// Why the proxy made the response, if it did.
    pub fn cause(self) -> Option<Cause> {
        match self {
            Source::Upstream => None,
            Source::Proxy(cause) => Some(cause),
        }
    }
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Cause::ConnectRefused,
        Cause::ConnectTimeout,
        Cause::ReadTimeout,
        Cause::WriteTimeout,
        Cause::Reset,
        Cause::Tls,
        Cause::Dns,
        Cause::NoUpstream,
        Cause::BadRequest,
        Cause::Overload,
        Cause::Internal,
    ];

    /// The cause of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }

    /// The name as rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::ConnectRefused => "connect-refused",
            Cause::ConnectTimeout => "connect-timeout",
            Cause::ReadTimeout => "read-timeout",
            Cause::WriteTimeout => "write-timeout",
            Cause::Reset => "reset",
            Cause::Tls => "tls",
            Cause::Dns => "dns",
            Cause::NoUpstream => "no-upstream",
            Cause::BadRequest => "bad-request",
            Cause::Overload => "overload",
            Cause::Internal => "internal",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
