//! The ways in which editors, scripts and people change files.
//!
//! Where a test writes two files that are in use, one after the other, it first takes the rules
//! file away: without it nothing is put in force.

use std::{fs::File, io::Write, os::unix::fs::symlink};

use super::*;

/// Runs a test with each way of noticing.
fn both(test: impl Fn(&Bench)) {
    test(&Bench::new(NOTIFIED));
    test(&Bench::new(POLLED));
}

/// Puts another version in place of both files, out of sight in between.
fn replace(bench: &Bench, version: u32) {
    fs::rename(bench.path("etc/rules.xml"), bench.path("etc/old.xml")).unwrap();
    assert_eq!(bench.next().outcome, Outcome::Refused);
    fs::write(bench.path("etc/message.txt"), message(version)).unwrap();
    fs::write(bench.path("etc/new.xml"), rules(version)).unwrap();
    fs::rename(bench.path("etc/new.xml"), bench.path("etc/rules.xml")).unwrap();
}

/// The rules of version 1, but without a message file.
fn inline(version: u32) -> String {
    rules(version).replace("href=\"message.txt\"/>", &format!(">version {version}</message>"))
}

#[test]
fn edit_in_place() {
    both(|bench| {
        fs::write(bench.path("etc/rules.xml"), inline(2)).unwrap();
        bench.until(2);
    });
}

#[test]
fn rename_over() {
    both(|bench| {
        for version in 2..5 {
            fs::write(bench.path("etc/.rules.xml.tmp"), inline(version)).unwrap();
            fs::rename(bench.path("etc/.rules.xml.tmp"), bench.path("etc/rules.xml")).unwrap();
            bench.until(version);
        }
    });
}

#[test]
fn rename_to_a_backup_create_delete_the_backup() {
    both(|bench| {
        for version in 2..5 {
            fs::write(bench.path("etc/4913"), "").unwrap();
            fs::remove_file(bench.path("etc/4913")).unwrap();
            fs::rename(bench.path("etc/rules.xml"), bench.path("etc/rules.xml~")).unwrap();
            fs::write(bench.path("etc/rules.xml"), inline(version)).unwrap();
            fs::remove_file(bench.path("etc/rules.xml~")).unwrap();
            bench.until(version);
        }
    });
}

#[test]
fn delete_then_create() {
    both(|bench| {
        fs::remove_file(bench.path("etc/rules.xml")).unwrap();
        assert_eq!(bench.next().outcome, Outcome::Refused);
        assert_eq!(says(&bench.reloader.live().snapshot()), 1, "the last good version stays");
        fs::write(bench.path("etc/rules.xml"), inline(2)).unwrap();
        bench.until(2);
    });
}

#[test]
fn both_files_one_after_the_other() {
    both(|bench| {
        replace(bench, 2);
        bench.until(2);
    });
}

#[test]
fn message_file_alone() {
    both(|bench| {
        fs::write(bench.path("etc/message.txt"), "edited").unwrap();
        while messages(&bench.next().version) != ["version 1", "edited"] {}
        fs::write(bench.path("etc/.tmp"), "replaced").unwrap();
        fs::rename(bench.path("etc/.tmp"), bench.path("etc/message.txt")).unwrap();
        while messages(&bench.next().version) != ["version 1", "replaced"] {}
    });
}

#[test]
fn message_file_in_another_directory() {
    for options in [NOTIFIED, POLLED] {
        let bench = Bench::with(options, |base| {
            fs::create_dir(base.join("etc")).unwrap();
            fs::create_dir_all(base.join("share/messages")).unwrap();
            fs::write(base.join("share/messages/a.txt"), message(1)).unwrap();
            let uri = format!("file://{}", base.join("share/messages/a.txt").display());
            let rules = rules(1).replace("message.txt", &uri);
            fs::write(base.join("etc/rules.xml"), rules).unwrap();
        });
        fs::write(bench.path("share/messages/a.txt"), "edited").unwrap();
        while messages(&bench.next().version) != ["version 1", "edited"] {}
    }
}

