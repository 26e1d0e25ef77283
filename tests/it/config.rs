//! Rules files: what is accepted, what is refused, and what the user is told.

mod conditions;
mod fields;
mod messages;
mod mistakes;
mod replies;
mod rules;

use std::{fmt::Write as _, fs, path::Path};

use proptest::prelude::*;
use retort::config::{self, Diagnostics, Refused, href::Disk};

const NAMESPACE: &str = "http://docs.openrepose.org/repose/response-messaging/v1.0";

fn parse(document: &str) -> Result<(retort::Rules, Diagnostics), Diagnostics> {
    config::parse(document.as_bytes(), Path::new("rules.xml"), &mut Disk::default())
}

/// `line:column code` of every error and warning of a document.
fn found(document: &str) -> Vec<String> {
    let diagnostics = parse(document).map_or_else(|refused| refused, |(_, warnings)| warnings);
    let line = |diagnostic: &config::Diagnostic| {
        let position = diagnostic.positions().map(|span| span.start);
        let place = position.map_or("-".into(), |at| format!("{}:{}", at.line, at.column));
        let severity = if diagnostic.severity == config::Severity::Error { "error" } else { "warning" };
        format!("{place} {severity} {}", diagnostic.code)
    };
    diagnostics.iter().map(line).collect()
}

fn wrap(rules: &str) -> String {
    format!("<response-messaging xmlns=\"{NAMESPACE}\">\n{rules}\n</response-messaging>")
}

/// A file with one rule for all errors of clients.
fn rule(attributes: &str, children: &str) -> String {
    wrap(&format!("<status-code id='a' code-regex='4..' {attributes}>{children}</status-code>"))
}

/// The code of every error and warning of a document, and the text that it points at.
fn pointed(document: &str) -> Vec<(&'static str, &str)> {
    let diagnostics = parse(document).map_or_else(|refused| refused, |(_, warnings)| warnings);
    let pointed = diagnostics.iter().map(|diagnostic| {
        let text = diagnostic.span.clone().and_then(|span| document.get(span));
        (diagnostic.code, text.unwrap_or("(no place)"))
    });
    pointed.collect()
}

#[test]
fn a_good_file_has_nothing_to_say_about() {
    let document = wrap(
        r#"<!-- limits -->
        <status-code id="limits" code-regex="413|429" overwrite="ALWAYS">
            <message media-type="application/json" content-type="application/problem+json"><![CDATA[
                {"title":"Over limit","status":%s,"instance":"%U","requestId":"%g"}]]></message>
            <message media-type="*/*">Over limit</message>
        </status-code>
        <status-code id="518"><message>Teapot relocated</message></status-code>"#,
    );
    let (rules, warnings) = parse(&document).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert!(warnings.is_empty(), "{warnings}");
    let ids: Vec<_> = rules.iter().map(|rule| (rule.id().to_string(), rule.statuses().to_string())).collect();
    assert_eq!(ids, [("limits".into(), "413,429".into()), ("518".into(), "518".to_owned())]);
    assert_eq!(rules.message_count(), 3);
}

#[test]
fn no_rules_are_rules_too() {
    for document in [wrap(""), format!("<response-messaging xmlns='{NAMESPACE}'/>")] {
        assert_eq!(parse(&document).unwrap().0.iter().len(), 0);
    }
}

#[test]
fn all_mistakes_in_one_run() {
    let document = wrap(
        "<status-code id=\"a\" codeRegexp=\"4..\" overwrite=\"always\">\n\
           <message media-type=\"text/*\">%z</message>\n\
           <mesage>x</mesage>\n\
         </status-code>\n\
         <status-code code-regex=\"4(\">\n\
           <message content-type=\"text/html; charset=latin1\">50% of %{x</message>\n\
         </status-code>\n\
         <status-code id=\"a\" code-regex=\"5..\">stray</status-code>",
    );
    assert_eq!(
        found(&document),
        [
            "2:21 error unknown-attribute",
            "2:49 error invalid-value",
            "3:22 error invalid-media-type",
            "3:30 error unknown-directive",
            "4:1 error unknown-element",
            "6:1 error missing-attribute",
            "6:27 error invalid-regex",
            "7:24 error charset",
            "7:53 warning literal-percent",
            "7:58 warning literal-percent",
            "9:1 error no-message",
            "9:18 error duplicate-id",
            "9:38 error stray-text",
        ]
    );
}

