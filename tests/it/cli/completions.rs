use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::{retort, run};

/// Every verb that the help lists.
pub(super) fn verbs() -> Vec<String> {
    let help = run(retort().arg("-h")).stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let verbs = commands.lines().filter_map(|line| line.split_whitespace().next());
    verbs.filter(|verb| *verb != "help").map(str::to_owned).collect()
}

#[test]
fn every_shell_completes_every_verb() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let printed = run(retort().args(["completions", shell]));
        assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""), "{shell}");
        for verb in verbs() {
            assert!(printed.stdout.contains(&verb), "{shell}: {verb}");
        }
        for flag in ["print-settings", "config", "upstream"] {
            assert!(printed.stdout.contains(flag), "{shell}: {flag}");
        }
    }
}

#[test]
fn bash_reads_its_own() {
    let script = run(retort().args(["completions", "bash"])).stdout;
    let mut bash =
        Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let read = bash.wait_with_output().unwrap();
    assert!(read.status.success() && read.stderr.is_empty(), "{}", String::from_utf8_lossy(&read.stderr));
}
