//! What is wrong with a template, and where.

use retort::template::{Escape, Expose, Syntax, Template, directive};

use super::{mistakes, warnings};

#[test]
fn mistakes_are_reported_together_and_point_to_their_place() {
    assert_eq!(
        mistakes("é %z %!s %403404,500s %{D DATE X}i %{yyyy-foo XXXX}t %404d"),
        [
            ("unknown-directive", "%z"),
            ("empty-status-list", "%!s"),
            ("glued-statuses", "403404"),
            ("unknown-date-format", "X"),
            ("unsupported-time-pattern", "f"),
            ("unsupported-time-pattern", "oo"),
            ("unsupported-time-pattern", "XXXX"),
            ("unknown-directive", "%404d"),
        ]
    );
    assert_eq!(
        mistakes("%{X DATE UNIX FOO}i"),
        [("unknown-date-format", "UNIX"), ("unknown-date-format", "FOO")]
    );
}

#[test]
fn warnings_point_to_their_place() {
    for (text, expected) in [
        ("100% é", vec![("literal-percent", "%")]),
        ("é %{dd+MMM}t", vec![("literal-directive", "%{dd+MMM}t")]),
        ("%404{foo}s", vec![("ignored-braces", "{foo}")]),
        ("%o", vec![("no-field-name", "%o")]),
        ("%{X foo}i", vec![("unknown-conversion", "foo")]),
        ("%{X DATE }i", vec![("no-date-format", "DATE")]),
        ("%{X DATE ISO_8601 rfc_1123 a, b}i", vec![("ignored-words", "a, b")]),
        ("%{c}A %{ms}T %{min}T", vec![("ignored-braces", "{c}"), ("ignored-braces", "{min}")]),
        ("%{:-none}i", vec![("no-field-name", "%{:-none}i")]),
        ("%{X foo:-none}i", vec![("unknown-conversion", "foo")]),
        ("%{X}i %s", vec![]),
    ] {
        assert_eq!(warnings(text), expected, "{text}");
    }
}

#[test]
fn every_message_reads_well() {
    let errors = |text: &str| -> Vec<String> {
        let errors = Template::parse(text, Syntax::new(Escape::Text)).unwrap_err();
        errors.iter().map(|error| format!("{} ({})", error.kind, error.kind.help().unwrap())).collect()
    };
    assert_eq!(
        errors("%z %I %!s %403404s %{D DATE iso}i %{YYYY-MM-ddTHH}t %{XXXX}t"),
        [
            "unknown directive `%z` (a percent sign is written `%%`)",
            "unknown directive `%I` (Apache's `%I` (bytes received) is not supported; a percent sign is written `%%`; did you mean `%i`?)",
            "`!` without a list of statuses (write the statuses after it, as in `%!200,304s`; for a percent sign write `%%`)",
            "`403404` is not a status (write statuses of three digits with commas: `%403,404s`)",
            "unknown date format `iso` (the formats are RFC_1123 and ISO_8601)",
            "unsupported letter `T` in a time pattern (write it in quotes: `%{yyyy-MM-dd'T'HH:mm:ss}t`)",
            "unsupported letters `XXXX` in a time pattern (write X, XX or XXX, not 4 of them)",
        ]
    );
}

#[test]
fn the_table_of_directives_holds_what_it_says() {
    let expose = Expose::new(["name", "NAME"].map(str::to_owned));
    for entry in &directive::TABLE {
        for syntax in entry.syntax {
            let text = syntax.replace("out", "ISO_8601").replace("in}", "RFC_1123}");
            let text = text.replace("pattern", "yyyy").replace("{name}x", "{reason}x");
            let parsed =
                Template::parse(&text, Syntax { escape: Escape::Text, expose: &expose }).expect(syntax);
            assert_eq!(parsed.warnings, [], "{syntax}");
            assert!(syntax.ends_with(entry.letter));
        }
    }
    let letters: std::collections::BTreeSet<_> = directive::TABLE.iter().map(|entry| entry.letter).collect();
    assert_eq!(letters.len(), directive::TABLE.len());
}

