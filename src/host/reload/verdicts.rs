//! Rules that are judged each time they change, and put in force by nobody.

use std::{io, path::Path};

use super::{Options, follow::Follower, rules_file::RulesFile};
use crate::config::{Loaded, Refused};

/// Judges the rules of a file each time that it or its message files hold something new, until it is
/// dropped.
#[derive(Debug)]
pub struct Verdicts {
    _follower: Follower,
}

impl Verdicts {
    /// Passes on what the files hold now, and from then on all that is new in them. A missing rules file is
    /// a mistake like any other: it may appear.
    pub fn start(
        path: &Path,
        options: Options,
        mut news: impl FnMut(Result<Loaded, Refused>) + Send + 'static,
    ) -> io::Result<Self> {
        let (first, begun) = Follower::begin(RulesFile::new(path), options);
        news(first);
        let follower = begun.start(move |verdict| {
            if let Some(verdict) = verdict {
                news(verdict);
            }
        })?;
        Ok(Self { _follower: follower })
    }
}
