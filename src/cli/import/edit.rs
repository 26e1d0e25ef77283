//! Changes to a text, collected and made at once, so that places in it stay true meanwhile.

use std::ops::Range;

use crate::config::document::Attribute;

/// Changes to one text.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// Puts text in the place of other text.
    pub(super) fn replace(&mut self, span: Range<usize>, text: impl Into<String>) {
        self.0.push((span, text.into()));
    }

    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    /// Takes an attribute away, and the blanks before it.
    pub(super) fn remove(&mut self, attribute: &Attribute, source: &str) {
        let before = source.get(..attribute.name_span.start).unwrap_or_default();
        // The value ends before its quote.
        let end = attribute.value.span().end + 1;
        self.replace(before.trim_end().len()..end, "");
    }

    /// The text with all changes made. Of changes that overlap, the first is made.
    pub(super) fn apply(mut self, source: &str) -> String {
        self.0.sort_by_key(|(span, _)| (span.start, span.end));
        let (mut out, mut at) = (String::with_capacity(source.len()), 0);
        for (span, text) in self.0 {
            if span.start < at {
                continue;
            }
            out.push_str(source.get(at..span.start).unwrap_or_default());
            out.push_str(&text);
            at = span.end;
        }
        out.push_str(source.get(at..).unwrap_or_default());
        out
    }
}

/// A value as it stands between double quotes.
pub(super) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_in_the_order_of_the_text() {
        let mut edits = Edits::default();
        edits.replace(4..5, "E");
        edits.insert(0, "<");
        edits.replace(1..3, "");
        edits.replace(2..4, "overlaps");
        assert_eq!(edits.apply("abcdef"), "<adEf");
    }

    #[test]
    fn values() {
        assert_eq!(escaped("a<\"&\n'"), "a&lt;&quot;&amp;&#10;'");
    }
}
