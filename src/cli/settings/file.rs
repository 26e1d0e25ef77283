//! From TOML to arguments, or to all the mistakes in it.

use std::{
    ffi::OsString,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::{
    Spanned,
    de::{DeArray, DeInteger, DeTable, DeValue},
};

use super::setting::{Setting, Takes, Unfit};
use crate::config::{Diagnostic, Diagnostics, Severity, Source};

/// A settings file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) source: Arc<Source>,
    pub(super) given: Vec<Given>,
}

/// What a file says of one flag.
#[derive(Debug)]
pub(super) struct Given {
    /// The id of the flag.
    pub(super) id: String,
    /// The ids of the flags of which the file says all or nothing, its own among them.
    pub(super) together: Vec<String>,
    /// How the command line would say it.
    pub(super) arguments: Vec<OsString>,
    /// `FILE:LINE`.
    pub(super) place: String,
}

/// A value and its place in the file.
type Placed = Spanned<String>;

/// The list of certificates, each with its key, in place of two lists that have to be in step.
const CERTIFICATE: &str = "certificate";
/// The settings that it says, by the names that they have in its members.
const PAIR: [(&str, &str); 2] = [("cert", "tls-cert"), ("key", "tls-key")];
/// The setting whose members can be tables, and their keys.
const UPSTREAM: &str = "upstream";
const UPSTREAM_KEYS: [&str; 2] = ["url", "weight"];

impl File {
    pub(super) fn read(path: &Path, settings: &[Setting<'_>]) -> Result<Self, Diagnostics> {
        let text = fs::read_to_string(path);
        let mut reader = Reader {
            source: Arc::new(Source::new(path, text.as_deref().unwrap_or_default())),
            settings,
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            given: Vec::new(),
            found: Diagnostics::default(),
        };
        let source = Arc::clone(&reader.source);
        match text {
            Err(error) => {
                let message = format!("cannot read the settings file: {error}");
                reader.report("unreadable-file", message, None, None);
            }
            Ok(_) => match DeTable::parse(source.text()) {
                Ok(document) => reader.document(document.get_ref()),
                Err(error) => {
                    reader.report("toml", error.message().replace('\n', "; "), error.span(), None);
                }
            },
        }
        reader.found.sort();
        match reader.found.is_empty() {
            true => Ok(Self { source: reader.source, given: reader.given }),
            false => Err(reader.found),
        }
    }
}

/// Reads one file and collects its mistakes.
struct Reader<'s> {
    source: Arc<Source>,
    settings: &'s [Setting<'s>],
    /// Where relative paths start.
    folder: PathBuf,
    given: Vec<Given>,
    found: Diagnostics,
}

impl<'s> Reader<'s> {
    fn document(&mut self, document: &DeTable<'_>) {
        for (key, value) in document {
            let name = key.get_ref().as_ref();
            let is_table = self.settings.iter().any(|setting| setting.table().as_deref() == Some(name));
            match value.get_ref().as_table().filter(|_| is_table) {
                Some(table) => table.iter().for_each(|(key, value)| self.entry(Some(name), key, value)),
                None => self.entry(None, key, value),
            }
        }
    }

    /// A key with its value, in this table.
    fn entry(&mut self, table: Option<&str>, key: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'_>>) {
        let (name, span) = (key.get_ref().as_ref(), key.span());
        if table == Some("tls") && name == CERTIFICATE && self.setting(PAIR[0].1).is_some() {
            return self.certificates(span, value);
        }
        match self.setting(name) {
            Some(setting) if setting.table().as_deref() == table => self.set(setting, span, value),
            Some(setting) => {
                let place = setting.table();
                let place =
                    place.map_or("above all tables".to_owned(), |table| format!("in the table [{table}]"));
                self.error(
                    "misplaced-key",
                    format!("`{name}` does not belong here"),
                    span,
                    format!("it stands {place}"),
                );
            }
            None => self.unknown(table, name, span),
        }
    }

