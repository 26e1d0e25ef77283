use super::{retort, run};

#[test]
fn a_variable_that_is_no_setting_is_told_of() {
    let warned = run(retort().arg("directives").env("RETORT_UPSTREEM", "http://127.0.0.1:1"));
    assert_eq!(warned.code, Some(0));
    assert_eq!(
        warned.stderr,
        "retort: warning: the variable RETORT_UPSTREEM is not a setting; did you mean RETORT_UPSTREAM?\n"
    );
}

#[test]
fn colours_are_used_when_asked_for() {
    let warned =
        |when: &str| run(retort().args(["directives", "--color", when]).env("RETORT_XYZZY", "1")).stderr;
    assert!(warned("always").starts_with("retort: \x1b[1;33mwarning:\x1b[0m "));
    assert!(warned("never").starts_with("retort: warning: "));
    assert!(warned("auto").starts_with("retort: warning: "), "not a terminal");
}
