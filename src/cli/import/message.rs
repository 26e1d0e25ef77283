//! One `message` of Repose's: its attributes, its file, its text.

use std::{
    fmt::Write as _,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    edit::escaped,
    facts,
    rules::{MessageFile, Reading, attribute, media_type},
    template,
};
use crate::{
    config::{
        Source,
        document::{Element, Node},
        href::{Disk, Files, Target},
    },
    media::MediaType,
    template::Escape,
};

/// Where relative paths start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// In the old file.
    pub(super) old: &'a Path,
    /// In the new file.
    pub(super) new: &'a Path,
}

impl Reading<'_> {
    pub(super) fn message(&mut self, message: &Element) {
        match attribute(message, "media-type") {
            None => self.differs(facts::NO_MEDIA_TYPE, message.span.clone()),
            Some(attribute) if attribute.value.value != "*/*" => {
                let span = attribute.value.span();
                if media_type(message).is_some_and(|name| name.contains(';')) {
                    self.differs(facts::MEDIA_PARAMETERS, span.clone());
                }
                if !std::mem::replace(&mut self.is_negotiation_told, true) {
                    self.differs(facts::NEGOTIATION, span);
                }
            }
            Some(_) => {}
        }
        let escape = self.content_type(message);
        match attribute(message, "href") {
            Some(_) => self.file(message, escape),
            None => self.text(message, escape),
        }
    }

    /// How values are escaped in the message. Messages are UTF-8, whatever they were.
    fn content_type(&mut self, message: &Element) -> Escape {
        let Some(attribute) = attribute(message, "content-type") else { return Escape::Text };
        let value = attribute.value.value.as_str();
        let Ok(media_type) = MediaType::parse(value.trim()) else { return Escape::Text };
        let is_utf8 = |charset: &str| ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name));
        if media_type.parameter("charset").is_some_and(|charset| !is_utf8(charset))
            && let Some(span) = charset_span(value)
        {
            let span = attribute.value.source_span(span);
            self.mended(facts::CHARSET, span.clone(), "wrote utf-8");
            self.edits.replace(span, "utf-8");
        }
        Escape::of(&media_type)
    }

    /// The text that stands in the rules file.
    fn text(&mut self, message: &Element, escape: Escape) {
        let Some(text) = message.children.iter().find_map(Node::text) else { return };
        let has_charset = attribute(message, "content-type")
            .is_some_and(|attribute| attribute.value.value.to_ascii_lowercase().contains("charset"));
        if !has_charset && let Some((at, c)) = text.value.char_indices().find(|(_, c)| !c.is_ascii()) {
            self.differs(facts::LATIN1, text.source_span(at..at + c.len_utf8()));
        }
        for finding in template::read(&text.value, escape, self.is_old) {
            let span = text.source_span(finding.span);
            let gotcha = match (&finding.credential, finding.instead) {
                (Some(secret), _) => {
                    self.exposed.insert(secret.clone());
                    finding.fact.mended(self.source, span, format!("wrote expose=\"{secret}\" on the root"))
                }
                (None, Some(instead)) => {
                    let import = match instead.as_str() {
                        "" => "took them out".to_owned(),
                        _ => format!("wrote `{instead}`"),
                    };
                    self.edits.replace(span.clone(), instead);
                    finding.fact.mended(self.source, span, import)
                }
                (None, None) => finding.fact.differs(self.source, span),
            };
            self.gotchas.push(gotcha);
        }
    }

    /// The text that stands in a file of its own. The file stays as it is.
    fn file(&mut self, message: &Element, escape: Escape) {
        self.unused_text(message);
        let Some(attribute) = attribute(message, "href") else { return };
        let href = attribute.value.value.as_str();
        let target = Target::new(href, self.place.old);
        let path = target.as_ref().ok().map(|target| target.path.clone());
        let text = target.and_then(|target| Disk::default().read(&target));
        let file = MessageFile { href: href.to_owned(), path, readable: text.is_ok() };
        if let (Ok(text), Some(path)) = (text, &file.path) {
            self.uri(href, path, &attribute.value.span());
            self.file_text(path, text, escape);
        }
        self.files.push(file);
    }

    /// What is not a URI names a file to Retort, if the new rules file is where the old one was.
    fn uri(&mut self, href: &str, path: &Path, span: &Range<usize>) {
        if href.starts_with("file://") {
            return;
        }
        let is_path = !href.to_ascii_lowercase().starts_with("file:");
        let moves = real(self.place.old) != real(self.place.new);
        match path.canonicalize().ok().filter(|_| is_path && moves) {
            Some(path) => {
                let uri = file_uri(&path);
                self.mended(facts::RELATIVE_HREF, span.clone(), format!("wrote {uri}"));
                self.edits.replace(span.clone(), escaped(&uri));
            }
            None => self.differs(facts::NOT_A_URI, span.clone()),
        }
    }

    fn file_text(&mut self, path: &Path, text: String, escape: Escape) {
        let source = Arc::new(Source::new(path, text));
        for finding in template::read(source.text(), escape, self.is_old) {
            let gotcha = match (&finding.credential, &finding.instead) {
                (Some(secret), _) => {
                    self.exposed.insert(secret.clone());
                    finding.fact.mended(
                        &source,
                        finding.span,
                        format!("wrote expose=\"{secret}\" on the root"),
                    )
                }
                (None, Some(instead)) => {
                    let import = match instead.as_str() {
                        "" => "message files stay as they are: take them out".to_owned(),
                        _ => format!("message files stay as they are: write `{instead}`"),
                    };
                    finding.fact.open(&source, finding.span, import)
                }
                (None, None) => finding.fact.differs(&source, finding.span),
            };
            // A file that several messages name is told of once.
            let is_known = self.gotchas.iter().any(|known| {
                known.code == gotcha.code && known.is_at(path, gotcha.span.as_ref().map(|span| span.start))
            });
            if !is_known {
                self.gotchas.push(gotcha);
            }
        }
    }

    /// A text beside a file is not used: it is kept in a comment.
    fn unused_text(&mut self, message: &Element) {
        let text = message.children.iter().find_map(Node::text);
        let Some(text) = text.filter(|text| !text.value.trim().is_empty()) else { return };
        let content = content_span(self.source.text(), message);
        let written = self.source.text().get(content.clone()).unwrap_or_default();
        // A comment cannot hold two hyphens, or end in one.
        if written.contains("--") || written.trim_end().ends_with('-') {
            return;
        }
        self.mended(facts::TEXT_BESIDE_HREF, text.span(), "kept the text in a comment");
        self.edits.insert(message.span.start, format!("<!-- Not used: {} -->\n", written.trim()));
        self.edits.replace(content, "");
    }
}

