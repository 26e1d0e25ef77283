//! Settings as they are in force, as a settings file.

use std::{fmt::Write, path};

use clap::{ArgMatches, parser::ValueSource};
use toml::Value;

use super::{
    file::Given,
    setting::{Setting, Takes},
};
use crate::cli::directives::wrapped;

/// How long lines of prose are, without the `# ` before them.
const WIDTH: usize = 98;

/// Each setting with its value and where that comes from. What is not set stands behind a `#`, so that it
/// has its default whenever the file is used: there are flags that may not stand without others.
pub(super) fn text(verb: &str, settings: &[Setting<'_>], told: &ArgMatches, given: &[&Given]) -> String {
    let intro = format!(
        "Settings of `retort {verb}`, as a settings file: save it, and start with --config FILE. Behind what is \
         set stands where: by a flag, by a variable, or in a line of a file. What is not set stands behind a \
         `#` with its default."
    );
    let mut out = prose(&intro);
    let mut table = None;
    for setting in settings {
        if setting.table() != table {
            table = setting.table();
            _ = write!(out, "\n[{}]\n", table.as_deref().unwrap_or_default());
        }
        _ = write!(out, "\n{}{}\n", documentation(setting), line(setting, told, given));
    }
    out
}

/// The key, the value, and where that comes from.
fn line(setting: &Setting<'_>, told: &ArgMatches, given: &[&Given]) -> String {
    let Setting { key, .. } = setting;
    let from_file = given.iter().find(|given| given.id == setting.id());
    let source = told.value_source(setting.id());
    match (source, from_file) {
        (_, Some(given)) => format!("{key} = {}  # {}", value(setting, told), given.place),
        (Some(ValueSource::CommandLine), None) => format!("{key} = {}  # --{key}", value(setting, told)),
        (Some(ValueSource::EnvVariable), None) => {
            let variable = setting.flag.get_env().unwrap_or_default().to_string_lossy();
            format!("{key} = {}  # {variable}", value(setting, told))
        }
        (Some(_), None) => format!("#{key} = {}  # default", value(setting, told)),
        (None, None) => format!("#{key} = {}  # not set", placeholder(setting)),
    }
}

fn value(setting: &Setting<'_>, told: &ArgMatches) -> Value {
    if setting.takes() == Takes::Switch {
        return Value::Boolean(told.get_flag(setting.id()));
    }
    let raw = told.get_raw(setting.id()).into_iter().flatten();
    let values = raw.map(|raw| written(setting, &raw.to_string_lossy()));
    match setting.takes() {
        Takes::Several => Value::Array(values.collect()),
        Takes::Switch | Takes::One => values.reduce(|_, last| last).unwrap_or(Value::Boolean(false)),
    }
}

/// A number as a number; a path so that it leads to the same file from anywhere.
fn written(setting: &Setting<'_>, text: &str) -> Value {
    if setting.is_path(text) {
        let path =
            path::absolute(text).map_or_else(|_| text.into(), |path| path.to_string_lossy().into_owned());
        return Value::String(path);
    }
    match text.parse() {
        Ok(number) if i64::to_string(&number) == text => Value::Integer(number),
        _ => Value::String(text.to_owned()),
    }
}

fn placeholder(setting: &Setting<'_>) -> Value {
    let names = setting.flag.get_value_names().unwrap_or_default();
    let name = Value::String(names.first().map_or_else(String::new, ToString::to_string));
    if setting.takes() == Takes::Several { Value::Array(vec![name]) } else { name }
}

/// What the help says of the flag, as comments.
fn documentation(setting: &Setting<'_>) -> String {
    let help = setting.flag.get_help().map(ToString::to_string).unwrap_or_default();
    let values = setting.flag.get_possible_values();
    let values: Vec<_> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
    match values.is_empty() || setting.takes() == Takes::Switch {
        true => prose(&help),
        false => prose(&format!("{help}: {}", values.join(", "))),
    }
}

/// Text as lines of a comment.
fn prose(text: &str) -> String {
    wrapped(text, WIDTH).iter().map(|line| format!("# {line}\n")).collect()
}
