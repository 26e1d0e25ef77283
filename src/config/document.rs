//! XML 1.0 with namespaces, read into elements that know where they stand.
//!
//! [`decode()`] makes text of a file's bytes, [`parse`] a tree of the text. Both are as strict as a
//! conforming, namespace-aware parser that reads no document type declaration: what one of those
//! refuses is refused here, at the place of the first mistake. quick-xml cuts the text into events;
//! that each event keeps to the grammar is checked here, since it leaves that to its caller.

use std::{fmt, ops::Range, sync::Arc};

use quick_xml::{Reader, events::Event};

use self::{cursor::QName, scan::StartTag, scope::Scope};
pub use self::{
    decode::{decode, decode_lossy},
    error::{Construct, Error, ErrorKind},
    text::Text,
};

mod cursor;
mod decode;
mod error;
pub mod layout;
mod names;
mod scan;
mod scope;
mod text;

/// How many bytes a file may have.
pub const MAX_SIZE: usize = 16 << 20;
/// How deep elements may be nested.
pub const MAX_DEPTH: usize = 64;
/// How many attributes, namespace declarations included, an element may have.
pub const MAX_ATTRIBUTES: usize = 64;
/// How many elements, attributes and texts a document may have in all.
pub const MAX_NODES: usize = 1_000_000;

/// A well-formed document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The outermost element.
    pub root: Element,
}

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: Name,
    /// Where the name stands in the start tag.
    pub name_span: Range<usize>,
    /// Where the start tag stands.
    pub span: Range<usize>,
    /// Its attributes, namespace declarations left out.
    pub attributes: Vec<Attribute>,
    /// What is in it.
    pub children: Vec<Node>,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: Name,
    /// Where the name stands.
    pub name_span: Range<usize>,
    /// Its value.
    pub value: Text,
}

/// What can be in an element. Comments and processing instructions are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// All text between two tags, never empty.
    Text(Text),
}

/// The name of an element or an attribute; displayed as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The prefix, as written.
    pub prefix: Option<String>,
    /// The name without the prefix.
    pub local: String,
    /// The namespace that it belongs to.
    pub namespace: Option<Arc<str>>,
}

impl Node {
    /// The element, if it is one.
    pub fn element(&self) -> Option<&Element> {
        match self {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        }
    }

    /// The text, if it is some.
    pub fn text(&self) -> Option<&Text> {
        match self {
            Node::Text(text) => Some(text),
            Node::Element(_) => None,
        }
    }
}

/// Reads a document.
pub fn parse(text: &str) -> Result<Document, Error> {
    // The reader would pass over it without counting it.
    if let Some(c) = text.chars().next().filter(|&c| c == '\u{FEFF}') {
        return Err(ErrorKind::OutsideRoot.at(0..c.len_utf8()));
    }
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    // The builder does this, and knows where the start tag was.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;

    let mut builder = Builder::new(text);
    loop {
        let start = position(&reader);
        let event = reader.read_event();
        let span = start..position(&reader);
        match event {
            Ok(Event::Eof) => return builder.finish(),
            Ok(event) => builder.take(&event, span)?,
            Err(_) => {
                let error = scan::unfinished(text, start);
                builder.check_characters(&(start..error.span.end))?;
                return Err(error);
            }
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.prefix {
            Some(prefix) => write!(f, "{prefix}:{}", self.local),
            None => f.write_str(&self.local),
        }
    }
}

impl Name {
    fn new(name: &QName<'_>, namespace: Option<Arc<str>>) -> Self {
        Self { prefix: name.prefix.map(str::to_owned), local: name.local.to_owned(), namespace }
    }
}

/// Builds the tree, event by event.
#[derive(Debug)]
struct Builder<'t> {
    source: &'t str,
    scope: Scope<'t>,
    /// The elements whose end tags are still to come, outermost first.
    open: Vec<Element>,
    /// The text since the last tag.
    text: Text,
    root: Option<Element>,
    nodes: usize,
}

impl<'t> Builder<'t> {
    fn new(source: &'t str) -> Self {
        let (open, text, root, nodes) = (Vec::new(), Text::default(), None, 0);
        Self { source, scope: Scope::new(), open, text, root, nodes }
    }

