//! `header` elements, on rules and on messages.

use super::{parse, pointed, rule};
use retort::{
    Rules,
    rules::{
        FieldRule,
        field::{Action, Value},
    },
};

fn load(children: &str) -> Rules {
    let (rules, warnings) = parse(&rule("", children)).unwrap_or_else(|refused| panic!("{refused}"));
    assert!(warnings.is_empty(), "{warnings}");
    rules
}

/// A field rule in one line.
fn line(field: &FieldRule) -> String {
    let value = |value: &Value| match value {
        Value::Text(template) => template.to_string(),
        Value::Items(items) => format!("{:?}", items.iter().map(ToString::to_string).collect::<Vec<_>>()),
        Value::Entries { entries, explode } => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{entries:?} explode={explode}")
        }
    };
    match &field.action {
        Action::Set(new) => format!("set {} {}", field.name, value(new)),
        Action::Add(new) => format!("add {} {}", field.name, value(new)),
        Action::Default(new) => format!("default {} {}", field.name, value(new)),
        Action::Remove => format!("remove {}", field.name),
    }
}

/// The only `header` of a good rule.
fn read(header: &str) -> String {
    line(&load(header).iter().next().unwrap().fields()[0])
}

/// What is said of a rule with these children: codes, and the texts that are pointed at.
fn told(children: &str) -> Vec<(&'static str, String)> {
    let document = rule("", children);
    pointed(&document).into_iter().map(|(code, text)| (code, text.to_owned())).collect()
}

fn one(code: &'static str, text: &str) -> Vec<(&'static str, String)> {
    vec![(code, text.to_owned())]
}

fn help(children: &str) -> String {
    parse(&rule("", children)).map_or_else(|refused| refused, |(_, warnings)| warnings).to_string()
}

#[test]
fn actions() {
    assert_eq!(read("<header name='Retry-After'>30</header>"), "set retry-after 30");
    assert_eq!(read("<header name='X-A' action='set'>\n  a %s b\n</header>"), "set x-a a %s b");
    assert_eq!(read("<header name='Set-Cookie' action='add'>a=1</header>"), "add set-cookie a=1");
    assert_eq!(read("<header name='X-A' action='default'>%{X-B}i</header>"), "default x-a %{x-b}i");
    assert_eq!(read("<header name='Server' action='remove'/>"), "remove server");
    assert_eq!(read("<header name='Server' action='remove'>\n</header>"), "remove server");
    assert_eq!(told("<header name='X' action='append'>a</header>"), one("invalid-value", "append"));
    assert!(help("<header name='X' action='Remove'/>").contains("did you mean `remove`?"));
    assert_eq!(told("<header name='X' action='delete'/>"), one("invalid-value", "delete"));
    assert_eq!(
        told("<header name='X' action='append'>%z</header>"),
        [one("invalid-value", "append"), one("unknown-directive", "%z")].concat()
    );
}

#[test]
fn lists_and_maps() {
    assert_eq!(
        read("<header name='X-A'> <item>a</item><item> %s </item> </header>"),
        r#"set x-a ["a", "%s"]"#
    );
    assert_eq!(
        read("<header name='X-A' action='add'><entry key='a b'>1</entry><entry key='c'>%s</entry></header>"),
        r#"add x-a ["a b: 1", "c: %s"] explode=false"#
    );
    assert_eq!(
        read("<header name='X-A' explode='true'><entry key='a'>1</entry></header>"),
        r#"set x-a ["a: 1"] explode=true"#
    );
}

#[test]
fn on_rules_and_on_messages_in_any_order() {
    let rules = load(
        "<header name='A'>1</header>\
         <message><header name='B'>2</header>\n text %s\n <header name='C' action='remove'/></message>\
         <header name='D'>3</header>",
    );
    let rule = rules.iter().next().unwrap();
    assert_eq!(rule.fields().iter().map(line).collect::<Vec<_>>(), ["set a 1", "set d 3"]);
    let message = &rule.messages()[0];
    assert_eq!(message.fields.iter().map(line).collect::<Vec<_>>(), ["set b 2", "remove c"]);
    assert_eq!(message.template.to_string().trim(), "text %s");
}

