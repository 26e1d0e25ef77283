//! Settings: flags, before the environment, before a settings file, before defaults.
//!
//! A settings file says what flags say. It is read against the flags of its verb, as clap knows them, and
//! put among the arguments wherever neither a flag nor a variable says otherwise. So a new flag is a new
//! key of the file and a new line of `--print-settings` from the day it is there, and what flags require of
//! each other holds for the file as well.

mod file;
mod printed;
mod setting;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::bail;
use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::{PathBufValueParser, Resettable},
    parser::ValueSource,
};

use self::{
    file::{File, Given},
    setting::Setting,
};
use super::{console::Console, exit::Exit};
use crate::config::{Diagnostic, Diagnostics, Severity};

/// The verbs that have settings files.
const VERBS: &[&str] = &[
    "serve",
    "error-backend",
    #[cfg(feature = "ext-proc")]
    "ext-proc",
];

/// The ids of the flags that are about settings, and are none.
const CONFIG: &str = "config";
const PRINT: &str = "print_settings";

/// What a command line asks for.
pub(super) enum Line {
    /// Running a verb.
    Run(ArgMatches),
    /// The settings, as a settings file.
    Print(String),
}

/// Why a command line cannot be obeyed.
pub(super) enum Refusal {
    /// Clap says why; this settings file was read as well.
    Usage(clap::Error, Option<PathBuf>),
    /// What is wrong with a settings file.
    File(PathBuf, Diagnostics),
}

/// What `retort check` finds in a settings file.
pub(super) struct Checked {
    /// How many settings it has.
    pub(super) settings: usize,
    pub(super) diagnostics: Diagnostics,
}

/// Gives the verbs that have settings the flags about them.
pub(super) fn offered(command: Command) -> Command {
    VERBS.iter().fold(command, |command, verb| command.mut_subcommand(verb, |verb| verb.args(flags())))
}

fn flags() -> [Arg; 2] {
    let config = Arg::new(CONFIG)
        .long("config")
        .value_name("FILE")
        .env("RETORT_CONFIG")
        .value_parser(PathBufValueParser::new())
        .help("Settings file, TOML: a key for each flag; flags and variables win over it")
        .long_help(
            "Settings file, TOML: a key for each flag; flags and variables win over it\n\n\
             The keys are the names of the flags, in tables named after the headings here; --print-settings \
             shows them all. Several values are a list. A relative path starts at the folder of the file.",
        );
    let print = Arg::new(PRINT)
        .long("print-settings")
        .action(ArgAction::SetTrue)
        .help("Print each setting and where it comes from, as a settings file, and do not start");
    [config.help_heading(None::<&str>), print.help_heading(None::<&str>)]
}

impl Line {
    /// Reads the command line, and the settings file that it or the environment names.
    pub(super) fn read(command: &Command, arguments: Vec<OsString>) -> Result<Self, Refusal> {
        let plain = command.clone().try_get_matches_from(&arguments);
        // Help is given whatever a settings file says.
        if plain.as_ref().is_err_and(|error| !error.use_stderr()) {
            return plain.map(Line::Run).map_err(|error| Refusal::Usage(error, None));
        }
        // What a flag requires of others may stand in the file, so this reading must not insist on it.
        let sketch = command.clone().ignore_errors(true).try_get_matches_from(&arguments);
        let told = sketch.as_ref().ok().and_then(ArgMatches::subcommand);
        let told = told.filter(|(verb, _)| VERBS.contains(verb));
        let Some((verb, told, flags)) =
            told.and_then(|(verb, t)| Some((verb, t, command.find_subcommand(verb)?)))
        else {
            return plain.map(Line::Run).map_err(|error| Refusal::Usage(error, None));
        };
        let path = told.get_one::<PathBuf>(CONFIG);
        // Where a flag is wrong, the rest has not been read.
        let prints = told.get_one(PRINT).copied().unwrap_or(false);
        let settings = Setting::all(flags);
        let file = path.map(|path| File::read(path, &settings)).transpose();
        let file =
            file.map_err(|diagnostics| Refusal::File(path.cloned().unwrap_or_default(), diagnostics))?;
        let given = file.iter().flat_map(|file| &file.given).filter(|given| !given.is_told(told));
        let given: Vec<_> = given.collect();

        let command = command.clone().mut_subcommand(verb, |flags| {
            let flags = flags.mut_args(|flag| if prints { flag.required(false) } else { flag });
            given.iter().fold(flags, |flags, given| given.undivided(flags))
        });
        let matches = command.try_get_matches_from(with(arguments, &given));
        let matches = matches.map_err(|error| Refusal::Usage(error, path.cloned()))?;
        let told = matches.subcommand_matches(verb).filter(|_| prints);
        match told {
            Some(told) => Ok(Line::Print(printed::text(verb, &settings, told, &given))),
            None => Ok(Line::Run(matches)),
        }
    }
}

impl Refusal {
    /// Whether it is help or the version, which somebody asked for.
    pub(super) fn is_no_mistake(&self) -> bool {
        matches!(self, Refusal::Usage(error, _) if !error.use_stderr())
    }

