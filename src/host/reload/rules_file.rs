//! The rules file and its message files, as what is loaded.

use std::path::{Path, PathBuf};

use super::{sighting::Fingerprint, unit::Source};
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
    const TELLS: bool = true;

    fn load(&mut self) -> Result<Loaded, Refused> {
        config::load(&self.0)
    }

    fn files<'a>(&'a self, verdict: &'a Result<Loaded, Refused>) -> &'a [PathBuf] {
        match verdict {
            Ok(loaded) => &loaded.files,
            Err(refused) => &refused.files,
        }
    }

    fn read(&self, verdict: &Result<Loaded, Refused>) -> Option<Fingerprint> {
        let digests = match verdict {
            Ok(loaded) => &loaded.digests,
            Err(refused) => &refused.digests,
        };
        digests.as_deref().map(Fingerprint::of)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::sighting::Sighting, *};

    /// What was read in loading these rules, which name message files in their directory; and what
    /// a look at the same files finds.
    fn read(messages: &[&str]) -> (Option<Fingerprint>, Fingerprint) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules.xml");
        let mut rules = String::from("<response-messaging>");
        for (index, href) in messages.iter().enumerate() {
            rules += &format!(
                "<status-code id='{index}' code-regex='50{index}'><message href='{href}'/></status-code>"
            );
        }
        fs::write(&path, rules + "</response-messaging>").unwrap();
        fs::write(directory.path().join("a.txt"), "text").unwrap();
        fs::write(directory.path().join("b.txt"), b"no text: \xff").unwrap();
        let mut source = RulesFile::new(&path);
        let verdict = source.load();
        (source.read(&verdict), Sighting::of(source.files(&verdict)).fingerprint)
    }

    #[test]
    fn what_was_read_is_what_a_look_finds() {
        for messages in
            [&[][..], &["../a.txt"], &["a.txt"], &["b.txt", "a.txt"], &["a.txt", "b.txt", "a.txt"]]
        {
            let (read, found) = read(messages);
            assert_eq!(read, Some(found), "{messages:?}");
        }
    }

    #[test]
    fn what_could_not_be_read_is_not_known() {
        for messages in [&["missing.txt"][..], &["a.txt", "missing.txt"]] {
            assert_eq!(read(messages).0, None, "{messages:?}");
        }
    }
}
