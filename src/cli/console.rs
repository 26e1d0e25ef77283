//! Writing to the terminal, or to whatever stands in its place.
//!
//! A reader that has gone away (`retort check … | head -1`) is no trouble: what it no longer
//! reads is not written. `println!` would panic there.

use std::{
    env,
    ffi::OsString,
    io::{self, ErrorKind, IsTerminal, Write},
};

use clap::{ColorChoice, ValueEnum};

use crate::config::Diagnostics;

/// When to use colours. `Auto`: on a terminal, unless the environment says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    Auto,
    Always,
    Never,
}

impl Colour {
    /// What the arguments say, before they are understood: also help and wrong usage have colours.
    pub(super) fn asked(arguments: &[OsString]) -> Self {
        let following = arguments.iter().skip(1).map(Some).chain([None]);
        let told = arguments.iter().zip(following).filter_map(|(argument, next)| {
            let argument = argument.to_str()?;
            match argument.strip_prefix("--color")? {
                "" => next?.to_str(),
                value => value.strip_prefix('='),
            }
        });
        told.filter_map(|value| Colour::from_str(value, false).ok()).last().unwrap_or(Colour::Auto)
    }

    /// The same to clap, which has the same notion of `Auto`.
    pub(super) fn choice(self) -> ColorChoice {
        match self {
            Colour::Auto => ColorChoice::Auto,
            Colour::Always => ColorChoice::Always,
            Colour::Never => ColorChoice::Never,
        }
    }

    /// Whether to colour what goes to a terminal, or to something else.
    fn is_wanted(self, is_terminal: bool) -> bool {
        match self {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => automatic(is_terminal, |name| env::var(name).ok()),
        }
    }
}

/// https://no-color.org and https://bixense.com/clicolors.
fn automatic(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let is_zero = |name: &str| variable(name).is_some_and(|value| value == "0");
    if is_set("NO_COLOR") {
        return false;
    }
    if is_set("CLICOLOR_FORCE") && !is_zero("CLICOLOR_FORCE") {
        return true;
    }
    let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
    is_terminal && !is_dumb && !is_zero("CLICOLOR")
}

/// Where a verb writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    colour: Colour,
}

impl Console {
    pub(super) fn new(colour: Colour) -> Self {
        Self { colour }
    }

    /// Whether what goes to standard error is coloured.
    pub(super) fn colours_errors(self) -> bool {
        self.colour.is_wanted(io::stderr().is_terminal())
    }

    /// Whether what goes to standard output is coloured.
    pub(super) fn colours_output(self) -> bool {
        self.colour.is_wanted(io::stdout().is_terminal())
    }

    /// Writes a result to standard output.
    pub(super) fn print(self, content: impl AsRef<[u8]>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(content.as_ref()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Writes text for people to standard error. Where nobody can be told of a failure, it is
    /// let pass.
    pub(super) fn tell(self, text: impl AsRef<[u8]>) {
        let _ = io::stderr().lock().write_all(text.as_ref());
    }

    /// Shows diagnostics as they stand in the file.
    pub(super) fn show(self, diagnostics: &Diagnostics) {
        for diagnostic in diagnostics {
            match self.colours_errors() {
                true => self.tell(format!("{}\n\n", diagnostic.colored())),
                false => self.tell(format!("{diagnostic}\n\n")),
            }
        }
    }

    /// `retort: warning: …`
    pub(super) fn warn(self, what: &str) {
        self.tell(format!("retort: {} {what}\n", self.painted("warning:", "33")));
    }

    /// `retort: error: …`
    pub(super) fn complain(self, what: &str) {
        self.tell(format!("retort: {} {what}\n", self.painted("error:", "31")));
    }

    /// `word` in bold and the colour with this SGR code (ECMA-48 §8.3.117), for standard error.
    fn painted(self, word: &str, code: &str) -> String {
        if self.colours_errors() { format!("\x1b[1;{code}m{word}\x1b[0m") } else { word.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_has_a_say() {
        let wanted = |is_terminal, told: &[(&str, &str)]| {
            automatic(is_terminal, |name| Some(told.iter().find(|(told, _)| *told == name)?.1.to_owned()))
        };
        assert!(wanted(true, &[]) && !wanted(false, &[]));
        assert!(!wanted(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(wanted(true, &[("NO_COLOR", "")]), "set, but empty");
        assert!(wanted(false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!wanted(false, &[("CLICOLOR_FORCE", "0")]) && !wanted(false, &[("CLICOLOR", "1")]));
        assert!(!wanted(true, &[("CLICOLOR", "0")]) && !wanted(true, &[("TERM", "dumb")]));
    }

    #[test]
    fn the_arguments_are_asked_before_they_are_understood() {
        let asked = |line: &str| Colour::asked(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(asked("retort --color never check x --bad"), Colour::Never);
        assert_eq!(asked("retort check --color=always"), Colour::Always);
        assert_eq!(asked("retort check --color sometimes"), Colour::Auto);
        assert_eq!(asked("retort check --color"), Colour::Auto);
    }
}
