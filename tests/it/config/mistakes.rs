//! One of each mistake, and whatever else may be written.

use std::{collections::BTreeSet, fs, path::Path};

use super::{parse, wrap};
use proptest::prelude::*;
use retort::{Reply, Rules, exchange::record::Record};

/// Where rules files that are not as they should be stand.
fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rules").join(name)).unwrap()
}

#[test]
fn one_of_each() {
    let diagnostics = parse(&read("mistakes.xml")).unwrap_err();
    let codes: BTreeSet<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    for diagnostic in &diagnostics {
        assert!(diagnostic.positions().is_some(), "{diagnostic}");
    }
    assert!(codes.len() >= 30, "{codes:?}");
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("config-mistakes", diagnostics);
    });
}

/// The names of a grammar, and words that they may have for values.
const ELEMENTS: [&str; 8] =
    ["status-code", "message", "header", "when", "meta", "item", "entry", "response-messaging"];
const ATTRIBUTES: [&str; 24] = [
    "id",
    "code-regex",
    "overwrite",
    "keep-types",
    "source",
    "cause",
    "method",
    "host",
    "path",
    "status",
    "request-header",
    "response-header",
    "query",
    "matches",
    "negate",
    "name",
    "action",
    "explode",
    "key",
    "media-type",
    "content-type",
    "escape",
    "xml:lang",
    "x",
];
const VALUES: [&str; 34] = [
    "",
    " ",
    "a",
    "4..",
    "404",
    "(",
    "[a-",
    "\\\\d",
    "ALWAYS",
    "IF_NOT_ACCEPTABLE",
    "text/*",
    "a/b, c/d",
    "*/*",
    "upstream",
    "proxy",
    "dns tls",
    "GET",
    "/a",
    "503",
    "204",
    "X-A",
    "Set-Cookie",
    "Vary",
    "Content-Type",
    "true",
    "1",
    "remove",
    "add",
    "application/json",
    "text/html; charset=x",
    "json",
    "none",
    "en",
    "\u{e9}\u{1F600}",
];
const TEXTS: [&str; 8] = ["", " \n", "%s", "%z", "a\nb", "{\"a\": %U}", "%{Retry-After}o 5%", "caf\u{e9}\\n"];

fn element(depth: u32) -> BoxedStrategy<String> {
    let attributes = prop::collection::btree_map(0..ATTRIBUTES.len(), 0..VALUES.len(), 0..6);
    let children = match depth {
        0 => Just(Vec::new()).boxed(),
        _ => prop::collection::vec(element(depth - 1), 0..4).boxed(),
    };
    let text = || prop::sample::select(&TEXTS[..]);
    (prop::sample::select(&ELEMENTS[..]), attributes, text(), children, text())
        .prop_map(|(name, attributes, before, children, after)| {
            let attributes: String = attributes
                .iter()
                .map(|(name, value)| format!(" {}='{}'", ATTRIBUTES[*name], VALUES[*value]))
                .collect();
            format!("<{name}{attributes}>{before}{}{after}</{name}>", children.concat())
        })
        .boxed()
}

fn statuses() -> impl Iterator<Item = u16> {
    [200, 304, 404, 500, 503].into_iter()
}

/// Whatever rules make of a response, it can be sent.
fn answer(rules: &Rules, status: u16) {
    let record = serde_json::json!({
        "request": {"query": "a=%0D%0A", "headers": [["X-A", "\"\r\n<"], ["Accept", "a/b, */*;q=0.1"]]},
        "response": {"status": status, "body": "{}", "headers": [["Retry-After", "a\r\nb: c"]]},
    });
    let record = Record::from_json(record.to_string().as_bytes()).unwrap();
    let exchange = record.exchange("id", None);
    let decision = rules.decide(&exchange, record.body());
    if let Some(reply) = Reply::of(&decision, &exchange) {
        let mut lines = record.response.headers.clone();
        reply.apply(&mut lines);
        assert!((200..=599).contains(&reply.status));
        let own = lines.iter().filter(|(name, _)| name != "Retry-After");
        own.for_each(|(name, value)| assert!(!value.contains(&b'\n'), "{name}"));
    }
}

proptest! {
    /// Any combination of what the grammar knows is rules or mistakes, each with a place and words.
    #[test]
    fn any_elements_are_rules_or_mistakes(elements in prop::collection::vec(element(2), 0..4)) {
        let document = wrap(&elements.concat());
        let found = match parse(&document) {
            Ok((rules, warnings)) => {
                prop_assert_eq!(rules.iter().len(), elements.len());
                statuses().for_each(|status| answer(&rules, status));
                warnings
            }
            Err(refused) => {
                prop_assert!(refused.has_errors());
                refused
            }
        };
        for diagnostic in &found {
            let span = diagnostic.span.clone().unwrap();
            prop_assert!(diagnostic.source.text().get(span).is_some(), "{}", diagnostic);
            prop_assert!(!diagnostic.message.is_empty() && !diagnostic.to_string().is_empty());
        }
    }
}
