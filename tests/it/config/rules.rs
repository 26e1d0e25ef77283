//! What stands on a rule: its attributes, `meta`, and whether it can apply.

use super::{found, parse, pointed, rule, wrap};
use retort::{Rules, rules::Overwrite};

/// The only rule of a good file.
fn good(attributes: &str, children: &str) -> Rules {
    let document = rule(attributes, children);
    let (rules, warnings) = parse(&document).unwrap_or_else(|refused| panic!("{refused}"));
    assert!(warnings.is_empty(), "{warnings}");
    rules
}

#[test]
fn overwrite() {
    let read = |attributes: &str| good(attributes, "<message/>").iter().next().unwrap().overwrite();
    assert_eq!(read(""), Overwrite::IfEmpty);
    assert_eq!(read("overwrite='IF_EMPTY'"), Overwrite::IfEmpty);
    assert_eq!(read("overwrite='ALWAYS'"), Overwrite::Always);
    assert_eq!(read("overwrite='IF_NOT_ACCEPTABLE'"), Overwrite::IfNotAcceptable);
    for (wrong, help) in [
        ("if-not-acceptable", "did you mean `IF_NOT_ACCEPTABLE`?"),
        ("always", "did you mean `ALWAYS`?"),
        ("NOT_ACCEPTABLE", "did you mean `IF_NOT_ACCEPTABLE`?"),
    ] {
        let document = rule(&format!("overwrite='{wrong}'"), "<message/>");
        assert_eq!(pointed(&document), [("invalid-value", wrong)]);
        let told = parse(&document).unwrap_err().to_string();
        assert!(
            told.contains("`IF_EMPTY`, `ALWAYS` or `IF_NOT_ACCEPTABLE`") && told.contains(help),
            "{told}"
        );
    }
}

#[test]
fn types_that_are_kept() {
    let read = |list: &str| {
        let rules = good(&format!("overwrite='ALWAYS' keep-types='{list}'"), "<message/>");
        rules.iter().next().unwrap().keep_types().to_vec()
    };
    let types = read(" Application/JSON\n\ttext/*,application/problem+json ");
    assert_eq!(types.len(), 3);
    assert!(types[0].contains(b"application/json; charset=utf-8") && types[1].contains(b"text/html"));

    let refused = |list: &str| {
        let document = rule(&format!("overwrite='ALWAYS' keep-types='{list}'"), "<message/>");
        parse(&document).unwrap_err();
        pointed(&document).into_iter().map(|(code, text)| (code, text.to_owned())).collect::<Vec<_>>()
    };
    let invalid = |text: &str| ("invalid-media-type", text.to_owned());
    assert_eq!(refused("a/b json */* text/"), [invalid("json"), invalid("*/*"), invalid("text/")]);
    assert_eq!(refused("text/html;q=1"), [invalid("text/html;q=1")]);
}

#[test]
fn types_that_are_kept_to_no_effect() {
    assert_eq!(pointed(&rule("keep-types='a/b'", "<message/>")), [("no-effect", "keep-types")]);
    assert_eq!(pointed(&rule("overwrite='ALWAYS' keep-types=' '", "<message/>")), [("no-effect", " ")]);
}

