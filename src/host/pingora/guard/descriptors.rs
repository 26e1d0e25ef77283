//! How many connections the system's limit of open files allows.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that are open for other reasons than connections that are served: rules, listeners, logs,
/// what watches, and the least number of connections that are refused.
const OTHERS: u64 = 80;

/// More than this nobody gets who does not ask for it.
const MOST: usize = 1 << 16;

/// As many connections as can each have one to an upstream, beside so many descriptors for other
/// purposes.
pub(super) fn connections(reserved: usize) -> usize {
    let reserved = OTHERS.saturating_add(reserved as u64);
    getrlimit(Resource::Nofile).current.map_or(MOST, |files| share(files, reserved))
}

/// Lets this process have as many open files as it may, instead of the number that programs get
/// which cannot cope with more.
///
/// The value was small once because `select` cannot name more; nothing here calls it.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

/// Of each nine files left, four are for clients, four for upstreams, and the ninth for clients that
/// are told that there are too many.
fn share(files: u64, reserved: u64) -> usize {
    let connections = (files.saturating_sub(reserved) / 9).saturating_mul(4);
    usize::try_from(connections).unwrap_or(usize::MAX).clamp(1, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_shared() {
        assert_eq!(share(1024, 80 + 256), 304);
        assert_eq!(share(65_536, 80 + 256), 28_976);
        assert_eq!(share(1 << 30, 336), MOST);
        assert_eq!(share(100, 336), 1, "better one than none");
        for files in [500, 1024, 4096, 100_000] {
            let connections = share(files, 336) as u64;
            let refused = (connections / 8).max(16);
            assert!(connections * 2 + refused + 320 <= files, "{files}");
        }
    }
}
