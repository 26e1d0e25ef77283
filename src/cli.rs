//! The `retort` command: a file for each verb.

mod check;
mod console;
mod demo;
mod directives;
mod environment;
mod error_backend;
mod exit;
mod explain;
mod fmt;
mod health;
mod identity;
mod import;
mod listener;
mod load;
mod log;
mod recorded;
mod render;
mod serve;
mod table;
mod test;
mod value;

use std::{env, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::{
    console::{Colour, Console},
    exit::Exit,
};

/// Runs the command line.
pub fn main() -> ExitCode {
    let matches = command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let console = Console::new(cli.color);
    for warning in environment::unknown(&command(), env::vars_os().filter_map(as_text)) {
        console.warn(&warning);
    }
    let exit = cli.verb.run(console).unwrap_or_else(|error| {
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
    /// Colours; `auto` means on a terminal, unless NO_COLOR is set
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
    Check(check::Check),
    Fmt(fmt::Fmt),
    Import(import::Import),
    Explain(explain::Explain),
    Render(render::Render),
    Test(test::Test),
    Demo(demo::Demo),
    Health(health::Health),
    Directives(directives::Directives),
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
            Verb::Check(verb) => verb.run(console),
            Verb::Fmt(verb) => verb.run(console),
            Verb::Import(verb) => verb.run(console),
            Verb::Explain(verb) => verb.run(console),
            Verb::Render(verb) => verb.run(console),
            Verb::Test(verb) => verb.run(console),
            Verb::Demo(verb) => verb.run(console),
            Verb::Health(verb) => verb.run(console),
            Verb::Directives(verb) => verb.run(console),
        }
    }
}

/// The command line as clap reads it. Help names the variable of each flag, never its value.
fn command() -> clap::Command {
    Cli::command().mut_subcommands(|verb| verb.mut_args(|argument| argument.hide_env_values(true)))
}

/// A variable whose name and value are Unicode; settings are.
fn as_text((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
}
