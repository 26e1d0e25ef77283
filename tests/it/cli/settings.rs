use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    folder, retort, run,
    running::{Running, request},
    snapshot,
};

/// The folder with rules, and this settings file in a folder in it.
fn with(settings: &str) -> TempDir {
    let folder = folder();
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("etc/retort.toml"), settings).unwrap();
    folder
}

fn serve(folder: &TempDir) -> Command {
    let mut command = retort();
    command.current_dir(folder).args(["serve", "--config", "etc/retort.toml"]);
    command
}

/// What is printed: the lines that set something, and those that do not.
fn printed(command: &mut Command) -> String {
    let printed = run(command.env_remove("RETORT_ADMIN").arg("--print-settings"));
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    printed.stdout
}

fn line<'p>(printed: &'p str, key: &str) -> &'p str {
    let is_it = |line: &&str| line.trim_start_matches('#').starts_with(&format!("{key} = "));
    printed.lines().find(is_it).unwrap()
}

const FULL: &str = r#"rules = "../rules.xml"
h2c = true
threads = 0x2

[[upstream]]
url = "http://127.0.0.1:9000"
weight = 3

[[upstream]]
url = "http://127.0.0.1:9001"

[limits]
connect-timeout = "1s"
read-timeout = "2s"
write-timeout = "3s"

[tls]
tls-listen = ["127.0.0.1:0"]

[[tls.certificate]]
cert = "a,b.pem"
key = "/keys/a"

[[tls.certificate]]
cert = "c.pem"
"#;

