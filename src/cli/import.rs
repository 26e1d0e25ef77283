//! `retort import`: the rules of Repose, of any version.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use clap::Args;

use self::{
    gotcha::{Gotcha, Outcome},
    message::Place,
    report::Report,
    rules::{Reading, folder},
    system::System,
};
use super::{check::Form, console::Console, exit::Exit, fmt::replace};
use crate::config::{self, Diagnostic, document::layout::Layout, href::Disk};

mod edit;
mod facts;
mod gotcha;
mod message;
mod report;
mod rules;
mod system;
mod template;

/// Take over the rules of Repose
///
/// Reads the rules of Repose's Response Messaging service, of any version, and writes them in Retort's
/// way, laid out as `retort fmt` does it, with all comments. Tells of each place at which Repose and
/// Retort part: what was mended, what differs by intent, and what is left open for a person to decide.
/// In a folder, system-model.cfg.xml and its likes tell how to start the proxy. Message files stay
/// where they are.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Import {
    /// Repose's rules, or the folder that has them as response-messaging.cfg.xml
    #[arg(value_name = "DIR|FILE")]
    from: PathBuf,
    /// The new rules file, or a folder for it; `-` is standard output, and the report goes to standard error
    #[arg(long, value_name = "DIR|FILE", default_value = NEW_RULES)]
    output: PathBuf,
    /// Replace a file that is there already
    #[arg(long)]
    force: bool,
    /// Form of the report
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Form::Text)]
    format: Form,
}

const AFTER_HELP: &str = "Examples:
  retort import /etc/repose
  retort import response-messaging.cfg.xml --output conf/rules.xml
  retort import old.cfg.xml --output - 2> report.txt | diff old.cfg.xml -
  retort import --format json /etc/repose | jq '.gotchas[] | select(.outcome == \"open\")'

Exit codes:
  0  the new rules say what the old ones said, but for what differs by intent
  1  something is left open
  2  the rules cannot be read, are not well-formed, or cannot be written";

/// The name of the new file where none is given.
const NEW_RULES: &str = "rules.xml";

/// The name of the rules file in a folder of Repose's.
const OLD_RULES: &str = "response-messaging.cfg.xml";

const STANDARD_OUTPUT: &str = "-";

impl Import {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        let input = within(&self.from, OLD_RULES);
        let output = within(&self.output, NEW_RULES);
        let (text, mut report) = convert(&input, &output, console)?;
        if self.from.is_dir() {
            report.system = System::read(folder(&input), &mut report.gotchas);
        }
        report.finish();
        self.write(&output, &text, console)?;
        self.tell(&report, console)?;
        Ok(if report.count(Outcome::Open) > 0 { Exit::Findings } else { Exit::Fine })
    }

    fn prints(&self) -> bool {
        self.output == Path::new(STANDARD_OUTPUT)
    }

    fn write(&self, output: &Path, text: &str, console: Console) -> anyhow::Result<()> {
        if self.prints() {
            return Ok(console.print(text)?);
        }
        let name = output.display();
        match replace::create(output, text.as_bytes()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.force => {
                replace::replace(output, text.as_bytes()).with_context(|| format!("cannot write {name}"))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                bail!("{name} is there already; --force replaces it, --output names another file")
            }
            Err(error) => Err(error).with_context(|| format!("cannot write {name}")),
        }
    }

    fn tell(&self, report: &Report, console: Console) -> anyhow::Result<()> {
        let text = match self.format {
            Form::Text => report.text(),
            Form::Json => serde_json::to_string_pretty(report)? + "\n",
        };
        match self.prints() {
            true => console.tell(text),
            false => console.print(text)?,
        }
        Ok(())
    }
}

/// The file of this name in a folder; anything but a folder is the file itself. Without `./`, as
/// names in it are told of.
fn within(path: &Path, name: &str) -> PathBuf {
    let file = if path.is_dir() { path.join(name) } else { path.to_owned() };
    file.components().filter(|component| *component != Component::CurDir).collect()
}

/// The new rules, and what there is to tell about them.
fn convert(input: &Path, output: &Path, console: Console) -> anyhow::Result<(String, Report)> {
    let name = input.display();
    let opened = config::open(input).and_then(|bytes| config::well_formed(&bytes, input));
    let (source, document) = opened.map_err(|diagnostics| {
        console.show(&diagnostics);
        anyhow!("the rules in {name} cannot be taken over")
    })?;
    let layout = Layout::read(source.text())?;
    let mut reading = Reading::new(&source, &document, Place { old: folder(input), new: folder(output) });
    reading.read(&document, &layout);
    let Reading { edits, gotchas, files, .. } = reading;
    let text = Layout::read(&edits.apply(source.text()))?.to_string();
    let mut report = Report {
        input: name.to_string(),
        output: output.display().to_string(),
        loads: false,
        rules: None,
        messages: None,
        gotchas,
        files,
        system: None,
        command: String::new(),
    };
    report.check(&text, output);
    Ok((text, report))
}

impl Report {
    /// What Retort says of the new rules is left open.
    fn check(&mut self, text: &str, output: &Path) {
        let diagnostics = match config::parse(text.as_bytes(), output, &mut Disk::default()) {
            Ok((rules, warnings)) => {
                self.loads = true;
                self.rules = Some(rules.iter().len());
                self.messages = Some(rules.message_count());
                warnings
            }
            Err(diagnostics) => diagnostics,
        };
        // What is open already was found in a message file, and is not told of twice.
        let told: Vec<_> =
            self.gotchas.iter().filter(|gotcha| gotcha.outcome == Outcome::Open).cloned().collect();
        let is_new = |diagnostic: &Diagnostic| {
            let start = diagnostic.span.as_ref().map(|span| span.start);
            !told.iter().any(|gotcha| gotcha.is_at(&diagnostic.source.path, start))
        };
        self.gotchas.extend(diagnostics.into_iter().filter(is_new).map(Gotcha::of));
    }

    /// Puts like beside like, what is left to do last.
    fn finish(&mut self) {
        self.command = match &self.system {
            Some(system) => system.command(&self.output),
            None => System::default().command(&self.output),
        };
        let mut codes: Vec<&'static str> = Vec::new();
        for gotcha in &self.gotchas {
            if !codes.contains(&gotcha.code) {
                codes.push(gotcha.code);
            }
        }
        let first = |code| codes.iter().position(|known| *known == code);
        self.gotchas.sort_by_key(|gotcha| (gotcha.outcome, first(gotcha.code)));
    }
}
