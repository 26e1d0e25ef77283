//! Whom a request is for (RFC 3986 §3.2): a host, and a port where it is not the scheme's own.

/// The host without the port; an IPv6 address keeps its brackets.
pub fn host(authority: &str) -> &str {
    split(authority).0
}

/// The port, or else the one that the scheme stands for.
pub fn port(authority: &str, scheme: &str) -> Option<u16> {
    let written = split(authority).1.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    written.and_then(|port| port.parse().ok()).or(match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    })
}

fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (authority, expected) in [
            ("", ("", Some(443))),
            ("a.example", ("a.example", Some(443))),
            ("a.example:8443", ("a.example", Some(8443))),
            ("a.example:", ("a.example", Some(443))),
            ("a.example:+80", ("a.example", Some(443))),
            ("[2001:db8::1]", ("[2001:db8::1]", Some(443))),
            ("[2001:db8::1]:80", ("[2001:db8::1]", Some(80))),
        ] {
            assert_eq!((host(authority), port(authority, "https")), expected, "{authority}");
        }
        assert_eq!((port("a", "http"), port("a", "ws")), (Some(80), None));
    }
}
