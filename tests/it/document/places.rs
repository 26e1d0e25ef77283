//! Everything that is read knows where it stands.

use retort::config::document::{self, Element, Node, Text};

use super::SEEDS;

#[test]
fn of_every_name_and_character_of_the_seeds() {
    let mut checked = 0;
    for seed in SEEDS.iter() {
        if let Ok(document) = document::parse(seed) {
            check_element(&document.root, seed);
            checked += 1;
        }
    }
    // The eight of the repository, and those of the recorded ones that are not cut off.
    assert!(checked >= 8);
}

fn check_element(element: &Element, source: &str) {
    let tag = &source[element.span.clone()];
    assert!(tag.starts_with('<') && tag.ends_with('>'), "{tag}");
    assert_eq!(source[element.name_span.clone()], element.name.to_string());
    for attribute in &element.attributes {
        assert_eq!(source[attribute.name_span.clone()], attribute.name.to_string());
        check_text(&attribute.value, source);
    }
    for child in &element.children {
        match child {
            Node::Element(element) => check_element(element, source),
            Node::Text(text) => check_text(text, source),
        }
    }
}

/// Each character of the value is what its place in the source says, and the places are in order.
fn check_text(text: &Text, source: &str) {
    let mut last = text.span().start;
    for (at, c) in text.value.char_indices() {
        let span = text.source_span(at..at + c.len_utf8());
        assert!(last <= span.start && span.end <= text.span().end);
        last = span.end;
        let written = &source[span];
        let meant = match written {
            reference if reference.len() > 1 && reference.starts_with('&') => {
                roxmltree::Document::parse(&format!("<a>{reference}</a>"))
                    .unwrap()
                    .root_element()
                    .text()
                    .unwrap()
                    .to_owned()
            }
            "\r\n" | "\r" if c == '\n' => "\n".to_owned(),
            "\r\n" | "\r" | "\n" | "\t" if c == ' ' => " ".to_owned(),
            same => same.to_owned(),
        };
        assert_eq!(meant, c.to_string());
    }
}

#[test]
fn of_ranges_across_markup() {
    let source = "<a>one &amp;<![CDATA[ two\r\nthree]]><!-- - --> four</a>";
    let root = document::parse(source).unwrap().root;
    let [Node::Text(text)] = root.children.as_slice() else { panic!("{root:?}") };
    assert_eq!(text.value, "one & two\nthree four");
    let written = |part: &str| {
        let at = text.value.find(part).unwrap();
        &source[text.source_span(at..at + part.len())]
    };
    assert_eq!(written("one"), "one");
    assert_eq!(written("&"), "&amp;");
    assert_eq!(written("e &"), "e &amp;");
    assert_eq!(written("two"), "two");
    assert_eq!(written("o\nt"), "o\r\nt");
    assert_eq!(written("& two"), "&amp;<![CDATA[ two");
    assert_eq!(written("three four"), "three]]><!-- - --> four");
    assert_eq!(&source[text.span()], "one &amp;<![CDATA[ two\r\nthree]]><!-- - --> four");
}

#[test]
fn of_empty_ranges() {
    let source = "<a b='' c='&lt;d'/>";
    let root = document::parse(source).unwrap().root;
    let [empty, value] = root.attributes.as_slice() else { panic!("{root:?}") };
    assert_eq!(empty.value.span(), 6..6);
    assert_eq!(empty.value.source_span(0..0), 6..6);
    assert_eq!(value.value.value, "<d");
    assert_eq!(value.value.source_span(0..0), 11..11);
    assert_eq!(value.value.source_span(1..1), 15..15);
    assert_eq!(value.value.source_span(2..2), 16..16);
    // Past the end is the end.
    assert_eq!(value.value.source_span(1..9), 15..16);
    assert_eq!(value.value.source_span(7..9), 16..16);
}

#[test]
fn of_the_open_element_in_the_help_for_a_wrong_end_tag() {
    let error = document::parse("<a>\n  <b\n>\n</c></a>").unwrap_err();
    assert_eq!(error.kind.help().as_deref(), Some("`<b>` is open since line 2"));
}