#[test]
fn message_file_that_was_missing_appears() {
    both(|bench| {
        fs::write(bench.path("etc/rules.xml"), rules(1).replace("message.txt", "new/message.txt")).unwrap();
        assert_eq!(bench.next().outcome, Outcome::Refused);
        fs::create_dir(bench.path("etc/new")).unwrap();
        fs::write(bench.path("etc/new/.tmp"), "appeared").unwrap();
        fs::rename(bench.path("etc/new/.tmp"), bench.path("etc/new/message.txt")).unwrap();
        let attempt = bench.next();
        assert_eq!(attempt.outcome, Outcome::Applied);
        assert_eq!(messages(&attempt.version), ["version 1", "appeared"]);
    });
}

#[test]
fn directory_deleted_and_created_again() {
    both(|bench| {
        for version in [2, 3] {
            fs::remove_dir_all(bench.path("etc")).unwrap();
            assert_eq!(bench.next().outcome, Outcome::Refused);
            fs::create_dir(bench.path("etc")).unwrap();
            fs::write(bench.path("etc/message.txt"), message(version)).unwrap();
            fs::write(bench.path("etc/rules.xml"), rules(version)).unwrap();
            bench.until(version);
        }
        // Not only the new directory is seen, but also what happens in it from then on.
        fs::write(bench.path("etc/rules.xml"), inline(4)).unwrap();
        bench.until(4);
    });
}

#[test]
fn directory_replaced_by_another() {
    both(|bench| {
        for version in [2, 3] {
            fs::create_dir(bench.path("new")).unwrap();
            write(&bench.path("new"), version);
            fs::rename(bench.path("etc"), bench.path(&format!("old{version}"))).unwrap();
            fs::rename(bench.path("new"), bench.path("etc")).unwrap();
            bench.until(version);
        }
        fs::remove_dir_all(bench.path("old2")).unwrap();
        fs::write(bench.path("etc/rules.xml"), inline(4)).unwrap();
        bench.until(4);
    });
}

#[test]
fn directory_further_up_replaced() {
    for options in [NOTIFIED, POLLED] {
        let bench = Bench::with(options, |base| {
            fs::create_dir_all(base.join("srv/app/conf")).unwrap();
            write(&base.join("srv/app/conf"), 1);
            symlink("srv/app/conf", base.join("etc")).unwrap();
        });
        fs::create_dir_all(bench.path("new/app/conf")).unwrap();
        write(&bench.path("new/app/conf"), 2);
        fs::rename(bench.path("srv"), bench.path("old")).unwrap();
        fs::rename(bench.path("new"), bench.path("srv")).unwrap();
        bench.until(2);
    }
}

#[test]
fn rules_written_in_parts() {
    let bench = Bench::new(NOTIFIED);
    let text = inline(2);
    let mut file = File::create(bench.path("etc/rules.xml")).unwrap();
    for part in text.as_bytes().chunks(text.len().div_ceil(5)) {
        let attempt = bench.reloader.reload_now().unwrap();
        assert_eq!(attempt.outcome, Outcome::Refused, "a part is no rules file");
        assert_eq!(says(&bench.reloader.live().snapshot()), 1);
        file.write_all(part).unwrap();
    }
    drop(file);
    bench.until(2);
}

#[test]
fn message_written_in_parts() {
    let bench = Bench::new(NOTIFIED);
    let mut file = File::create(bench.path("etc/message.txt")).unwrap();
    for part in ["first", " second", " third"] {
        file.write_all(part.as_bytes()).unwrap();
        let early = bench.attempts.recv_timeout(Duration::from_millis(200));
        assert!(early.is_err(), "{:?} is put in force", early.map(|attempt| messages(&attempt.version)));
    }
    drop(file);
    assert_eq!(messages(&bench.next().version), ["version 1", "first second third"]);
}

#[test]
fn same_bytes_are_no_change() {
    both(|bench| {
        write(&bench.path("etc"), 1);
        let attempt = bench.reloader.reload_now().unwrap();
        assert_eq!(attempt.outcome, Outcome::Unchanged);
        fs::rename(bench.path("etc/message.txt"), bench.path("etc/x")).unwrap();
        fs::copy(bench.path("etc/x"), bench.path("etc/message.txt")).unwrap();
        let attempt = bench.reloader.reload_now().unwrap();
        assert_eq!(attempt.outcome, Outcome::Unchanged);
        assert_eq!(attempt.version.generation, 1);
        assert_eq!((bench.reloader.metrics().applied(), bench.reloader.metrics().refused()), (0, 0));
        assert!(bench.attempts.try_recv().is_err(), "nothing is told of it");
    });
}
