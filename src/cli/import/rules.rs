//! From the rules of any version of Repose to Retort's: the changes to make, and what to know.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
    path::Path,
    sync::Arc,
};

use super::{
    edit::{Edits, escaped},
    facts::{self, Fact},
    gotcha::Gotcha,
    message::Place,
};
use crate::{
    config::{
        NAMESPACE, OLD_NAMESPACES, Source,
        document::{Attribute, Document, Element, Node, layout},
    },
    status::StatusSet,
};

/// Rules of Repose's, read.
pub(super) struct Reading<'a> {
    pub(super) source: &'a Arc<Source>,
    /// Where paths start, in the old file and in the new one.
    pub(super) place: Place<'a>,
    pub(super) edits: Edits,
    pub(super) gotchas: Vec<Gotcha>,
    /// The message files that the rules name, and whether they can be read.
    pub(super) files: Vec<MessageFile>,
    /// The secrets that messages show.
    pub(super) exposed: BTreeSet<String>,
    /// Whether the file is of a version before 7.
    pub(super) is_old: bool,
    /// Whether a rule that says nothing of `overwrite` replaces every body.
    implies_always: bool,
    ids: HashSet<String>,
    /// The messages by id and media type, as Repose kept them.
    keys: HashMap<String, usize>,
    /// Whether it has been said that Retort negotiates in another way.
    pub(super) is_negotiation_told: bool,
}

/// A file that a message is read from.
#[derive(Debug, serde::Serialize)]
pub(super) struct MessageFile {
    pub(super) href: String,
    pub(super) path: Option<std::path::PathBuf>,
    pub(super) readable: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn new(source: &'a Arc<Source>, document: &Document, place: Place<'a>) -> Self {
        let namespace = document.root.name.namespace.as_deref();
        Self {
            source,
            place,
            edits: Edits::default(),
            gotchas: Vec::new(),
            files: Vec::new(),
            exposed: BTreeSet::new(),
            is_old: namespace.is_none_or(|namespace| OLD_NAMESPACES.contains(&namespace)),
            implies_always: implies_always(&document.root),
            ids: HashSet::new(),
            keys: HashMap::new(),
            is_negotiation_told: false,
        }
    }

    /// Goes through the file.
    pub(super) fn read(&mut self, document: &Document, layout: &layout::Layout<'_>) {
        let root = &document.root;
        if let Some(root) = layout.root() {
            self.namespaces(root);
        }
        if root.name.namespace.is_none() {
            let import = format!("wrote xmlns=\"{NAMESPACE}\"");
            self.mended(facts::NO_NAMESPACE, root.name_span.clone(), import);
            self.edits.insert(root.name_span.end, format!(" xmlns=\"{NAMESPACE}\""));
        }
        self.templating();
        elements(root, "status-code").for_each(|rule| self.rule(rule));
        self.expose(root);
    }

    /// Declarations of old namespaces, wherever they are.
    fn namespaces(&mut self, element: &layout::Element<'_>) {
        for attribute in &element.attributes {
            let Some(old) = OLD_NAMESPACES.iter().find(|old| attribute.value.contains(**old)) else {
                continue;
            };
            let is_declaration = attribute.name == "xmlns" || attribute.name.starts_with("xmlns:");
            if is_declaration && attribute.value == *old {
                self.mended(facts::OLD_NAMESPACE, attribute.span.clone(), format!("wrote {NAMESPACE}"));
                self.edits.replace(attribute.span.clone(), NAMESPACE);
            } else if attribute.name.ends_with(":schemaLocation") {
                self.edits.replace(attribute.span.clone(), attribute.value.replace(old, NAMESPACE));
            }
        }
        element.elements().for_each(|child| self.namespaces(child));
    }

    /// Repose 8.8 and later ran a template engine over the file before reading it.
    fn templating(&mut self) {
        let text = self.source.text();
        for (opening, closing) in [("{$", "$}"), ("{!", "!}"), ("{%", "%}")] {
            for (start, _) in text.match_indices(opening) {
                let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
                if let Some(length) = line.find(closing) {
                    let span = start..start + length + closing.len();
                    let import = "left as it stands: write the value itself, or `%{NAME}e` in a message";
                    self.gotchas.push(facts::TEMPLATING.open(self.source, span, import));
                }
            }
        }
    }

    fn rule(&mut self, rule: &Element) {
        let id = self.id(rule);
        self.overwrite(rule);
        let statuses = self.code_regex(rule, id.as_deref());
        if let Some(span) = statuses.filter(covers_bodiless).map(|_| value_or_name(rule, "code-regex")) {
            self.differs(facts::BODILESS, span);
        }
        let messages: Vec<_> = elements(rule, "message").collect();
        for (index, message) in messages.iter().enumerate() {
            self.message(message);
            let key =
                media_type(message).map(|media_type| format!("{}{media_type}", id.as_deref().unwrap_or("")));
            let taken = key.and_then(|key| self.keys.insert(key, rule.span.start));
            if taken.is_some_and(|other| other != rule.span.start) {
                self.differs(facts::KEY_COLLISION, message.span.clone());
            }
            if index == 0
                && !messages.iter().any(|message| media_type(message).is_none_or(|name| name == "*/*"))
            {
                self.differs(facts::NO_CATCH_ALL, rule.span.clone());
            }
        }
    }