    /// Says why.
    pub(super) fn tell(self, console: Console) -> anyhow::Result<Exit> {
        match self {
            Refusal::Usage(error, file) => {
                // Where nobody can be told, there is nobody to tell that to.
                let _ = error.print();
                if let Some(file) = file {
                    console.tell(format!("\nThe settings in {} count as flags.\n", file.display()));
                }
                Ok(if error.use_stderr() { Exit::Trouble } else { Exit::Fine })
            }
            Refusal::File(file, diagnostics) => {
                console.show(&diagnostics);
                bail!("the settings in {} cannot be used", file.display())
            }
        }
    }
}

/// Looks for mistakes in a settings file, as the first of the verbs sees it that can use it.
pub(super) fn check(command: &Command, path: &Path) -> Checked {
    let verbs = VERBS.iter().filter_map(|verb| command.find_subcommand(verb));
    let mut checked: Vec<_> = verbs.map(|verb| check_for(verb, path)).collect();
    let usable = checked.iter().position(|checked| checked.diagnostics.is_empty()).unwrap_or(0);
    checked.swap_remove(usable)
}

fn check_for(verb: &Command, path: &Path) -> Checked {
    let file = match File::read(path, &Setting::all(verb)) {
        Ok(file) => file,
        Err(diagnostics) => return Checked { settings: 0, diagnostics },
    };
    let given: Vec<_> = file.given.iter().collect();
    // Others may come from flags and variables; which ones is not known here.
    let verb = verb.clone().mut_args(|flag| flag.required(false).env(Resettable::Reset));
    let verb = given.iter().fold(verb, |verb, given| given.undivided(verb));
    let mut diagnostics = Diagnostics::default();
    if let Err(error) = verb.try_get_matches_from(with(vec!["retort".into()], &given)) {
        let said = error.render().to_string();
        let said =
            said.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        diagnostics.push(Diagnostic {
            severity: Severity::Error,
            code: "settings",
            message: said.strip_prefix("error: ").map_or(said.clone(), str::to_owned),
            source: Arc::clone(&file.source),
            span: None,
            help: None,
        });
    }
    Checked { settings: given.len(), diagnostics }
}

/// The arguments, with those of the file among them.
fn with(mut arguments: Vec<OsString>, given: &[&Given]) -> Vec<OsString> {
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    arguments.splice(end..end, given.iter().flat_map(|given| given.arguments.iter().cloned()));
    arguments
}

impl Given {
    /// Whether a flag or a variable says it, or what belongs to it.
    fn is_told(&self, told: &ArgMatches) -> bool {
        let is_told =
            |id: &String| told.value_source(id).is_some_and(|from| from != ValueSource::DefaultValue);
        self.together.iter().any(is_told)
    }

    /// Takes a comma in a value of the file for what it is: a list has elements there.
    fn undivided(&self, flags: Command) -> Command {
        flags.mut_arg(&self.id, |flag| flag.value_delimiter(None::<char>))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings of a verb, as they are printed where nobody sets any.
    fn printed(verb: &str) -> String {
        let line =
            Line::read(&super::super::command(), ["retort", verb, "--print-settings"].map(Into::into).into());
        let Ok(Line::Print(text)) = line else { panic!("{verb}") };
        text
    }

    #[test]
    fn every_flag_is_a_setting_with_a_variable_and_a_word_on_it() {
        let command = super::super::command();
        for verb in VERBS {
            let flags = command.find_subcommand(verb).unwrap();
            let settings = Setting::all(flags);
            let printed = printed(verb);
            let tables: Vec<_> = settings.iter().filter_map(Setting::table).collect();
            for flag in
                flags.get_arguments().filter(|flag| ![CONFIG, PRINT].contains(&flag.get_id().as_str()))
            {
                let key = flag.get_long().expect("a flag has a name");
                let setting = settings.iter().find(|setting| setting.key == key).expect(key);
                assert!(flag.get_env().is_some(), "{key}");
                assert!(flag.get_help().is_some_and(|help| !help.to_string().is_empty()), "{key}");
                assert!(printed.contains(&format!("\n#{key} = ")), "{key}");
                assert!(setting.table().is_some() || !tables.iter().any(|table| table == key), "{key}");
            }
            assert!(settings.iter().any(|setting| setting.table().is_none()));
        }
    }

    #[test]
    fn every_default_can_be_said_in_a_file() {
        let command = super::super::command();
        let folder = tempfile::tempdir().unwrap();
        for verb in VERBS {
            let printed = printed(verb);
            let open = |line: &str| {
                let setting = line.strip_prefix('#').filter(|line| !line.starts_with(' '));
                setting.filter(|line| line.ends_with("# default")).unwrap_or(line).to_owned()
            };
            let text: Vec<_> = printed.lines().map(open).collect();
            let path = folder.path().join("retort.toml");
            std::fs::write(&path, text.join("\n")).unwrap();
            let settings = Setting::all(command.find_subcommand(verb).unwrap());
            let file = File::read(&path, &settings).map_err(|diagnostics| diagnostics.to_string()).unwrap();
            assert_eq!(file.given.len(), printed.matches("  # default\n").count());
        }
    }

    #[test]
    fn headings_make_names_that_are_keys() {
        for verb in VERBS {
            for setting in Setting::all(super::super::command().find_subcommand(verb).unwrap()) {
                let table = setting.table().unwrap_or_default();
                assert!(
                    table.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                    "{table}"
                );
            }
        }
    }
}
