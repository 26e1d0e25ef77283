use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::{MISTAKES, RULES, folder, retort, run, snapshot};

/// Of the test data.
fn untidy() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fmt/untidy.xml")).unwrap()
}

fn piped(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_file_is_laid_out_in_place() {
    let folder = folder();
    let path = folder.path().join("untidy.xml");
    fs::write(&path, untidy()).unwrap();
    let first = run(retort().current_dir(&folder).args(["fmt", "untidy.xml"]));
    assert_eq!(
        (first.code, first.stdout.as_str(), first.stderr.as_str()),
        (Some(0), "untidy.xml: laid out\n", "")
    );
    let tidy = fs::read_to_string(&path).unwrap();
    snapshot("cli-fmt", &tidy);

    let second = run(retort().current_dir(&folder).args(["fmt", "untidy.xml"]));
    assert_eq!((second.code, second.stdout.as_str()), (Some(0), ""), "it is tidy now");
    assert_eq!(fs::read_to_string(&path).unwrap(), tidy);
    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

#[test]
fn what_would_change_is_shown_and_not_done() {
    let folder = folder();
    let path = folder.path().join("rules.xml");
    let tidy = run(retort().current_dir(&folder).args(["fmt", "--stdout", "rules.xml"])).stdout;
    fs::write(&path, &tidy).unwrap();
    let checked = run(retort().current_dir(&folder).args(["fmt", "--check", "rules.xml"]));
    assert_eq!((checked.code, checked.stdout.as_str(), checked.stderr.as_str()), (Some(0), "", ""));

    let untidy = tidy.replace("    <message>%s for", "\t<message>%s for");
    fs::write(&path, &untidy).unwrap();
    let checked = run(retort().current_dir(&folder).args(["fmt", "--check", "rules.xml", "empty.xml"]));
    assert_eq!(checked.code, Some(1));
    assert_eq!(checked.stderr, "rules.xml: would be laid out anew\nempty.xml: would be laid out anew\n");
    let changed: Vec<_> = checked.stdout.lines().filter(|line| line.contains("%s for")).collect();
    assert_eq!(changed, ["-\t<message>%s for %m %U</message>", "+    <message>%s for %m %U</message>"]);
    assert!(checked.stdout.starts_with("--- rules.xml\n+++ rules.xml (laid out)\n"), "{}", checked.stdout);
    assert_eq!(fs::read_to_string(&path).unwrap(), untidy);
}

#[test]
fn mistakes_of_the_rules_are_no_hindrance() {
    let folder = folder();
    let done = run(retort().current_dir(&folder).args(["fmt", "--stdout", "mistakes.xml"]));
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert_eq!(done.stdout, MISTAKES, "it was tidy");
}

#[test]
fn malformed_files_are_left_alone_and_the_others_are_not() {
    let folder = folder();
    let malformed = folder.path().join("malformed.xml");
    fs::write(&malformed, "<response-messaging>\n<status-code></response-messaging>").unwrap();
    fs::write(folder.path().join("page.xml"), "<html> <b>a</b> <i>b</i> </html>").unwrap();
    let arguments = ["fmt", "malformed.xml", "missing.xml", "page.xml", "rules.xml"];
    let done = run(retort().current_dir(&folder).args(arguments));
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), "rules.xml: laid out\n"));
    assert!(done.stderr.starts_with("malformed.xml:2:14: error: "), "{}", done.stderr);
    assert!(done.stderr.contains("missing.xml: error: cannot read the rules file"), "{}", done.stderr);
    assert!(done.stderr.contains("page.xml:1:1: error: the root element is `html`"), "{}", done.stderr);
    assert_eq!(
        fs::read_to_string(&malformed).unwrap(),
        "<response-messaging>\n<status-code></response-messaging>"
    );
}

#[test]
fn standard_input_goes_to_standard_output() {
    for arguments in [&["fmt"][..], &["fmt", "-"], &["fmt", "--stdout", "-"]] {
        let done = piped(retort().args(arguments), RULES.replace("  <status", "<status").as_bytes());
        let (code, out) = (done.status.code(), String::from_utf8(done.stdout).unwrap());
        assert_eq!((code, out.contains("\n  <status-code id=\"gone\"")), (Some(0), true), "{out}");
    }
    let refused = piped(retort().arg("fmt"), b"<a");
    assert_eq!((refused.status.code(), refused.stdout.as_slice()), (Some(2), &b""[..]));
}

#[test]
fn what_is_written_is_utf_8() {
    let folder = folder();
    let text = "<?xml version='1.0' encoding='ISO-8859-1'?>\n<response-messaging><!-- \u{e9} --></response-messaging>\n";
    let latin1: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
    let path = folder.path().join("latin1.xml");
    fs::write(&path, latin1).unwrap();
    assert_eq!(run(retort().current_dir(&folder).args(["fmt", "latin1.xml"])).code, Some(0));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "<?xml version='1.0' encoding='UTF-8'?>\n<response-messaging> <!-- \u{e9} -->\n</response-messaging>\n"
    );

    // Without a declaration there is nothing to adjust, and the byte order mark goes.
    let utf16 = "\u{feff}<response-messaging/>\n".encode_utf16().flat_map(u16::to_be_bytes);
    fs::write(&path, utf16.collect::<Vec<_>>()).unwrap();
    let checked = run(retort().current_dir(&folder).args(["fmt", "--check", "latin1.xml"]));
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(1), "latin1.xml: would be laid out anew\n"));
    assert_eq!(run(retort().current_dir(&folder).args(["fmt", "latin1.xml"])).code, Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), "<response-messaging/>\n");
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = folder();
    let (real, link) = (folder.path().join("rules.xml"), folder.path().join("link.xml"));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("rules.xml", &link).unwrap();
    assert_eq!(run(retort().current_dir(&folder).args(["fmt", "link.xml"])).stdout, "link.xml: laid out\n");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(run(retort().current_dir(&folder).args(["fmt", "--check", "rules.xml"])).code, Some(0));

    fs::write(&real, RULES).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o440)).unwrap();
    let refused = run(retort().current_dir(&folder).args(["fmt", "rules.xml"]));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("cannot write rules.xml: the file is read-only"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(&real).unwrap(), RULES);
}
