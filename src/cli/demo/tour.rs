//! The requests that the demo proposes, and what to look at in the answers.

/// One request to try.
#[derive(Clone, Copy, Debug)]
struct Stop {
    /// What goes before the URL.
    flags: &'static str,
    /// Path and query.
    target: &'static str,
    /// What to look at.
    look: &'static str,
}

const STOPS: &[Stop] = &[
    Stop {
        flags: "-i",
        target: "/status/503",
        look: "an empty 503 gets a message; curl takes anything, so it is text",
    },
    Stop {
        flags: "-i -H 'Accept: application/json'",
        target: "/status/503",
        look: "the same as problem details (RFC 9457), with Vary: Accept",
    },
    Stop {
        flags: "-i -H 'Accept: text/html;q=0.5, application/xml'",
        target: "/status/503",
        look: "XML, since the client likes HTML only half as much",
    },
    Stop {
        flags: "-i",
        target: "/status/404?body=Nothing+here",
        look: "a 404 with a body is left alone, every byte of it",
    },
    Stop { flags: "-i", target: "/status/429?header=Retry-After:120", look: "Retry-After stays" },
    Stop {
        flags: "-i",
        target: "/chunked-empty/500",
        look: "chunked and yet empty: known only when the last chunk comes",
    },
    Stop {
        flags: "-iN",
        target: "/slow/500?ms=2000",
        look: "a body that begins after two seconds is a body: it streams through",
    },
    Stop { flags: "-i", target: "/close/500", look: "no length at all, and nothing before the end" },
    Stop {
        flags: "-I",
        target: "/status/503",
        look: "HEAD: the header that GET gets, Content-Length of the message included",
    },
    Stop { flags: "-i", target: "/gzip/500", look: "a compressed body is a body" },
    Stop {
        flags: "-i",
        target: "/cut",
        look: "the upstream hangs up: the 502 is Retort's own, and gets its message as well",
    },
    Stop { flags: "-s", target: "/headers", look: "what the upstream sees of a request" },
    Stop {
        flags: "-s",
        target: "/",
        look: "everything that the upstream can be asked for; try it in a browser",
    },
];

/// The tour as text; `base` is the URL of the proxy.
pub(super) fn text(base: &str) -> String {
    let stops = STOPS.iter().map(|Stop { flags, target, look }| {
        let url = format!("{base}{target}");
        let url = if url.contains(['?', '&']) { format!("'{url}'") } else { url };
        format!("  curl {flags} {url}\n      {look}\n")
    });
    stops.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_quoted_where_a_shell_would_read_them() {
        let text = text("http://127.0.0.1:8080");
        assert!(text.contains("curl -i http://127.0.0.1:8080/status/503\n"));
        assert!(text.contains("curl -i 'http://127.0.0.1:8080/status/404?body=Nothing+here'\n"));
    }
}