/// A folder without symbolic links, if it is there.
fn real(folder: &Path) -> Option<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.canonicalize().ok()
}

/// Where the value of `charset` stands in a media type.
fn charset_span(value: &str) -> Option<Range<usize>> {
    let start = value.to_ascii_lowercase().find("charset=")? + "charset=".len();
    let rest = value.get(start..)?;
    let written = rest.get(..rest.find(';').unwrap_or(rest.len()))?.trim_end();
    Some(start..start + written.len())
}

/// What stands between the tags of a message that holds text, and no elements.
fn content_span(source: &str, message: &Element) -> Range<usize> {
    let start = message.span.end;
    let mut at = start;
    loop {
        let rest = source.get(at..).unwrap_or_default();
        let Some(markup) = rest.find('<') else { return start..start };
        let rest = rest.get(markup..).unwrap_or_default();
        let skipped = [("<![CDATA[", "]]>"), ("<!--", "-->"), ("<?", "?>")]
            .iter()
            .find(|(opening, _)| rest.starts_with(opening))
            .map(|(opening, closing)| {
                let content = rest.get(opening.len()..).unwrap_or_default();
                content.find(closing).map_or(rest.len(), |end| opening.len() + end + closing.len())
            });
        match skipped {
            Some(length) => at += markup + length,
            None if rest.starts_with("</") => return start..at + markup,
            None => return start..start,
        }
    }
}

/// The `file:` URI of an absolute path (RFC 8089).
fn file_uri(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(*byte))
            }
            byte => {
                // Writing to memory cannot fail.
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets() {
        let charset = |value: &'static str| charset_span(value).map(|span| &value[span]);
        assert_eq!(charset("text/plain; Charset=ISO-8859-1 ; a=b"), Some("ISO-8859-1"));
        assert_eq!(charset("text/plain;charset=\"latin1\""), Some("\"latin1\""));
        assert_eq!(charset("text/plain"), None);
    }

    #[test]
    fn uris() {
        assert_eq!(file_uri(Path::new("/etc/a b/é%.txt")), "file:///etc/a%20b/%C3%A9%25.txt");
    }
}
