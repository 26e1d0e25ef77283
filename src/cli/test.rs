//! `retort test`: cases, run against the rules.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;

use self::{report::Report, suite::Suite};
use super::{console::Console, exit::Exit, load};

mod junit;
mod report;
mod suite;

/// Test what becomes of exchanges
///
/// Runs cases: files of rules, recorded exchanges, and what must come of each. They are decided as `explain`
/// does it, without a network; the clock stands still and ids are always the same.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Test {
    /// Cases, TOML; of a folder, every *.toml in it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Rules file to test, in place of those that the cases name
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Write the outcome to a file as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Tell of what is fine as well
    #[arg(long, short)]
    verbose: bool,
}

const AFTER_HELP: &str = "Examples:
  retort test cases/
  retort test --rules rules.xml --junit report.xml cases/*.toml

A case:
  rules-file = 'rules.xml'            # or the rules themselves: rules = '''...'''

  [[exchange]]
  name = 'an empty 503'
  record = { request = { headers = [['Accept', 'text/html']] }, response = { status = 503 } }
  expect = { rule = 'down', headers = { Retry-After = '30' }, body-contains = 'later' }

A record is what `retort explain --exchange` reads. What can be expected, each as needed:
  decision, reason, rule, message     as `retort explain --format json` tells them
  status                              status that the client gets
  headers                             fields, each with its value, or the values of several lines
  absent                              fields that are not there
  body                                whole content
  body-contains                       part of the content, or several
  body-json                           JSON value that the content is

Exit codes:
  0  all is as expected
  1  something is not
  2  a case or its rules cannot be read";

impl Test {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        let rules = self.rules.as_ref().map(|path| load::rules(path, console)).transpose()?;
        let files = self.files.iter().map(|path| cases(path)).collect::<Result<Vec<_>, _>>()?;
        let mut report = Report::new(console, self.verbose);
        let mut suites = Vec::new();
        for file in files.into_iter().flatten() {
            let suite = Suite::run(file, rules.as_ref());
            report.add(&suite)?;
            suites.push(suite);
        }
        if let Some(path) = &self.junit {
            fs::write(path, junit::document(&suites)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(report.finish()?)
    }
}

/// The file, or those of the folder in the order of their names.
fn cases(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = || format!("cannot read {}", path.display());
    let entries = fs::read_dir(path).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let paths = entries.with_context(unreadable)?.into_iter().map(|entry| entry.path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    if paths.is_empty() {
        bail!("no *.toml in {}", path.display());
    }
    paths.sort();
    Ok(paths)
}
