//! JSON and XML in colours: each text is cut into pieces, and none of it is lost.

use maud::{Markup, html};

/// What a piece of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// A key of JSON, an element of XML.
    Name,
    /// An attribute of XML.
    Attribute,
    String,
    /// A number, or one of the words that JSON has.
    Literal,
    Comment,
}

/// A text as its media type has it written.
pub(super) fn text(content_type: &str, text: &str) -> Markup {
    let subtype = content_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    let pieces = if subtype.contains("json") {
        json(text)
    } else if subtype.contains("xml") || subtype.contains("html") {
        xml(text)
    } else {
        vec![(Kind::Plain, text)]
    };
    html! {
        @for (kind, piece) in pieces {
            @match kind.class() {
                Some(class) => span class=(class) { (piece) },
                None => (piece),
            }
        }
    }
}

impl Kind {
    fn class(self) -> Option<&'static str> {
        match self {
            Kind::Plain => None,
            Kind::Name => Some("n"),
            Kind::Attribute => Some("a"),
            Kind::String => Some("s"),
            Kind::Literal => Some("l"),
            Kind::Comment => Some("c"),
        }
    }
}

/// The text before `length`, and after; `length` may be anything.
fn cut(text: &str, mut length: usize) -> (&str, &str) {
    while !text.is_char_boundary(length.min(text.len())) {
        length += 1;
    }
    text.split_at_checked(length).unwrap_or((text, ""))
}

fn json(mut rest: &str) -> Vec<(Kind, &str)> {
    let mut pieces = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            '"' => {
                let length = string(rest);
                let is_key = rest.get(length..).is_some_and(|after| after.trim_start().starts_with(':'));
                (if is_key { Kind::Name } else { Kind::String }, length)
            }
            c if is_word(c) => (Kind::Literal, rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
            _ => (Kind::Plain, rest.find(|c| c == '"' || is_word(c)).unwrap_or(rest.len())),
        };
        let (piece, after) = cut(rest, length.max(1));
        pieces.push((kind, piece));
        rest = after;
    }
    pieces
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')
}

/// The length of the string that the text begins with.
fn string(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn xml(mut rest: &str) -> Vec<(Kind, &str)> {
    let mut pieces = Vec::new();
    let upto = |text: &str, end: &str| text.find(end).map_or(text.len(), |at| at + end.len());
    while !rest.is_empty() {
        let (kind, length) = match rest {
            _ if rest.starts_with("<!--") => (Kind::Comment, upto(rest, "-->")),
            _ if rest.starts_with("<![CDATA[") => (Kind::String, upto(rest, "]]>")),
            _ if rest.starts_with("<?") || rest.starts_with("<!") => (Kind::Comment, upto(rest, ">")),
            _ if rest.starts_with('<') => {
                let (tag, after) = cut(rest, tag(rest));
                markup(tag, &mut pieces);
                rest = after;
                continue;
            }
            _ => (Kind::Plain, rest.find('<').unwrap_or(rest.len())),
        };
        let (piece, after) = cut(rest, length.max(1));
        pieces.push((kind, piece));
        rest = after;
    }
    pieces
}

/// The length of the tag that the text begins with: a `>` in quotes does not end it.
fn tag(text: &str) -> usize {
    let mut quote = None;
    for (index, c) in text.char_indices() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('>', None) => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// A tag: its name with the bracket, then attributes.
fn markup<'t>(tag: &'t str, pieces: &mut Vec<(Kind, &'t str)>) {
    let is_part = |c: char| !(c.is_whitespace() || matches!(c, '=' | '>' | '/' | '"' | '\''));
    let start = tag.trim_start_matches(['<', '/']);
    let name = tag.len() - start.len() + start.find(|c| !is_part(c)).unwrap_or(start.len());
    let (piece, mut rest) = cut(tag, name);
    pieces.push((Kind::Name, piece));
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            '"' | '\'' => {
                let inside = rest.get(1..).and_then(|inside| inside.find(first));
                (Kind::String, inside.map_or(rest.len(), |at| at + 2))
            }
            c if is_part(c) => (Kind::Attribute, rest.find(|c| !is_part(c)).unwrap_or(rest.len())),
            '>' | '/' => (Kind::Name, 1),
            c => (Kind::Plain, c.len_utf8()),
        };
        let (piece, after) = cut(rest, length.max(1));
        pieces.push((kind, piece));
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(pieces: &[(Kind, &str)]) -> String {
        pieces.iter().map(|(_, piece)| *piece).collect()
    }

    #[test]
    fn json_has_keys_strings_and_literals() {
        let pieces = json(r#"{"a": "b\"c", "d":[-1.5e3, true]}"#);
        let of = |kind| pieces.iter().filter(|piece| piece.0 == kind).map(|p| p.1).collect::<Vec<_>>();
        assert_eq!(of(Kind::Name), [r#""a""#, r#""d""#]);
        assert_eq!(of(Kind::String), [r#""b\"c""#]);
        assert_eq!(of(Kind::Literal), ["-1.5e3", "true"]);
    }

    #[test]
    fn xml_has_names_attributes_and_comments() {
        let pieces = xml(r#"<?xml version="1.0"?><!-- c --><a b="1>2" c='3'>t<br/></a>"#);
        let of = |kind| pieces.iter().filter(|piece| piece.0 == kind).map(|p| p.1).collect::<Vec<_>>();
        assert_eq!(of(Kind::Name), ["<a", ">", "<br", "/", ">", "</a", ">"]);
        assert_eq!(of(Kind::Attribute), ["b", "c"]);
        assert_eq!(of(Kind::String), [r#""1>2""#, "'3'"]);
        assert_eq!(of(Kind::Comment), [r#"<?xml version="1.0"?>"#, "<!-- c -->"]);
    }

    #[test]
    fn what_is_shown_is_escaped() {
        for kind in ["application/json", "application/xml", "text/html", "text/plain"] {
            let shown = text(kind, r#"{"<script>": "</script>"}"#).into_string();
            assert!(!shown.contains("<script") && !shown.contains("</script"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in r#"[-{}"\\:,a1 é<>/='!?\[\]]{0,60}"#) {
            prop_assert_eq!(&whole(&json(&text)), &text);
            prop_assert_eq!(&whole(&xml(&text)), &text);
        }
    }
}
