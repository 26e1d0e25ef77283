//! What the system tells of this process; where it does not, nothing is told.

use std::{fs, sync::LazyLock};

use rustix::process::{Resource, getrlimit};

/// What the system tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) open_descriptors: Option<u64>,
    pub(super) most_descriptors: Option<u64>,
    pub(super) threads: Option<u64>,
}

static TICKS_A_SECOND: LazyLock<u64> = LazyLock::new(rustix::param::clock_ticks_per_second);
static PAGE_BYTES: LazyLock<u64> = LazyLock::new(|| rustix::param::page_size() as u64);

impl Process {
    pub(super) fn now() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let descriptors = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64);
        Self {
            // One of them is there to read the folder.
            open_descriptors: descriptors.map(|count| count.saturating_sub(1)),
            most_descriptors: getrlimit(Resource::Nofile).current,
            ..Self::read(&stat)
        }
    }

    /// Reads `/proc/self/stat`: the name, in brackets, may hold anything, and numbers follow it.
    fn read(stat: &str) -> Self {
        let Some((_, numbers)) = stat.rsplit_once(')') else { return Self::default() };
        // The first one is the third field (proc_pid_stat(5)).
        let field =
            |number: usize| -> Option<u64> { numbers.split_whitespace().nth(number - 3)?.parse().ok() };
        let ticks = field(14).zip(field(15)).map(|(user, system)| user.saturating_add(system));
        Self {
            cpu_seconds: ticks.map(|ticks| ticks as f64 / (*TICKS_A_SECOND).max(1) as f64),
            threads: field(20),
            virtual_bytes: field(23),
            resident_bytes: field(24).map(|pages| pages.saturating_mul(*PAGE_BYTES)),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_may_hold_anything() {
        let stat = "42 (a) R 1 (b) S 1 42 42 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 7 0 100 4096 3 1844 1 1";
        let process = Process::read(stat);
        assert_eq!((process.threads, process.virtual_bytes), (Some(7), Some(4096)));
        assert_eq!(process.resident_bytes, Some(3 * *PAGE_BYTES));
        assert_eq!(process.cpu_seconds, Some(300.0 / *TICKS_A_SECOND as f64));
        assert!(Process::read("nonsense").cpu_seconds.is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_there() {
        let process = Process::now();
        assert!(process.resident_bytes > Some(100_000) && process.open_descriptors > Some(2), "{process:?}");
    }
}
