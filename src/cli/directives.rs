//! `retort directives`: what a template can say.

use clap::{Args, ValueEnum};

use super::{console::Console, exit::Exit};

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

impl Directives {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        todo!()
    }
}