    /// The id as it is in the file; one that is taken gets a number.
    fn id(&mut self, rule: &Element) -> Option<String> {
        let attribute = attribute(rule, "id")?;
        let id = attribute.value.value.clone();
        if self.ids.insert(id.clone()) {
            return Some(id);
        }
        let free = (2..).map(|number| format!("{id}-{number}")).find(|name| !self.ids.contains(name))?;
        self.mended(facts::DUPLICATE_ID, attribute.value.span(), format!("named it `{free}`"));
        self.edits.replace(attribute.value.span(), escaped(&free));
        // The expression that the id stood in for is written out by `code_regex`.
        self.ids.insert(free);
        Some(id)
    }

    /// What old versions had in the place of `overwrite`.
    fn overwrite(&mut self, rule: &Element) {
        let says = attribute(rule, "overwrite").is_some();
        let mut meant = None;
        for element in std::iter::once(rule).chain(elements(rule, "message")) {
            for name in ["overwrite-origin", "prepend-origin"] {
                let Some(legacy) = attribute(element, name) else { continue };
                let always = match (name, legacy.value.value.trim()) {
                    // Repose had the body of the upstream in front of the message.
                    ("prepend-origin", "true" | "1") => continue,
                    ("overwrite-origin", "false" | "0") => false,
                    (_, "true" | "1" | "false" | "0") => true,
                    _ => continue,
                };
                let always = *meant.get_or_insert(always);
                let import = match says {
                    true => "took it out: the rule has `overwrite`".to_owned(),
                    false => format!("wrote overwrite=\"{}\" on the rule", word(always)),
                };
                self.mended(facts::LEGACY_ATTRIBUTE, legacy.name_span.clone(), import);
                self.edits.remove(legacy, self.source.text());
            }
        }
        if says {
            return;
        }
        if meant.is_none() && self.implies_always {
            let import = "wrote overwrite=\"ALWAYS\"";
            self.mended(facts::IMPLIED_ALWAYS, rule.span.clone(), import);
            meant = Some(true);
        }
        if let Some(always) = meant {
            self.edits.insert(rule.name_span.end, format!(" overwrite=\"{}\"", word(always)));
        }
    }

    /// The statuses of a rule. The id is written out as their expression where it is one.
    fn code_regex(&mut self, rule: &Element, id: Option<&str>) -> Option<StatusSet> {
        if let Some(regex) = attribute(rule, "code-regex") {
            return StatusSet::from_regex(&regex.value.value).ok();
        }
        let id = id?;
        let statuses = StatusSet::from_regex(id).ok().filter(|set| !set.is_empty())?;
        self.mended(facts::NO_CODE_REGEX, rule.span.clone(), format!("wrote code-regex=\"{id}\""));
        self.edits.insert(rule.name_span.end, format!(" code-regex=\"{}\"", escaped(id)));
        Some(statuses)
    }

    /// Names the secrets that messages show, so that they still do.
    fn expose(&mut self, root: &Element) {
        let named = attribute(root, "expose");
        let has = |secret: &String| {
            named.is_some_and(|named| {
                named.value.value.split_ascii_whitespace().any(|name| name.eq_ignore_ascii_case(secret))
            })
        };
        let missing: Vec<_> = self.exposed.iter().filter(|secret| !has(secret)).cloned().collect();
        if missing.is_empty() {
            return;
        }
        match named {
            Some(named) => self.edits.insert(named.value.span().end, format!(" {}", missing.join(" "))),
            None => self.edits.insert(root.name_span.end, format!(" expose=\"{}\"", missing.join(" "))),
        }
    }

    pub(super) fn mended(&mut self, fact: Fact, span: Range<usize>, import: impl Into<String>) {
        self.gotchas.push(fact.mended(self.source, span, import.into()));
    }

    pub(super) fn differs(&mut self, fact: Fact, span: Range<usize>) {
        self.gotchas.push(fact.differs(self.source, span));
    }
}

/// Whether the file is of the version that knew `prepend-origin` and no `overwrite`.
fn implies_always(root: &Element) -> bool {
    let mut messages = elements(root, "status-code").flat_map(|rule| elements(rule, "message"));
    messages.any(|message| attribute(message, "prepend-origin").is_some())
        && !elements(root, "status-code").any(|rule| attribute(rule, "overwrite").is_some())
}

fn word(always: bool) -> &'static str {
    if always { "ALWAYS" } else { "IF_EMPTY" }
}

/// Whether responses of some of the statuses cannot carry another body.
fn covers_bodiless(statuses: &StatusSet) -> bool {
    (100..200).chain([204, 205, 206, 304]).any(|status| statuses.contains(status))
}

/// The child elements of this name.
pub(super) fn elements<'e>(parent: &'e Element, name: &'static str) -> impl Iterator<Item = &'e Element> {
    let elements = parent.children.iter().filter_map(Node::element);
    elements.filter(move |element| element.name.local == name)
}

/// The attribute of this name, in no namespace.
pub(super) fn attribute<'e>(element: &'e Element, name: &str) -> Option<&'e Attribute> {
    let mut attributes = element.attributes.iter();
    attributes.find(|attribute| attribute.name.namespace.is_none() && attribute.name.local == name)
}

pub(super) fn media_type(message: &Element) -> Option<&str> {
    attribute(message, "media-type").map(|attribute| attribute.value.value.as_str())
}

/// Where an attribute has its value, or, without it, where the tag stands.
fn value_or_name(element: &Element, name: &str) -> Range<usize> {
    attribute(element, name).map_or(element.span.clone(), |attribute| attribute.value.span())
}

/// The folder of a file; without components it is the working directory.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