#[test]
fn a_status_that_is_sent() {
    let read = |attributes: &str| good(attributes, "<message/>").iter().next().unwrap().status();
    assert_eq!(read(""), None);
    for status in [200, 203, 207, 299, 300, 303, 399, 400, 503, 599] {
        let wants = retort::rules::field::mandatory(status);
        let fields = wants.map(|name| format!("<header name='{name}'>Basic</header>")).unwrap_or_default();
        let document = rule(&format!("status='{status}'"), &fields);
        assert_eq!(parse(&document).unwrap().0.iter().next().unwrap().status(), Some(status));
    }
    for (wrong, why) in [
        ("100", "1xx"),
        ("199", "1xx"),
        ("204", "forbids content"),
        ("205", "forbids content"),
        ("206", "Range"),
        ("304", "forbids content"),
        ("600", "100 to 599"),
        ("099", "100 to 599"),
        ("0503", "three digits"),
        ("5xx", "three digits"),
        ("", "three digits"),
        ("+50", "three digits"),
        ("99999999999", "three digits"),
    ] {
        let document = rule(&format!("status='{wrong}'"), "<message/>");
        assert_eq!(pointed(&document), [("invalid-status", wrong)]);
        let told = parse(&document).unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_status_without_its_field() {
    let told = |attributes: &str, children: &str| {
        let document = rule(attributes, children);
        parse(&document).unwrap_or_else(|refused| panic!("{refused}"));
        pointed(&document).into_iter().map(|(code, text)| format!("{code} {text}")).collect::<Vec<_>>()
    };
    let field = "<header name='WWW-Authenticate' action='default'>Bearer</header>";
    assert_eq!(told("status='401'", "<message/>"), ["missing-field 401"]);
    assert_eq!(told("status='405'", "<message/>"), ["missing-field 405"]);
    assert_eq!(told("status='302'", "<message/>"), ["missing-field 302"]);
    assert_eq!(told("status='426'", "<message/>"), ["missing-field 426"]);
    assert!(told("status='401'", &format!("<message/>{field}")).is_empty());
    assert!(told("status='401'", &format!("<message>{field}</message>")).is_empty());
    let second = "<message media-type='a/b'/>";
    assert_eq!(told("status='401'", &format!("<message>{field}</message>{second}")), ["missing-field 401"]);
    let removed = "<message/><header name='WWW-Authenticate' action='remove'/>";
    assert_eq!(told("status='401'", removed), ["missing-field 401"]);
    assert!(told("status='401'", "<message/><meta/>").is_empty(), "the upstream may set it");
    assert!(told("status='503'", "<message/>").is_empty());

    // A 302 that becomes a 307 has its Location already.
    let redirect = wrap("<status-code id='a' code-regex='30[12]' status='307'><message/></status-code>");
    assert!(found(&redirect).is_empty());
}

#[test]
fn meta() {
    assert!(good("", "<meta/>").iter().next().unwrap().is_steered());
    assert!(!good("", "<message/>").iter().next().unwrap().is_steered());
    assert_eq!(pointed(&rule("", "<meta/><meta/>")), [("duplicate-element", "<meta/>")]);
    assert_eq!(
        pointed(&rule("", "<meta status='4'>x<b/></meta>")),
        [("unknown-attribute", "status"), ("stray-text", "x"), ("unknown-element", "<b/>")]
    );
}

#[test]
fn a_rule_has_something_to_do() {
    for children in ["<message/>", "<header name='X' action='remove'/>", "<meta/>"] {
        assert_eq!(good("", children).iter().len(), 1);
    }
    assert_eq!(good("status='503'", "").iter().next().unwrap().messages().len(), 0);
    for children in ["", "<when query='a' matches='b'/>"] {
        let (_, error) = ("", found(&rule("", children)));
        assert_eq!(error, ["2:1 error no-message"], "{children}");
    }
}

#[test]
fn only_rules_without_conditions_take_statuses_from_later_ones() {
    let later = "<status-code id='b' code-regex='4..'><message/></status-code>";
    let told = |attributes: &str, children: &str| {
        let first =
            format!("<status-code id='a' code-regex='...' {attributes}>{children}<message/></status-code>");
        found(&wrap(&(first + later))).len()
    };
    assert_eq!(told("", ""), 1);
    assert_eq!(told("source='any'", ""), 1);
    assert_eq!(told("source='proxy'", ""), 0);
    assert_eq!(told("source='upstream'", ""), 0);
    assert_eq!(told("cause='dns'", ""), 0);
    assert_eq!(told("method='GET'", ""), 0);
    assert_eq!(told("host='a'", ""), 0);
    assert_eq!(told("path='/a'", ""), 0);
    assert_eq!(told("", "<when query='a' matches='b'/>"), 0);

    // A condition with a mistake in it is one all the same.
    assert_eq!(told("method='('", ""), 1);
    assert_eq!(told("", "<when query='a' matches='('/>"), 1);

    // Conditions save no rule from one before it that has none.
    let conditional = "<status-code id='a' code-regex='4..'><message/></status-code>\
                       <status-code id='b' code-regex='404' method='GET'><message/></status-code>";
    assert_eq!(found(&wrap(conditional)), ["2:62 warning unreachable-rule"]);
}

#[test]
fn secrets_that_are_exposed() {
    let document = |expose: &str, text: &str| {
        let rules = format!("<status-code id='a' code-regex='4..'><message>{text}</message></status-code>");
        wrap(&rules).replacen('>', &format!(" expose='{expose}'>"), 1)
    };
    let all = "%{Authorization}i %{authorization:-x}i %{sid}C %{HOME}e";
    assert!(found(&document("authorization, sid HOME", all)).is_empty());
    assert_eq!(
        pointed(&document("sid SID", "%{Cookie}i %{sid}C %{Sid}C %{home}e %{Set-Cookie}o")),
        ["Cookie", "Sid", "home", "Set-Cookie"].map(|text| ("not-exposed", text))
    );
    assert_eq!(pointed(&document(" ", "x")), [("no-effect", " ")]);
    assert_eq!(
        pointed(&document("Authorization; a:b", "x")),
        [("invalid-value", "Authorization;"), ("invalid-value", "a:b")]
    );
}

#[test]
fn negotiation() {
    let document = |value: &str| wrap("").replacen('>', &format!(" negotiation='{value}'>"), 1);
    assert!(found(&document("exact")).is_empty() && found(&document("rfc9110")).is_empty());
    assert_eq!(pointed(&document("Exact")), [("invalid-value", "Exact")]);
    assert!(parse(&document("rfc-9110")).unwrap_err().to_string().contains("did you mean `rfc9110`?"));
}

#[test]
fn the_language_stands_on_the_message() {
    let on_rule = rule("xml:lang='en'", "<message/>");
    assert_eq!(pointed(&on_rule), [("unknown-attribute", "xml:lang")]);
    assert!(parse(&on_rule).unwrap_err().to_string().contains("each `message` has a language of its own"));
    let on_root = wrap("").replacen('>', " xml:lang='en'>", 1);
    assert_eq!(pointed(&on_root), [("unknown-attribute", "xml:lang")]);
}
