//! Time patterns in templates; the letters are tested beside the code.

use retort::template::Escape;
use serde_json::json;

use super::{parse, text};

fn at(pattern: &str) -> String {
    let exchange = json!({
        "server": {"timezone": "America/Chicago"},
        "clock": "2019-03-05T07:08:09.045Z",
        "response": {"status": 404},
    });
    text(&format!("%{{{pattern}}}t"), &exchange)
}

#[test]
fn slashes_and_quoted_text() {
    for (pattern, expected) in [
        ("dd/MMM/yyyy:HH:mm:ss Z", "05/Mar/2019:01:08:09 -0600"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2019-03-05T01:08:09-06:00"),
        ("'['dd']'", "[05]"),
        ("h 'o''clock' a", "1 o'clock AM"),
        ("''yy''", "'19'"),
        ("'', ''", "', '"),
        ("'a@b' ", "a@b "),
        ("d, MMM' '", "5, Mar "),
    ] {
        assert_eq!(at(pattern), expected, "{pattern}");
    }
}

#[test]
fn patterns_are_printed_plainly() {
    for (pattern, expected) in [
        ("dd'/'MM", "dd/MM"),
        ("dd'T'':'MM", "dd'T'':'MM"),
        ("dd'T'-MM", "dd'T-'MM"),
        ("''", "''"),
        ("dd'''T'", "dd'''T'"),
        ("'T'''", "'T'''"),
        ("'a''b'-", "'a''b-'"),
        ("HH mm' '", "HH mm' '"),
    ] {
        let template = parse(&format!("%{{{pattern}}}t"), Escape::Text);
        assert_eq!(template.to_string(), format!("%{{{expected}}}t"));
        assert_eq!(parse(&template.to_string(), Escape::Text), template);
    }
}
