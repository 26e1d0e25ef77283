use std::io;

use super::{retort, run};

#[test]
fn wrong_usage_is_two() {
    let wrong: &[&[&str]] = &[
        &[],
        &["fly"],
        &["check"],
        &["serve", "--upstream", "http://127.0.0.1:1"],
        &["serve", "--rules", "x", "--upstream", "http://127.0.0.1:1", "--read-timeout", "5"],
        &["error-backend"],
        &["error-backend", "--rules", "x", "--upstream", "http://127.0.0.1:1"],
        &["explain", "--rules", "x"],
        &["explain", "--rules", "x", "--status", "99"],
        &["explain", "--rules", "x", "--exchange", "x.json", "--status", "503"],
        &["explain", "--rules", "x", "--exchange", "x.json", "--accept", "*/*"],
    ];
    for arguments in wrong {
        let refused = run(retort().args(*arguments));
        assert_eq!(refused.code, Some(2), "{arguments:?}: {refused:?}");
        assert_eq!(refused.stdout, "", "{arguments:?}");
        assert!(!refused.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_trouble() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = retort().arg("directives").stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