    fn take(&mut self, event: &Event<'_>, span: Range<usize>) -> Result<(), Error> {
        let source = self.source;
        self.check_characters(&span)?;
        match event {
            Event::Start(_) => self.start(scan::start_tag(source, span.start)?),
            Event::Empty(_) => {
                self.start(scan::start_tag(source, span.start)?)?;
                self.end();
                Ok(())
            }
            Event::End(_) => self.end_tag(span),
            Event::Text(_) => self.characters(span),
            Event::CData(_) => self.cdata(span),
            Event::GeneralRef(_) if self.open.is_empty() => Err(ErrorKind::OutsideRoot.at(span)),
            Event::GeneralRef(_) => self.text.push_reference(source, span.start).map(drop),
            Event::Comment(_) => scan::comment(source, span),
            Event::PI(_) | Event::Decl(_) => scan::instruction(source, span.start),
            Event::DocType(_) => Err(scan::unknown_markup(source, span.start)),
            Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, tag: StartTag<'t>) -> Result<(), Error> {
        self.flush_text()?;
        if self.open.is_empty() && self.root.is_some() {
            return Err(ErrorKind::SecondRoot.at(tag.span));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(ErrorKind::TooDeep.at(tag.span));
        }
        self.count(1 + tag.attributes.len(), &tag.span)?;
        let element = self.element(tag)?;
        self.open.push(element);
        Ok(())
    }

    /// Enters the scope of a tag, and resolves its names in it.
    fn element(&mut self, tag: StartTag<'t>) -> Result<Element, Error> {
        self.scope.enter();
        let mut written: Vec<&str> = Vec::with_capacity(tag.attributes.len());
        let mut values = Vec::with_capacity(tag.attributes.len());
        for attribute in tag.attributes {
            let name = attribute.name;
            if written.contains(&name.text) {
                return Err(ErrorKind::DuplicateAttribute(name.text.to_owned()).at(name.span));
            }
            written.push(name.text);
            let value = Text::of_attribute(self.source, attribute.value)?;
            let declared = match (name.prefix, name.local) {
                (None, "xmlns") => None,
                (Some("xmlns"), prefix) => Some(prefix),
                _ => {
                    values.push((name, value));
                    continue;
                }
            };
            self.scope.bind(declared, &value.value).map_err(|kind| kind.at(name.span))?;
        }

        let namespace = self.scope.of_element(tag.name.prefix);
        let namespace = namespace.map_err(|kind| kind.at(tag.name.span.clone()))?;
        let mut attributes: Vec<Attribute> = Vec::with_capacity(values.len());
        for (name, value) in values {
            let namespace = self.scope.of_attribute(name.prefix);
            let namespace = namespace.map_err(|kind| kind.at(name.span.clone()))?;
            // Two prefixes may stand for one namespace.
            if namespace.is_some()
                && attributes
                    .iter()
                    .any(|other| other.name.local == name.local && other.name.namespace == namespace)
            {
                return Err(ErrorKind::DuplicateAttribute(name.text.to_owned()).at(name.span));
            }
            attributes.push(Attribute { name: Name::new(&name, namespace), name_span: name.span, value });
        }
        Ok(Element {
            name: Name::new(&tag.name, namespace),
            name_span: tag.name.span,
            span: tag.span,
            attributes,
            children: Vec::new(),
        })
    }

    fn end_tag(&mut self, span: Range<usize>) -> Result<(), Error> {
        let found = scan::end_tag(self.source, span.start)?.text;
        self.flush_text()?;
        let Some(open) = self.open.last() else {
            return Err(ErrorKind::StrayEndTag(found.to_owned()).at(span));
        };
        let expected = self.source.get(open.name_span.clone()).unwrap_or_default();
        if found != expected {
            let before = self.source.get(..open.span.start).unwrap_or_default();
            let line = 1 + before.matches('\n').count();
            let (found, expected) = (found.to_owned(), expected.to_owned());
            return Err(ErrorKind::MismatchedEndTag { found, expected, line }.at(span));
        }
        self.end();
        Ok(())
    }

    /// Leaves the innermost element.
    fn end(&mut self) {
        self.scope.leave();
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }

    fn characters(&mut self, span: Range<usize>) -> Result<(), Error> {
        let text = self.source.get(span.clone()).unwrap_or_default();
        if self.open.is_empty() {
            let Some(at) = text.find(|c| !names::is_space(c)) else { return Ok(()) };
            let end = text.trim_end_matches(names::is_space).len();
            return Err(ErrorKind::OutsideRoot.at(span.start + at..span.start + end));
        }
        if let Some(at) = text.find(CDATA_END) {
            let at = span.start + at;
            return Err(ErrorKind::CdataEndInText.at(at..at + CDATA_END.len()));
        }
        self.text.push_characters(self.source, span);
        Ok(())
    }

    fn cdata(&mut self, span: Range<usize>) -> Result<(), Error> {
        if self.open.is_empty() {
            return Err(ErrorKind::OutsideRoot.at(span));
        }
        let inside = span.start + CDATA_START.len()..span.end.saturating_sub(CDATA_END.len());
        self.text.push_characters(self.source, inside);
        Ok(())
    }

    /// Hands the text since the last tag to the element that holds it.
    fn flush_text(&mut self) -> Result<(), Error> {
        if self.text.value.is_empty() {
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        self.count(1, &text.span())?;
        if let Some(element) = self.open.last_mut() {
            element.children.push(Node::Text(text));
        }
        Ok(())
    }

    fn finish(self) -> Result<Document, Error> {
        if let Some(open) = self.open.last() {
            return Err(ErrorKind::UnclosedElement(open.name.to_string()).at(open.span.clone()));
        }
        let end = self.source.len();
        self.root.map(|root| Document { root }).ok_or_else(|| ErrorKind::NoRoot.at(end..end))
    }

    fn count(&mut self, nodes: usize, span: &Range<usize>) -> Result<(), Error> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(ErrorKind::TooManyNodes.at(span.clone()));
        }
        Ok(())
    }

    fn check_characters(&self, span: &Range<usize>) -> Result<(), Error> {
        let text = self.source.get(span.clone()).unwrap_or_default();
        if !names::may_have_no_char(text) {
            return Ok(());
        }
        match text.char_indices().find(|&(_, c)| !names::is_char(c)) {
            Some((at, c)) => {
                let at = span.start + at;
                Err(ErrorKind::ForbiddenCharacter(c).at(at..at + c.len_utf8()))
            }
            None => Ok(()),
        }
    }
}

const CDATA_START: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";

/// How far the reader has come, in bytes.
fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}
