//! What holds of any template and any value.

use http::HeaderValue;
use proptest::prelude::*;
use retort::template::{Escape, Expose, Parsed, Syntax, Template};
use serde_json::{Value, json};

use super::{parse, record, render};

/// Pieces of templates, good and bad.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[%<>!\\\\0-9,{}a-zA-Z\" é\t-]{0,6}",
        "%[<>]?[!]?([0-9]{3},?){0,2}[%aAbBDghHmMpqrsTuUv]",
        "%(404)?\\{[A-Za-z_-]{1,5}([?][A-Z]{1,2})?( DATE (ISO_8601|rfc_1123))?(:-[ a:?-]{0,3})?\\}[io]",
        "%\\{ ?(a|x|A)([?] ?(b|x|NAME))?(:-[ a:?-]{0,3})?\\}[CQe]",
        "%\\{(body|body:(/[a~10/]{0,3})?|reason|rule|message|cause)([?]source)?(:-[ a:-]{0,3})?\\}x",
        "%\\{(c|s|ms|us|local|remote|canonical)\\}[apT]",
        "%\\{[GyYMLwWDdFEuaHkKhmsSzZX .:,_/'-]{0,6}\\}t",
        "%\\{(yyyy|M)?'[ a-c/.']{0,3}'[ ,/.y]{0,2}\\}t",
        "\\\\[tn\"\\\\x]",
        "%[io]",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn escapes() -> impl Strategy<Value = Escape> {
    prop::sample::select(vec![
        Escape::Json,
        Escape::Xml,
        Escape::Html,
        Escape::Url,
        Escape::Text,
        Escape::None,
        Escape::Header,
    ])
}

/// Compiles a text for which everything that the pieces name is exposed.
fn compile(text: &str, escape: Escape) -> Result<Parsed, ()> {
    let expose = Expose::new(["a", "b", "x", "A", "NAME"].map(str::to_owned));
    Template::parse(text, Syntax { escape, expose: &expose }).map_err(drop)
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,40}", escape in escapes()) {
        let _ = Template::parse(&text, Syntax::new(escape));
    }

    #[test]
    fn spans_lie_in_the_text(text in pieces()) {
        let spans: Vec<_> = match Template::parse(&text, Syntax::new(Escape::Text)) {
            Ok(parsed) => parsed.warnings.into_iter().map(|warning| warning.span).collect(),
            Err(errors) => errors.into_iter().map(|error| error.span).collect(),
        };
        for span in spans {
            prop_assert!(text.get(span).is_some_and(|text| !text.is_empty()));
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same(text in pieces(), escape in escapes()) {
        if let Ok(parsed) = compile(&text, escape) {
            let printed = parsed.template.to_string();
            let again = compile(&printed, escape).expect(&printed);
            prop_assert_eq!(&again.template, &parsed.template, "{}", printed);
        }
    }

    #[test]
    fn one_allocation_suffices(text in pieces(), value in ".{0,300}", escape in escapes(), is_json: bool) {
        if let Ok(parsed) = compile(&text, escape) {
            let body = if is_json { json!({"a": value, "0": [value, {}]}).to_string() } else { value.clone() };
            let record = record(&json!({
                "server": {"timezone": "Australia/Adelaide"},
                "request": {
                    "query": format!("a={value}&x={value}"), "elapsed_ms": i64::MIN / 1000,
                    "headers": [["x", value], ["X-Pp-User", value], ["Cookie", format!("a={value}")]],
                },
                "response": {
                    "status": 404, "reason": value, "body": body,
                    "headers": [["a", "Sun Nov  6 08:49:37 1994"]],
                },
            }));
            let message = render(&parsed.template, &record);
            if escape == Escape::Header {
                prop_assert!(message.chars().all(|c| !c.is_control() || c == '\t'), "{:?}", message);
                prop_assert!(HeaderValue::from_bytes(message.as_bytes()).is_ok());
            }
        }
    }
}

/// Renders where these bytes are in a request header, in a cookie, in the query, in the reason and
/// in the content.
fn insert(template: &str, escape: Escape, value: &[u8]) -> String {
    let mut record = record(&json!({"response": {"status": 404}}));
    record.request.headers.push(("X".into(), value.into()));
    record.request.headers.push(("Cookie".into(), [b"sid=", value].concat()));
    let encoded = value.iter().map(|byte| format!("%{byte:02x}")).collect::<String>();
    record.request.query = Some(format!("q={encoded}"));
    record.response.reason = Some(String::from_utf8_lossy(value).into());
    record.response.body = Some(json!({"a": String::from_utf8_lossy(value)}).to_string());
    render(&parse(template, escape), &record)
}

/// Bytes that are apt to break out.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[\"'<>&\\\\/%{}\u{0}-\u{20}\u{7f}-\u{a0}\u{2028}\u{fffe}a]{0,40}".prop_map(String::into_bytes),
        Just(b"</script><!--]]>".to_vec()),
    ]
}

