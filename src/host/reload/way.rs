//! The way to a file: every directory that has a say in what its path means.
//!
//! A path is followed component by component, through symbolic links, to the file or to the first
//! name that does not exist. What is found on the way serves two ends: it tells which directories
//! to watch for which names (a link that may be swapped, a directory that may be replaced, a file
//! that may appear), and two walks that found the same prove that nothing was changed between.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
};

/// Linux follows as many before it answers ELOOP.
const MAX_LINKS: usize = 40;

/// What was found on the way to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Every name that was looked up, in order.
    pub(super) steps: Vec<Step>,
}

/// One name that was looked up in one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The directory, free of links.
    pub(super) directory: PathBuf,
    name: OsString,
    found: Option<Found>,
}

/// What stood under a name. Entries of a directory come and go without a meaning for the way, so
/// of directories only the identity counts; of files and links also when they were last changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    device: u64,
    inode: u64,
    changed: Option<(i64, i64)>,
}

impl Way {
    /// Walks to a file.
    pub(super) fn to(path: &Path) -> Self {
        let mut steps = Vec::new();
        let mut ahead = VecDeque::new();
        // Fails for the empty path alone, and that leads nowhere.
        push_front(&mut ahead, &std::path::absolute(path).unwrap_or_default());
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if name == ".." {
                here.pop();
                continue;
            }
            let there = here.join(&name);
            let metadata = fs::symlink_metadata(&there).ok();
            let found = metadata.as_ref().map(Found::new);
            steps.push(Step { directory: here.clone(), name, found });
            match metadata {
                Some(metadata) if metadata.is_symlink() => {
                    links += 1;
                    let Ok(target) = fs::read_link(&there) else { break };
                    if links > MAX_LINKS {
                        break;
                    }
                    if target.is_absolute() {
                        here = PathBuf::from("/");
                    }
                    push_front(&mut ahead, &target);
                }
                Some(metadata) if metadata.is_dir() => here = there,
                _ => break,
            }
        }
        Self { steps }
    }

    /// The directory that holds the file, or that is nearest to it.
    pub(super) fn holder(&self) -> Option<&Path> {
        self.steps.last().map(|step| step.directory.as_path())
    }

    /// When the last change was of a file or link on it, in seconds since 1970.
    pub(super) fn changed(&self) -> Option<i64> {
        let changed = |step: &Step| step.found.as_ref().and_then(|found| found.changed);
        self.steps.iter().filter_map(changed).map(|(second, _)| second).max()
    }

    /// The file itself, free of links; where it does not exist, the nearest name that does not.
    pub(super) fn end(&self) -> Option<PathBuf> {
        self.steps.last().map(Step::path)
    }
}

impl Step {
    /// The name with its directory.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }
}

impl Found {
    fn new(metadata: &Metadata) -> Self {
        let changed = (!metadata.is_dir()).then(|| (metadata.ctime(), metadata.ctime_nsec()));
        Self { device: metadata.dev(), inode: metadata.ino(), changed }
    }
}

/// Puts the components of a path before those that are still ahead.
fn push_front(ahead: &mut VecDeque<OsString>, path: &Path) {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => ahead.push_front(name.to_owned()),
            Component::ParentDir => ahead.push_front("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The names looked up at or below `base`, written from there.
    fn names(way: &Way, base: &Path) -> Vec<String> {
        let below = |step: &Step| Some(step.path().strip_prefix(base).ok()?.to_str()?.to_owned());
        way.steps.iter().filter_map(below).filter(|name| !name.is_empty()).collect()
    }

    fn directory() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(directory.path()).unwrap();
        (directory, base)
    }

    #[test]
    fn follows_links_through_every_directory() {
        let (_directory, base) = directory();
        fs::create_dir(base.join("..v1")).unwrap();
        fs::write(base.join("..v1/rules.xml"), "x").unwrap();
        symlink("..v1", base.join("..data")).unwrap();
        symlink("..data/rules.xml", base.join("rules.xml")).unwrap();
        let way = Way::to(&base.join("rules.xml"));
        assert_eq!(names(&way, &base), ["rules.xml", "..data", "..v1", "..v1/rules.xml"]);
        assert_eq!(way.holder(), Some(base.join("..v1").as_path()));
        assert_eq!(way.steps[0].directory, Path::new("/"), "the way begins at the root");
    }

    #[test]
    fn stops_where_nothing_is() {
        let (_directory, base) = directory();
        let way = Way::to(&base.join("not/yet/rules.xml"));
        assert_eq!(names(&way, &base), ["not"]);
        assert_eq!(way.holder(), Some(base.as_path()));
    }

    #[test]
    fn goes_up_from_where_a_link_led() {
        let (_directory, base) = directory();
        fs::create_dir_all(base.join("deep/er")).unwrap();
        symlink("deep/er", base.join("link")).unwrap();
        let way = Way::to(&base.join("link/../rules.xml"));
        assert_eq!(way.end(), Some(base.join("deep/rules.xml")));
    }

    #[test]
    fn leaves_a_circle() {
        let (_directory, base) = directory();
        symlink("b", base.join("a")).unwrap();
        symlink("a", base.join("b")).unwrap();
        assert_eq!(names(&Way::to(&base.join("a")), &base).len(), MAX_LINKS + 1);
    }

    #[test]
    fn tells_a_link_from_the_one_it_replaced() {
        let (_directory, base) = directory();
        fs::create_dir(base.join("v1")).unwrap();
        symlink("v1", base.join("data")).unwrap();
        let before = Way::to(&base.join("data/x"));
        assert_eq!(before, Way::to(&base.join("data/x")));
        fs::write(base.join("v1/noise"), "").unwrap();
        assert_eq!(before, Way::to(&base.join("data/x")), "other entries mean nothing");
        symlink("v1", base.join("new")).unwrap();
        fs::rename(base.join("new"), base.join("data")).unwrap();
        assert_ne!(before, Way::to(&base.join("data/x")));
    }
}
