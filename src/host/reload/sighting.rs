//! What the files of a unit were seen to hold.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use super::way::Way;
use crate::config::{
    MAX_RULES_FILE,
    href::{Digest, read_bounded},
};

/// Seconds. Clocks of servers of files may differ from this one's, by less where all is well.
const LONG_AGO: u64 = 2;

/// The contents of the files of a unit, hashed. Paths are left out, so that replicas which hold
/// the same files in different places can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

/// One look at all files. Two equal ones prove that nothing was changed between, not even there
/// and back again, if more than a tick of the file system's clock lies between.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) ways: Vec<Way>,
    pub(super) fingerprint: Fingerprint,
}

impl Sighting {
    /// Looks at all files.
    pub(super) fn of(files: &[PathBuf]) -> Self {
        // No file of a unit may be larger than the rules file.
        let digest = |file: &PathBuf| Digest::of(&read_bounded(file, MAX_RULES_FILE));
        let fingerprint = Fingerprint::of(&files.iter().map(digest).collect::<Vec<_>>());
        Self { ways: files.iter().map(|file| Way::to(file)).collect(), fingerprint }
    }
}

impl Sighting {
    /// Whether the last change was so long ago that each one from now on shows: it gets another time,
    /// even if the clock of the file system is not quite this one's.
    pub(super) fn is_old(&self, now: SystemTime) -> bool {
        let Ok(now) = now.duration_since(UNIX_EPOCH) else { return false };
        let age =
            |second: i64| u64::try_from(second).ok().and_then(|second| now.as_secs().checked_sub(second));
        self.ways.iter().filter_map(Way::changed).all(|second| age(second).is_some_and(|age| age > LONG_AGO))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Fingerprint {
    /// Of what the files of a unit hold, in their order.
    pub(super) fn of(digests: &[Digest]) -> Self {
        let mut hasher = DefaultHasher::new();
        digests.hash(&mut hasher);
        Self(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command, time::Duration};

    use super::*;

    fn fingerprint(files: &[&Path]) -> Fingerprint {
        Sighting::of(&files.iter().map(PathBuf::from).collect::<Vec<_>>()).fingerprint
    }

    #[test]
    fn contents_alone_make_the_fingerprint() {
        let directory = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| directory.path().join(name));
        fs::write(&a, "same").unwrap();
        fs::write(&b, "same").unwrap();
        fs::write(&c, "other").unwrap();
        assert_eq!(fingerprint(&[&a]), fingerprint(&[&b]));
        assert_ne!(fingerprint(&[&a]), fingerprint(&[&c]));
        assert_ne!(fingerprint(&[&a]), fingerprint(&[&a, &b]));
        assert_ne!(fingerprint(&[&a, &c]), fingerprint(&[&c, &a]));
    }

    #[test]
    fn bytes_cannot_move_from_one_file_to_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| directory.path().join(name));
        fs::write(&a, "xy").unwrap();
        fs::write(&b, "z").unwrap();
        let before = fingerprint(&[&a, &b]);
        fs::write(&a, "x").unwrap();
        fs::write(&b, "yz").unwrap();
        assert_ne!(before, fingerprint(&[&a, &b]));
    }

    #[test]
    fn a_missing_an_empty_and_no_file_differ_and_a_fifo_does_not_block() {
        let directory = tempfile::tempdir().unwrap();
        let [missing, empty, fifo] = ["missing", "empty", "fifo"].map(|name| directory.path().join(name));
        fs::write(&empty, "").unwrap();
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let prints = [&missing, &empty, &fifo].map(|path| fingerprint(&[path]));
        assert_ne!(prints[0], prints[1]);
        assert_ne!(prints[1], prints[2]);
        assert_ne!(prints[0], prints[2]);
        assert_eq!(prints[2], fingerprint(&[directory.path()]), "neither is a file");
    }

    #[test]
    fn it_is_old_when_nothing_was_changed_for_long() {
        let directory = tempfile::tempdir().unwrap();
        let [file, link, missing] = ["file", "link", "missing"].map(|name| directory.path().join(name));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink("missing", &link).unwrap();
        for path in [file, link] {
            let sighting = Sighting::of(&[path]);
            let now = SystemTime::now();
            assert!(!sighting.is_old(now));
            assert!(!sighting.is_old(now - Duration::from_secs(60)), "a clock that is late");
            assert!(sighting.is_old(now + Duration::from_secs(5)));
        }
        assert!(Sighting::of(&[missing]).is_old(SystemTime::now()), "what comes into being shows");
    }

    #[test]
    fn rewriting_the_same_bytes_is_seen_but_changes_no_content() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        fs::write(&file, "same").unwrap();
        let before = Sighting::of(std::slice::from_ref(&file));
        fs::remove_file(&file).unwrap();
        fs::write(directory.path().join("other"), "takes the inode, should it be free").unwrap();
        fs::write(&file, "same").unwrap();
        let after = Sighting::of(std::slice::from_ref(&file));
        assert_eq!(before.fingerprint, after.fingerprint);
        assert_ne!(before, after);
    }
}
