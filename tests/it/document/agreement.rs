//! The reader and roxmltree come to the same verdict and the same tree.

use proptest::{prelude::*, sample::Index, test_runner::Config};
use retort::config::document::{self, Error, ErrorKind};

use super::{SEEDS, expanded, mutation::mutation, shape};

#[test]
fn on_the_seeds() {
    SEEDS.iter().for_each(|seed| compare(seed));
}

#[test]
fn on_the_seeds_cut_off_anywhere() {
    for seed in SEEDS.iter() {
        // Every byte of the documents of the repository, which are short.
        for cut in (0..seed.len()).step_by(1 + seed.len() / 1024) {
            match std::str::from_utf8(&seed.as_bytes()[..cut]) {
                Ok(text) => compare(text),
                Err(_) => assert!(document::decode(&seed.as_bytes()[..cut]).is_err()),
            }
        }
    }
}

#[test]
fn on_every_character() {
    // All of the scripts whose characters differ, then the ends of the ranges in XML's grammar.
    let ends = "\u{D7FF}\u{E000}\u{F8FF}\u{F900}\u{FDCF}\u{FDD0}\u{FDEF}\u{FDF0}\u{FFFD}\u{FFFE}\u{FFFF}\
                \u{10000}\u{1FFFE}\u{EFFFF}\u{F0000}\u{10FFFF}";
    for c in ('\0'..='\u{3100}').chain(ends.chars()) {
        for text in [format!("<{c}/>"), format!("<a{c}/>"), format!("<a>{c}</a>")] {
            compare(&text);
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 4096, failure_persistence: None, ..Config::default() })]

    #[test]
    fn on_the_seeds_with_mutations(
        seed in any::<Index>(),
        mutations in prop::collection::vec(mutation(), 1..5),
    ) {
        let mut bytes = seed.get(&SEEDS).clone().into_bytes();
        for mutation in mutations {
            mutation.apply(&mut bytes);
        }
        compare(&String::from_utf8_lossy(&bytes));
    }
}

/// Fails unless both come to the same result.
fn compare(text: &str) {
    // Taken for the byte order mark by roxmltree; here `decode` has removed that one already.
    if text.starts_with('\u{FEFF}') {
        assert!(document::parse(text).is_err());
        return;
    }
    // `prefix:xmlns="…"` declares a default namespace in roxmltree, but not in XML.
    if text.contains(":xmlns") {
        return;
    }
    // `\r&` and `&lt;\r` keep their carriage return in roxmltree. Here it gets the text that XML 1.0,
    // §2.11 says a parser should act as if it had got.
    let normalized = text.replace("\r\n", "\n").replace('\r', "\n");
    match (document::parse(text), peer(&normalized)) {
        (Ok(document), Ok(peer)) => assert_eq!(shape(&document.root), peer, "{text:?}"),
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => assert!(passes_in_peer(&error, text), "{error} at {:?}: {text:?}", error.span),
        // The prefix `xml` needs no declaration, which roxmltree knows for attributes only.
        (Ok(_), Err(roxmltree::Error::UnknownNamespace(prefix, _))) if prefix == "xml" => {}
        (Ok(_), Err(error)) => panic!("refused by roxmltree only: {error}: {text:?}"),
    }
}

/// Whether it is one of the mistakes that roxmltree lets pass.
fn passes_in_peer(error: &Error, text: &str) -> bool {
    let marked = text.get(error.span.clone()).unwrap_or_default();
    let in_instruction = || {
        let before = &text[..error.span.start];
        before.rfind('<').is_some_and(|start| before[start..].starts_with("<?"))
    };
    match &error.kind {
        // It takes `<?xml` without a space, or in capitals, for a processing instruction like others,
        ErrorKind::ReservedTarget(_) => marked.eq_ignore_ascii_case("xml"),
        ErrorKind::MisplacedDeclaration => marked == "<?xml",
        // does not look into the values of a declaration,
        ErrorKind::Declaration | ErrorKind::Version(_) => text.starts_with("<?xml"),
        // and wants no space after a target, which it lets have colons.
        ErrorKind::Unexpected(_) => in_instruction(),
        ErrorKind::Name(name) => name.starts_with(':') || in_instruction(),
        // Numbers of no character become U+FFFD.
        ErrorKind::NotACharacter(_) => {
            let digits = marked.trim_start_matches("&#").trim_end_matches(';');
            let number = match digits.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            char::from_u32(number.unwrap()).is_none()
        }
        // A prefix can be bound to nothing, and `xmlns` to something; the default namespace twice.
        ErrorKind::UndeclaredPrefix(_) => true,
        ErrorKind::ReservedNamespace => marked == "xmlns:xmlns",
        ErrorKind::DuplicateAttribute(name) => name == "xmlns",
        _ => false,
    }
}

/// What roxmltree makes of a document.
fn peer(text: &str) -> Result<String, roxmltree::Error> {
    let document = roxmltree::Document::parse(text)?;
    Ok(peer_shape(document.root_element()))
}

fn peer_shape(element: roxmltree::Node<'_, '_>) -> String {
    let name = expanded(element.tag_name().namespace(), element.tag_name().name());
    let attributes: String = element
        .attributes()
        .map(|attribute| {
            format!(" {}={:?}", expanded(attribute.namespace(), attribute.name()), attribute.value())
        })
        .collect();
    let (mut children, mut text) = (String::new(), String::new());
    for child in element.children() {
        text += child.text().filter(|_| child.is_text()).unwrap_or_default();
        if child.is_element() {
            flush(&mut text, &mut children);
            children += &peer_shape(child);
        }
    }
    flush(&mut text, &mut children);
    format!("({name}{attributes}: {children})")
}

/// Text is one piece between two tags here, but one between two markups in roxmltree.
fn flush(text: &mut String, children: &mut String) {
    if !text.is_empty() {
        *children += &format!("{text:?}");
        text.clear();
    }
}
