//! Who may ask: a browser that was led here by a page of another site may not.
//!
//! A site can make its own name resolve to this machine, and then counts as the same origin to the
//! browser (DNS rebinding); but the name stays in the Host field. And a site can have a browser send
//! a form anywhere; but the browser says from where it comes.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, Method, Uri, header, uri::Authority};

/// Says who comes in.
#[derive(Debug)]
pub(super) struct Door {
    /// In lower case.
    names: Vec<String>,
}

/// Why somebody stays outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no host, or more than one, or none that can be read.
    NoHost,
    /// The host is called by a name that is not its own.
    Name(String),
    /// Another site sent the browser.
    CrossSite,
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Door {
    pub(super) fn new(names: &[String]) -> Self {
        Self { names: names.iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// Whether a request may come in.
    pub(super) fn admit(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = only(headers, &header::HOST)?.ok_or(Refusal::NoHost)?;
        self.admit_host(&host)?;
        if let Some(authority) = uri.authority() {
            self.admit_host(authority)?;
        }
        let reads = matches!(*method, Method::GET | Method::HEAD);
        if !reads && (is_of_another_site(headers) || !is_of_origin(headers, &host)) {
            return Err(Refusal::CrossSite);
        }
        Ok(())
    }

    fn admit_host(&self, authority: &Authority) -> Result<(), Refusal> {
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = host.to_ascii_lowercase();
        let is_known = bare.parse::<IpAddr>().is_ok() || host == "localhost" || self.names.contains(&host);
        if is_known { Ok(()) } else { Err(Refusal::Name(host)) }
    }
}

/// The authority in the only line of a field.
fn only(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Authority>, Refusal> {
    let mut lines = headers.get_all(name).iter();
    let Some(first) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Refusal::NoHost);
    }
    Authority::try_from(first.as_bytes()).map(Some).map_err(|_| Refusal::NoHost)
}

/// What browsers say of where a request comes from; others say nothing.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.into_iter().any(|site| site != "same-origin" && site != "none")
}

/// Whether the Origin, which older browsers send, is this one.
fn is_of_origin(headers: &HeaderMap, host: &Authority) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(method: Method, fields: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        Door::new(&["Retort.Internal".into()]).admit(&method, &Uri::from_static("/"), &headers)
    }

    #[test]
    fn addresses_and_known_names_come_in() {
        for host in
            ["127.0.0.1", "127.0.0.1:9901", "[::1]:9901", "LocalHost:1", "retort.internal", "10.1.2.3:80"]
        {
            assert_eq!(admit(Method::GET, &[("host", host)]), Ok(()), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "1e100.net:9901"] {
            let name = host.split(':').next().unwrap().to_owned();
            assert_eq!(admit(Method::GET, &[("host", host)]), Err(Refusal::Name(name)), "{host}");
        }
        assert_eq!(admit(Method::GET, &[]), Err(Refusal::NoHost));
        assert_eq!(admit(Method::GET, &[("host", "localhost"), ("host", "localhost")]), Err(Refusal::NoHost));
        assert_eq!(admit(Method::GET, &[("host", "local host")]), Err(Refusal::NoHost));
    }

    #[test]
    fn a_host_in_the_target_counts_too() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "localhost".parse().unwrap());
        let door = Door::new(&[]);
        let evil = Uri::from_static("http://evil.example/");
        assert_eq!(door.admit(&Method::GET, &evil, &headers), Err(Refusal::Name("evil.example".into())));
    }

    #[test]
    fn no_other_site_sends_anything() {
        let post = |name: &'static str, value: &str| {
            admit(Method::POST, &[("host", "localhost:9901"), (name, value)])
        };
        assert_eq!(post("user-agent", "curl"), Ok(()));
        assert_eq!(post("origin", "http://localhost:9901"), Ok(()));
        assert_eq!(post("sec-fetch-site", "same-origin"), Ok(()));
        assert_eq!(post("sec-fetch-site", "none"), Ok(()));
        for origin in
            ["http://localhost:9902", "https://localhost:9901", "http://evil.example", "null", "\u{e9}"]
        {
            assert_eq!(post("origin", origin), Err(Refusal::CrossSite), "{origin}");
        }
        for site in ["cross-site", "same-site", "x"] {
            assert_eq!(post("sec-fetch-site", site), Err(Refusal::CrossSite), "{site}");
        }
        // Reading does nothing, and another site does not get to see what is read.
        assert_eq!(admit(Method::GET, &[("host", "localhost"), ("sec-fetch-site", "cross-site")]), Ok(()));
    }
}
