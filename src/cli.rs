//! The `retort` command: a file for each verb.

mod check;
mod completions;
mod console;
mod demo;
mod directives;
mod environment;
mod error_backend;
mod exit;
mod explain;
#[cfg(feature = "ext-proc")]
mod ext_proc;
mod fmt;
mod health;
mod host;
mod identity;
mod import;
mod listener;
mod load;
mod logging;
mod man;
mod recorded;
mod render;
mod serve;
mod settings;
mod supervised;
mod table;
mod test;
mod value;
mod watch;

use std::{env, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::{
    console::{Colour, Console},
    exit::Exit,
    settings::{Line, Refusal},
};

/// Runs the command line.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().collect();
    let colour = Colour::asked(&arguments);
    let console = Console::new(colour);
    let command = command().color(colour.choice());
    let line = Line::read(&command, arguments);
    if !line.as_ref().is_err_and(Refusal::is_no_mistake) {
        for warning in environment::unknown(&command, env::vars_os().filter_map(as_text)) {
            console.warn(&warning);
        }
    }
    let exit = match line {
        Ok(Line::Run(matches)) => {
            let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
            cli.verb.run(console)
        }
        Ok(Line::Print(settings)) => console.print(settings).map(|()| Exit::Fine).map_err(Into::into),
        Err(refusal) => refusal.tell(console),
    };
    let exit = exit.unwrap_or_else(|error| {
        console.complain(&format!("{error:#}"));
        Exit::Trouble
    });
    exit.into()
}

/// A reverse proxy that answers for upstreams whose errors say too little.
///
/// Retort matches the status of each response against the rules of a file, negotiates a message with the
/// client's Accept header, and writes that message in place of a body that is empty (or in place of any,
/// where the rule says so).
#[derive(Debug, Parser)]
#[command(name = "retort", version, max_term_width = 100, after_help = [EXAMPLES, exit::HELP].join("\n\n"))]
struct Cli {
    /// Colours; `auto` means on a terminal, unless NO_COLOR, CLICOLOR or CLICOLOR_FORCE say otherwise
    #[arg(long, value_name = "WHEN", global = true, value_enum, default_value_t = Colour::Auto)]
    #[arg(display_order = 900)]
    color: Colour,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Serve(Box<serve::Serve>),
    ErrorBackend(error_backend::ErrorBackend),
    #[cfg(feature = "ext-proc")]
    ExtProc(Box<ext_proc::ExtProc>),
    Check(check::Check),
    Fmt(fmt::Fmt),
    Import(import::Import),
    Explain(explain::Explain),
    Render(render::Render),
    Watch(watch::Watch),
    Test(test::Test),
    Demo(demo::Demo),
    Health(health::Health),
    Directives(directives::Directives),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Below the list of verbs. The exit codes are told by [`exit::HELP`].
const EXAMPLES: &str = "Examples:
  retort demo                           a proxy with an upstream of its own, and requests to try
  retort check rules.xml                all mistakes of a rules file
  retort serve --rules rules.xml --upstream http://127.0.0.1:9000";

impl Verb {
    fn run(self, console: Console) -> anyhow::Result<Exit> {
        match self {
            Verb::Serve(verb) => verb.run(console),
            Verb::ErrorBackend(verb) => verb.run(console),
            #[cfg(feature = "ext-proc")]
            Verb::ExtProc(verb) => verb.run(console),
            Verb::Check(verb) => verb.run(console),
            Verb::Fmt(verb) => verb.run(console),
            Verb::Import(verb) => verb.run(console),
            Verb::Explain(verb) => verb.run(console),
            Verb::Render(verb) => verb.run(console),
            Verb::Watch(verb) => verb.run(console),
            Verb::Test(verb) => verb.run(console),
            Verb::Demo(verb) => verb.run(console),
            Verb::Health(verb) => verb.run(console),
            Verb::Directives(verb) => verb.run(console),
            Verb::Completions(verb) => verb.run(console),
            Verb::Man(verb) => verb.run(console),
        }
    }
}

/// The command line as clap reads it. Help names the variable of each flag, never its value.
fn command() -> clap::Command {
    let command = settings::offered(Cli::command());
    command.mut_subcommands(|verb| verb.mut_args(|argument| argument.hide_env_values(true)))
}

/// A variable whose name and value are Unicode; settings are.
fn as_text((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
}