#[test]
fn what_users_are_told() {
    let diagnostics =
        parse(&wrap("<status-code id=\"a\" codeRegex=\"4..\"><message/></status-code>")).unwrap_err();
    insta::assert_snapshot!(diagnostics, @r#"
    rules.xml:2:21: error: unknown attribute `codeRegex` of `status-code`
       |
     2 | <status-code id="a" codeRegex="4.."><message/></status-code>
       |                     ^^^^^^^^^
       = help: did you mean `code-regex`?
    "#);
}

#[test]
fn warnings_do_not_refuse() {
    let cases = [
        (
            "<status-code id='a' code-regex='4\\\\d\\\\d'><message/></status-code>",
            "2:34 warning double-backslash",
        ),
        ("<status-code id='a' code-regex='4'><message/></status-code>", "2:33 warning matches-no-status"),
        (
            "<status-code id='a' code-regex='4..'><message/></status-code>\
             <status-code id='b' code-regex='404'><message/></status-code>",
            "2:62 warning unreachable-rule",
        ),
        (
            "<status-code id='a' code-regex='4..'><message/><message media-type='*/*'/></status-code>",
            "2:48 warning unreachable-message",
        ),
        (
            "<status-code id='a' code-regex='4..'><message media-type='application/json'>{}</message></status-code>",
            "2:59 warning sent-as-plain-text",
        ),
        (
            "<status-code id='a' code-regex='4..'><message media-type=' a/b '/></status-code>",
            "2:59 warning blank-in-media-type",
        ),
        (
            "<status-code id='a' code-regex='4..'><message content-type='application/json'>{\"a\":%U}</message></status-code>",
            "2:79 warning not-well-formed",
        ),
        (
            "<status-code id='a' code-regex='4..'><message content-type='application/xml'>%U</message></status-code>",
            "2:78 warning not-well-formed",
        ),
        (
            "<status-code id='a' code-regex='4..' overwrite-origin='true'><message/></status-code>",
            "2:38 warning legacy-attribute",
        ),
    ];
    for (rules, warning) in cases {
        assert!(parse(&wrap(rules)).is_ok(), "{rules}");
        assert_eq!(found(&wrap(rules)), [warning], "{rules}");
    }
}

#[test]
fn namespaces() {
    let document = |namespace: &str| format!("<response-messaging {namespace}/>");
    assert!(found(&document(&format!("xmlns='{NAMESPACE}'"))).is_empty());
    let old = "http://docs.rackspacecloud.com/repose/response-messaging/v1.0";
    assert_eq!(found(&document(&format!("xmlns='{old}'"))), ["1:1 warning old-namespace"]);
    let older = "http://docs.rackspacecloud.com/power-api/response-messaging/v1.0";
    assert_eq!(found(&document(&format!("xmlns='{older}'"))), ["1:1 warning old-namespace"]);
    assert_eq!(found(&document("")), ["1:1 warning no-namespace"]);
    assert_eq!(found(&document("xmlns='urn:x'")), ["1:1 error wrong-root"]);
    assert_eq!(found("<rules/>"), ["1:1 warning no-namespace", "1:1 error wrong-root"]);
    let foreign = format!("<response-messaging xmlns='{NAMESPACE}' xmlns:x='urn:x' x:schemaLocation='a b'/>");
    assert!(found(&foreign).is_empty());
    let child = wrap("<status-code xmlns='urn:x' id='a' code-regex='4..'/>");
    assert_eq!(found(&child), ["2:1 error unknown-element"]);
}

#[test]
fn old_versions_said_otherwise_when_to_replace() {
    let overwrite = |rule: &str, message: &str| {
        let rules = format!("<status-code id='a' code-regex='4..' {rule}><message {message}/></status-code>");
        let (rules, _) = parse(&wrap(&rules)).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        format!("{:?}", rules.iter().next().unwrap().overwrite())
    };
    assert_eq!(overwrite("", ""), "IfEmpty");
    assert_eq!(overwrite("overwrite='ALWAYS'", ""), "Always");
    assert_eq!(overwrite("overwrite-origin='true'", ""), "Always");
    assert_eq!(overwrite("overwrite-origin='false'", ""), "IfEmpty");
    assert_eq!(overwrite("", "prepend-origin='false'"), "Always");
    assert_eq!(overwrite("overwrite='IF_EMPTY'", "prepend-origin='false'"), "IfEmpty");
    let prepend = wrap("<status-code id='a' code-regex='4..'><message prepend-origin='true'/></status-code>");
    assert_eq!(found(&prepend), ["2:47 error prepend-origin"]);
    assert!(parse(&prepend).unwrap_err().to_string().contains("%{body}x"));
}

#[test]
fn in_a_file_of_prepend_origin_times_absence_meant_always() {
    let rules = "<status-code id='a' code-regex='4..'><message prepend-origin='false'/></status-code>\
                 <status-code id='b' code-regex='5..'><message/></status-code>";
    let (rules, _) = parse(&wrap(rules)).unwrap();
    let overwrites: Vec<_> = rules.iter().map(|rule| format!("{:?}", rule.overwrite())).collect();
    assert_eq!(overwrites, ["Always", "Always"]);
}

#[test]
fn message_files() {
    let directory = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("messages")).unwrap();
    fs::write(path("messages/good.txt"), "\u{feff}from a file: %s\n").unwrap();
    fs::write(path("latin1.txt"), b"caf\xe9").unwrap();
    fs::write(path("large.txt"), vec![b'x'; (1 << 20) + 1]).unwrap();
    fs::write(path("bad.txt"), "one\ntwo %z\n").unwrap();
    fs::write(outside.path().join("x.txt"), "x").unwrap();
    std::os::unix::fs::symlink(outside.path().join("x.txt"), path("link.txt")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(path("fifo")).status();
    assert!(fifo.is_ok_and(|status| status.success()), "mkfifo");
    let load = |href: &str| {
        let message = format!("<message href=\"{href}\"/>");
        let rules = format!("<status-code id='a' code-regex='4..'>{message}</status-code>");
        fs::write(path("rules.xml"), wrap(&rules)).unwrap();
        config::load(&path("rules.xml"))
    };
    let refused = |href: &str| {
        let Refused { diagnostics, files, missing, .. } = load(href).unwrap_err();
        assert!(!missing && files[0] == path("rules.xml"));
        let text = diagnostics.to_string();
        text.lines().next().unwrap().replace(directory.path().to_str().unwrap(), "DIR")
    };
    let outside_uri = format!("file://{}", outside.path().join("x.txt").display());

    let loaded = load("messages/good.txt").unwrap();
    assert_eq!(loaded.files, [path("rules.xml"), path("messages/good.txt")]);
    assert!(load(&outside_uri).is_ok());

    let at = "DIR/rules.xml:2:53: error:";
    assert_eq!(
        refused("messages/none.txt"),
        format!(
            "{at} cannot read message file DIR/messages/none.txt: No such file or directory (os error 2)"
        )
    );
    assert_eq!(refused("messages"), format!("{at} message file DIR/messages is not a regular file"));
    assert_eq!(refused("fifo"), format!("{at} message file DIR/fifo is not a regular file"));
    assert_eq!(refused("large.txt"), format!("{at} message file DIR/large.txt is larger than 1048576 bytes"));
    assert_eq!(
        refused("latin1.txt"),
        format!("{at} message file DIR/latin1.txt is not UTF-8: byte 3 is invalid")
    );
    let below = "is not below the directory of the rules file";
    assert_eq!(refused("../../etc/x"), format!("{at} message file DIR/../../etc/x {below}"));
    assert_eq!(refused("link.txt"), format!("{at} message file DIR/link.txt {below}"));
    assert_eq!(refused("/etc/hostname"), format!("{at} `href` is an absolute path"));
    assert_eq!(refused("http://localhost/x"), format!("{at} `href` names a `http:` address, not a file"));
    // A mistake in a message file is shown where it is.
    assert_eq!(refused("bad.txt"), "DIR/bad.txt:2:5: error: unknown directive `%z`");
}

#[test]
fn text_beside_a_file_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("m.txt"), "file").unwrap();
    let rules = "<status-code id='a' code-regex='4..'><message href='m.txt'>text</message></status-code>";
    fs::write(directory.path().join("rules.xml"), wrap(rules)).unwrap();
    let loaded = config::load(&directory.path().join("rules.xml")).unwrap();
    assert_eq!(loaded.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), ["text-beside-href"]);
    let template = &loaded.rules.iter().next().unwrap().messages()[0].template;
    assert_eq!(template.to_string(), "file");
}

