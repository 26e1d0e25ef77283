use std::{fs, process::Command};

use super::{completions::verbs, retort, run};

#[test]
fn the_first_page_names_every_verb() {
    let page = run(retort().arg("man"));
    assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
    for verb in verbs() {
        let name = format!("retort-{verb}(1)").replace('-', "\\-");
        assert!(page.stdout.contains(&name), "{name}");
    }
}

#[test]
fn a_page_for_each_verb() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    let written = run(retort().args(["man", "--dir"]).arg(&pages));
    assert_eq!((written.code, written.stdout.as_str(), written.stderr.as_str()), (Some(0), "", ""));
    let mut names: Vec<_> = verbs().iter().map(|verb| format!("retort-{verb}.1")).collect();
    names.push("retort.1".to_owned());
    names.sort();
    let mut found: Vec<_> =
        fs::read_dir(&pages).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, names);

    let serve = fs::read_to_string(pages.join("retort-serve.1")).unwrap();
    assert_eq!(run(retort().args(["man", "serve"])).stdout, serve);
    for part in
        [".TH retort", "\\-\\-print\\-settings", "RETORT_CONFIG", ".SH \"EXAMPLES\"", ".nf\n  retort serve"]
    {
        assert!(serve.contains(part), "{part}");
    }
    // The formatter has nothing to complain of, where there is one.
    for name in &names {
        let groff =
            Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(pages.join(name)).output();
        let Ok(groff) = groff else { return };
        assert_eq!(String::from_utf8_lossy(&groff.stderr), "", "{name}");
    }
}

#[test]
fn a_verb_that_is_none_has_no_page() {
    let refused = run(retort().args(["man", "juggle"]));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert_eq!(refused.stderr, "retort: error: there is no verb `juggle`\n");
}
