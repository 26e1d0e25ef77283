//! The same document as its author laid it out: comments, processing instructions and blank lines
//! are kept, and values stand as they are written. [`parse`] says what a document
//! means, this what it looks like; [`Layout`] prints it tidily.

use std::ops::Range;

use super::{
    CDATA_END, CDATA_START,
    error::Error,
    names::is_space,
    parse,
    scan::{self, StartTag},
};

mod print;

/// A well-formed document, laid out. Displayed tidily.
#[derive(Clone, Debug)]
pub struct Layout<'t> {
    /// The XML declaration, comments, processing instructions, and the outermost element.
    pub nodes: Vec<Node<'t>>,
    /// How lines end that are not part of a text.
    newline: &'static str,
}

/// Something between tags, and its distance from what comes before it.
#[derive(Clone, Debug)]
pub struct Node<'t> {
    gap: Gap,
    /// What it is.
    pub kind: Kind<'t>,
}

/// What can stand between tags.
#[derive(Clone, Debug)]
pub enum Kind<'t> {
    /// An element.
    Element(Element<'t>),
    /// A comment, a processing instruction or the XML declaration, as written.
    Aside(&'t str),
}

/// An element.
#[derive(Clone, Debug)]
pub struct Element<'t> {
    /// Its name, as written.
    pub name: &'t str,
    /// Its attributes, namespace declarations among them, in the order of the file.
    pub attributes: Vec<Attribute<'t>>,
    /// What is in it.
    pub content: Content<'t>,
}

/// An attribute or a namespace declaration.
#[derive(Clone, Debug)]
pub struct Attribute<'t> {
    /// Its name, as written.
    pub name: &'t str,
    /// What stands between the quotes, as written.
    pub value: &'t str,
    /// Where that is.
    pub span: Range<usize>,
}

/// What is in an element.
#[derive(Clone, Debug)]
pub enum Content<'t> {
    /// Nothing, or nothing that counts.
    Nothing,
    /// Text, and all markup in it, as written.
    Text(&'t str),
    /// Elements, and what stands between them.
    Nodes(Vec<Node<'t>>, End),
}

/// The distance of an end tag from what comes before it.
#[derive(Clone, Copy, Debug)]
pub struct End(Gap);

/// How far two things are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// On one line.
    Line,
    /// On two lines.
    Break,
    /// A blank line, or several, between them.
    Blank,
}

impl<'t> Layout<'t> {
    /// Reads a document, as strictly as [`parse`] does.
    pub fn read(text: &'t str) -> Result<Self, Error> {
        parse(text)?;
        let mut reader = Reader { text, at: 0, newline: None };
        let (nodes, _) = reader.nodes()?;
        Ok(Self { nodes, newline: reader.newline.unwrap_or("\n") })
    }

    /// The outermost element.
    pub fn root(&self) -> Option<&Element<'t>> {
        self.nodes.iter().find_map(|node| match &node.kind {
            Kind::Element(element) => Some(element),
            Kind::Aside(_) => None,
        })
    }
}

impl<'t> Element<'t> {
    /// The elements in it.
    pub fn elements(&self) -> impl Iterator<Item = &Element<'t>> {
        let nodes = match &self.content {
            Content::Nodes(nodes, _) => nodes.as_slice(),
            Content::Nothing | Content::Text(_) => &[],
        };
        nodes.iter().filter_map(|node| match &node.kind {
            Kind::Element(element) => Some(element),
            Kind::Aside(_) => None,
        })
    }
}

/// Walks over a text that is known to be well-formed.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// The first line end between tags.
    newline: Option<&'static str>,
}

/// What the content of an element is made of, and where it ends.
struct Extent {
    end: usize,
    has_text: bool,
    has_elements: bool,
    /// Whether some of them are markup rather than parts of a rule.
    has_markup: bool,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Everything up to the next end tag, or to the end of the text.
    fn nodes(&mut self) -> Result<(Vec<Node<'t>>, End), Error> {
        let mut nodes = Vec::new();
        loop {
            let gap = self.gap();
            let rest = self.rest();
            let kind = if rest.is_empty() || rest.starts_with("</") {
                return Ok((nodes, End(gap)));
            } else if rest.starts_with("<!--") {
                Kind::Aside(self.construct("<!--", "-->"))
            } else if rest.starts_with("<?") {
                Kind::Aside(self.construct("<?", "?>"))
            } else {
                Kind::Element(self.element()?)
            };
            nodes.push(Node { gap, kind });
        }
    }