#[test]
fn flags_win_over_the_environment_over_the_file_over_defaults() {
    let folder = with(FULL);
    let mut serve = serve(&folder);
    serve.env("RETORT_WRITE_TIMEOUT", "30s").env("RETORT_READ_TIMEOUT", "20s").env("RETORT_H2C", "false");
    let told = printed(serve.args(["--read-timeout", "200s", "--user-header", "x-me"]));
    assert_eq!(line(&told, "connect-timeout"), r#"connect-timeout = "1s"  # etc/retort.toml:13"#);
    assert_eq!(line(&told, "write-timeout"), r#"write-timeout = "30s"  # RETORT_WRITE_TIMEOUT"#);
    assert_eq!(line(&told, "read-timeout"), r#"read-timeout = "200s"  # --read-timeout"#);
    assert_eq!(line(&told, "idle-timeout"), r#"#idle-timeout = "60s"  # default"#);
    assert_eq!(line(&told, "hash-on"), r#"#hash-on = "WHAT"  # not set"#);
    assert_eq!(line(&told, "user-header"), r#"user-header = "x-me"  # --user-header"#);
    assert_eq!(line(&told, "threads"), "threads = 2  # etc/retort.toml:3");
    assert_eq!(line(&told, "h2c"), "h2c = false  # RETORT_H2C");
    assert_eq!(
        line(&told, "upstream"),
        r#"upstream = ["http://127.0.0.1:9000#weight=3", "http://127.0.0.1:9001"]  # etc/retort.toml:5"#
    );
    assert!(line(&told, "listen").ends_with("# not set"), "there is TLS: {told}");
}

#[test]
fn paths_start_at_the_folder_of_the_file() {
    let folder = with(FULL);
    let told = printed(&mut serve(&folder));
    let etc = fs::canonicalize(folder.path()).unwrap().join("etc");
    let etc = etc.display();
    assert!(line(&told, "rules").starts_with(&format!("rules = \"{etc}/../rules.xml\"")), "{told}");
    let certificates = format!("tls-cert = [\"{etc}/a,b.pem\", \"{etc}/c.pem\"]  # etc/retort.toml:20");
    assert_eq!(line(&told, "tls-cert"), certificates);
    assert!(
        line(&told, "tls-key").starts_with(&format!("tls-key = [\"/keys/a\", \"{etc}/c.pem\"]")),
        "{told}"
    );
}

#[test]
fn a_pair_of_flags_takes_the_place_of_all_certificates() {
    let folder = with(FULL);
    let told = printed(serve(&folder).args(["--tls-cert", "other.pem"]));
    assert!(line(&told, "tls-cert").ends_with("other.pem\"]  # --tls-cert"));
    assert!(line(&told, "tls-key").ends_with("# not set"), "{told}");
}

#[test]
fn what_is_printed_is_a_settings_file_that_says_the_same() {
    let folder = with(FULL);
    let values = |printed: &str| {
        let lines = printed.lines().filter(|line| !line.starts_with("# "));
        lines.map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let flags = ["--max-streams", "7", "--trusted-proxy", "10.0.0.0/8,loopback", "--lenient"];
    let first = printed(serve(&folder).args(flags));
    fs::write(folder.path().join("again.toml"), &first).unwrap();
    let again =
        printed(retort().current_dir("/").args(["serve", "--config"]).arg(folder.path().join("again.toml")));
    assert_eq!(values(&again), values(&first));
    assert!(again.contains("max-streams = 7  # ") && !again.contains("# --max-streams"), "{again}");
    let checked = run(retort().args(["check", "--config"]).arg(folder.path().join("again.toml")));
    assert!(checked.stdout.ends_with("again.toml: ok: 13 settings\n"), "{checked:?}");
}

#[test]
fn settings_can_be_printed_before_there_are_any() {
    for verb in ["serve", "error-backend", "ext-proc"] {
        let told = printed(retort().arg(verb));
        let set = told.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '[']));
        assert_eq!(set.count(), 0, "{told}");
        assert!(told.contains("\n#rules = \"FILE\"  # not set\n") && told.contains("\n[log]\n"), "{told}");
    }
}

#[test]
fn all_mistakes_at_once() {
    let folder = with(
        r#"rules = ["../rules.xml"]
conect-timeout = "2s"
read-timeout = "2s"
lenient = "yes"
treads = 2
threads = "many"
listen = []

[[upstream]]
ulr = "http://127.0.0.1:9000"

[[upstream]]
url = "ftp://127.0.0.1"

[limit]
drain-limit = "1KiB"

[limits]
drain-limit = "1 KiB"
connect-timeout = 2

[upstreams]
balance = "robin"

[tls]
tls-cert = "a.pem"

[[tls.certificate]]
cert = "b.pem"
"#,
    );
    let refused = run(&mut serve(&folder));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    snapshot("cli-settings-mistakes", &refused.stderr);
    let checked = run(retort().current_dir(&folder).args(["check", "--config", "etc/retort.toml"]));
    assert_eq!(checked.code, Some(1));
    assert!(checked.stderr.ends_with("etc/retort.toml: 14 errors\n"), "{}", checked.stderr);
}

#[test]
fn what_is_no_toml_and_what_is_not_there() {
    let folder = with("rules = \n");
    let refused = run(&mut serve(&folder));
    assert!(refused.stderr.starts_with("etc/retort.toml:1:"), "{}", refused.stderr);
    assert!(refused.stderr.ends_with("retort: error: the settings in etc/retort.toml cannot be used\n"));
    let missing = run(retort().args(["serve"]).env("RETORT_CONFIG", "/nowhere.toml"));
    assert!(missing.stderr.starts_with("/nowhere.toml: error: cannot read the settings file: "));
    assert_eq!((refused.code, missing.code), (Some(2), Some(2)));
    let checked = run(retort().args(["check", "--config", "/nowhere.toml"]));
    assert_eq!(checked.code, Some(2));
    let help = run(retort().args(["serve", "--help"]).env("RETORT_CONFIG", "/nowhere.toml"));
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "help is given whatever the file says");
}

#[test]
fn what_flags_require_of_each_other_holds_for_the_file() {
    let folder = with("[tls]\ntls-listen = \"127.0.0.1:0\"\n");
    let refused = run(serve(&folder).args(["--rules", "rules.xml", "--upstream", "http://127.0.0.1:1"]));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--tls-cert <FILE>"), "{}", refused.stderr);
    assert!(
        refused.stderr.ends_with("\nThe settings in etc/retort.toml count as flags.\n"),
        "{}",
        refused.stderr
    );
    let checked = run(retort().current_dir(&folder).args(["check", "--config", "etc/retort.toml"]));
    let told =
        "etc/retort.toml: error: the following required arguments were not provided: --tls-cert <FILE>\n";
    assert!(checked.code == Some(1) && checked.stderr.starts_with(told), "{}", checked.stderr);
}

#[test]
fn the_settings_of_the_error_backend_are_checked_too() {
    let folder = with("rules = \"../rules.xml\"\nignore-forwarded = true\n");
    let mut check = retort();
    check.current_dir(&folder).args(["check", "--format", "json", "--config", "etc/retort.toml"]);
    let checked: Value = serde_json::from_str(&run(&mut check).stdout).unwrap();
    assert_eq!((&checked["files"][0]["ok"], &checked["files"][0]["settings"]), (&true.into(), &2.into()));
    let refused = run(&mut serve(&folder));
    assert!(refused.stderr.starts_with("etc/retort.toml:2:1: error: unknown key `ignore-forwarded`"));
}

#[test]
fn the_shipped_example_is_fine() {
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/retort.toml");
    let checked = run(retort().args(["check", "--config"]).arg(&conf));
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    // What is commented out there is right as well.
    let text = fs::read_to_string(&conf).unwrap();
    let open =
        |line: &str| line.strip_prefix("#").filter(|rest| !rest.starts_with(" ")).unwrap_or(line).to_owned();
    let lines: Vec<_> = text.lines().map(open).collect();
    let folder = with(&lines.join("\n"));
    let checked = run(retort().current_dir(&folder).args(["check", "--config", "etc/retort.toml"]));
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_proxy_runs_by_its_file_alone() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = with(&format!(
        "rules = \"../rules.xml\"\nlisten = \"127.0.0.1:0\"\nupstream = [{{ url = \"http://{nobody}\" }}]\n\
         [log]\nlog-format = \"json\"\n"
    ));
    let mut serve = retort();
    serve.current_dir("/").arg("serve").env("RETORT_CONFIG", folder.path().join("etc/retort.toml"));
    let mut serve = Running::start(&mut serve);
    let listening = serve.stderr.after("\"message\":\"listening\"");
    let on = listening.split("\"on\":\"").nth(1).unwrap().split('"').next().unwrap();
    let address: SocketAddr = on.parse().unwrap();
    assert!(request(address, "GET / HTTP/1.1\r\n").contains("{\"title\":\"Bad Gateway\"}"));
    serve.signal("TERM");
    assert_eq!(serve.end().code(), Some(0));
}
