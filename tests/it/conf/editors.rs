//! The schema for editors knows what the code knows.

use std::{collections::BTreeSet, path::Path};

use retort::config::{self, href::Disk};
use roxmltree::{Document, Node};

/// What the code says of a rules file: the message and the help of each mistake.
fn mistakes(attributes: &str, rules: &str) -> Vec<(String, String)> {
    let namespace = "http://docs.openrepose.org/repose/response-messaging/v1.0";
    let document =
        format!("<response-messaging xmlns='{namespace}' {attributes}>{rules}</response-messaging>");
    let refused = config::parse(document.as_bytes(), Path::new("rules.xml"), &mut Disk::default());
    let refused = refused.unwrap_err();
    refused.errors().map(|error| (error.message.clone(), error.help.clone().unwrap_or_default())).collect()
}

/// The only one.
fn mistake(attributes: &str, rules: &str) -> (String, String) {
    match &mistakes(attributes, rules)[..] {
        [mistake] => mistake.clone(),
        more => panic!("{more:?}"),
    }
}

/// The names between backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Reads a definition of the schema.
fn defined<T>(name: &str, read: impl FnOnce(Node<'_, '_>) -> T) -> T {
    let text = super::read("conf/response-messaging.xsd");
    let document = Document::parse(&text).unwrap();
    let definition = document.root_element().children().find(|node| node.attribute("name") == Some(name));
    read(definition.unwrap_or_else(|| panic!("no definition of {name}")))
}

#[test]
fn attributes() {
    let rule = |children: &str| format!("<status-code id='404'>{children}</status-code>");
    for (definition, rules) in [
        ("Rules", String::new()),
        ("StatusCode", "<status-code id='404' unknown=''><message/></status-code>".to_owned()),
        ("Message", rule("<message unknown=''/>")),
        ("Header", rule("<header name='X' unknown=''>a</header>")),
        ("Entry", rule("<header name='X'><entry key='a' unknown=''>a</entry></header>")),
        ("When", rule("<meta/><when query='a' matches='b' unknown=''/>")),
        ("Meta", rule("<meta unknown=''/>")),
    ] {
        let (_, help) = mistake(if rules.is_empty() { "unknown=''" } else { "" }, &rules);
        // The first name is that of the element; `xml:lang` is not for the schema to define.
        let known = help.split('`').skip(3).step_by(2).filter(|name| *name != "xml:lang");
        let known: BTreeSet<_> = known.map(str::to_owned).collect();
        let names: BTreeSet<_> = defined(definition, |definition| {
            let attributes = definition.descendants().filter(|node| node.tag_name().name() == "attribute");
            attributes.map(|node| node.attribute("name").unwrap().to_owned()).collect()
        });
        assert_eq!(names, known, "{definition}");
    }
}

#[test]
fn words() {
    let rule = |attributes: &str| format!("<status-code id='404' {attributes}><message/></status-code>");
    let child = |child: &str| format!("<status-code id='404'>{child}</status-code>");
    for (definition, attribute, rules) in [
        ("Negotiation", "negotiation", String::new()),
        ("Overwrite", "overwrite", rule("overwrite='?'")),
        ("Source", "source", rule("source='?'")),
        ("Cause", "cause", rule("cause='?'")),
        ("Action", "action", child("<header name='X' action='?'>a</header>")),
        ("Escape", "escape", child("<message escape='?'/>")),
    ] {
        let (message, help) = mistake(if rules.is_empty() { "negotiation='?'" } else { "" }, &rules);
        let mut known = quoted(&message);
        known.append(&mut quoted(&help));
        known.remove("?");
        known.remove(attribute);
        let words: BTreeSet<_> = defined(definition, |definition| {
            let words = definition.descendants().filter_map(|node| node.attribute("value"));
            words.map(str::to_owned).collect()
        });
        assert_eq!(words, known, "{definition}");
    }
}

#[test]
fn statuses() {
    let pattern = defined("Status", |definition| {
        let pattern = definition.descendants().find_map(|node| node.attribute("value")).unwrap();
        regex::Regex::new(&format!("^(?:{pattern})$")).unwrap()
    });
    for status in 0..=999 {
        // The unknown element is always a mistake.
        let rules = format!("<status-code id='404' status='{status:03}'/><x/>");
        let is_refused = mistakes("", &rules).len() == 2;
        assert_eq!(pattern.is_match(&format!("{status:03}")), !is_refused, "{status}");
    }
}
