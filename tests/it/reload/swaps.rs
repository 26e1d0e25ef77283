//! Directories swapped through symbolic links, as the kubelet updates a ConfigMap.

use std::{os::unix::fs::symlink, thread};

use super::*;

/// A mounted ConfigMap: `etc/rules.xml -> ..data/rules.xml`, `..data -> ..v1`.
fn config_map(options: Options) -> Bench {
    Bench::with(options, |base| {
        let etc = base.join("etc");
        fs::create_dir_all(etc.join("..v1")).unwrap();
        write(&etc.join("..v1"), 1);
        symlink("..v1", etc.join("..data")).unwrap();
        symlink("..data/rules.xml", etc.join("rules.xml")).unwrap();
        symlink("..data/message.txt", etc.join("message.txt")).unwrap();
    })
}

/// Points `..data` at a directory.
fn point(etc: &Path, target: &str) {
    symlink(target, etc.join("..data_tmp")).unwrap();
    fs::rename(etc.join("..data_tmp"), etc.join("..data")).unwrap();
}

/// What the kubelet does.
fn update(etc: &Path, version: u32) {
    let new = format!("..v{version}");
    fs::create_dir(etc.join(&new)).unwrap();
    write(&etc.join(&new), version);
    let old = fs::read_link(etc.join("..data")).unwrap();
    point(etc, &new);
    fs::remove_dir_all(etc.join(old)).unwrap();
}

fn each_swap_is_seen(options: Options) {
    let bench = config_map(options);
    for version in 2..=21 {
        update(&bench.path("etc"), version);
        let attempt = bench.next();
        assert_eq!(attempt.outcome, Outcome::Applied);
        assert_eq!(attempt.version.generation, u64::from(version), "one reload for one swap");
        assert_eq!(says(&attempt.version), version);
    }
    assert_eq!(bench.reloader.metrics().applied(), 20);
    assert_eq!(bench.reloader.metrics().refused(), 0);
}

#[test]
fn each_swap_is_notified() {
    each_swap_is_seen(NOTIFIED);
}

#[test]
fn each_swap_is_polled() {
    each_swap_is_seen(POLLED);
}

/// Two directories swapped there and back again without pause, while it loads without pause.
#[test]
fn no_mixture_is_ever_in_force() {
    let bench = config_map(NOTIFIED);
    let etc = bench.path("etc");
    fs::create_dir(etc.join("..v2")).unwrap();
    write(&etc.join("..v2"), 2);
    let swapper = thread::spawn(move || {
        for _ in 0..3_000 {
            point(&etc, "..v2");
            point(&etc, "..v1");
        }
        point(&etc, "..v2");
    });
    while !swapper.is_finished() {
        // Answered once the files hold still for long enough, be it at the end.
        says(&bench.reloader.reload_now().unwrap().version);
    }
    swapper.join().unwrap();
    assert_eq!(says(&bench.reloader.reload_now().unwrap().version), 2);
    for attempt in bench.attempts.try_iter() {
        assert_eq!(attempt.outcome, Outcome::Applied);
        says(&attempt.version);
    }
}

/// Updates as fast as they can be made: some may be passed over, none may be mixed, and the last
/// one counts.
#[test]
fn updates_in_a_row() {
    let bench = config_map(NOTIFIED);
    let etc = bench.path("etc");
    let kubelet = thread::spawn(move || (2..=300).for_each(|version| update(&etc, version)));
    bench.until(300);
    kubelet.join().unwrap();
    assert_eq!(bench.reloader.metrics().refused(), 0, "no half of an update was taken for a whole");
}

#[test]
fn release_directory_behind_a_link() {
    for options in [NOTIFIED, POLLED] {
        let bench = Bench::with(options, |base| {
            for version in [1, 2] {
                let release = base.join(format!("releases/{version}/etc"));
                fs::create_dir_all(&release).unwrap();
                write(&release, version);
            }
            symlink("releases/1", base.join("current")).unwrap();
            symlink("current/etc", base.join("etc")).unwrap();
        });
        symlink("releases/2", bench.path("next")).unwrap();
        fs::rename(bench.path("next"), bench.path("current")).unwrap();
        bench.until(2);
        // What the link led to before is of no interest any more; what it leads to now is.
        fs::write(bench.path("releases/1/etc/message.txt"), "old").unwrap();
        fs::write(bench.path("releases/2/etc/message.txt"), "new").unwrap();
        while messages(&bench.next().version) != ["version 2", "new"] {}
    }
}
