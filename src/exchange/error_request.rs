//! What proxies ask an error backend, read as the request that they ask it about.
//!
//! A proxy that lets another server write its error pages asks that server with a request of its
//! own, and tells of the one that failed in header fields (ingress-nginx, and any nginx that is
//! configured like it) or in the path (Traefik). [`ErrorRequest::read`] undoes this, so that the
//! rules see the request of the client, and know nothing of the detour.

use std::net::{IpAddr, SocketAddr};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, HOST},
    request::Parts,
    uri::PathAndQuery,
};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

/// The status that is to be answered.
pub const CODE: HeaderName = HeaderName::from_static("x-code");
/// The client's Accept.
const FORMAT: HeaderName = HeaderName::from_static("x-format");
const ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
const ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const ORIGINAL_HOST: HeaderName = HeaderName::from_static("x-original-host");
const SERVICE_PORT: HeaderName = HeaderName::from_static("x-service-port");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The parameters of the query that may hold the status.
const CODE_PARAMETERS: [&str; 2] = ["code", "status"];
/// The parameter of the query that may hold the URL of the client's request.
const URL_PARAMETER: &str = "url";

/// What [`Uri`] takes in a path is kept as the client sent it; the rest is percent-encoded.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'<').add(b'>').add(b'`');
const NOT_IN_A_QUERY: &AsciiSet = &NOT_IN_A_PATH.add(b'"');

/// The extensions of error pages, and what a client that names no type is taken to accept then.
/// Anything else is still better than nothing.
const EXTENSIONS: [(&str, HeaderValue); 5] = [
    ("html", HeaderValue::from_static("text/html, */*;q=0.1")),
    ("htm", HeaderValue::from_static("text/html, */*;q=0.1")),
    ("json", HeaderValue::from_static("application/json, */*;q=0.1")),
    ("xml", HeaderValue::from_static("application/xml, */*;q=0.1")),
    ("txt", HeaderValue::from_static("text/plain, */*;q=0.1")),
];

/// A request that failed at another proxy, as that proxy tells of it.
#[derive(Clone, Debug)]
pub struct ErrorRequest {
    /// The status that the proxy wants an answer for. Where it names none, nobody is to be
    /// answered for: 404.
    pub status: StatusCode,
    /// The request of the client: method, target, Host and Accept are the client's, the other
    /// fields those of the request that came.
    pub request: Parts,
    /// The client as the proxy saw it, where it says so.
    pub client: Option<IpAddr>,
    /// The port of the service that failed, where the proxy says so.
    pub upstream_port: Option<u16>,
}

/// What `X-Forwarded-` fields are worth. Proxies that ask an error backend mostly set them; where
/// one does not, they come from its client as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarded {
    /// They tell of the client.
    #[default]
    Believed,
    /// They tell nothing.
    Ignored,
}

/// What the path or the query of a request names.
struct Page<'a> {
    status: StatusCode,
    /// `html`, of `/503.html`.
    extension: Option<&'a str>,
}

impl ErrorRequest {
    /// Reads what a proxy asks.
    pub fn read(asked: &Parts, forwarded: Forwarded) -> Self {
        let fields = &asked.headers;
        let is_believed = forwarded == Forwarded::Believed;
        let either = |own: &HeaderName, forwarded: &HeaderName| {
            fields.get(own).or_else(|| fields.get(forwarded).filter(|_| is_believed))
        };
        let page = Page::of_path(asked.uri.path());
        let status = wanted(asked, page.as_ref()).unwrap_or(StatusCode::NOT_FOUND);

        let told = either(&ORIGINAL_URI, &FORWARDED_URI).and_then(|uri| target(uri.as_bytes()));
        let told = told.or_else(|| target(&parameter(&asked.uri, URL_PARAMETER)?));
        let host = either(&ORIGINAL_HOST, &FORWARDED_HOST).and_then(first_member);
        let host = host.or_else(|| authority(told.as_ref()?)).or_else(|| authority(&asked.uri));
        let method = either(&ORIGINAL_METHOD, &FORWARDED_METHOD)
            .and_then(|method| Method::from_bytes(method.as_bytes()).ok());

        let mut request = asked.clone();
        request.method = method.unwrap_or_else(|| asked.method.clone());
        request.uri = origin_form(told.as_ref().unwrap_or(&asked.uri));
        if let Some(host) = host {
            request.headers.insert(HOST, host);
        }
        accept(&mut request.headers, page.and_then(|page| page.extension));
        let client = fields.get_all(FORWARDED_FOR).iter().next_back().filter(|_| is_believed);
        let upstream_port = fields.get(SERVICE_PORT).and_then(|port| port.to_str().ok()?.trim().parse().ok());
        Self { status, request, client: client.and_then(last_address), upstream_port }
    }
}

