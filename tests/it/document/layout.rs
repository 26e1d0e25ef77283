//! Laying a document out changes nothing of what it says, and is done once and for all.

use std::path::Path;

use proptest::{prelude::*, sample::Index, test_runner::Config};
use retort::config::{
    self,
    document::{
        self, Element, Node,
        layout::{Content, Kind, Layout},
    },
    href::{Files, HrefError, Target},
};

use super::{SEEDS, mutation::mutation, shape};

#[test]
fn the_seeds() {
    let own = std::fs::read_to_string("tests/data/fmt/untidy.xml").unwrap();
    let well_formed = SEEDS.iter().chain([&own]).filter(|seed| document::parse(seed).is_ok());
    well_formed.for_each(|seed| hold(seed));
}

#[test]
fn line_ends_are_those_of_the_file() {
    let text = "<response-messaging>\r\n<!-- a\nb -->\r\n\r\n\r\n<status-code id='a'><message>c\n</message>";
    let text = format!("{text}</status-code></response-messaging>");
    let laid_out = Layout::read(&text).unwrap().to_string();
    assert_eq!(
        laid_out,
        "<response-messaging>\r\n  <!-- a\nb -->\r\n\r\n  <status-code id=\"a\">\r\n    \
         <message>c\n</message>\r\n  </status-code>\r\n</response-messaging>\r\n"
    );
    hold(&text);
}

#[test]
fn header_fields_of_a_message_are_laid_out_only_where_blanks_are_no_text() {
    let text = "<message href='a'>\n<header name='A'> b </header></message>";
    let laid_out = "<message href=\"a\">\n  <header name=\"A\"> b </header>\n</message>\n";
    assert_eq!(Layout::read(text).unwrap().to_string(), laid_out);
    let text = "<message>\n<header name='A'><item> b </item></header></message>";
    assert_eq!(Layout::read(text).unwrap().to_string(), format!("{text}\n"));
    let text = "<status-code><header name='A'><item> b </item><entry key='c'/></header></status-code>";
    let laid_out = "<status-code>\n  <header name=\"A\">\n    <item> b </item>\n    <entry key=\"c\"/>\n  \
                    </header>\n</status-code>\n";
    assert_eq!(Layout::read(text).unwrap().to_string(), laid_out);
}

#[test]
fn a_tag_is_wrapped_where_it_is_too_wide() {
    let tag = |length| format!("<response-messaging a=\"{}\" b=\"\"/>\n", "x".repeat(length));
    let fits = 120 - (tag(0).len() - 1);
    assert_eq!(Layout::read(&tag(fits)).unwrap().to_string(), tag(fits));
    let wrapped = tag(fits + 1).replace(" b=", &format!("\n{:19} b=", ""));
    assert_eq!(Layout::read(&tag(fits + 1)).unwrap().to_string(), wrapped);
}

#[test]
fn a_comment_begins_before_it_ends() {
    let text =
        "<response-messaging>\n  <!-->-->\n  <status-code><!-->< --></status-code>\n</response-messaging>\n";
    hold(text);
    assert_eq!(Layout::read("<!-->-->\n<a/>\n").unwrap().to_string(), "<!-->-->\n<a/>\n");
}

proptest! {
    #![proptest_config(Config { cases: 512, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_seeds_with_mutations(
        seed in any::<Index>(),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let mut bytes = seed.get(&SEEDS).clone().into_bytes();
        for mutation in mutations {
            mutation.apply(&mut bytes);
        }
        let text = String::from_utf8_lossy(&bytes);
        match document::parse(&text) {
            Ok(_) => hold(&text),
            Err(error) => prop_assert_eq!(Layout::read(&text).unwrap_err().to_string(), error.to_string()),
        }
    }

    /// Blanks, comments and values where they can be.
    #[test]
    fn documents_of_all_shapes(text in element(4)) {
        hold(&text);
    }
}

/// Fails unless the document means the same when laid out, and stays so.
fn hold(text: &str) {
    let laid_out = Layout::read(text).unwrap().to_string();
    let again = Layout::read(&laid_out).unwrap().to_string();
    assert_eq!(again, laid_out, "{text:?}");

    let (before, after) = (document::parse(text).unwrap(), document::parse(&laid_out).unwrap());
    assert_eq!(plain(&before.root), plain(&after.root), "{text:?}");
    assert_eq!(written(text), written(&laid_out), "{text:?}");
    // Where the declaration names another encoding, the text was not made of these bytes.
    if document::decode(text.as_bytes()).is_ok_and(|decoded| decoded == text) {
        assert_eq!(loaded(text), loaded(&laid_out), "{text:?}");
    }
}