#[test]
fn mistakes() {
    let cases = [
        ("<header>a</header>", "missing-attribute", "<header>"),
        ("<header name='a b'>a</header>", "invalid-header-name", "a b"),
        ("<header name=''>a</header>", "invalid-header-name", ""),
        ("<header Name='X'>a</header>", "unknown-attribute", "Name"),
        ("<header name='X'/>", "missing-value", "<header name='X'/>"),
        ("<header name='X'> \n </header>", "missing-value", "<header name='X'>"),
        ("<header name='X' action='remove'> a </header>", "unexpected-value", "a"),
        ("<header name='X' action='remove'><item>a</item></header>", "unexpected-value", "<item>"),
        ("<header name='X'>a\nb</header>", "control-character", "\n"),
        ("<header name='X'>a&#13;b</header>", "control-character", "&#13;"),
        ("<header name='X'>a %z b</header>", "unknown-directive", "%z"),
        ("<header name='X'> 5% </header>", "literal-percent", "%"),
        ("<header name='X'>a&#127;b</header>", "control-character", "&#127;"),
        ("<header name='X'>caf\u{e9}</header>", "non-ascii-header", "\u{e9}"),
        ("<header name='X' explode='maybe'><entry key='a'>b</entry></header>", "invalid-value", "maybe"),
        ("<header name='X' explode='true'>a</header>", "no-effect", "explode"),
        ("<header name='X'>a<item>b</item></header>", "stray-text", "a"),
        (
            "<header name='X'><item>b</item><entry key='a'>b</entry></header>",
            "contradiction",
            "<entry key='a'>",
        ),
        ("<header name='X'><itme>b</itme></header>", "unknown-element", "<itme>"),
        ("<header name='X'><item><b/>c</item></header>", "unknown-element", "<b/>"),
        ("<header name='X'><item/></header>", "missing-value", "<item/>"),
        ("<header name='X'><item key='a'>b</item></header>", "unknown-attribute", "key"),
        ("<header name='X'><entry>b</entry></header>", "missing-attribute", "<entry>"),
        ("<header name='X'><entry key=''>b</entry></header>", "missing-attribute", "<entry key=''>"),
        ("<header name='X'><entry key='a'>b\nc</entry></header>", "control-character", "\n"),
        ("<header name='X'><item>%z</item></header>", "unknown-directive", "%z"),
        ("<header name='Set-Cookie'><item>a=1</item></header>", "joined-set-cookie", "<item>"),
        ("<Header name='X'>a</Header>", "unknown-element", "<Header name='X'>"),
    ];
    for (children, code, text) in cases {
        assert_eq!(told(&format!("<message/>{children}")), one(code, text), "{children}");
        let in_message = told(&format!("<message>{children}</message>"));
        assert_eq!(in_message, one(code, text), "in a message: {children}");
    }
}

#[test]
fn fields_that_no_rule_can_change() {
    for name in
        ["Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "content-length"]
    {
        let header = format!("<header name='{name}' action='remove'/>");
        assert_eq!(told(&header), one("forbidden-header", name));
    }
    assert!(help("<header name='Transfer-Encoding'>chunked</header>").contains("belongs to one connection"));
    assert!(help("<header name='Content-Length'>1</header>").contains("counted"));
    let help = help("<message><header name='Content-Type'>text/html</header></message>");
    assert!(help.contains("`content-type` of the `message`"), "{help}");
}

#[test]
fn vary_is_best_added_to() {
    assert_eq!(told("<header name='Vary' action='add'>Origin</header>"), []);
    assert_eq!(told("<header name='Vary' action='default'>Origin</header>"), []);
    assert_eq!(told("<header name='vary'>Origin</header>"), one("vary-lost", "vary"));
    assert_eq!(told("<header name='Vary' action='remove'/>"), one("vary-lost", "Vary"));
}

#[test]
fn edits_that_undo_each_other() {
    let after = |first: &str, second: &str| {
        let header = |action: &str| match action {
            "remove" => "<header name='X' action='remove'/>".to_owned(),
            _ => format!("<header name='X' action='{action}'>a</header>"),
        };
        told(&(header(first) + &header(second))).into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    for (first, second) in
        [("set", "set"), ("set", "remove"), ("add", "set"), ("set", "default"), ("add", "default")]
    {
        assert_eq!(after(first, second), ["overridden-header"], "{first} {second}");
    }
    for (first, second) in
        [("set", "add"), ("add", "add"), ("remove", "add"), ("remove", "set"), ("default", "add")]
    {
        assert_eq!(after(first, second), [""; 0], "{first} {second}");
    }
}

#[test]
fn a_value_that_may_be_empty_undoes_nothing() {
    let header = |action: &str, value: &str| format!("<header name='X' action='{action}'>{value}</header>");
    for (first, second) in [
        (header("set", "none"), header("set", "%{A}i")),
        (header("set", "%{A}i"), header("default", "none")),
        (header("add", "%{A}i"), header("default", "<item>%{B}i</item>")),
    ] {
        assert_eq!(told(&(first + &second)), []);
    }
    for (first, second) in [
        (header("set", "%{A}i"), header("set", "a %{A}i")),
        (header("set", "<item>%{A}i</item><item>%s</item>"), header("default", "none")),
        (header("default", "<entry key='a'>b</entry>"), header("default", "none")),
    ] {
        assert_eq!(told(&(first + &second)), one("overridden-header", "X"));
    }
}

#[test]
fn values_that_a_field_cannot_have() {
    for (name, value, is_fine) in [
        ("Retry-After", "120", true),
        ("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT", true),
        ("Retry-After", "%{Retry-After}o", true),
        ("Retry-After", "2 minutes", false),
        ("Allow", "GET, HEAD", true),
        ("Allow", "GET; HEAD", false),
        ("Location", "/login?next=%U", true),
        ("Location", "/log in", false),
        ("Set-Cookie", "a=b; Path=/", true),
        ("Set-Cookie", "a", false),
        ("X-Any", "a; b, c=d", true),
    ] {
        let header = format!("<header name='{name}'>{value}</header>");
        let expected = if is_fine { Vec::new() } else { one("invalid-header-value", value) };
        assert_eq!(told(&header), expected, "{header}");
    }
}

#[test]
fn a_line_break_cannot_be_escaped_either() {
    assert_eq!(told(r"<header name='X'>a\nb</header>"), one("control-character", r"\n"));
    assert_eq!(read(r"<header name='X'>a\tb</header>"), "set x a\tb");
}
