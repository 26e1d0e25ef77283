//! The XML reader, and what it has to say.

use std::{fs, path::Path, sync::LazyLock};

use retort::config::document::{Element, Node};

mod agreement;
mod diagnostics;
mod encodings;
mod layout;
mod limits;
mod malformed;
mod mutation;
mod places;

/// The documents that the tests start from: those of the repository, and the recorded
/// ones where `RETORT_CONFORMANCE` says that there are some.
static SEEDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/xml");
    let recorded = std::env::var_os("RETORT_CONFORMANCE").map(|path| Path::new(&path).join("configs"));
    let mut paths: Vec<_> = [Some(own), recorded]
        .into_iter()
        .flatten()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
});

/// An element as one line of text, without places: equal for equal trees.
fn shape(element: &Element) -> String {
    let mut attributes = String::new();
    for attribute in &element.attributes {
        let name = expanded(attribute.name.namespace.as_deref(), &attribute.name.local);
        attributes += &format!(" {name}={:?}", attribute.value.value);
    }
    let children: String = element
        .children
        .iter()
        .map(|child| match child {
            Node::Element(element) => shape(element),
            Node::Text(text) => format!("{:?}", text.value),
        })
        .collect();
    let name = expanded(element.name.namespace.as_deref(), &element.name.local);
    format!("({name}{attributes}: {children})")
}

fn expanded(namespace: Option<&str>, local: &str) -> String {
    format!("{{{}}}{local}", namespace.unwrap_or_default())
}
