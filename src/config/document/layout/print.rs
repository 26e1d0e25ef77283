//! How a rules file is laid out: two spaces a level, attributes in the order of the schema, on one
//! line where they fit. Comments, values and texts are printed as they were written.

use std::{borrow::Cow, fmt};

use unicode_width::UnicodeWidthStr;

use super::{Attribute, Content, Element, End, Gap, Kind, Layout, Node};
use crate::config::document::{names::is_space, scan};

/// How many columns a tag may take, its indentation included, before each attribute gets a line.
const WIDTH: usize = 120;

const INDENT: &str = "  ";

/// The order of attributes: what a thing is, when it applies, what it does. Others follow in their own.
const ORDER: [&str; 28] = [
    "id",
    "code-regex",
    "source",
    "cause",
    "method",
    "host",
    "path",
    "overwrite",
    "keep-types",
    "status",
    "request-header",
    "response-header",
    "query",
    "matches",
    "negate",
    "name",
    "key",
    "action",
    "explode",
    "media-type",
    "content-type",
    "href",
    "xml:lang",
    "escape",
    "negotiation",
    "expose",
    "overwrite-origin",
    "prepend-origin",
];

/// Lays a document out anew.
impl fmt::Display for Layout<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer { f, newline: self.newline, depth: 0 };
        printer.nodes(&self.nodes)?;
        printer.f.write_str(self.newline)
    }
}

struct Printer<'f, 'a> {
    f: &'f mut fmt::Formatter<'a>,
    newline: &'static str,
    depth: usize,
}

impl Printer<'_, '_> {
    fn nodes(&mut self, nodes: &[Node<'_>]) -> fmt::Result {
        let mut before = None;
        for node in nodes {
            // A comment stays on the line of what it is about.
            let stays = matches!(node.kind, Kind::Aside(_)) && node.gap == Gap::Line;
            match before {
                None if self.depth == 0 => {}
                Some(before) if stays && !is_declaration(before) => self.f.write_str(" ")?,
                None if stays => self.f.write_str(" ")?,
                _ => {
                    let is_edge = before.is_none();
                    self.line(node.gap == Gap::Blank && !(is_edge && self.depth > 1))?;
                }
            }
            match &node.kind {
                Kind::Element(element) => self.element(element)?,
                Kind::Aside(text) => self.f.write_str(&in_utf8(text))?,
            }
            before = Some(&node.kind);
        }
        Ok(())
    }

    fn element(&mut self, element: &Element<'_>) -> fmt::Result {
        let name = element.name;
        write!(self.f, "<{name}")?;
        self.attributes(element)?;
        match &element.content {
            Content::Nothing => self.f.write_str("/>"),
            Content::Text(text) => write!(self.f, ">{text}</{name}>"),
            Content::Nodes(nodes, End(gap)) => {
                self.f.write_str(">")?;
                self.depth += 1;
                self.nodes(nodes)?;
                self.depth -= 1;
                self.line(*gap == Gap::Blank && self.depth == 0)?;
                write!(self.f, "</{name}>")
            }
        }
    }

    fn attributes(&mut self, element: &Element<'_>) -> fmt::Result {
        let mut attributes: Vec<_> = element.attributes.iter().collect();
        attributes.sort_by_key(|attribute| rank(attribute.name));
        let written: Vec<String> = attributes.into_iter().map(quoted).collect();
        let start = INDENT.len() * self.depth + "<".len() + element.name.width();
        let end = if matches!(element.content, Content::Nothing) { "/>" } else { ">" };
        let width = start + written.iter().map(|text| 1 + text.width()).sum::<usize>() + end.len();
        let fits = width <= WIDTH && !written.iter().any(|text| text.contains(['\n', '\r']));
        for (index, text) in written.iter().enumerate() {
            if fits || index == 0 {
                write!(self.f, " {text}")?;
            } else {
                write!(self.f, "{}{:start$} {text}", self.newline, "")?;
            }
        }
        Ok(())
    }

    /// Starts a line, and leaves one blank before it.
    fn line(&mut self, is_blank: bool) -> fmt::Result {
        self.f.write_str(self.newline)?;
        if is_blank {
            self.f.write_str(self.newline)?;
        }
        (0..self.depth).try_for_each(|_| self.f.write_str(INDENT))
    }
}

/// Where an attribute comes in its tag.
fn rank(name: &str) -> usize {
    if name == "xmlns" || name.starts_with("xmlns:") {
        return 0;
    }
    1 + ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

fn quoted(attribute: &Attribute<'_>) -> String {
    let quote = if attribute.value.contains('"') { '\'' } else { '"' };
    format!("{}={quote}{}{quote}", attribute.name, attribute.value)
}

fn is_declaration(kind: &Kind<'_>) -> bool {
    matches!(kind, Kind::Aside(text) if text.strip_prefix("<?xml").is_some_and(|rest| rest.starts_with(is_space)))
}

/// An XML declaration that says UTF-8, in which the whole is written; anything else as it is.
fn in_utf8(text: &str) -> Cow<'_, str> {
    if !is_declaration(&Kind::Aside(text)) {
        return text.into();
    }
    match scan::declaration(text).ok().flatten() {
        Some(span) if !text.get(span.clone()).is_some_and(|name| name.eq_ignore_ascii_case("utf-8")) => {
            let mut declaration = text.to_owned();
            declaration.replace_range(span, "UTF-8");
            declaration.into()
        }
        _ => text.into(),
    }
}
