//! The examples of the README are those of the cases.

use std::{fs, path::Path};

use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    rules: String,
}

#[test]
fn each_example_for_those_who_come_from_elsewhere_is_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let mut examples = 0;
    for example in readme.split("<!-- case: ").skip(1) {
        let (name, rest) = example.split_once(" -->\n```xml\n").expect("an example of XML after the marker");
        let (rules, _) = rest.split_once("```").unwrap();
        let case = fs::read_to_string(root.join(format!("tests/cases/{name}.toml"))).unwrap();
        let case: Case = toml::from_str(&case).unwrap();
        assert_eq!(rules.trim(), case.rules.trim(), "{name}");
        examples += 1;
    }
    assert_eq!(examples, 5);
}
