//! `retort directives`: what a template can say.

use clap::{Args, ValueEnum};

use super::{console::Console, exit::Exit, table::Table};
use crate::template::directive::{Entry, TABLE};

/// List the directives of templates
#[derive(Debug, Args)]
pub(super) struct Directives {
    /// Form of the table
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Form::Text)]
    format: Form,
}

/// How the table is written: in aligned columns, or in Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Markdown,
}

/// The widest a meaning is written in aligned columns.
const MEANING_WIDTH: usize = 64;

const HEADING: [&str; 3] = ["directive", "value", "as in"];

impl Directives {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        console.print(match self.format {
            Form::Text => text(),
            Form::Markdown => markdown(),
        })?;
        Ok(Exit::Fine)
    }
}

/// Each way to write a directive has a line, and so has each line of its meaning.
fn text() -> String {
    let mut table = Table::new(HEADING);
    for Entry { syntax, meaning, source, .. } in &TABLE {
        let meaning = wrapped(&meaning.replace('`', ""), MEANING_WIDTH);
        for line in 0..syntax.len().max(meaning.len()) {
            let syntax = syntax.get(line).copied().unwrap_or_default();
            let meaning = meaning.get(line).cloned().unwrap_or_default();
            let source = if line == 0 { source } else { "" };
            table.row([syntax.to_owned(), meaning, source.to_owned()]);
        }
    }
    table.text("")
}

fn markdown() -> String {
    let mut table = Table::new(HEADING);
    for Entry { syntax, meaning, source, .. } in &TABLE {
        let syntax: Vec<_> = syntax.iter().map(|syntax| format!("`{syntax}`")).collect();
        table.row([syntax.join(" "), (*meaning).to_owned(), (*source).to_owned()]);
    }
    table.markdown()
}

/// The words of a text in lines of at most `width` characters, unless one word is longer.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensible words", 5), ["incomprehensible", "words"]);
    }
}