#[test]
fn what_is_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let refused = config::load(&directory.path().join("none.xml")).unwrap_err();
    assert!(refused.missing);
    let refused = config::load(directory.path()).unwrap_err();
    assert!(!refused.missing);
    assert!(refused.diagnostics.to_string().contains("not a regular file"));
    let large = directory.path().join("large.xml");
    fs::File::create(&large).unwrap().set_len((16 << 20) + 1).unwrap();
    assert!(config::load(&large).unwrap_err().diagnostics.to_string().contains("larger than 16777216 bytes"));
}

#[test]
fn documents_that_are_none() {
    for (document, code) in [
        ("", "xml-root"),
        ("<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r/>", "xml-doctype"),
        ("<a><b></a>", "xml-end-tag"),
    ] {
        let diagnostics = parse(document).unwrap_err();
        assert_eq!(diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [code], "{diagnostics}");
    }
}

#[test]
fn the_number_of_rules_is_bounded() {
    let many = |count: usize| {
        (0..count).fold(String::new(), |mut out, index| {
            write!(out, "<status-code id='{index}' code-regex='404'><message/></status-code>").unwrap();
            out
        })
    };
    let (rules, warnings) = parse(&wrap(&many(1000))).unwrap();
    assert_eq!((rules.iter().len(), warnings.len()), (1000, 999));
    let refused = parse(&wrap(&many(50_001))).unwrap_err();
    assert_eq!(refused.errors().map(|error| error.code).collect::<Vec<_>>(), ["too-many-rules"]);
}

