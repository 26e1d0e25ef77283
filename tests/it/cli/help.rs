use super::{retort, run, snapshot};

#[test]
fn each_verb_explains_itself() {
    let verbs = [
        "",
        "serve",
        "error-backend",
        "ext-proc",
        "check",
        "fmt",
        "import",
        "explain",
        "render",
        "watch",
        "test",
        "demo",
        "health",
        "directives",
        "completions",
        "man",
    ];
    for verb in verbs {
        let help = run(retort().args(Some(verb).filter(|verb| !verb.is_empty())).arg("--help"));
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        snapshot(["cli-help", verb].join("-").trim_end_matches('-'), &help.stdout);
    }
}

#[test]
fn the_list_of_verbs_above_is_whole() {
    let help = run(retort().arg("-h")).stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let verbs: Vec<_> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(
        verbs,
        [
            "serve",
            "error-backend",
            "ext-proc",
            "check",
            "fmt",
            "import",
            "explain",
            "render",
            "watch",
            "test",
            "demo",
            "health",
            "directives",
            "completions",
            "man",
            "help"
        ]
    );
}

#[test]
fn version() {
    let version = run(retort().arg("--version"));
    assert_eq!(version.stdout, format!("retort {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(version.code, Some(0));
}
