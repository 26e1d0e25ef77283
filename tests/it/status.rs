//! `code-regex`: Java's syntax, the whole status. The expectations were made with `java.util.regex`.

use proptest::prelude::*;
use retort::status::StatusSet;

fn set(expression: &str) -> String {
    match StatusSet::from_regex(expression) {
        Ok(set) => set.to_string(),
        Err(error) => panic!("{expression}: {error}"),
    }
}

#[test]
fn the_whole_status_must_match() {
    for (expression, statuses) in [
        ("404", "404"),
        ("4", ""),
        ("", ""),
        ("4\\d\\d", "400-499"),
        ("4..", "400-499"),
        ("[45]\\d{2}", "400-599"),
        ("4|5\\d\\d", "500-599"),
        ("404|403|418", "403-404,418"),
        ("4xx", ""),
        (" 404", ""),
        ("404 ", ""),
        ("4\\\\d\\\\d", ""),
        ("^4\\d\\d$", "400-499"),
        (".*", "100-999"),
        ("\\d+?", "100-999"),
    ] {
        assert_eq!(set(expression), statuses, "{expression}");
    }
}

#[test]
fn what_java_knows_and_linear_engines_do_not() {
    for (expression, statuses) in [
        ("(?!409)4..", "400-408,410-499"),
        ("4\\d\\d(?<!404)", "400-403,405-499"),
        ("\\d\\d\\d(?<=44)", "144,244,344,444,544,644,744,844,944"),
        ("(?<=^)404", "404"),
        ("(?>4|40)4", ""),
        ("\\d*+4", ""),
        ("4\\d++4", ""),
        ("4{1}+04", "404"),
        ("(40){1,2}+4", "404"),
        ("(\\d)\\1\\1", "111,222,333,444,555,666,777,888,999"),
        ("(?<d>4)\\k<d>\\k<d>", "444"),
        ("(4)\\10", "440"),
        ("(a)?404\\1", ""),
        ("\\1404", ""),
        ("(?=4)*404", "404"),
        ("(?!0){1}404", "404"),
    ] {
        assert_eq!(set(expression), statuses, "{expression}");
    }
}

#[test]
fn what_java_writes_otherwise() {
    for (expression, statuses) in [
        ("\\Q404\\E", "404"),
        ("\\Q404", "404"),
        ("\\Q4.4\\E", ""),
        ("[\\Q4\\E]04", "404"),
        ("\\0644", ""),
        ("\\060\\064", ""),
        ("\\064\\060\\064", "404"),
        ("\\x34\\u0030\\x{34}", "404"),
        ("\\p{Digit}{3}", "100-999"),
        ("\\P{Alpha}04", "104,204,304,404,504,604,704,804,904"),
        ("\\p{javaDigit}{3}", "100-999"),
        ("\\p{IsDigit}\\pN\\p{Nd}", "100-999"),
        ("\\h04", ""),
        ("\\H{3}", "100-999"),
        ("[[:digit:]]{3}", ""),
        ("[4-5&&[^5]]04", "404"),
        ("[4&&]04", "404"),
        ("[a-c4]04", "404"),
        ("[4-]04", "404"),
        ("[4~~5]04", "404,504"),
        ("[]4]04", "404"),
        ("[4[^5]]04", "104,204,304,404,604,704,804,904"),
        ("(?x) 4 0 4 # not found", "404"),
        ("((?x)4 0)4", "404"),
        ("(?x:4 0) 4", ""),
        ("(?i)404", "404"),
        ("404#", ""),
        ("4]04|]", ""),
    ] {
        assert_eq!(set(expression), statuses, "{expression}");
    }
}

#[test]
fn what_java_refuses_is_refused_and_says_where() {
    let refused = |expression: &str| {
        let error = StatusSet::from_regex(expression).expect_err(expression);
        format!("{}..{} {error}", error.span.start, error.span.end)
    };
    assert_eq!(refused("4("), "1..2 unclosed group");
    assert_eq!(refused("4)"), "1..2 unmatched `)`");
    assert_eq!(refused("[4"), "0..1 unclosed character class");
    assert_eq!(refused("*4"), "0..1 nothing to repeat before `*`");
    assert_eq!(refused("4**"), "2..3 nothing to repeat before `*`");
    assert_eq!(refused("4{2"), "1..2 unclosed `{`");
    assert_eq!(refused("4{,3}"), "1..5 not a repetition: `{n}`, `{n,}` or `{n,m}`");
    assert_eq!(refused("4{3,2}"), "1..6 not a repetition: `{n}`, `{n,}` or `{n,m}`");
    assert_eq!(refused("4\\"), "1..2 a backslash at the end");
    assert_eq!(refused("4\\y"), "1..3 unknown escape `\\y`");
    assert_eq!(refused("\\p{Foo}\\d\\d"), "0..2 unknown character property `Foo`");
    assert_eq!(refused("(?P<a>4)04"), "0..2 unknown inline flag");
    assert_eq!(refused("(?#c)404"), "0..2 unknown inline flag");
    assert!(refused("[9-4]04").contains("invalid character class range"));
    for also in
        ["(?z)404", "(?<1a>4)04", "\\k<a>", "\\xg4", "\\0", "+", "?4", "(4", "\\u34", "\\E404", "[4--5]04"]
    {
        refused(also);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_set_or_an_error_within_it(expression in "(\\PC|[\\\\(){}\\[\\]*+?|^$.,0-9&:-]){0,24}") {
        if let Err(error) = StatusSet::from_regex(&expression) {
            prop_assert!(error.span.start <= error.span.end);
            prop_assert!(error.span.end <= expression.len());
        }
    }
}
