use retort::template::directive::TABLE;

use super::{retort, run};

#[test]
fn every_directive_is_listed() {
    for form in ["text", "markdown"] {
        let listed = run(retort().args(["directives", "--format", form]));
        assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""));
        for syntax in TABLE.iter().flat_map(|entry| entry.syntax) {
            assert!(listed.stdout.contains(syntax), "{syntax} in {form}");
        }
    }
}

#[test]
fn columns_stand_under_each_other() {
    let listed = run(retort().arg("directives")).stdout;
    let (heading, rows) = listed.split_once('\n').unwrap();
    let values = heading.find("value").unwrap();
    for row in rows.lines() {
        let Some((syntax, value)) = row.split_at_checked(values) else { continue };
        assert!(syntax.ends_with("  ") && !value.starts_with(' '), "{row:?}");
    }
}
