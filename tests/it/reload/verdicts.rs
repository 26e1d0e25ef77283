//! What comes of a look, and who hears of it.

use std::process::Command;

use super::*;

fn edit(bench: &Bench, text: &str) {
    fs::write(bench.path("etc/message.txt"), text).unwrap();
}

#[test]
fn mistakes_keep_the_last_good_version_and_are_told_once() {
    for options in [NOTIFIED, POLLED] {
        let bench = Bench::new(options);
        let good = bench.reloader.status();
        assert_eq!(good.last.outcome, Outcome::Applied);
        let bad = bench.path("etc/.bad");
        fs::write(&bad, rules(2).replace("</response-messaging>", "")).unwrap();
        fs::rename(&bad, bench.path("etc/rules.xml")).unwrap();

        let attempt = bench.next();
        assert_eq!(attempt.outcome, Outcome::Refused);
        assert!(!attempt.diagnostics.is_empty());
        assert_eq!(says(&attempt.version), 1);
        let status = bench.reloader.status();
        assert_eq!(status.fingerprint, good.fingerprint, "what is in force is told");
        assert_eq!(status.last.fingerprint, attempt.fingerprint);
        assert_eq!(status.since, good.since);
        assert!(!bench.reloader.metrics().healthy());

        for _ in 0..3 {
            let again = bench.reloader.reload_now().unwrap();
            assert_eq!(again.outcome, Outcome::Refused, "who asks is told so again");
            assert_eq!(again.diagnostics.to_string(), attempt.diagnostics.to_string());
        }
        assert!(bench.attempts.try_recv().is_err(), "but nobody else is");
        assert_eq!(bench.reloader.metrics().refused(), 1);

        let mended = bench.path("etc/.mended");
        fs::write(&mended, rules(1)).unwrap();
        fs::rename(&mended, bench.path("etc/rules.xml")).unwrap();
        assert_eq!(bench.next().outcome, Outcome::Applied);
        assert!(bench.reloader.metrics().healthy());
        assert_eq!(bench.reloader.status().fingerprint, good.fingerprint);
        assert_eq!(bench.reloader.metrics().applied(), 1);
    }
}

#[test]
fn a_refusal_is_reconsidered_when_links_change_though_contents_do_not() {
    for options in [NOTIFIED, POLLED] {
        let bench = Bench::new(options);
        fs::write(bench.path("outside.txt"), message(1)).unwrap();
        let link = bench.path("etc/link");
        std::os::unix::fs::symlink(bench.path("outside.txt"), &link).unwrap();
        fs::rename(link, bench.path("etc/message.txt")).unwrap();
        bench.reloader.reload_now().unwrap();
        fs::write(bench.path("etc/.rules"), rules(1).replace("4..", "5..")).unwrap();
        fs::rename(bench.path("etc/.rules"), bench.path("etc/rules.xml")).unwrap();
        assert_eq!(bench.next().outcome, Outcome::Refused, "the message lies outside");
        fs::copy(bench.path("outside.txt"), bench.path("etc/copy")).unwrap();
        fs::rename(bench.path("etc/copy"), bench.path("etc/message.txt")).unwrap();
        assert_eq!(bench.next().outcome, Outcome::Applied);
    }
}

#[test]
fn a_request_keeps_the_version_it_began_with() {
    let bench = Bench::new(ASKED);
    let request = bench.reloader.live().snapshot();
    edit(&bench, "later");
    let attempt = bench.reloader.reload_now().unwrap();
    assert_eq!(attempt.outcome, Outcome::Applied);
    assert_eq!(attempt.version.generation, 2);
    assert_eq!(says(&request), 1);
    assert_eq!(messages(&bench.reloader.live().snapshot()), ["version 1", "later"]);
}

#[test]
fn all_who_ask_are_answered() {
    let bench = Bench::new(ASKED);
    edit(&bench, "asked for");
    std::thread::scope(|scope| {
        for asker in [(); 8].map(|()| scope.spawn(|| bench.reloader.reload_now())) {
            let attempt = asker.join().unwrap().unwrap();
            assert!(matches!(attempt.outcome, Outcome::Applied | Outcome::Unchanged));
            assert_eq!(messages(&attempt.version), ["version 1", "asked for"]);
        }
    });
    assert_eq!(bench.reloader.metrics().applied(), 1, "one content is one reload");
}

#[test]
fn sighup_reloads() {
    let bench = Bench::new(ASKED);
    bench.reloader.reload_on_hangup().unwrap();
    for text in ["first", "second"] {
        edit(&bench, text);
        let pid = std::process::id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        assert_eq!(messages(&bench.next().version), ["version 1", text]);
    }
}

#[test]
fn it_ends_when_it_is_dropped() {
    let Bench { directory, reloader, attempts } = Bench::new(NOTIFIED);
    let live = reloader.live().clone();
    drop(reloader);
    write(&directory.path().join("etc"), 2);
    assert!(attempts.recv().is_err(), "nobody is left to tell");
    assert_eq!(says(&live.snapshot()), 1, "but what was in force stays");
}
