//! The form of `explain`: a query becomes an exchange, or what is wrong with it.

use std::sync::OnceLock;

use crate::{
    exchange::{
        Cause, query,
        record::{Record, RecordedRequest, RecordedResponse, Unknown},
        title_case,
    },
    explain::Inquiry,
    host::admin::view::View,
};

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) status: String,
    pub(super) method: String,
    pub(super) path: String,
    /// The name of a [`Client`].
    pub(super) client: String,
    /// In place of that which the client sends; empty: as it does.
    pub(super) accept: String,
    /// Lines of the request's header.
    pub(super) headers: String,
    /// Why the proxy made the response; empty: the upstream made it.
    pub(super) cause: String,
    /// Lines of the response's header.
    pub(super) response_headers: String,
    /// The upstream's content.
    pub(super) body: String,
}

/// A field of the form that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) field: &'static str,
    pub(super) why: String,
}

/// A kind of client, and what it says that it accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) accept: Option<&'static str>,
    pub(super) accept_language: Option<&'static str>,
}

/// The kinds that there are to choose from.
pub(super) const CLIENTS: [Client; 8] = [
    Client::new("curl", "curl", Some("*/*"), None),
    Client::new(
        "chrome",
        "Chrome, a page",
        Some(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,\
             application/signed-exchange;v=b3;q=0.7",
        ),
        Some("en-US,en;q=0.9"),
    ),
    Client::new(
        "firefox",
        "Firefox, a page",
        Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        Some("en-US,en;q=0.5"),
    ),
    Client::new(
        "image",
        "a browser, an image",
        Some("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"),
        Some("en-US,en;q=0.9"),
    ),
    Client::new("api", "an API client, JSON", Some("application/json"), None),
    Client::new("axios", "axios", Some("application/json, text/plain, */*"), None),
    Client::new("xml", "an API client, XML", Some("application/xml"), None),
    Client::new("silent", "a client without Accept", None, None),
];

impl Client {
    const fn new(
        name: &'static str,
        label: &'static str,
        accept: Option<&'static str>,
        accept_language: Option<&'static str>,
    ) -> Self {
        Self { name, label, accept, accept_language }
    }

    /// The client of this name, or the first.
    pub(super) fn named(name: &str) -> Self {
        let [first, ..] = CLIENTS;
        CLIENTS.into_iter().find(|client| client.name == name).unwrap_or(first)
    }

    /// What it says, as the form shows it.
    pub(super) fn accepts(self) -> &'static str {
        self.accept.unwrap_or("none sent")
    }
}

impl Default for Asked {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            status: text("503"),
            method: text("GET"),
            path: text("/"),
            client: text("curl"),
            accept: String::new(),
            headers: String::new(),
            cause: String::new(),
            response_headers: String::new(),
            body: String::new(),
        }
    }
}

impl Asked {
    /// What a form sent; what it did not, is as usual.
    pub(super) fn of(query: &str) -> Self {
        let mut asked = Self::default();
        for (name, value) in query::parameters(query) {
            if let Some(place) = asked.place(&name) {
                // Forms send line ends as CR LF.
                *place = value.replace("\r\n", "\n");
            }
        }
        asked
    }

