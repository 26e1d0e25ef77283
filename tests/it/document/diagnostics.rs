//! How a mistake is shown.

use std::{ops::Range, sync::Arc};

use insta::assert_snapshot;
use retort::config::{
    diagnostic::{Diagnostic, Diagnostics, Position, Severity, Source},
    document,
};

const RULES: &str = "\
<rules>\r
\t<status-code id=\"x\" codeRegexp=\"4..\">\r
  <message>\u{65E5}\u{672C} %{nope}z x\u{301} \u{1F600} end</message>
</rules>";

/// A diagnostic that marks the first place where `marked` stands.
fn marking(text: &str, marked: &str) -> Diagnostic {
    let start = text.find(marked).unwrap();
    diagnostic(text, Some(start..start + marked.len()))
}

fn diagnostic(text: &str, span: Option<Range<usize>>) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "some-code",
        message: "what is wrong".into(),
        source: Arc::new(Source::new("conf/rules.xml", text)),
        span,
        help: None,
    }
}

#[test]
fn a_mistake_has_a_line_an_excerpt_and_help() {
    let mut diagnostic = marking(RULES, "codeRegexp");
    diagnostic.message = "unknown attribute `codeRegexp`".into();
    diagnostic.help = Some("did you mean `code-regex`?".into());
    assert_snapshot!(diagnostic, @r#"
    conf/rules.xml:2:22: error: unknown attribute `codeRegexp`
       |
     2 |     <status-code id="x" codeRegexp="4..">
       |                         ^^^^^^^^^^
       = help: did you mean `code-regex`?
    "#);
}

#[test]
fn a_warning_says_so() {
    let mut diagnostic = marking(RULES, "id");
    diagnostic.severity = Severity::Warning;
    assert_snapshot!(diagnostic, @r#"
    conf/rules.xml:2:15: warning: what is wrong
       |
     2 |     <status-code id="x" codeRegexp="4..">
       |                  ^^
    "#);
}

#[test]
fn a_mistake_of_the_whole_file_has_no_place() {
    let mut diagnostic = diagnostic(RULES, None);
    diagnostic.help = Some("mend it".into());
    assert_snapshot!(diagnostic, @r"
    conf/rules.xml: error: what is wrong
     = help: mend it
    ");
}

#[test]
fn a_file_that_could_not_be_read_has_no_places() {
    assert_snapshot!(diagnostic("", Some(0..0)), @"conf/rules.xml: error: what is wrong");
}

#[test]
fn wide_and_combining_characters_keep_the_carets_in_line() {
    assert_snapshot!(marking(RULES, "%{nope}z"), @r"
    conf/rules.xml:3:15: error: what is wrong
       |
     3 |   <message>日本 %{nope}z x́ 😀 end</message>
       |                 ^^^^^^^^
    ");
    assert_snapshot!(marking(RULES, "\u{1F600}"), @r"
    conf/rules.xml:3:27: error: what is wrong
       |
     3 |   <message>日本 %{nope}z x́ 😀 end</message>
       |                            ^^
    ");
}

#[test]
fn a_span_of_several_lines_is_marked_on_the_first() {
    assert_snapshot!(marking(RULES, "\"4..\">\r\n  <message>"), @r#"
    conf/rules.xml:2:33: error: what is wrong
       |
     2 |     <status-code id="x" codeRegexp="4..">
       |                                    ^^^^^^
    "#);
}

#[test]
fn the_end_of_the_file_and_of_a_line_can_be_marked() {
    assert_snapshot!(diagnostic("one\ntwo\n", Some(8..8)), @r"
    conf/rules.xml:3:1: error: what is wrong
       |
     3 |
       | ^
    ");
    assert_snapshot!(diagnostic("one\r\ntwo", Some(3..5)), @r"
    conf/rules.xml:1:4: error: what is wrong
       |
     1 | one
       |    ^
    ");
    // A span that is past the end is at the end.
    assert_snapshot!(diagnostic("one", Some(90..99)), @r"
    conf/rules.xml:1:4: error: what is wrong
       |
     1 | one
       |    ^
    ");
}

#[test]
fn the_margin_is_as_wide_as_the_number() {
    let text = "\n".repeat(1233) + "here";
    assert_snapshot!(marking(&text, "here"), @r"
    conf/rules.xml:1234:1: error: what is wrong
          |
     1234 | here
          | ^^^^
    ");
}

#[test]
fn long_lines_are_cut_around_the_mistake() {
    let text = format!("{}<here>{}", "a".repeat(1000), "z".repeat(1000));
    assert_snapshot!(marking(&text, "here"), @r"
    conf/rules.xml:1:1002: error: what is wrong
       |
     1 | …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa<here>zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…
       |                                          ^^^^
    ");
    // Near an end of the line, the room goes to the other side.
    let text = format!("{}<here>", "a".repeat(1000));
    assert_snapshot!(marking(&text, "here"), @r"
    conf/rules.xml:1:1002: error: what is wrong
       |
     1 | …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa<here>
       |                                                                                                                     ^^^^
    ");
    // The carets end where the excerpt does.
    let text = format!("ab{}", "z".repeat(1000));
    assert_snapshot!(diagnostic(&text, Some(2..1002)), @r"
    conf/rules.xml:1:3: error: what is wrong
       |
     1 | abzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…
       |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn nothing_in_a_file_drives_the_terminal() {
    let hostile = "a\u{1b}[2J\u{9b}1m\u{7f}\u{202e}b\0c\rd";
    let mut diagnostic = marking(hostile, "b");
    diagnostic.message = format!("unknown `{hostile}`\nsecond.xml:1:1: error: forged");
    diagnostic.help = Some(hostile.into());
    let shown = format!("{diagnostic}");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
    assert_snapshot!(shown, @r"
    conf/rules.xml:1:11: error: unknown `a␛[2J�1m␡�b␀c␍d`␊second.xml:1:1: error: forged
       |
     1 | a␛[2J�1m␡�b␀c␍d
       |           ^
       = help: a␛[2J�1m␡�b␀c␍d
    ");
}

#[test]
fn colors_are_there_when_asked_for_and_change_nothing_else() {
    let mut diagnostic = marking(RULES, "codeRegexp");
    diagnostic.help = Some("mend it".into());
    let colored = diagnostic.colored().to_string();
    assert_snapshot!(colored.replace('\u{1b}', "^"), @r#"
    ^[1mconf/rules.xml:2:22:^[0m ^[1;31merror^[0m^[1m: what is wrong^[0m
       ^[1;34m|^[0m
     ^[1;34m2 |^[0m     <status-code id="x" codeRegexp="4..">
       ^[1;34m|^[0m                         ^[1;31m^^^^^^^^^^^[0m
       ^[1;34m=^[0m ^[1mhelp:^[0m mend it
    "#);
    let mut plain = colored;
    for code in ["\u{1b}[1;31m", "\u{1b}[1;34m", "\u{1b}[1m", "\u{1b}[0m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, diagnostic.to_string());
}

#[test]
fn machines_get_the_same() {
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(marking(RULES, "\"4..\">\r\n  <message>"));
    diagnostics.extend([Diagnostic {
        severity: Severity::Warning,
        help: Some("mend it".into()),
        ..diagnostic("", Some(0..0))
    }]);
    assert_snapshot!(serde_json::to_string_pretty(&diagnostics).unwrap(), @r#"
    [
      {
        "severity": "error",
        "code": "some-code",
        "message": "what is wrong",
        "file": "conf/rules.xml",
        "line": 2,
        "column": 33,
        "end_line": 3,
        "end_column": 12,
        "help": null
      },
      {
        "severity": "warning",
        "code": "some-code",
        "message": "what is wrong",
        "file": "conf/rules.xml",
        "line": null,
        "column": null,
        "end_line": null,
        "end_column": null,
        "help": "mend it"
      }
    ]
    "#);
}

#[test]
fn diagnostics_are_sorted_by_file_and_place() {
    let sources = ["b.xml", "a.xml"].map(|path| Arc::new(Source::new(path, "12345")));
    let mut diagnostics = Diagnostics::default();
    for (file, place, message) in
        [(0, 3, "one"), (1, 4, "two"), (0, 1, "three"), (0, 3, "four"), (1, 2, "five")]
    {
        diagnostics.push(Diagnostic {
            message: message.into(),
            source: Arc::clone(&sources[file]),
            severity: if file == 0 { Severity::Error } else { Severity::Warning },
            ..diagnostic("", Some(place..place + 1))
        });
    }
    diagnostics.sort();
    let messages: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    assert_eq!(messages, ["five", "two", "three", "one", "four"]);
    assert!(diagnostics.has_errors() && !diagnostics.is_empty());
    assert_eq!((diagnostics.len(), diagnostics.errors().count(), diagnostics.warnings().count()), (5, 3, 2));

    let warnings: Vec<_> = diagnostics.into_iter().filter(|one| one.severity == Severity::Warning).collect();
    let mut diagnostics = Diagnostics::default();
    diagnostics.extend(warnings);
    assert!(!diagnostics.has_errors());
    assert_snapshot!(diagnostics, @r"
    a.xml:1:3: warning: five
       |
     1 | 12345
       |   ^

    a.xml:1:5: warning: two
       |
     1 | 12345
       |     ^
    ");
}

#[test]
fn a_malformed_document_is_shown_like_this() {
    let text = "<rules>\n  <status-code>\n    <message>Salt & pepper</message>\n  </rules>\n";
    let show = |text: &str| {
        let document::Error { kind, span } = document::parse(text).unwrap_err();
        Diagnostic {
            code: kind.code(),
            message: kind.to_string(),
            help: kind.help(),
            ..diagnostic(text, Some(span))
        }
    };
    assert_snapshot!(show(text), @r"
    conf/rules.xml:3:19: error: `&` starts no reference here
       |
     3 |     <message>Salt & pepper</message>
       |                   ^
       = help: write `&amp;`, or put the text into <![CDATA[ and ]]>
    ");
    assert_snapshot!(show(&text.replace('&', "&amp;")), @r"
    conf/rules.xml:4:3: error: expected `</status-code>`, found `</rules>`
       |
     4 |   </rules>
       |   ^^^^^^^^
       = help: `<status-code>` is open since line 2
    ");
}

/// What a position is, counted the slow way.
fn counted(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Position { line: 1 + before.matches('\n').count(), column: 1 + before[line_start..].chars().count() }
}

#[test]
fn positions_are_right_in_long_lines_and_long_files() {
    let line = "é\u{1F600}a".repeat(2000);
    for text in [format!("{line}\n{line}\r\n\n{line}"), "a\n\u{65E5}\n".repeat(4000), String::new()] {
        let source = Source::new("a", text.as_str());
        for (at, _) in text.char_indices().step_by(97).chain([(text.len(), ' ')]) {
            assert_eq!(source.position(at), counted(&text, at), "at {at}");
        }
    }
}

#[test]
fn many_mistakes_in_a_huge_line_are_found_quickly() {
    // Counting from the start of the line for each would take minutes.
    let text = "é".repeat(4 << 20);
    let source = Source::new("a", text.as_str());
    for at in (0..text.len()).step_by(512) {
        assert_eq!(source.position(at), Position { line: 1, column: at / 2 + 1 });
    }
}
