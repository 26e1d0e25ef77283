use std::fs;

use super::{MISTAKES, RULES, folder, retort, running::Running};

#[test]
fn each_save_is_shown_until_it_is_told_to_stop() {
    let folder = folder();
    let save = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    let mut watch = retort();
    watch.current_dir(&folder).args(["watch", "--rules", "rules.xml", "--status", "418", "--color", "never"]);
    let mut watch = Running::start(&mut watch);
    watch.stdout.after("rules.xml at ");
    watch.stdout.after("  replace: message 0 of later is written");
    assert_eq!(watch.stdout.after("  HTTP/1.1 418"), " I'm a teapot");
    watch.stdout.after("  <p>I&#39;m a teapot</p>");

    save("maintenance.html", "<h1>%s</h1>");
    assert_eq!(watch.stdout.after("-----"), "-".repeat(35), "a line between two blocks");
    watch.stdout.after("  <h1>418</h1>");

    save("rules.xml", MISTAKES);
    watch.stdout.after("rules.xml:2:26: error: ");
    watch.stdout.after("^^^^^");
    watch.stdout.after("Until then");
    watch.stdout.after("  <h1>418</h1>");

    save("rules.xml", &RULES.replace("\"later\"", "\"last\""));
    watch.stdout.after("  replace: message 0 of last is written");
    watch.signal("INT");
    assert_eq!(watch.end().code(), Some(0));
}

#[test]
fn rules_that_are_not_there_yet_are_waited_for() {
    let folder = folder();
    let mut watch = retort();
    watch.current_dir(&folder).args(["watch", "--rules", "new.xml", "--status", "503", "--color", "always"]);
    let mut watch = Running::start(&mut watch);
    watch.stdout.after("cannot read the rules file");
    fs::write(folder.path().join("new.xml"), RULES).unwrap();
    watch.stdout.after("\x1b[32m  replace: message 0 of failed is written");
    fs::write(folder.path().join("new.xml"), "").unwrap();
    watch.stdout.after("\x1b[2mUntil then\x1b[0m");
    watch.stdout.after("\x1b[2m  HTTP/1.1 503 Service Unavailable\x1b[0m");
    watch.signal("TERM");
    assert_eq!(watch.end().code(), Some(0));
}