    fn setting(&self, key: &str) -> Option<Setting<'s>> {
        self.settings.iter().find(|setting| setting.key == key).copied()
    }

    fn unknown(&mut self, table: Option<&str>, name: &str, span: Range<usize>) {
        let tables = self.settings.iter().filter_map(Setting::table).filter(|_| table.is_none());
        let here = self.settings.iter().filter(|setting| setting.table().as_deref() == table);
        let here: Vec<_> = here.map(|setting| setting.key.to_owned()).chain(tables).collect();
        let everywhere = || self.settings.iter().map(|setting| setting.key);
        let near = nearest(name, here.iter().map(String::as_str)).or_else(|| nearest(name, everywhere()));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`--print-settings` shows all keys".to_owned(),
        };
        let part = table.map(|table| format!("{table}.")).unwrap_or_default();
        self.error("unknown-key", format!("unknown key `{part}{name}`"), span, help);
    }

    fn set(&mut self, setting: Setting<'s>, key: Range<usize>, value: &Spanned<DeValue<'_>>) {
        if setting.takes() == Takes::Switch {
            let Some(on) = value.get_ref().as_bool() else {
                return self.error(
                    "wrong-type",
                    format!("`{}` is a switch", setting.key),
                    value.span(),
                    "it is true or false",
                );
            };
            let arguments = on.then(|| format!("--{}", setting.key).into()).into_iter().collect();
            return self.give(setting, &[setting], key, arguments);
        }
        let texts = self.texts(setting, value);
        self.take(setting, &[setting], key, &texts);
    }

    /// Notes values that the flag takes, and tells of the others.
    fn take(&mut self, setting: Setting<'s>, together: &[Setting<'s>], key: Range<usize>, texts: &[Placed]) {
        let mut arguments = Vec::new();
        for text in texts {
            if let Err(Unfit { message, help }) = setting.fits(text.get_ref()) {
                self.report("unfit-value", message, Some(text.span()), help);
            }
            let mut argument = OsString::from(format!("--{}=", setting.key));
            argument.push(setting.located(text.get_ref(), &self.folder));
            arguments.push(argument);
        }
        self.give(setting, together, key, arguments);
    }

    fn give(
        &mut self,
        setting: Setting<'s>,
        together: &[Setting<'s>],
        key: Range<usize>,
        arguments: Vec<OsString>,
    ) {
        // TOML has each key once, but certificates can be told in two ways.
        if let Some(twice) = self.given.iter().find(|given| given.id == setting.id()) {
            let help = format!("{} says it already", twice.place);
            self.error("set-twice", format!("`{}` is set twice", setting.key), key, help);
            return;
        }
        let place = format!("{}:{}", self.source.path.display(), self.source.position(key.start).line);
        let together = together.iter().map(|setting| setting.id().to_owned()).collect();
        self.given.push(Given { id: setting.id().to_owned(), together, arguments, place });
    }

    /// The text of a value, or of each member of a list; those without one are told of.
    fn texts(&mut self, setting: Setting<'_>, value: &Spanned<DeValue<'_>>) -> Vec<Placed> {
        match value.get_ref() {
            DeValue::Array(members) if setting.takes() == Takes::Several => {
                if members.is_empty() {
                    let message = format!("`{}` has no values", setting.key);
                    self.error("wrong-type", message, value.span(), "what is left out has its default");
                }
                members.iter().filter_map(|member| self.text(setting, member)).collect()
            }
            _ => self.text(setting, value).into_iter().collect(),
        }
    }

    /// The text of a value, as a flag would have it.
    fn text(&mut self, setting: Setting<'_>, value: &Spanned<DeValue<'_>>) -> Option<Placed> {
        let text = match value.get_ref() {
            DeValue::Table(table) if setting.key == UPSTREAM => return self.upstream(table, value.span()),
            value => scalar(value),
        };
        if text.is_none() {
            let several = if setting.takes() == Takes::Several { ", or a list of them" } else { "" };
            let message =
                format!("`{}` cannot be {} {}", setting.key, article(value), value.get_ref().type_str());
            self.error("wrong-type", message, value.span(), format!("it is text or a number{several}"));
        }
        text.map(|text| Spanned::new(value.span(), text))
    }

    /// `{ url = "http://a:9000", weight = 2 }`
    fn upstream(&mut self, table: &DeTable<'_>, span: Range<usize>) -> Option<Placed> {
        let [url, weight] = self.members(table, span, UPSTREAM_KEYS)?;
        let url = url?;
        match weight {
            Some(weight) => {
                let text = format!("{}#weight={}", url.get_ref(), weight.get_ref());
                Some(Spanned::new(url.span(), text))
            }
            None => Some(url),
        }
    }

    /// `[[tls.certificate]]`, each with `cert` and, where it is another file, `key`.
    fn certificates(&mut self, key: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let pair: Vec<_> = PAIR.iter().filter_map(|(_, name)| self.setting(name)).collect();
        let [certificate, private] = pair[..] else { return };
        let Some(list) = value.get_ref().as_array().filter(|list| !list.is_empty()) else {
            let help = "a certificate begins with a line `[[tls.certificate]]`";
            return self.error(
                "wrong-type",
                "this is no list of certificates".to_owned(),
                value.span(),
                help,
            );
        };
        let (certificates, keys): (Vec<_>, Vec<_>) = self.pairs(list).into_iter().unzip();
        self.take(certificate, &pair, key.clone(), &certificates);
        self.take(private, &pair, key, &keys);
    }

    fn pairs(&mut self, list: &DeArray<'_>) -> Vec<(Placed, Placed)> {
        let mut pairs = Vec::new();
        for member in list {
            let Some(table) = member.get_ref().as_table() else {
                let help = "it is a table with `cert` and `key`";
                self.error("wrong-type", "this is no certificate".to_owned(), member.span(), help);
                continue;
            };
            if let Some([Some(certificate), key]) =
                self.members(table, member.span(), PAIR.map(|(name, _)| name))
            {
                pairs.push((certificate.clone(), key.unwrap_or(certificate)));
            }
        }
        pairs
    }

    /// The values of a table that has these keys, of which it needs the first.
    fn members<const N: usize>(
        &mut self,
        table: &DeTable<'_>,
        span: Range<usize>,
        keys: [&str; N],
    ) -> Option<[Option<Placed>; N]> {
        let before = self.found.len();
        for key in table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let help = match nearest(name, keys.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys here are `{}`", keys.join("`, `")),
            };
            self.error("unknown-key", format!("unknown key `{name}`"), key.span(), help);
        }
        let values = keys.map(|key| {
            let value = table.get(key)?;
            let text = scalar(value.get_ref());
            if text.is_none() {
                let message = format!("`{key}` cannot be {} {}", article(value), value.get_ref().type_str());
                self.error("wrong-type", message, value.span(), "it is text or a number");
            }
            text.map(|text| Spanned::new(value.span(), text))
        });
        if let (Some(None), Some(first), true) = (values.first(), keys.first(), self.found.len() == before) {
            let message = format!("there is no `{first}`");
            self.error("missing-key", message, span, format!("write `{first} = \"…\"`"));
        }
        (self.found.len() == before).then_some(values)
    }

    fn error(&mut self, code: &'static str, message: String, span: Range<usize>, help: impl Into<String>) {
        self.report(code, message, Some(span), Some(help.into()));
    }

    fn report(
        &mut self,
        code: &'static str,
        message: String,
        span: Option<Range<usize>>,
        help: Option<String>,
    ) {
        let source = Arc::clone(&self.source);
        self.found.push(Diagnostic { severity: Severity::Error, code, message, source, span, help });
    }
}

/// The text of a value that is one word of a command line.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(decimal(number)),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// `0x10` is 16 to TOML; flags know decimal numbers alone.
fn decimal(number: &DeInteger<'_>) -> String {
    let value = i128::from_str_radix(number.as_str(), number.radix());
    value.map_or_else(|_| number.as_str().to_owned(), |value| value.to_string())
}

fn article(value: &Spanned<DeValue<'_>>) -> &'static str {
    if value.get_ref().is_array() { "an" } else { "a" }
}

/// The key that a misspelt one is likely meant to be.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let scored = known.map(|other| (strsim::jaro_winkler(&name, other), other));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}