/// A file that is cut anywhere is refused, or says what the whole said.
#[test]
fn cut_anywhere() {
    let document = wrap(
        "<status-code id='a' code-regex='4..'><message>é %s</message></status-code>\
         <!-- x --><status-code id='b' code-regex='5..'><message><![CDATA[<b>]]></message></status-code>",
    );
    for end in 0..document.len() {
        let cut = &document.as_bytes()[..end];
        let parsed = config::parse(cut, Path::new("rules.xml"), &mut Disk::default());
        assert!(parsed.is_err(), "cut at {end}: {:?}", String::from_utf8_lossy(cut));
    }
    assert!(parse(&format!("{document}\n \n")).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_are_rules_or_mistakes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let parsed = config::parse(&bytes, Path::new("rules.xml"), &mut Disk::default());
        if let Err(diagnostics) = parsed {
            prop_assert!(diagnostics.has_errors());
            prop_assert!(!diagnostics.to_string().is_empty());
        }
    }

    #[test]
    fn any_attribute_values_are_rules_or_mistakes(
        id in "\\PC{0,8}", regex in "\\PC{0,8}", overwrite in "\\PC{0,8}",
        media in "\\PC{0,12}", content in "\\PC{0,12}", text in "\\PC{0,40}",
    ) {
        let quote = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;");
        let rules = format!(
            "<status-code id='{}' code-regex='{}' overwrite='{}'><message media-type='{}' content-type='{}'>{}</message></status-code>",
            quote(&id), quote(&regex), quote(&overwrite), quote(&media), quote(&content), quote(&text).replace("]]>", "]]&gt;"),
        );
        match parse(&wrap(&rules)) {
            Ok((rules, _)) => prop_assert_eq!(rules.iter().len(), 1),
            Err(diagnostics) => prop_assert!(diagnostics.has_errors()),
        }
    }
}
