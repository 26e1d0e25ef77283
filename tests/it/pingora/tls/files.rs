//! Certificates that cannot be used, and what is said of them.

use std::fs;

use retort::{
    Rules,
    host::{
        live::Live,
        pingora::{ClientAuth, Server},
    },
};

use super::*;

/// What is said where a server is to begin with these files.
fn refusal(certificate: &Path, key: &Path, ca: Option<&Path>) -> String {
    let mut options = Options::new(vec![loopback()], Vec::new());
    let pair = Pair { certificate: certificate.to_owned(), key: key.to_owned() };
    let client_auth = ca.map(|ca| ClientAuth { ca: ca.to_owned(), required: true });
    options.tls = Tls { listen: vec![loopback()], pairs: vec![pair], client_auth, ..Tls::default() };
    Server::bind(options, Arc::new(Live::new(Rules::default()))).expect_err("it cannot begin").to_string()
}

#[test]
fn each_mistake_is_named_with_what_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority = Authority::new();
    let issued = authority.issue(&["example.org"]);
    let pair = issued.write(folder.path(), "a");
    let other = authority.issue(&["example.org"]).write(folder.path(), "b");
    fs::write(path("empty.pem"), "").unwrap();
    fs::write(path("half.pem"), &issued.pem()[..200]).unwrap();
    fs::write(path("a.der"), issued.der()).unwrap();
    fs::write(path("junk.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fs::write(path("locked.key"), locked).unwrap();
    fs::write(path("odd.key"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    fs::write(path("chain.pem"), authority.pem() + &issued.pem()).unwrap();
    let (certificate, key) = (pair.certificate.as_path(), pair.key.as_path());
    let table: [(&Path, &Path, &str, &str); 11] = [
        (&path("missing.pem"), key, "missing.pem", "No such file or directory"),
        (folder.path(), key, "", "this is not a regular file"),
        (&path("empty.pem"), key, "empty.pem", "there is no certificate in it; one begins with"),
        (&path("half.pem"), key, "half.pem", "this is not whole PEM"),
        (&path("a.der"), key, "a.der", "this is DER, and PEM is needed; `openssl x509 -inform der`"),
        (&path("junk.pem"), key, "junk.pem", "certificate 1 cannot be read"),
        (
            key,
            certificate,
            "a.key",
            "there is no certificate in it, but a private key; are the two files swapped?",
        ),
        (certificate, certificate, "a.pem", "there is no private key in it, but a certificate; are the two"),
        (certificate, &path("locked.key"), "locked.key", "the private key is encrypted"),
        (certificate, &path("odd.key"), "odd.key", "the private key cannot be used"),
        (certificate, &other.key, "b.key", "the private key is not that of the certificate in "),
    ];
    for (certificate, key, file, expected) in table {
        let said = refusal(certificate, key, None);
        let start = format!("{}: ", folder.path().join(file).display().to_string().trim_end_matches('/'));
        assert!(said.starts_with(&start) && said.contains(expected), "{said:?} is to hold {expected:?}");
    }
    let chain = refusal(&path("chain.pem"), key, None);
    assert!(chain.contains("the private key belongs to certificate 2 in "), "{chain}");
    assert!(chain.ends_with("chain.pem, which has to be the first there"), "{chain}");
}

#[test]
fn all_mistakes_are_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let missing = |name: &str| folder.path().join(name);
    let said = refusal(&missing("a.pem"), &missing("a.key"), Some(&missing("ca.pem")));
    let lines: Vec<_> = said.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(lines, [missing("a.pem").display().to_string(), missing("ca.pem").display().to_string()]);
}

#[test]
fn certificate_and_key_may_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let issued = authority.issue(&["example.org"]);
    let both = folder.path().join("both.pem");
    fs::write(&both, issued.pem() + &issued.key.serialize_pem()).unwrap();
    let upstream = Upstream::answering(EMPTY);
    let pair = Pair { certificate: both.clone(), key: both };
    let proxy = proxy("", &upstream, vec![pair], |_| {});
    assert_eq!(shown(&proxy, &authority, "example.org"), issued.der().to_vec());
}

#[test]
fn doubts_about_times_and_names_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let now = chrono::Utc::now();
    let day = |days: i64| {
        let day = (now + chrono::TimeDelta::days(days)).date_naive();
        use chrono::Datelike as _;
        rcgen::date_time_ymd(day.year(), day.month() as u8, day.day() as u8)
    };
    let times = |since, until| {
        authority.issue_with(&["a.test"], |params| {
            params.not_before = day(since);
            params.not_after = day(until);
        })
    };
    let table = [
        (times(-100, -10), "WARN retort::tls: the certificate has expired; clients will refuse it"),
        (times(10, 100), "WARN retort::tls: the certificate is not valid yet; clients will refuse it"),
        (times(-100, 10), "WARN retort::tls: the certificate expires soon"),
        (authority.issue(&[]), "WARN retort::tls: the certificate names no host (subjectAltName)"),
        (times(-2, 7), "INFO retort::tls: certificate is in force"),
        (times(-100, 100), "INFO retort::tls: certificate is in force"),
    ];
    for (index, (issued, expected)) in table.into_iter().enumerate() {
        let pair = issued.write(folder.path(), &index.to_string());
        let upstream = Upstream::answering(EMPTY);
        let text = logged(|log| {
            drop(proxy("", &upstream, vec![pair], |_| {}));
            log.text()
        });
        assert!(text.contains(expected), "{expected} is not in {text}");
        assert_eq!(text.contains("WARN"), expected.starts_with("WARN"), "{text}");
    }
}