impl<'a> Page<'a> {
    /// Reads `/503`, `/503.html`, `/errors/503.json`: the last segment counts.
    fn of_path(path: &'a str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        let (digits, extension) = match name.split_once('.') {
            Some((digits, extension)) => (digits, Some(extension)),
            None => (name, None),
        };
        let is_one =
            |extension: &str| !extension.is_empty() && extension.bytes().all(|b| b.is_ascii_alphanumeric());
        extension.is_none_or(is_one).then_some(())?;
        Some(Self { status: status(digits.as_bytes())?, extension })
    }
}

/// The status that is to be answered: of the field, else of the path, else of the query.
fn wanted(asked: &Parts, page: Option<&Page<'_>>) -> Option<StatusCode> {
    let by_field = asked.headers.get(CODE).and_then(|code| status(code.as_bytes()));
    let by_query = || CODE_PARAMETERS.iter().find_map(|name| status(&parameter(&asked.uri, name)?));
    by_field.or(page.map(|page| page.status)).or_else(by_query)
}

/// Reads a status that a proxy may want an answer for: three digits, 300 to 599.
fn status(text: &[u8]) -> Option<StatusCode> {
    let status = StatusCode::from_bytes(text.trim_ascii()).ok()?;
    (300..600).contains(&status.as_u16()).then_some(status)
}

/// The value of the first parameter of this name, decoded as forms are: Traefik writes it so.
fn parameter(uri: &Uri, name: &str) -> Option<Vec<u8>> {
    let mut parameters = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = parameters.find(|(other, _)| *other == name)?;
    Some(percent_decode(value.replace('+', " ").as_bytes()).collect())
}

/// Reads the target of the client's request: `/path?query`, or a whole URL.
fn target(text: &[u8]) -> Option<Uri> {
    let text = text.trim_ascii();
    let is_url = [&b"http://"[..], b"https://"].iter().any(|scheme| text.starts_with(scheme));
    if !is_url && !text.starts_with(b"/") {
        return None;
    }
    let mut parts = text.splitn(2, |&b| b == b'?');
    let mut clean = percent_encode(parts.next()?, NOT_IN_A_PATH).to_string();
    if let Some(query) = parts.next() {
        clean.push('?');
        clean.extend(percent_encode(query, NOT_IN_A_QUERY));
    }
    clean.parse().ok()
}

/// The path and the query alone.
fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().map_or_else(|| uri.clone(), |path: PathAndQuery| Uri::from(path))
}

fn authority(uri: &Uri) -> Option<HeaderValue> {
    HeaderValue::from_str(uri.authority()?.as_str()).ok()
}

/// Puts the client's Accept where the rules look for it. Where there is none, or one that accepts
/// anything, the extension of the page tells what is wanted.
fn accept(fields: &mut HeaderMap, extension: Option<&str>) {
    let formats: Vec<HeaderValue> = fields.get_all(FORMAT).iter().cloned().collect();
    if formats.iter().any(|format| !format.is_empty()) {
        fields.remove(ACCEPT);
        formats.into_iter().for_each(|format| _ = fields.append(ACCEPT, format));
    }
    let is_open = |accept: &HeaderValue| matches!(accept.as_bytes().trim_ascii(), b"" | b"*/*");
    if fields.get_all(ACCEPT).iter().all(is_open)
        && let Some(extension) = extension
        && let Some((_, accept)) = EXTENSIONS.iter().find(|(name, _)| extension.eq_ignore_ascii_case(name))
    {
        fields.insert(ACCEPT, accept.clone());
    }
}

/// The first member of a list: the host that the client asked for, before all others.
fn first_member(list: &HeaderValue) -> Option<HeaderValue> {
    let first = list.as_bytes().split(|&b| b == b',').next()?.trim_ascii();
    HeaderValue::from_bytes(first).ok().filter(|host| !host.is_empty())
}

