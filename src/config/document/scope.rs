//! Which prefix stands for which namespace, element by element (Namespaces in XML 1.0).

use std::{collections::HashMap, sync::Arc};

use super::error::ErrorKind;

pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The declarations in force. Looking a prefix up costs the same however many there are; that
/// there are not many more than the depth and the attributes of an element allow, the reader sees to.
#[derive(Debug)]
pub(super) struct Scope<'t> {
    /// For each prefix (the default namespace has the empty one) what it was bound to, innermost last.
    bindings: HashMap<&'t str, Vec<Option<Arc<str>>>>,
    /// The prefixes that each open element binds.
    elements: Vec<Vec<&'t str>>,
}

impl<'t> Scope<'t> {
    pub(super) fn new() -> Self {
        Self { bindings: HashMap::from([("xml", vec![Some(Arc::from(XML))])]), elements: Vec::new() }
    }

    /// Enters an element.
    pub(super) fn enter(&mut self) {
        self.elements.push(Vec::new());
    }

    /// Leaves the innermost element, and forgets what it declared.
    pub(super) fn leave(&mut self) {
        for prefix in self.elements.pop().unwrap_or_default() {
            self.bindings.entry(prefix).and_modify(|namespaces| {
                namespaces.pop();
            });
        }
    }

    /// Binds a prefix (or, without one, the default namespace) within the innermost element.
    pub(super) fn bind(&mut self, prefix: Option<&'t str>, namespace: &str) -> Result<(), ErrorKind> {
        match prefix {
            Some("xml") if namespace == XML => return Ok(()),
            Some("xml" | "xmlns") => return Err(ErrorKind::ReservedNamespace),
            _ if namespace == XML || namespace == XMLNS => return Err(ErrorKind::ReservedNamespace),
            Some(prefix) if namespace.is_empty() => {
                return Err(ErrorKind::UndeclaredPrefix(prefix.to_owned()));
            }
            _ => {}
        }
        let prefix = prefix.unwrap_or_default();
        let namespace = (!namespace.is_empty()).then(|| Arc::from(namespace));
        self.bindings.entry(prefix).or_default().push(namespace);
        if let Some(element) = self.elements.last_mut() {
            element.push(prefix);
        }
        Ok(())
    }

    /// The namespace of an element's name.
    pub(super) fn of_element(&self, prefix: Option<&str>) -> Result<Option<Arc<str>>, ErrorKind> {
        match prefix {
            None => Ok(self.innermost("").cloned().flatten()),
            Some(_) => self.of_attribute(prefix),
        }
    }

    /// The namespace of an attribute's name: none without a prefix, whatever the default is.
    pub(super) fn of_attribute(&self, prefix: Option<&str>) -> Result<Option<Arc<str>>, ErrorKind> {
        match prefix {
            None => Ok(None),
            Some("xmlns") => Err(ErrorKind::ReservedNamespace),
            Some(prefix) => match self.innermost(prefix) {
                Some(namespace) => Ok(namespace.clone()),
                None => Err(ErrorKind::UnboundPrefix(prefix.to_owned())),
            },
        }
    }

    fn innermost(&self, prefix: &str) -> Option<&Option<Arc<str>>> {
        self.bindings.get(prefix)?.last()
    }
}
