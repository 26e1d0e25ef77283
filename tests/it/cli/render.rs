use super::{folder, retort, run};

#[test]
fn the_bytes_of_the_message_and_no_more() {
    let folder = folder();
    let arguments = ["render", "--rules", "rules.xml", "--status", "404", "--path", "/a\"b"];
    let rendered = run(retort()
        .current_dir(&folder)
        .args(arguments)
        .args(["--accept", "application/json"])
        .args(["--header", "X-Request-Id: r-1"]));
    assert_eq!((rendered.code, rendered.stderr.as_str()), (Some(0), ""));
    assert_eq!(rendered.stdout, r#"{"status":404,"path":"/a\"b","id":"r-1"}"#);
}

#[test]
fn where_nothing_is_replaced_nothing_is_printed() {
    let folder = folder();
    let arguments = ["render", "--rules", "rules.xml", "--status", "404", "--body", "here"];
    let kept = run(retort().current_dir(&folder).args(arguments));
    assert_eq!((kept.code, kept.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        kept.stderr,
        "retort: nothing to render: the response has content, and the rule is IF_EMPTY\n"
    );
}
