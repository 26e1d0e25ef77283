//! A flag, as settings files have it.

use std::{
    any::TypeId,
    error::Error as _,
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{
    Arg, ArgAction, Command, ValueHint,
    error::{ContextKind, ContextValue},
};

use super::{CONFIG, PRINT};

/// A flag that is a setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'c> {
    pub(super) flag: &'c Arg,
    /// Its name: that of the flag, without the dashes.
    pub(super) key: &'c str,
}

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// True or false.
    Switch,
    One,
    Several,
}

/// Why a value is refused, and what would be taken.
pub(super) struct Unfit {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl<'c> Setting<'c> {
    /// All settings of a verb, in the order of its flags; those without a table first, as TOML has it.
    pub(super) fn all(verb: &'c Command) -> Vec<Self> {
        let flags = verb.get_arguments().filter(|flag| {
            !flag.is_global_set() && !["help", "version", CONFIG, PRINT].contains(&flag.get_id().as_str())
        });
        let settings = flags.filter_map(|flag| Some(Self { flag, key: flag.get_long()? }));
        let mut settings: Vec<_> = settings.collect();
        let tables: Vec<_> = settings.iter().map(Self::table).collect();
        let place = |setting: &Self| match setting.table() {
            None => None,
            table => tables.iter().position(|other| *other == table),
        };
        settings.sort_by_key(place);
        settings
    }

    pub(super) fn id(&self) -> &'c str {
        self.flag.get_id().as_str()
    }

    /// The table that it stands in, named after the heading that its flag has in the help.
    pub(super) fn table(&self) -> Option<String> {
        self.flag.get_help_heading().map(|heading| match heading {
            "TLS to clients" => "tls".to_owned(),
            "TLS and HTTP/2 to upstreams" => "upstream-tls".to_owned(),
            "Limits for clients" => "client-limits".to_owned(),
            "Proxies in front" => "front".to_owned(),
            heading => heading.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        })
    }

    pub(super) fn takes(&self) -> Takes {
        match self.flag.get_action() {
            ArgAction::SetTrue => Takes::Switch,
            ArgAction::Append => Takes::Several,
            _ => Takes::One,
        }
    }

    /// Whether the flag would take the value.
    pub(super) fn fits(&self, value: &str) -> Result<(), Unfit> {
        let probe = Arg::new("value").long("value").action(ArgAction::Set);
        let probe = probe.value_parser(self.flag.get_value_parser().clone());
        let probe = Command::new("retort").no_binary_name(true).disable_help_flag(true).arg(probe);
        let Err(error) = probe.try_get_matches_from([format!("--value={value}")]) else { return Ok(()) };
        let taken = match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) if !values.is_empty() => {
                Some(format!("it can be {}", values.join(", ")))
            }
            _ => error.source().map(ToString::to_string),
        };
        Err(Unfit { message: format!("`{}` cannot be `{value}`", self.key), help: taken })
    }

    /// The value as the flag takes it; a relative path starts in `folder`.
    pub(super) fn located(&self, value: &str, folder: &Path) -> OsString {
        match self.is_path(value) {
            true => folder.join(value).into(),
            false => value.into(),
        }
    }

    /// Whether the value is the path of a file. Where a flag takes words as well, a name without a dot and
    /// a slash is one of them.
    pub(super) fn is_path(&self, value: &str) -> bool {
        let takes_paths_alone = self.flag.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let takes_paths = matches!(
            self.flag.get_value_hint(),
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath | ValueHint::ExecutablePath
        );
        takes_paths_alone || takes_paths && value.contains(['/', '.'])
    }
}
