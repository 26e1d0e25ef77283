//! Loading the rules for the verbs that need them.

use std::path::Path;

use anyhow::bail;

use super::console::Console;
use crate::{Rules, config};

/// Loads the rules of a file, or tells what is wrong with it.
pub(super) fn rules(path: &Path, console: Console) -> anyhow::Result<Rules> {
    match config::load(path) {
        Ok(loaded) => {
            console.show(&loaded.warnings);
            Ok(loaded.rules)
        }
        Err(refused) => {
            console.show(&refused.diagnostics);
            bail!("the rules in {} cannot be used", path.display())
        }
    }
}
