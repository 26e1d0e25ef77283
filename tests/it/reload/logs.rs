//! What an operator reads.

use std::{
    env, io,
    process::Command,
    sync::{Mutex, MutexGuard},
};

use super::*;

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap()
    }

    /// What was logged since this was asked last.
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.lock())).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a test with a log of its own.
fn logged(test: impl FnOnce(&Log)) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .with_max_level(tracing::Level::INFO)
        .finish();
    tracing::subscriber::with_default(subscriber, || test(&log));
}

/// The lines that begin a message of this level.
fn count(text: &str, level: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with(&format!("{level} retort::reload:"))).count()
}

#[test]
fn versions_are_counted() {
    logged(|log| {
        let bench = Bench::new(ASKED);
        let text = log.take();
        assert_eq!(count(&text, "INFO"), 1, "{text}");
        assert!(text.contains("generation=1"), "{text}");
        assert!(text.contains("rules=1 messages=2"), "{text}");
        fs::write(bench.path("etc/message.txt"), "edited").unwrap();
        bench.reloader.reload_now().unwrap();
        let text = log.take();
        assert_eq!(count(&text, "INFO"), 1, "{text}");
        assert!(text.contains("generation=2"), "{text}");
    });
}

#[test]
fn mistakes_are_told_in_full_and_once() {
    logged(|log| {
        let bench = Bench::new(ASKED);
        log.take();
        fs::write(bench.path("etc/rules.xml"), "<response-messaging>").unwrap();
        let attempt = bench.reloader.reload_now().unwrap();
        let text = log.take();
        assert_eq!(count(&text, "ERROR"), 1, "{text}");
        assert!(text.contains(&attempt.diagnostics.to_string()), "{text}");
        assert!(text.contains("generation=1"), "what stays in force is told: {text}");
        bench.reloader.reload_now().unwrap();
        let text = log.take();
        assert_eq!((count(&text, "ERROR"), count(&text, "WARN")), (0, 1), "{text}");
    });
}

#[test]
fn a_missing_file_is_a_warning_at_the_start() {
    logged(|log| {
        let _bench = Bench::with(ASKED, |_| {});
        let text = log.take();
        assert_eq!((count(&text, "ERROR"), count(&text, "WARN")), (0, 1), "{text}");
    });
}

#[test]
fn the_clock_says_nothing() {
    logged(|log| {
        let bench = Bench::new(POLLED);
        log.take();
        fs::write(bench.path("etc/rules.xml"), rules(1)).unwrap();
        assert!(bench.attempts.recv_timeout(Duration::from_millis(300)).is_err());
        assert_eq!(log.take(), "");
    });
}

/// In a user namespace of its own the test below may be denied what others need.
#[test]
fn without_notifications_the_clock_remains() {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-Ur", "sh", "-c", script]).arg(env::current_exe().unwrap());
        command.output().is_ok_and(|output| {
            print!("{}", String::from_utf8_lossy(&output.stdout));
            output.status.success()
        })
    };
    for limit in ["max_inotify_instances", "max_inotify_watches"] {
        let deny = format!("echo 0 > /proc/sys/user/{limit}");
        if !unshare(&deny) {
            eprintln!("skipped: user namespaces are not permitted here");
            return;
        }
        let test = "reload::logs::denied_notifications_are_a_warning";
        assert!(unshare(&format!("{deny} && exec \"$0\" --exact --ignored {test}")), "{limit}");
    }
}

#[test]
#[ignore = "run by without_notifications_the_clock_remains"]
fn denied_notifications_are_a_warning() {
    logged(|log| {
        let bench = Bench::new(Options { notify: true, ..POLLED });
        for text in ["first", "second"] {
            fs::write(bench.path("etc/message.txt"), text).unwrap();
            while messages(&bench.next().version) != ["version 1", text] {}
        }
        let text = log.take();
        assert_eq!(count(&text, "WARN"), 1, "{text}");
        assert!(text.contains("only polled for"), "{text}");
    });
}
