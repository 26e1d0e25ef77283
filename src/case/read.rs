//! From TOML to a [`Case`], or to all the mistakes in it.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::HeaderName;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{CLOCK, Case, Expect, Framing, GENERATED_ID, Ruleset, Stage, Trial, Upstream};
use crate::{
    config::{Diagnostic, Diagnostics, Severity, Source},
    exchange::record::{Record, Unknown},
};

/// The keys of a file.
const FILE: &[&str] = &["description", "rules", "rules-file", "files", "exchange"];
/// The keys of an exchange.
const EXCHANGE: &[&str] = &["name", "framing", "upstream", "live", "record", "expect"];
/// The keys of what is expected.
const EXPECT: &[&str] = &[
    "decision",
    "reason",
    "rule",
    "message",
    "status",
    "headers",
    "absent",
    "body",
    "body-contains",
    "body-json",
];

/// What a file says beside its exchanges.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    description: Option<String>,
    rules: Option<Spanned<String>>,
    rules_file: Option<Spanned<PathBuf>>,
    files: Option<Spanned<BTreeMap<String, String>>>,
}

/// An exchange as it is written.
#[derive(Deserialize)]
#[serde(expecting = "a table")]
struct Written {
    name: Option<String>,
    #[serde(default)]
    framing: Framing,
    #[serde(default)]
    upstream: Upstream,
    #[serde(default = "yes")]
    live: bool,
    record: Record,
    expect: Expect,
}

/// Reads one file and collects its mistakes.
struct Reader {
    source: Arc<Source>,
    found: Diagnostics,
}

pub(super) fn case(source: &Arc<Source>) -> Result<Case, Diagnostics> {
    let mut reader = Reader { source: Arc::clone(source), found: Diagnostics::default() };
    let case = match DeTable::parse(source.text()) {
        Ok(document) => reader.case(document.into_inner()),
        Err(error) => {
            reader.refused(&error);
            None
        }
    };
    reader.found.sort();
    case.filter(|_| reader.found.is_empty()).ok_or(reader.found)
}

impl Reader {
    fn case(&mut self, mut document: DeTable<'_>) -> Option<Case> {
        self.known_keys(&document, "", FILE);
        let trials = match document.remove("exchange") {
            Some(list) => self.trials(list),
            None => {
                let help = "an exchange begins with a line `[[exchange]]`";
                self.error("no-exchange", "the case has no exchange", None, help);
                Vec::new()
            }
        };
        let head: Head = self.read(Spanned::new(0..0, DeValue::Table(document)))?;
        let rules = self.ruleset(head.rules, head.rules_file, head.files)?;
        Some(Case { description: head.description, rules, trials, source: Arc::clone(&self.source) })
    }

    fn ruleset(
        &mut self,
        rules: Option<Spanned<String>>,
        rules_file: Option<Spanned<PathBuf>>,
        files: Option<Spanned<BTreeMap<String, String>>>,
    ) -> Option<Ruleset> {
        match (rules, rules_file, files) {
            (Some(_), Some(file), _) => {
                let help = "either the rules stand in the case, or they are in a file";
                self.error("two-rules", "the case has `rules` as well", Some(file.span()), help);
                None
            }
            (None, _, Some(files)) => {
                let help = "the message files of a `rules-file` lie beside it";
                self.error("stray-files", "`files` go with `rules` only", Some(files.span()), help);
                None
            }
            (Some(rules), None, files) => Some(Ruleset::Inline {
                span: rules.span(),
                text: rules.into_inner(),
                files: files.map(Spanned::into_inner).unwrap_or_default(),
            }),
            (None, Some(file), None) => {
                let folder = self.source.path.parent().unwrap_or(Path::new(""));
                Some(Ruleset::File(folder.join(file.into_inner())))
            }
            (None, None, None) => Some(Ruleset::Any),
        }
    }

    fn trials(&mut self, list: Spanned<DeValue<'_>>) -> Vec<Trial> {
        let span = list.span();
        match list.into_inner() {
            DeValue::Array(values) if !values.is_empty() => {
                (1..).zip(values).filter_map(|(number, value)| self.trial(number, value)).collect()
            }
            _ => {
                let help = "an exchange begins with a line `[[exchange]]`";
                self.error("no-exchange", "this is no list of exchanges", Some(span), help);
                Vec::new()
            }
        }
    }

    fn trial(&mut self, number: usize, mut value: Spanned<DeValue<'_>>) -> Option<Trial> {
        let line = self.source.position(value.span().start).line;
        dates_to_text(value.get_mut());
        let table = value.get_ref().as_table().cloned().unwrap_or_default();
        let known = self.known_keys(&table, "", EXCHANGE) & self.expected_keys(&table);
        if !known {
            return None;
        }
        let written: Written = self.read(value)?;
        let mut record = written.record;
        self.record_keys(&table, &record);
        let mut json: Map<String, Value> = self.read(table.get("record")?.clone())?;
        fill(&mut record, &mut json);
        Some(Trial {
            name: written.name.unwrap_or_else(|| format!("exchange {number}")),
            line,
            record,
            json: json.into(),
            stage: Stage { live: written.live, framing: written.framing, upstream: written.upstream },
            expect: written.expect,
        })
    }

