//! Writing to the terminal, or to whatever stands in its place.
//!
//! A reader that has gone away (`retort check … | head -1`) is no trouble: what it no longer
//! reads is not written. `println!` would panic there.

use std::{
    env,
    io::{self, ErrorKind, IsTerminal, Write},
};

use clap::ValueEnum;

use crate::config::Diagnostics;

/// When to use colours. `Auto`: on a terminal, unless NO_COLOR is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    Auto,
    Always,
    Never,
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
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            // https://no-color.org: set and not empty.
            Colour::Auto => {
                io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
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