/// The tree without blanks between elements and the order of attributes.
fn plain(element: &Element) -> String {
    fn without_blanks(element: &Element) -> Element {
        let mut element = element.clone();
        element.attributes.sort_by_key(|attribute| attribute.name.to_string());
        element.children.retain(|child| child.text().is_none_or(|text| !text.value.trim().is_empty()));
        for child in &mut element.children {
            if let Node::Element(child) = child {
                *child = without_blanks(child);
            }
        }
        element
    }
    shape(&without_blanks(element))
}

/// All comments, instructions and texts, and all values with their names, as they are written.
fn written(text: &str) -> Vec<String> {
    fn walk(kind: &Kind<'_>, out: &mut Vec<String>) {
        match kind {
            // Its encoding may change.
            Kind::Aside(text) if text.starts_with("<?xml ") => {}
            Kind::Aside(text) => out.push((*text).to_owned()),
            Kind::Element(element) => {
                let mut values: Vec<_> =
                    element.attributes.iter().map(|own| format!("{}={}", own.name, own.value)).collect();
                values.sort();
                out.push(element.name.to_owned());
                out.append(&mut values);
                match &element.content {
                    Content::Nothing => {}
                    Content::Text(text) => out.push((*text).to_owned()),
                    Content::Nodes(nodes, _) => nodes.iter().for_each(|node| walk(&node.kind, out)),
                }
            }
        }
    }
    let mut out = Vec::new();
    Layout::read(text).unwrap().nodes.iter().for_each(|node| walk(&node.kind, &mut out));
    out
}

/// The rules, or all that is said about them but for the places.
fn loaded(text: &str) -> String {
    let said = |diagnostics: config::Diagnostics| {
        let mut lines: Vec<_> = diagnostics
            .iter()
            .map(|found| {
                // Some name the line of another place.
                let message = found.message.split(" in line ").next().unwrap();
                format!("{} {} {message}", found.severity, found.code)
            })
            .collect();
        lines.sort();
        lines.join("\n")
    };
    match config::parse(text.as_bytes(), Path::new("rules.xml"), &mut Message) {
        Ok((rules, warnings)) => format!("{rules:?}\n{}", said(warnings)),
        Err(diagnostics) => said(diagnostics),
    }
}

/// A message file that is always there.
struct Message;

impl Files for Message {
    fn read(&mut self, _: &Target) -> Result<String, HrefError> {
        Ok("from a file".to_owned())
    }
}

/// An element of a rules file with what can be around and in it.
fn element(depth: u32) -> impl Strategy<Value = String> {
    let blank = || prop::sample::select(vec!["", " ", "\n", "\r\n", "\n\n\n", "\t\n "]);
    let name =
        || prop::sample::select(vec!["response-messaging", "status-code", "message", "header", "item", "a"]);
    let value =
        prop::sample::select(vec!["'x'", "\"x\"", "'\"'", "\"'\"", "'&lt;&quot;'", "'a\nb'", "\" a  b \""]);
    let attribute = (blank(), prop::sample::select(vec!["id", "href", "media-type", "z"]), value);
    let attributes = prop::collection::vec(attribute, 0..4).prop_map(|attributes| {
        let mut seen = Vec::new();
        let mut out = String::new();
        for (blank, name, value) in attributes {
            if !seen.contains(&name) {
                seen.push(name);
                out += &format!(" {blank}{name}{blank}={value}");
            }
        }
        out
    });
    let leaf = prop::sample::select(vec![
        "text",
        " ",
        "&#32;",
        "&amp;",
        "<!-- c -->",
        "<!--\n c\n-->",
        "<?p i?>",
        "<![CDATA[ <d> ]]>",
        "<![CDATA[]]>",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(depth, 32, 5, move |inner| {
            (name(), attributes.clone(), prop::collection::vec((blank(), inner), 0..5), blank()).prop_map(
                |(name, attributes, children, end)| {
                    let children: String =
                        children.into_iter().map(|(blank, child)| format!("{blank}{child}")).collect();
                    format!("<{name}{attributes}{end}>{children}{end}</{name}{end}>")
                },
            )
        })
        .prop_map(|inner| format!("<response-messaging>{inner}</response-messaging>"))
}