/// The last address of a list: whom the proxy that asks has seen itself. What is before it may
/// have been made up.
fn last_address(list: &HeaderValue) -> Option<IpAddr> {
    let last = list.to_str().ok()?.rsplit(',').next()?.trim();
    let bare = || last.trim_start_matches('[').trim_end_matches(']').parse().ok();
    last.parse().ok().map(|address: SocketAddr| address.ip()).or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request for `target` with these field lines, by a proxy whose fields are believed.
    fn read(target: &str, fields: &[(&'static str, &str)]) -> ErrorRequest {
        read_by(Forwarded::Believed, target, fields)
    }

    fn read_by(forwarded: Forwarded, target: &str, fields: &[(&'static str, &str)]) -> ErrorRequest {
        let request = fields.iter().fold(http::Request::get(target), |request, (name, value)| {
            request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        ErrorRequest::read(&request.body(()).unwrap().into_parts().0, forwarded)
    }

    fn accept_of(asked: &ErrorRequest) -> Vec<&str> {
        asked.request.headers.get_all(ACCEPT).iter().map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn as_ingress_nginx_asks() {
        let fields = [
            ("Host", "shop.example"),
            ("X-Code", "503"),
            ("X-Format", "application/json"),
            ("X-Original-URI", "/orders/7?full=1"),
            ("X-Service-Port", "8080"),
            ("X-Forwarded-For", "203.0.113.9"),
            ("Accept", "text/html"),
        ];
        let asked = read("/", &fields);
        assert_eq!((asked.status.as_u16(), asked.upstream_port), (503, Some(8080)));
        assert_eq!(asked.client, Some("203.0.113.9".parse().unwrap()));
        assert_eq!(asked.request.uri, "/orders/7?full=1");
        assert_eq!(asked.request.headers[HOST], "shop.example");
        assert_eq!(accept_of(&asked), ["application/json"]);
    }

    #[test]
    fn as_traefik_asks() {
        for path in ["/503", "/503.html", "/errors/503", "/?code=503", "/error?x=1&status=503", "/0?code=503"]
        {
            assert_eq!(read(path, &[]).status.as_u16(), 503, "{path}");
        }
        let url = "/503.html?url=%2Forders%2F7%3Fq%3Da%2Bb+c%26r";
        assert_eq!(read(url, &[]).request.uri, "/orders/7?q=a+b%20c&r");
        let whole = read("/503?url=https%3A%2F%2Fshop.example%3A8443%2Forders", &[("Host", "errors")]);
        assert_eq!(whole.request.uri, "/orders");
        assert_eq!(whole.request.headers[HOST], "shop.example:8443");
    }

    #[test]
    fn what_names_no_status_is_not_found() {
        let paths =
            ["/", "/about", "/5030", "/50", "/abc", "/503.", "/503.a-b", "/503/", "/200", "/600", "/?code=x"];
        for path in paths {
            assert_eq!(read(path, &[]).status.as_u16(), 404, "{path}");
        }
        assert_eq!(read("/", &[("X-Code", "all")]).status.as_u16(), 404);
        assert_eq!(read("/502", &[("X-Code", "999")]).status.as_u16(), 502);
    }

    #[test]
    fn the_field_counts_before_the_path_and_that_before_the_query() {
        assert_eq!(read("/502?code=500", &[("X-Code", " 503 ")]).status.as_u16(), 503);
        assert_eq!(read("/502?code=500", &[]).status.as_u16(), 502);
    }

    #[test]
    fn an_extension_is_a_wish() {
        let wish = |path, fields: &[(&'static str, &str)]| accept_of(&read(path, fields)).join(" | ");
        assert_eq!(wish("/503.json", &[]), "application/json, */*;q=0.1");
        assert_eq!(wish("/503.HTM", &[("Accept", "*/*")]), "text/html, */*;q=0.1");
        assert_eq!(wish("/503.json", &[("Accept", "text/html")]), "text/html");
        assert_eq!(wish("/503.json", &[("X-Format", "text/*"), ("Accept", "*/*")]), "text/*");
        assert_eq!(wish("/503.php", &[("Accept", "*/*")]), "*/*");
        assert_eq!(wish("/page.json", &[]), "");
        assert_eq!(wish("/", &[("X-Format", "a/b"), ("X-Format", "c/d")]), "a/b | c/d");
    }

    #[test]
    fn targets_that_are_no_uri_become_one() {
        let target =
            |uri: &str| read("/", &[("X-Code", "404"), ("X-Original-URI", uri)]).request.uri.to_string();
        assert_eq!(target("/a\"b\\c"), "/a\"b\\c");
        assert_eq!(target("/<script>`é#?\"<"), "/%3Cscript%3E%60%C3%A9%23?%22%3C");
        assert_eq!(target("//other.example/x"), "//other.example/x");
        assert_eq!(target("*"), "/");
        assert_eq!(target(&format!("/{}", "x".repeat(70_000))), "/");
        assert_eq!(target("http://"), "/");
    }

    #[test]
    fn forwarded_fields_count_where_they_are_believed() {
        let fields = [
            ("Host", "errors"),
            ("X-Forwarded-Host", "shop.example, inner"),
            ("X-Forwarded-Uri", "/orders"),
            ("X-Forwarded-Method", "POST"),
            ("X-Forwarded-For", "198.51.100.1"),
            ("X-Forwarded-For", "made up, [2001:db8::1]:99"),
        ];
        let believed = read("/500", &fields);
        assert_eq!(believed.request.headers[HOST], "shop.example");
        assert_eq!((&believed.request.method, believed.request.uri.path()), (&Method::POST, "/orders"));
        assert_eq!(believed.client, Some("2001:db8::1".parse().unwrap()));
        let ignored = read_by(Forwarded::Ignored, "/500", &fields);
        assert_eq!(ignored.request.headers[HOST], "errors");
        assert_eq!((&ignored.request.method, ignored.request.uri.path()), (&Method::GET, "/500"));
        assert_eq!(ignored.client, None);
        let original =
            [("X-Original-Method", "PUT"), ("X-Original-Host", "a.example"), ("X-Forwarded-Host", "b")];
        let original = read_by(Forwarded::Ignored, "/500", &original);
        assert_eq!(
            (original.request.method, &original.request.headers[HOST]),
            (Method::PUT, &HeaderValue::from_static("a.example"))
        );
    }
}
