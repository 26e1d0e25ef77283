//! The head of a request, as the demo's upstream reads it.

/// A request without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    /// The request line's second part as it came.
    pub(super) target: String,
    pub(super) fields: Vec<(String, String)>,
}

impl Request {
    /// Reads a head up to its empty line. The proxy in front has judged it already.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let mut request_line = lines.find(|line| !line.is_empty())?.split(' ');
        let (method, target, version) = (request_line.next()?, request_line.next()?, request_line.next()?);
        if !version.starts_with("HTTP/1.") {
            return None;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let fields = lines
            .take_while(|line| !line.is_empty())
            .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
            .collect::<Option<_>>()?;
        Some(Self {
            method: method.to_owned(),
            path: decoded(path),
            query: pairs(query),
            target: target.to_owned(),
            fields,
        })
    }

    /// The first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The bytes of content that follow the head.
    pub(super) fn content_length(&self) -> u64 {
        self.field("content-length").and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Whether nothing can be read after this request: the client closes, or its content is of a
    /// kind that the demo cannot pass over.
    pub(super) fn closes(&self) -> bool {
        self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
            || self.field("transfer-encoding").is_some()
            || self.content_length() > super::LIMIT
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The parameters of a query (`application/x-www-form-urlencoded`).
fn pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
        })
        .collect()
}

/// Undoes percent-encoding; what is not UTF-8 afterwards is replaced.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let (byte, after) = encoded(rest).unwrap_or((*first, tail));
        out.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Takes `%XX` off the front.
fn encoded(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? << 4 | digit(low)?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let head = b"GET /status/404?body=not%20here%21&type=text/plain&a+b HTTP/1.1\r\nHost: x\r\n\
            Content-Length: 5\r\nConnection: close\r\n\r\n";
        let request = Request::parse(head).unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/status/404"));
        assert_eq!(request.parameter("body"), Some("not here!"));
        assert_eq!(request.parameter("type"), Some("text/plain"));
        assert_eq!(request.parameter("a b"), Some(""));
        assert_eq!(request.parameter("c"), None);
        assert_eq!(request.content_length(), 5);
        assert!(request.closes());
    }

    #[test]
    fn what_is_no_request_is_none() {
        for head in ["\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"]
        {
            assert_eq!(Request::parse(head.as_bytes()), None, "{head:?}");
        }
    }

    #[test]
    fn half_an_escape_stands_for_itself() {
        assert_eq!(decoded("100%&%4&%zz%41"), "100%&%4&%zzA");
    }
}
