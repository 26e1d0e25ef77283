//! The first load, and files that were not there for it.

use std::process::Command;

use retort::host::reload::StartError;

use super::*;

#[test]
fn mistakes_are_handed_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.xml");
    fs::write(&path, "<response-messaging>").unwrap();
    let Err(StartError::Refused(refused)) = Reloader::start(&path, NOTIFIED) else { panic!() };
    assert!(!refused.missing);
    assert!(!refused.diagnostics.is_empty());
}

#[test]
fn a_missing_message_file_is_a_mistake() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.xml");
    fs::write(&path, rules(1)).unwrap();
    let Err(StartError::Refused(refused)) = Reloader::start(&path, NOTIFIED) else { panic!() };
    assert!(!refused.missing);
    assert_eq!(refused.files.len(), 2);
}

#[test]
fn a_missing_rules_file_is_waited_for() {
    for options in [NOTIFIED, POLLED] {
        let bench = Bench::with(options, |base| fs::create_dir(base.join("etc")).unwrap());
        let status = bench.reloader.status();
        assert_eq!(status.last.outcome, Outcome::Missing);
        assert_eq!(status.fingerprint, None);
        assert_eq!(status.last.version.rules.iter().len(), 0);
        assert_eq!(bench.reloader.reload_now().unwrap().outcome, Outcome::Missing);
        fs::write(bench.path("etc/message.txt"), message(1)).unwrap();
        fs::write(bench.path("etc/.tmp"), rules(1)).unwrap();
        fs::rename(bench.path("etc/.tmp"), bench.path("etc/rules.xml")).unwrap();
        let attempt = bench.next();
        assert_eq!(attempt.outcome, Outcome::Applied);
        assert_eq!(says(&attempt.version), 1);
    }
}

#[test]
fn missing_directories_are_waited_for() {
    for options in [NOTIFIED, POLLED] {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("not/yet/there");
        let reloader = Reloader::start(&deep.join("rules.xml"), options).unwrap();
        let attempts = reloader.subscribe();
        for version in [1, 2] {
            fs::create_dir_all(&deep).unwrap();
            fs::write(deep.join("message.txt"), message(version)).unwrap();
            fs::write(deep.join("rules.xml"), rules(version)).unwrap();
            loop {
                let attempt = attempts.recv_timeout(LONG).unwrap();
                if attempt.outcome == Outcome::Applied {
                    assert_eq!(says(&attempt.version), version);
                    break;
                }
            }
            fs::remove_dir_all(directory.path().join("not")).unwrap();
            while attempts.recv_timeout(LONG).unwrap().outcome != Outcome::Refused {}
        }
    }
}

#[test]
fn nothing_blocks_on_what_is_no_file() {
    let bench = Bench::new(NOTIFIED);
    for name in ["message.txt", "rules.xml"] {
        let path = bench.path("etc").join(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(bench.reloader.reload_now().unwrap().outcome, Outcome::Refused);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(bench.reloader.reload_now().unwrap().outcome, Outcome::Refused);
        fs::remove_dir(&path).unwrap();
        fs::write(&path, text).unwrap();
        assert_ne!(bench.reloader.reload_now().unwrap().outcome, Outcome::Refused);
        assert_eq!(says(&bench.reloader.live().snapshot()), 1);
    }
}