    /// Takes white space.
    fn gap(&mut self) -> Gap {
        let rest = self.rest();
        let space = rest.get(..rest.find(|c| !is_space(c)).unwrap_or(rest.len())).unwrap_or_default();
        self.at += space.len();
        // A line ends in LF, CR LF or CR.
        let breaks = space.matches('\n').count().max(space.matches('\r').count());
        if breaks > 0 && self.newline.is_none() {
            self.newline = Some(if space.contains("\r\n") { "\r\n" } else { "\n" });
        }
        match breaks {
            0 => Gap::Line,
            1 => Gap::Break,
            _ => Gap::Blank,
        }
    }

    /// Takes what begins with `start`, to its `end`. The two do not overlap: `<!-->` is no comment.
    fn construct(&mut self, start: &str, end: &str) -> &'t str {
        let rest = self.rest();
        let content = rest.get(start.len()..).unwrap_or_default();
        let length = content.find(end).map_or(rest.len(), |at| start.len() + at + end.len());
        self.at += length;
        rest.get(..length).unwrap_or(rest)
    }

    fn element(&mut self) -> Result<Element<'t>, Error> {
        let StartTag { name, attributes, span } = scan::start_tag(self.text, self.at)?;
        self.at = span.end;
        let attributes: Vec<_> = attributes
            .into_iter()
            .map(|attribute| Attribute {
                name: attribute.name.text,
                value: self.text.get(attribute.value.clone()).unwrap_or_default(),
                span: attribute.value,
            })
            .collect();
        let is_empty = self.text.get(span).is_some_and(|tag| tag.ends_with("/>"));
        let has_href = attributes.iter().any(|attribute| attribute.name == "href");
        let content = if is_empty { Content::Nothing } else { self.content(name.local, has_href)? };
        Ok(Element { name: name.text, attributes, content })
    }

    /// Takes the content of an element and its end tag.
    fn content(&mut self, name: &str, has_href: bool) -> Result<Content<'t>, Error> {
        let Extent { end, has_text, has_elements, has_markup } = self.extent()?;
        let inside = self.text.get(self.at..end).unwrap_or_default();
        // Where blanks can be content they stay. Markup in a message is a mistake of its author, who
        // will want to find it as it was.
        let has_parts = has_elements && !has_markup;
        let is_laid_out = !has_text
            && match name {
                "message" => has_href && has_parts,
                "header" => has_parts,
                "item" | "entry" => false,
                _ => true,
            };
        let is_unused = has_href && inside.chars().all(is_space);
        let content = match is_laid_out {
            _ if inside.is_empty() || is_unused => Content::Nothing,
            false => Content::Text(inside),
            true => match self.nodes()? {
                (nodes, _) if nodes.is_empty() => Content::Nothing,
                (nodes, end) => Content::Nodes(nodes, end),
            },
        };
        self.at = end;
        self.construct("</", ">");
        Ok(content)
    }

    /// Looks for the end of the content that starts here.
    fn extent(&self) -> Result<Extent, Error> {
        let mut ahead = Reader { text: self.text, at: self.at, newline: None };
        let mut extent = Extent { end: self.at, has_text: false, has_elements: false, has_markup: false };
        let mut depth = 0usize;
        loop {
            let rest = ahead.rest();
            let text = rest.get(..rest.find('<').unwrap_or(rest.len())).unwrap_or_default();
            extent.has_text |= depth == 0 && !text.chars().all(is_space);
            ahead.at += text.len();
            let rest = ahead.rest();
            if rest.starts_with("<!--") {
                ahead.construct("<!--", "-->");
            } else if rest.starts_with(CDATA_START) {
                extent.has_text |= depth == 0;
                ahead.construct(CDATA_START, CDATA_END);
            } else if rest.starts_with("<?") {
                ahead.construct("<?", "?>");
            } else if rest.is_empty() || (rest.starts_with("</") && depth == 0) {
                return Ok(Extent { end: ahead.at, ..extent });
            } else if rest.starts_with("</") {
                depth -= 1;
                ahead.construct("</", ">");
            } else {
                let StartTag { name, span, .. } = scan::start_tag(ahead.text, ahead.at)?;
                extent.has_elements = true;
                extent.has_markup |= depth == 0 && !["header", "item", "entry"].contains(&name.local);
                depth += usize::from(!ahead.text.get(span.clone()).is_some_and(|tag| tag.ends_with("/>")));
                ahead.at = span.end;
            }
        }
    }
}
