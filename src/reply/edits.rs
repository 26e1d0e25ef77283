//! The edits of a header, as they are listed.

use http::{HeaderName, HeaderValue, header};

use super::{Edit, value};
use crate::{
    exchange::Fields,
    media::is_token,
    rules::{
        Choice,
        field::{Action, FieldRule},
    },
    template::Subject,
};

/// Edits of a header, and that header: each edit sees what is left of it by those before.
pub(super) struct Edits<'a> {
    fields: Fields<'a>,
    edits: Vec<Edit>,
}

/// What describes the old body and nothing else (RFC 9110 §8, RFC 9112 §6, RFC 9530). Trailers go
/// with it.
static OF_THE_OLD_BODY: [HeaderName; 14] = [
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::CONTENT_ENCODING,
    header::ETAG,
    header::LAST_MODIFIED,
    header::ACCEPT_RANGES,
    header::CONTENT_RANGE,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    header::CONTENT_LOCATION,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LANGUAGE,
];

impl<'a> Edits<'a> {
    /// No edits of this header.
    pub(super) fn new(fields: Fields<'a>) -> Self {
        Self { fields, edits: Vec::with_capacity(8) }
    }

    /// All of them, in order.
    pub(super) fn into_vec(self) -> Vec<Edit> {
        self.edits
    }

    /// Removes the field if it is there.
    pub(super) fn remove(&mut self, name: &HeaderName) {
        if self.has(name) {
            self.edits.push(Edit::Remove(name.clone()));
        }
    }

    /// Lets one line with this value take the place of all.
    pub(super) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.edits.push(Edit::Set(name, value));
    }

    /// Adds a line.
    pub(super) fn add(&mut self, name: HeaderName, value: HeaderValue) {
        self.edits.push(Edit::Add(name, value));
    }

    /// Removes what describes the upstream's content and no other.
    pub(super) fn strip(&mut self, sent: u16, upstream: u16) {
        // A 416 says in Content-Range how long the representation is (RFC 9110 §15.5.17).
        let is_kept = |name: &HeaderName| (sent, upstream) == (416, 416) && *name == header::CONTENT_RANGE;
        for (name, may_be_there) in OF_THE_OLD_BODY.iter().zip(self.described_by()) {
            if may_be_there && !is_kept(name) {
                self.remove(name);
            }
        }
    }

    /// Which of [`OF_THE_OLD_BODY`] may be there: to look at each field once is less work than to look
    /// for each of these.
    fn described_by(&self) -> [bool; OF_THE_OLD_BODY.len()] {
        let (Fields::Map(fields), []) = (self.fields, &*self.edits) else { return [true; _] };
        let mut there = [false; OF_THE_OLD_BODY.len()];
        for name in fields.keys() {
            for (old, there) in OF_THE_OLD_BODY.iter().zip(&mut there) {
                *there |= old == name;
            }
        }
        there
    }

    /// Does what rules do to the header.
    pub(super) fn apply(&mut self, rules: &[FieldRule], subject: &Subject<'_>) {
        for FieldRule { name, action } in rules {
            match action {
                Action::Remove => self.remove(name),
                Action::Default(_) if self.has(name) => {}
                Action::Set(value) => {
                    self.edits
                        .extend(value::render(value, subject).map(|value| Edit::Set(name.clone(), value)));
                }
                Action::Add(value) | Action::Default(value) => {
                    self.edits
                        .extend(value::render(value, subject).map(|value| Edit::Add(name.clone(), value)));
                }
            }
        }
    }

    /// Lists what goes with a message, but for its length.
    pub(super) fn describe(&mut self, choice: &Choice<'_>, subject: &Subject<'_>) {
        let Choice { rule, message, .. } = choice;
        self.apply(&message.fields, subject);
        self.set(header::CONTENT_TYPE, message.content_type.clone());
        let language =
            message.language.as_ref().and_then(|language| HeaderValue::from_str(language.as_str()).ok());
        self.edits.extend(language.map(|language| Edit::Set(header::CONTENT_LANGUAGE, language)));
        // The types of messages are no guesses. A rule that removes the field is obeyed.
        let mut rules = rule.fields().iter().chain(&message.fields);
        let is_ruled = rules.any(|field| field.name == header::X_CONTENT_TYPE_OPTIONS);
        if !is_ruled && !self.has(&header::X_CONTENT_TYPE_OPTIONS) {
            self.set(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        let accept = rule.depends_on_accept().then_some("Accept");
        self.vary(accept.into_iter().chain(choice.by_language.then_some("Accept-Language")));
    }

    /// Whether the header has the field by now.
    fn has(&self, name: &HeaderName) -> bool {
        let edited = self.edits.iter().rev().find_map(|edit| match edit {
            Edit::Remove(other) => (other == name).then_some(false),
            Edit::Set(other, _) | Edit::Add(other, _) => (other == name).then_some(true),
        });
        edited.unwrap_or_else(|| self.fields.contains(name))
    }

    /// The lines of the field by now.
    fn lines(&self, name: &HeaderName) -> Vec<&[u8]> {
        let mut lines: Vec<&[u8]> = self.fields.lines(name).collect();
        for edit in &self.edits {
            let (Edit::Remove(other) | Edit::Set(other, _) | Edit::Add(other, _)) = edit;
            if other != name {
                continue;
            }
            if !matches!(edit, Edit::Add(..)) {
                lines.clear();
            }
            if let Edit::Set(_, value) | Edit::Add(_, value) = edit {
                lines.push(value.as_bytes());
            }
        }
        lines
    }

    /// Adds names of request fields to Vary, unless it names them already.
    fn vary(&mut self, fields: impl Iterator<Item = &'static str>) {
        let lines = self.lines(&header::VARY);
        let members = lines.iter().flat_map(|line| line.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
        let mut members: Vec<&[u8]> = members.filter(|member| is_token(member)).collect();
        let named = members.len();
        for field in fields.map(str::as_bytes) {
            let says_so = |member: &&[u8]| member.eq_ignore_ascii_case(field) || *member == b"*";
            if !members.iter().any(says_so) {
                members.push(field);
            }
        }
        if members.len() > named
            && let Ok(value) = HeaderValue::from_bytes(&members.join(&b", "[..]))
        {
            self.set(header::VARY, value);
        }
    }
}
