//! `retort fmt`: rules files, laid out.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use clap::Args;
use similar::TextDiff;

use super::{console::Console, exit::Exit};
use crate::config::{self, Diagnostic, Diagnostics, Severity, Source, document::layout::Layout};

pub(super) mod replace;

/// Lay rules files out
///
/// Indents each file by two spaces a level, puts attributes in one order, and wraps tags of more than
/// 120 columns. Comments, processing instructions, values and the texts of messages stay byte for byte.
/// A file is replaced whole or not at all; one with a mistake in its XML is left alone. What is written
/// is UTF-8, and a declaration of another encoding is adjusted.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Fmt {
    /// Rules files; without any, or for `-`, standard input is laid out to standard output
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing; tell which files would change, and how
    #[arg(long)]
    check: bool,
    /// Write to standard output, not to the files
    #[arg(long, conflicts_with = "check")]
    stdout: bool,
}

const AFTER_HELP: &str = "Examples:
  retort fmt rules.xml
  retort fmt --check conf/*.xml
  retort fmt --stdout rules.xml | diff rules.xml -

Exit codes:
  0  every file is laid out
  1  with --check: some would change
  2  a file cannot be read, is not well-formed, or cannot be written";

/// A file, before and after.
struct Formatted<'a> {
    path: &'a Path,
    source: Arc<Source>,
    before: Vec<u8>,
    after: String,
}

/// Why a file cannot be laid out.
enum Refusal {
    Mistakes(Diagnostics),
    Trouble(anyhow::Error),
}

impl Fmt {
    pub(super) fn run(mut self, console: Console) -> anyhow::Result<Exit> {
        if self.files.is_empty() {
            self.files.push(PathBuf::from(STANDARD_INPUT));
        }
        let mut worst = Exit::Fine;
        for path in &self.files {
            let exit = match Formatted::read(path).and_then(|file| self.finish(&file, console)) {
                Ok(exit) => exit,
                Err(Refusal::Mistakes(diagnostics)) => {
                    console.show(&diagnostics);
                    Exit::Trouble
                }
                Err(Refusal::Trouble(error)) => {
                    console.complain(&format!("{error:#}"));
                    Exit::Trouble
                }
            };
            worst = worst.or(exit);
        }
        Ok(worst)
    }

    /// Does with a file what was asked for.
    fn finish(&self, file: &Formatted<'_>, console: Console) -> Result<Exit, Refusal> {
        let name = file.path.display();
        if self.check {
            if file.is_tidy() {
                return Ok(Exit::Fine);
            }
            console.tell(format!("{name}: would be laid out anew\n"));
            console.print(file.difference()).map_err(trouble)?;
            return Ok(Exit::Findings);
        }
        if self.stdout || file.path == Path::new(STANDARD_INPUT) {
            console.print(&file.after).map_err(trouble)?;
        } else if !file.is_tidy() {
            replace::replace(file.path, file.after.as_bytes())
                .with_context(|| format!("cannot write {name}"))
                .map_err(Refusal::Trouble)?;
            console.print(format!("{name}: laid out\n")).map_err(trouble)?;
        }
        Ok(Exit::Fine)
    }
}

impl<'a> Formatted<'a> {
    fn read(path: &'a Path) -> Result<Self, Refusal> {
        let before = match path == Path::new(STANDARD_INPUT) {
            true => read_standard_input().map_err(trouble)?,
            false => config::open(path).map_err(Refusal::Mistakes)?,
        };
        let (source, document) = config::well_formed(&before, path).map_err(Refusal::Mistakes)?;
        if document.root.name.local != "response-messaging" {
            return Err(Refusal::Mistakes(not_rules(source, &document.root)));
        }
        let layout = Layout::read(source.text()).map_err(|error| Refusal::Trouble(anyhow!(error)))?;
        let after = layout.to_string();
        Ok(Self { path, source, before, after })
    }

    fn is_tidy(&self) -> bool {
        self.before == self.after.as_bytes()
    }

    /// What would change, as a unified diff.
    fn difference(&self) -> String {
        let name = self.path.to_string_lossy();
        TextDiff::from_lines(self.source.text(), &self.after)
            .unified_diff()
            .header(&name, &format!("{name} (laid out)"))
            .to_string()
    }
}

const STANDARD_INPUT: &str = "-";

fn read_standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte too many is refused when the text is decoded.
    io::stdin().lock().take(config::MAX_RULES_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Other documents may mean something by the blanks between their elements.
fn not_rules(source: Arc<Source>, root: &config::document::Element) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic {
        severity: Severity::Error,
        code: "wrong-root",
        message: format!("the root element is `{}`, not `response-messaging`", root.name),
        source,
        span: Some(root.span.clone()),
        help: Some("only rules files are laid out".to_owned()),
    });
    diagnostics
}

fn trouble(error: io::Error) -> Refusal {
    Refusal::Trouble(error.into())
}