    fn place(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "status" => &mut self.status,
            "method" => &mut self.method,
            "path" => &mut self.path,
            "client" => &mut self.client,
            "accept" => &mut self.accept,
            "headers" => &mut self.headers,
            "cause" => &mut self.cause,
            "response-headers" => &mut self.response_headers,
            "body" => &mut self.body,
            _ => return None,
        })
    }

    /// The exchange that is asked about, or all that is wrong with the form.
    pub(super) fn inquiry(&self, view: &View) -> Result<Inquiry, Vec<Flaw>> {
        let mut flaws = Flaws(Vec::new());
        let status = match self.status.trim().parse() {
            Ok(status @ 100..=999) => status,
            _ => flaws.add("status", "A status is a number from 100 to 999."),
        };
        let method = self.method.trim();
        if http::Method::from_bytes(method.as_bytes()).is_err() {
            flaws.add("method", "A method is a word, such as GET.")
        }
        let (path, query) = match self.path.trim().split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (self.path.trim(), None),
        };
        if !(path.starts_with('/') || path == "*")
            || path.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            flaws.add("path", "A path starts with a slash and holds no blanks.")
        }
        let cause = match self.cause.as_str() {
            "" => None,
            name => Cause::named(name).or_else(|| flaws.add("cause", "There is no such cause.")),
        };
        let mut headers = self.accepted(&mut flaws);
        headers.extend(flaws.lines("headers", &self.headers));
        let request = RecordedRequest {
            method: method.to_owned(),
            uri: path.to_owned(),
            query,
            headers,
            elapsed_ms: Some(0),
            ..RecordedRequest::default()
        };
        let response = RecordedResponse {
            status,
            reason: None,
            headers: flaws.lines("response-headers", &self.response_headers),
            body: Some(self.body.clone()).filter(|body| !body.is_empty()),
            body_base64: None,
            origin_port: None,
            upstream: String::new(),
            cause,
            content: OnceLock::new(),
            unknown: Unknown::new(),
        };
        if !flaws.0.is_empty() {
            return Err(flaws.0);
        }
        let (clock, server, unknown) = (view.now, view.server.clone(), Unknown::new());
        let record = Record { clock, server, request, response, unknown };
        Ok(Inquiry::new(record, view.identity.clone()))
    }

    /// What the client says that it accepts.
    fn accepted(&self, flaws: &mut Flaws) -> Vec<(String, Vec<u8>)> {
        let client = Client::named(&self.client);
        let accept = match self.accept.trim() {
            "" => client.accept,
            own => Some(own),
        };
        if accept.is_some_and(|accept| http::HeaderValue::from_str(accept).is_err()) {
            flaws.add("accept", "A header value holds no control characters.")
        }
        let lines = [("Accept", accept), ("Accept-Language", client.accept_language)];
        let lines = lines.into_iter().filter_map(|(name, value)| Some((name, value?)));
        lines.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
    }

    /// The command that tells the same.
    pub(super) fn command(&self, rules: &str) -> String {
        let client = Client::named(&self.client);
        let mut command =
            format!("retort explain --rules {} --status {}", quoted(rules), quoted(&self.status));
        let mut add = |flag: &str, value: &str| {
            command.push_str(&format!(" {flag} {}", quoted(value)));
        };
        let accept = if self.accept.trim().is_empty() { client.accept } else { Some(self.accept.trim()) };
        accept.into_iter().for_each(|accept| add("--accept", accept));
        let language = client.accept_language.map(|value| format!("Accept-Language: {value}"));
        language.iter().for_each(|line| add("--header", line));
        let usual = Self::default();
        let simple = [
            ("--method", self.method.trim(), &usual.method),
            ("--path", self.path.trim(), &usual.path),
            ("--cause", &self.cause, &usual.cause),
            ("--body", &self.body, &usual.body),
        ];
        simple
            .into_iter()
            .filter(|(_, value, usual)| value != usual)
            .for_each(|(flag, value, _)| add(flag, value));
        lines(&self.headers).for_each(|line| add("--header", line));
        lines(&self.response_headers).for_each(|line| add("--response-header", line));
        command
    }
}

/// What is wrong so far.
struct Flaws(Vec<Flaw>);

impl Flaws {
    /// Notes a flaw. What stands in for the value is not used.
    fn add<T: Default>(&mut self, field: &'static str, why: &str) -> T {
        self.0.push(Flaw { field, why: why.to_owned() });
        T::default()
    }

    /// The lines of a header.
    fn lines(&mut self, field: &'static str, text: &str) -> Vec<(String, Vec<u8>)> {
        let mut read = Vec::new();
        for line in lines(text) {
            let parts = line.split_once(':').and_then(|(name, value)| {
                let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
                Some((name, http::HeaderValue::from_str(value.trim_matches([' ', '\t'])).ok()?))
            });
            match parts {
                Some((name, value)) => read.push((title_case(&name), value.as_bytes().to_vec())),
                None => {
                    self.add(field, &format!("“{line}” is no header line. They are written “Name: value”."))
                }
            }
        }
        read
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// A word as a shell reads it (POSIX.1 XCU §2.2.2).
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_fills_the_form() {
        let asked =
            Asked::of("status=404&path=%2Fa%3Fb%3Dc&headers=X-A%3A+1%0D%0AX-B%3A+2&unknown=1&client=api");
        assert_eq!((&*asked.status, &*asked.path, &*asked.client), ("404", "/a?b=c", "api"));
        assert_eq!(asked.headers, "X-A: 1\nX-B: 2");
        assert_eq!(asked.method, "GET");
        assert_eq!(Asked::of(""), Asked::default());
    }

    #[test]
    fn the_command_is_quoted() {
        let asked = Asked {
            path: "/it's".to_owned(),
            client: "chrome".to_owned(),
            accept: " text/html ".to_owned(),
            headers: "X-A: $HOME\n\nX-B: 2".to_owned(),
            ..Asked::default()
        };
        assert_eq!(
            asked.command("my rules.xml"),
            r"retort explain --rules 'my rules.xml' --status 503 --accept text/html --header 'Accept-Language: en-US,en;q=0.9' --path '/it'\''s' --header 'X-A: $HOME' --header 'X-B: 2'"
        );
    }

    #[test]
    fn the_clients_have_names_of_their_own() {
        for client in CLIENTS {
            assert_eq!(Client::named(client.name).label, client.label);
        }
        assert_eq!(Client::named("<script>").name, "curl");
    }
}