    /// Looks at the keys of what is expected, and at the names of fields there.
    fn expected_keys(&mut self, exchange: &DeTable<'_>) -> bool {
        let Some(expect) = inner(exchange, "expect") else { return true };
        let known = self.known_keys(expect, "expect.", EXPECT);
        if expect.is_empty() {
            let span = exchange.get("expect").map(Spanned::span);
            self.error(
                "empty-expect",
                "nothing is expected",
                span,
                "a case that expects nothing never fails",
            );
        }
        let headers = inner(expect, "headers").into_iter().flatten();
        let headers = headers.map(|(name, _)| (name.span(), &**name.get_ref()));
        let absent = expect.get("absent").and_then(|names| names.get_ref().as_array());
        let absent = absent.into_iter().flat_map(|names| names.iter());
        let absent = absent.filter_map(|name| Some((name.span(), name.get_ref().as_str()?)));
        for (span, name) in headers.chain(absent) {
            if HeaderName::try_from(name).is_err() {
                let message = format!("`{name}` is no name of a header field");
                self.error("header-name", message, Some(span), "a name is like `Retry-After`");
            }
        }
        known
    }

    /// Refuses the keys of a record that mean nothing.
    fn record_keys(&mut self, exchange: &DeTable<'_>, record: &Record) {
        let Some(written) = inner(exchange, "record") else { return };
        let mut refuse = |part: &str, table: Option<&DeTable<'_>>, unknown: &Unknown| {
            for name in unknown.keys() {
                let key = table.and_then(|table| table.get_key_value(name.as_str()));
                let message = format!("unknown key `{part}{name}`");
                let help = "a record has the keys that `retort explain --exchange` reads";
                self.error("unknown-key", message, key.map(|(key, _)| key.span()), help);
            }
        };
        refuse("record.", Some(written), &record.unknown);
        refuse("record.server.", inner(written, "server"), &record.server.unknown);
        refuse("record.request.", inner(written, "request"), &record.request.unknown);
        refuse("record.response.", inner(written, "response"), &record.response.unknown);
    }

    /// Whether all keys of a table are among those that are known.
    fn known_keys(&mut self, table: &DeTable<'_>, part: &str, known: &[&str]) -> bool {
        let unknown = table.keys().filter(|key| !known.contains(&&**key.get_ref()));
        let mut all = true;
        for key in unknown {
            let help = match nearest(key.get_ref(), known) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("the keys here are `{}`", known.join("`, `")),
            };
            let message = format!("unknown key `{part}{}`", key.get_ref());
            self.error("unknown-key", message, Some(key.span()), help);
            all = false;
        }
        all
    }

    fn read<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Option<T> {
        T::deserialize(ValueDeserializer::from(value)).map_err(|error| self.refused(&error)).ok()
    }

    fn refused(&mut self, error: &toml::de::Error) {
        let message = error.message().replace('\n', "; ");
        self.report("toml", message, error.span(), None);
    }

    fn error(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Option<Range<usize>>,
        help: impl Into<String>,
    ) {
        self.report(code, message.into(), span, Some(help.into()));
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

fn yes() -> bool {
    true
}

/// The table at this key.
fn inner<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t DeTable<'i>> {
    table.get(key)?.get_ref().as_table()
}

/// Writes TOML's dates as the strings that a record has for them.
fn dates_to_text(value: &mut DeValue<'_>) {
    match value {
        DeValue::Datetime(date) => *value = DeValue::String(date.to_string().into()),
        DeValue::Array(values) => values.iter_mut().for_each(|value| dates_to_text(value.get_mut())),
        DeValue::Table(table) => table.iter_mut().for_each(|(_, value)| dates_to_text(value.get_mut())),
        _ => {}
    }
}

/// Gives the record a clock and an id where it has none, so that the outcome is always the same.
fn fill(record: &mut Record, json: &mut Map<String, Value>) {
    if let (None, Ok(clock)) = (json.get("clock"), CLOCK.parse()) {
        record.clock = clock;
        json.insert("clock".to_owned(), CLOCK.into());
    }
    if record.request.generated_guid.is_none() {
        record.request.generated_guid = Some(GENERATED_ID.to_owned());
        let request = json.entry("request").or_insert_with(|| Map::new().into());
        request
            .as_object_mut()
            .map(|request| request.insert("generated_guid".to_owned(), GENERATED_ID.into()));
    }
}

/// The key that a misspelt one is likely meant to be.
fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let scored = known.iter().map(|&other| (strsim::jaro_winkler(&name, other), other));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}
