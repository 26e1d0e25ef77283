//! What must hold beside the status.

use super::{parse, pointed, rule};

/// The conditions of a good rule, in words.
fn read(attributes: &str, children: &str) -> Vec<String> {
    let document = rule(attributes, &format!("{children}<message/>"));
    let (rules, warnings) = parse(&document).unwrap_or_else(|refused| panic!("{refused}"));
    assert!(warnings.is_empty(), "{warnings}");
    rules.iter().next().unwrap().conditions().iter().map(ToString::to_string).collect()
}

/// What is said of a rule: codes, and the texts that are pointed at.
fn told(attributes: &str, children: &str) -> Vec<(&'static str, String)> {
    let document = rule(attributes, &format!("{children}<message/>"));
    pointed(&document).into_iter().map(|(code, text)| (code, text.to_owned())).collect()
}

fn one(code: &'static str, text: &str) -> Vec<(&'static str, String)> {
    vec![(code, text.to_owned())]
}

fn help(attributes: &str, children: &str) -> String {
    let document = rule(attributes, &format!("{children}<message/>"));
    parse(&document).map_or_else(|refused| refused, |(_, warnings)| warnings).to_string()
}

#[test]
fn source_and_cause() {
    assert_eq!(read("", ""), [""; 0]);
    assert_eq!(read("source='any'", ""), [""; 0]);
    assert_eq!(read("source='upstream'", ""), ["source is upstream"]);
    assert_eq!(read("source='proxy'", ""), ["source is proxy"]);
    assert_eq!(read("cause='dns'", ""), ["cause is dns"]);
    assert_eq!(
        read("source='proxy' cause='connect-refused, connect-timeout\tread-timeout'", ""),
        ["source is proxy", "cause is connect-refused or connect-timeout or read-timeout"]
    );
    let all = "connect-refused connect-timeout read-timeout write-timeout reset tls dns no-upstream \
               bad-request overload internal";
    assert_eq!(read(&format!("cause='{all}'"), ""), [format!("cause is {}", all.replace(' ', " or "))]);

    assert_eq!(told("source='Proxy'", ""), one("invalid-value", "Proxy"));
    assert!(help("source='upstraem'", "").contains("did you mean `upstream`?"));
    assert_eq!(told("cause='dns timeout'", ""), one("invalid-value", "timeout"));
    assert!(help("cause='connection-refused'", "").contains("did you mean `connect-refused`?"));
    assert!(help("cause='x'", "").contains("`no-upstream`"));
    assert_eq!(told("cause=' '", ""), one("invalid-value", " "));
    assert_eq!(told("cause='dns' source='upstream'", ""), one("contradiction", "cause"));
}

#[test]
fn method_host_and_path() {
    assert_eq!(
        read(r"method='GET|HEAD' host='(.*\.)?example\.com' path='/api/.*'", ""),
        [
            r#"method matches "GET|HEAD""#,
            r#"host matches "(.*\.)?example\.com""#,
            r#"path matches "/api/.*""#
        ]
    );
    assert_eq!(told("method='GET('", ""), one("invalid-regex", "("));
    assert_eq!(told("host='[z-a]'", ""), one("invalid-regex", "z-a"));
    assert_eq!(told("path='/a&#x2A;&#x2A;?(?=b)'", ""), one("invalid-regex", "(?="));
    assert!(help("path='(?!/a).*'", "").contains("look-around"));
}

#[test]
fn what_no_value_matches() {
    assert_eq!(told("method='get'", ""), one("never-matches", "get"));
    assert!(help("method='get|post'", "").contains("did you mean `GET|POST`?"));
    assert_eq!(told("path='api/.*'", ""), one("never-matches", "api/.*"));
    assert_eq!(told("host='example.com:8080'", ""), one("never-matches", "example.com:8080"));
    assert_eq!(told(r"path='/a\\.b'", ""), one("double-backslash", r"\\"));
    for doubtless in [
        "method='(?i)get'",
        "method='BREW'",
        "method='.*'",
        "path='(/a|/b)'",
        "path='a*/.*'",
        "path='a|/b'",
        "path=''",
        r"host='\[::1\]'",
        "host='(?:a|b)'",
    ] {
        assert_eq!(told(doubtless, ""), [], "{doubtless}");
    }
}

#[test]
fn when() {
    assert_eq!(
        read(
            "",
            "<when request-header='X-Debug' matches='1|true'/>\
             <when response-header='content-type' matches='text/.*' negate='true'/>\
             <when query='a b' matches='' negate='0'/>",
        ),
        [
            r#"request header X-Debug matches "1|true""#,
            r#"response header Content-Type does not match "text/.*""#,
            r#"query parameter a b matches """#,
        ]
    );
}

#[test]
fn when_with_mistakes() {
    let cases = [
        ("<when matches='a'/>", "missing-attribute", "<when matches='a'/>"),
        ("<when query='a'/>", "missing-attribute", "<when query='a'/>"),
        ("<when query='' matches='a'/>", "invalid-value", ""),
        ("<when query='a' request-header='b' matches='c'/>", "contradiction", "request-header"),
        ("<when request-header='a b' matches='c'/>", "invalid-header-name", "a b"),
        ("<when response-header=':status' matches='c'/>", "invalid-header-name", ":status"),
        ("<when query='a' matches='b+*)'/>", "invalid-regex", ")"),
        ("<when query='a' matches='b' negate='no'/>", "invalid-value", "no"),
        ("<when query='a' match='b'/>", "unknown-attribute", "match"),
        ("<when header='a' matches='b'/>", "unknown-attribute", "header"),
        ("<when query='a' matches='b'>c</when>", "stray-text", "c"),
        ("<when query='a' matches='b'><c/></when>", "unknown-element", "<c/>"),
    ];
    for (children, code, text) in cases {
        assert_eq!(told("", children), one(code, text), "{children}");
    }
    assert!(help("", "<when query='a' header='b' matches='c'/>").contains("did you mean `request-header`?"));
}
