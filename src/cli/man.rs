//! `retort man`: the manual.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context, anyhow};
use clap::{Args, Command};
use clap_mangen::Man as Page;

use super::{console::Console, exit::Exit};

/// Print the manual, or write all its pages to a folder
///
/// There is a page for the command, and one for each verb.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Man {
    /// Verb whose page to print [default: the page of the command]
    #[arg(value_name = "VERB")]
    verb: Option<String>,
    /// Write all pages to this folder, which is made if need be: retort.1, retort-serve.1, ...
    #[arg(long, value_name = "FOLDER", conflicts_with = "verb")]
    dir: Option<PathBuf>,
}

const AFTER_HELP: &str = "Examples:
  retort man serve | man -l -
  retort man --dir /usr/local/share/man/man1";

impl Man {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        // That there is help is no page's worth.
        let mut command = super::command().disable_help_subcommand(true);
        command.build();
        if let Some(folder) = &self.dir {
            write_all(&command, folder).with_context(|| format!("cannot write to {}", folder.display()))?;
            return Ok(Exit::Fine);
        }
        let shown = match &self.verb {
            Some(verb) => {
                command.find_subcommand(verb).ok_or_else(|| anyhow!("there is no verb `{verb}`"))?
            }
            None => &command,
        };
        console.print(page(shown)?)?;
        Ok(Exit::Fine)
    }
}

fn write_all(command: &Command, folder: &PathBuf) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let pages = std::iter::once(command).chain(command.get_subcommands().filter(|verb| !verb.is_hide_set()));
    for command in pages {
        let name = Page::new(command.clone()).get_filename();
        fs::write(folder.join(name), page(command)?)?;
    }
    Ok(())
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let page =
        Page::new(command.clone()).source(concat!("retort ", env!("CARGO_PKG_VERSION"))).manual("Retort");
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut out)?;
    }
    if let Some(text) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        write_sections(&text.to_string(), &mut out)?;
    }
    Ok(out)
}

/// Lines that end in a colon head a section; what follows is shown as it is written.
fn write_sections(text: &str, out: &mut impl Write) -> io::Result<()> {
    let mut is_open = false;
    for line in text.lines() {
        match line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
            Some(heading) => {
                if is_open {
                    writeln!(out, ".fi")?;
                }
                writeln!(out, ".SH \"{}\"\n.nf", escaped(&heading.to_uppercase()))?;
                is_open = true;
            }
            None => writeln!(out, "{}", escaped(line))?,
        }
    }
    if is_open { writeln!(out, ".fi") } else { Ok(()) }
}

/// Text that is nothing but text to roff.
fn escaped(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq").replace('\'', "\\(aq");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_shown_as_they_are_written() {
        let mut out = Vec::new();
        write_sections("Examples:\n  a -b 'c'\n\nExit codes:\n.x\\y", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            ".SH \"EXAMPLES\"\n.nf\n  a \\-b \\(aqc\\(aq\n\n.fi\n.SH \"EXIT CODES\"\n.nf\n\\&.x\\ey\n.fi\n"
        );
    }
}