#[test]
fn secrets_are_refused_unless_exposed() {
    for (text, expected) in [
        ("%{authorization}i", "authorization"),
        ("%{Proxy-Authorization}i", "Proxy-Authorization"),
        ("a %{X?Cookie:-none}i", "Cookie"),
        ("%{Set-Cookie}o", "Set-Cookie"),
        ("%{ a ? sid }C", "a"),
        ("%{HOME:-/}e", "HOME"),
    ] {
        assert_eq!(mistakes(text).first(), Some(&("not-exposed", expected)), "{text}");
        let expose = Expose::new([expected.to_owned(), "sid".to_owned()]);
        assert!(Template::parse(text, Syntax { escape: Escape::Text, expose: &expose }).is_ok(), "{text}");
    }
    // Names of cookies and variables have a case.
    let expose = Expose::new(["SID".to_owned(), "AUTHORIZATION".to_owned()]);
    let parses = |text| Template::parse(text, Syntax { escape: Escape::Text, expose: &expose }).is_ok();
    assert!(parses("%{Authorization}i") && parses("%{SID}C") && !parses("%{sid}C"));
}

#[test]
fn names_that_cannot_be() {
    for (text, expected) in [
        ("a %C", ("invalid-name", "%C")),
        ("%{}e", ("invalid-name", "%{}e")),
        ("%{a b}C", ("invalid-name", "a b")),
        ("%{A=B}e", ("invalid-name", "A=B")),
        ("%{:-x}Q", ("invalid-name", "%{:-x}Q")),
        ("%{A?}i", ("invalid-name", "%{A?}i")),
        ("%{A?B:C}o", ("invalid-name", "B:C")),
        ("%{body?reasn}x", ("unknown-value", "reasn")),
        ("%{body:a/b}x", ("invalid-pointer", "a/b")),
        ("%{rule?body:/~2:-x}x", ("invalid-pointer", "/~2")),
        ("%{HH 'h}t", ("unsupported-time-pattern", "'h")),
    ] {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
}

#[test]
fn a_header_field_has_one_line() {
    let mistakes = |text: &'static str| -> Vec<(&str, &str)> {
        let errors = Template::parse(text, Syntax::new(Escape::Header)).unwrap_err();
        errors.into_iter().map(|error| (error.kind.code(), &text[error.span])).collect()
    };
    assert_eq!(mistakes(r"é a\nb%s\n"), [("control-character", r"\n"), ("control-character", r"\n")]);
    assert_eq!(
        mistakes("\n a\r\nb\u{85}c\0d "),
        ["\r", "\n", "\u{85}", "\0"].map(|c| ("control-character", c))
    );
    // What is around it is no part of the value.
    let parsed = Template::parse("\n  \\ta\\tb %s\\t\r\n ", Syntax::new(Escape::Header)).unwrap();
    assert_eq!(parsed.template.to_string(), "a\tb %s");
}

#[test]
fn the_messages_about_names_read_well() {
    let errors = |text: &str, escape| -> Vec<String> {
        let errors = Template::parse(text, Syntax::new(escape)).unwrap_err();
        errors.iter().map(|error| format!("{} ({})", error.kind, error.kind.help().unwrap())).collect()
    };
    assert_eq!(
        errors("%{Cookie}i %{sid}C %{HOME}e %C %{a b}C %{reasn}x %{what}x %{body:a}x %{'}t", Escape::Text),
        [
            "the header field `Cookie` is not exposed (it may hold a secret; to print it all the same, list it on the root element: `expose=\"Cookie\"`)",
            "the cookie `sid` is not exposed (it may hold a secret; to print it all the same, list it on the root element: `expose=\"sid\"`)",
            "the environment variable `HOME` is not exposed (it may hold a secret; to print it all the same, list it on the root element: `expose=\"HOME\"`)",
            "`%C` without a name (write a name between the braces: `%{name}C`)",
            "`%C` cannot have the name `a b` (write a name between the braces: `%{name}C`)",
            "unknown value `reasn` (did you mean `reason`?)",
            "unknown value `what` (the names are body, reason, rule, message, source, cause, upstream, trace-id, span-id, hostname, language)",
            "`a` is not a JSON pointer (write a slash before each step, as in `%{body:/errors/0/detail}x`; within one `/` is written `~1`, `~` is `~0`)",
            "a quote in a time pattern does not end (close it, as in `'T'`; a quote itself is written `''`)",
        ]
    );
    assert_eq!(
        errors("a\\nb\u{1}c", Escape::Header),
        [
            "a header field cannot hold a line break (write the value on one line; for several lines of one name repeat the `<header>` with `action=\"add\"`)",
            "a header field cannot hold the control character U+0001 (write the value on one line; for several lines of one name repeat the `<header>` with `action=\"add\"`)",
        ]
    );
    let help = |text: &str| {
        let parsed = Template::parse(text, Syntax::new(Escape::Text)).unwrap();
        parsed.warnings[0].kind.help().unwrap()
    };
    assert_eq!(help("%{min}T"), "write `%T` or `%{s}T` or `%{ms}T` or `%{us}T`");
    assert_eq!(help("%{x}m"), "write `%m`");
}
