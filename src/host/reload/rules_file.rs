//! The rules file and its message files, as what is loaded.

use std::path::{Path, PathBuf};

use super::unit::Source;
use crate::config::{self, Loaded, Refused};

/// A rules file and its message files.
#[derive(Debug)]
pub(super) struct RulesFile(PathBuf);

impl RulesFile {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Source for RulesFile {
    type Good = Loaded;
    type Bad = Refused;

    fn load(&mut self) -> Result<Loaded, Refused> {
        config::load(&self.0)
    }

    fn files<'a>(&'a self, verdict: &'a Result<Loaded, Refused>) -> &'a [PathBuf] {
        match verdict {
            Ok(loaded) => &loaded.files,
            Err(refused) => &refused.files,
        }
    }
}
