//! What goes beyond Repose in a `message`: its language, its escaping, the elements in it.

use super::{parse, pointed, rule};
use retort::{Reply, exchange::record::Record, rules::Decision};

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

/// The text of a message for a request that asks for a path.
fn rendered(message: &str, path: &str) -> String {
    let (rules, _) = parse(&rule("", message)).unwrap_or_else(|refused| panic!("{refused}"));
    let record = serde_json::json!({"request": {"uri": path}, "response": {"status": 404}});
    let record = Record::from_json(record.to_string().as_bytes()).unwrap();
    let exchange = record.exchange("id", None);
    let choice = rules.iter().next().unwrap().choice(0).unwrap();
    let reply = Reply::of(&Decision::Replace(choice), &exchange).unwrap();
    String::from_utf8(reply.body.unwrap().to_vec()).unwrap()
}

#[test]
fn languages() {
    let language = |tag: &str| {
        let (rules, _) = parse(&rule("", &format!("<message xml:lang='{tag}'/>"))).unwrap();
        rules.iter().next().unwrap().messages()[0].language.as_ref().map(ToString::to_string)
    };
    for tag in ["en", "pt-BR", "zh-Hant-TW"] {
        assert_eq!(language(tag).as_deref(), Some(tag));
    }
    for wrong in ["", "*", "en_US", "e n", "en-toolongtag", "12"] {
        assert_eq!(told(&format!("<message xml:lang='{wrong}'/>")), one("invalid-language", wrong));
    }
    assert!(help("<message xml:lang='pt_BR'/>").contains("did you mean `pt-BR`?"));
    assert!(help("<message lang='en'/>").contains("did you mean `xml:lang`?"));
    assert_eq!(told("<message xml:space='preserve'/>"), one("unknown-attribute", "xml:space"));
}

#[test]
fn a_language_is_said_once() {
    let field = "<header name='content-language' action='default'>fr</header>";
    assert_eq!(told(&format!("<message>{field}</message>")), []);
    let twice = format!("<message xml:lang='en'>{field}</message>");
    assert_eq!(told(&twice), one("overridden-header", "content-language"));
}

#[test]
fn a_message_in_another_language_can_be_reached() {
    let twice = |first: &str, second: &str| {
        let message = |tag: &str| match tag {
            "" => "<message/>".to_owned(),
            _ => format!("<message xml:lang='{tag}'/>"),
        };
        told(&(message(first) + &message(second))).into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    assert_eq!(twice("en", "fr"), [""; 0]);
    assert_eq!(twice("en", ""), [""; 0]);
    assert_eq!(twice("", "en"), [""; 0]);
    assert_eq!(twice("", ""), ["unreachable-message"]);
    assert_eq!(twice("en-us", "en-US"), ["unreachable-message"]);
}

#[test]
fn escapes() {
    let with = |attributes: &str| rendered(&format!("<message {attributes}>%U</message>"), "/\"<&");
    assert_eq!(with(""), "/\"<&");
    assert_eq!(with("escape='auto' content-type='text/html'"), "/&quot;&lt;&amp;");
    assert_eq!(with("escape='none' content-type='text/html'"), "/\"<&");
    assert_eq!(with("escape='json'"), "/\\\"<&");
    assert_eq!(with("escape='xml'"), "/&quot;&lt;&amp;");
    assert_eq!(with("escape='html'"), "/&quot;&lt;&amp;");
    assert_eq!(with("escape='url'"), "%2F%22%3C%26");
    assert_eq!(told("<message escape='HTML'/>"), one("invalid-value", "HTML"));
    assert!(help("<message escape='HTML'/>").contains("did you mean `html`?"));
    assert!(help("<message escaping='html'/>").contains("did you mean `escape`?"));
}

#[test]
fn whether_a_message_is_well_formed_depends_on_its_escape() {
    let json = |escape: &str, text: &str| {
        let message = format!("<message content-type='application/json' escape='{escape}'>{text}</message>");
        told(&message).into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    let inside = "{\"a\": \"%U\"}";
    assert_eq!(json("auto", inside), [""; 0]);
    assert_eq!(json("json", inside), [""; 0]);
    assert_eq!(json("url", inside), [""; 0]);
    assert_eq!(json("html", inside), ["not-well-formed"], "a backslash stays");
    assert_eq!(json("auto", "{\"a\": %U}"), ["not-well-formed"]);
    assert_eq!(json("none", "{\"a\": %U}"), [""; 0], "who asks for it knows what it does");
}

#[test]
fn whatever_is_inserted_is_tried_out() {
    let (namespace, inside) =
        ("http://docs.openrepose.org/repose/response-messaging/v1.0", "%{sid}C %{q}Q %{body}x %v %q");
    let told = |content_type: &str, text: &str| {
        let message = format!("<message content-type='{content_type}'><![CDATA[{text}]]></message>");
        let rules = format!("<status-code id='a' code-regex='4..'>{message}</status-code>");
        let document =
            format!("<response-messaging xmlns='{namespace}' expose='sid'>{rules}</response-messaging>");
        parse(&document)
            .unwrap()
            .1
            .iter()
            .map(|warning| (warning.code, warning.message.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("application/json", &format!("{{\"a\": \"{inside}\"}}")), []);
    assert_eq!(told("application/xml", &format!("<a b=\"{inside}\">{inside}</a>")), []);
    for directive in
        ["%{sid}C", "%{q}Q", "%{body}x", "%{X-A?X-B:-none}i", "%{rule}x", "%{language}x", "%{trace-id}x"]
    {
        let [(code, message)] = &told("application/json", &format!("{{\"a\": {directive}}}"))[..] else {
            panic!("nothing is said of {directive}");
        };
        assert!(*code == "not-well-formed" && message.contains("usual values"), "{directive}: {message}");
    }
    // What is absent is tried, too.
    let [(_, message)] = &told("application/json", "{\"a\": %{body:/a}x}")[..] else { panic!() };
    assert!(message.contains("not well-formed"), "{message}");
}

#[test]
fn text_and_header_elements() {
    let text = |message: &str| rendered(message, "/");
    let field = "<header name='X'>1</header>";
    assert_eq!(text(&format!("<message>\n {field}\n <![CDATA[ <b> ]]></message>")), "<b>");
    assert_eq!(
        text(
            &format!("<message> a&lt; {field}{field} </message>")
                .replace("'X'>1</header><header name='X'", "'Y'>1</header><header name='X'")
        ),
        "a<"
    );
    assert_eq!(text(&format!("<message>{field}</message>")), "");
    assert_eq!(told(&format!("<message>a{field} b </message>")), one("split-text", "b"));
    assert_eq!(told(&format!("<message>{field} a %z b</message>")), one("unknown-directive", "%z"));
}

#[test]
fn markup_is_still_text() {
    assert_eq!(told("<message>a<b>c</b></message>"), one("unknown-element", "<b>"));
    assert!(help("<message><b>c</b></message>").contains("CDATA"));
    assert!(help("<message><head>c</head></message>").contains("CDATA"));
    assert!(help("<message><heder name='X'>c</heder></message>").contains("did you mean `header`?"));
}