proptest! {
    #[test]
    fn json_stays_json(value in hostile()) {
        let message = insert(
            r#"{"v":"%{X}i","r":"%M","t":"%s","q":"%{q}Q","b":"%{body:/a}x","c":"%{sid}C","w":"%{body}x"}"#,
            Escape::Json,
            &value,
        );
        let json: Value = serde_json::from_str(&message).expect(&message);
        let text = String::from_utf8_lossy(&value);
        let shown = if value.trim_ascii().is_empty() { "" } else { &text };
        prop_assert_eq!(&json["v"], shown);
        for member in ["r", "q", "b"] {
            prop_assert_eq!(&json[member], &*text, "{}", member);
        }
        let body: Value = serde_json::from_str(json["w"].as_str().unwrap()).unwrap();
        prop_assert_eq!(&body["a"], &*text);
        prop_assert!(json["c"].is_string());
        let breaks_script = message.contains("</") || message.contains('\u{2028}');
        prop_assert!(!breaks_script, "{}", message);
    }

    #[test]
    fn xml_stays_xml(value in hostile()) {
        let message = insert(r#"<m a="%{X}i"><t>%{X}i</t><c b="%{sid}C">%{q}Q</c><r>%{body:/a}x</r></m>"#, Escape::Xml, &value);
        let document = roxmltree::Document::parse(&message).expect(&message);
        let element = document.root_element();
        prop_assert_eq!(element.children().count(), 3);
        let legal = |c: &char| !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}');
        let text = String::from_utf8_lossy(&value).chars().filter(legal).collect::<String>();
        // XML 1.0 §2.11; the reader leaves some of it undone.
        let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        let shown = |element: Option<roxmltree::Node<'_, '_>>| {
            lines(element.and_then(|element| element.text()).unwrap_or_default())
        };
        let field = if value.trim_ascii().is_empty() { String::new() } else { lines(&text) };
        prop_assert_eq!(shown(element.first_element_child()), field);
        prop_assert_eq!(shown(element.last_element_child()), lines(&text));
    }

    #[test]
    fn html_stays_text(value in hostile()) {
        let message = insert(r#"<p title="%{X}i">%{q}Q%{body}x</p>%M%{sid}C"#, Escape::Html, &value);
        let count = |c| message.matches(c).count();
        prop_assert_eq!((count('<'), count('>'), count('"'), count('\'')), (2, 2, 2, 0), "{}", message);
        prop_assert!(message.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n')));
    }

    #[test]
    fn text_loses_control_characters(value in hostile()) {
        let message = insert("%{X}i", Escape::Text, &value);
        prop_assert!(message.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n')));
    }

    #[test]
    fn urls_decode_to_the_value(value in hostile()) {
        let message = insert("%{q}Q", Escape::Url, &value);
        prop_assert!(message.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{}", message);
        prop_assert_eq!(percent_encoding::percent_decode_str(&message).collect::<Vec<_>>(), value);
    }

    #[test]
    fn header_fields_hold_one_line(value in hostile()) {
        let message = insert("a%{X}i%{q}Q%{sid}C%{body:/a}x%M", Escape::Header, &value);
        prop_assert!(message.chars().all(|c| !c.is_control() || c == '\t'), "{:?}", message);
        prop_assert!(HeaderValue::from_bytes(message.as_bytes()).is_ok());
    }

    #[test]
    fn values_come_as_they_are_where_nothing_is_escaped(value in hostile()) {
        prop_assert_eq!(insert("%{q}Q", Escape::None, &value), String::from_utf8_lossy(&value));
    }
}
