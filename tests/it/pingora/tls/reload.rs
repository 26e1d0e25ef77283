//! Certificates that are replaced while connections come.

use std::{fs, os::unix::fs::symlink, time::Duration};

use retort::host::{pingora::ClientAuth, reload};

use super::*;
use crate::support::{tls::Issued, until};

/// Longer than a test: what is seen nevertheless was not seen by the clock.
const NEVER: Duration = Duration::from_secs(3600);

/// Notifications alone, and the clock alone.
const WAYS: [reload::Options; 2] = [
    reload::Options { poll_interval: NEVER, notify: true },
    reload::Options { poll_interval: Duration::from_millis(50), notify: false },
];

/// Waits until clients are shown a certificate.
fn until_shown(proxy: &Proxy, authority: &Authority, issued: &Issued) {
    until("the new certificate", || shown(proxy, authority, "example.org") == issued.der().to_vec());
}

#[test]
fn a_pair_written_in_place_is_shown_to_those_who_come() {
    for way in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let first = authority.issue(&["example.org"]);
        let pair = first.write(folder.path(), "a");
        let upstream = Upstream::answering(EMPTY);
        let proxy = proxy("", &upstream, vec![pair], |options| options.tls.reload = way);
        assert_eq!(shown(&proxy, &authority, "example.org"), first.der().to_vec());
        let mut client = h1(&proxy, &authority, "example.org");
        for _ in 0..2 {
            let next = authority.issue(&["example.org"]);
            next.write(folder.path(), "a");
            until_shown(&proxy, &authority, &next);
        }
        assert_eq!(client.get("/", "").status(), 404, "who is there already stays");
    }
}

#[test]
fn a_mounted_secret_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority = Authority::new();
    let version = |number: u32| {
        let issued = authority.issue(&["example.org"]);
        let data = path(&format!("..v{number}"));
        fs::create_dir(&data).unwrap();
        issued.write(&data, "tls");
        symlink(format!("..v{number}"), path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
        issued
    };
    version(0);
    for name in ["tls.pem", "tls.key"] {
        symlink(format!("..data/{name}"), path(name)).unwrap();
    }
    let pair = Pair { certificate: path("tls.pem"), key: path("tls.key") };
    let upstream = Upstream::answering(EMPTY);
    let proxy = proxy("", &upstream, vec![pair], |options| options.tls.reload = WAYS[0]);
    for number in 1..4 {
        let next = version(number);
        fs::remove_dir_all(path(&format!("..v{}", number - 1))).unwrap();
        until_shown(&proxy, &authority, &next);
    }
}

#[test]
fn bad_pairs_leave_the_last_good_one_and_are_told_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let good = authority.issue(&["example.org"]);
    let pair = good.write(folder.path(), "a");
    let other = authority.issue(&["example.org"]);
    let upstream = Upstream::answering(EMPTY);
    logged(|log| {
        let proxy = proxy("", &upstream, vec![pair.clone()], |options| options.tls.reload = WAYS[0]);
        let half = other.pem();
        let steps: [(&Path, &str, &str); 3] = [
            (&pair.certificate, &half[..half.len() / 2], "a.pem: this is not whole PEM"),
            // The first half of a replacement that takes its time.
            (&pair.certificate, &half, "a.key: the private key is not that of the certificate in "),
            (&pair.key, "", "a.key: there is no private key in it"),
        ];
        for (file, content, expected) in steps {
            fs::write(file, content).unwrap();
            until(expected, || log.text().contains(expected));
            assert_eq!(shown(&proxy, &authority, "example.org"), good.der().to_vec());
        }
        let text = log.text();
        let refused = "ERROR retort::tls: certificates were refused; those in force stay";
        assert_eq!(text.matches(refused).count(), steps.len(), "{text}");
        fs::remove_file(&pair.key).unwrap();
        until("a missing key", || log.text().contains("a.key: No such file or directory"));
        fs::write(&pair.key, other.key.serialize_pem()).unwrap();
        until_shown(&proxy, &authority, &other);
    });
}

#[test]
fn who_may_come_in_follows_its_file_and_no_ticket_outlives_it() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let (_, pair) = pair(folder.path(), &authority, "a", &["example.org"]);
    let ca = old.write(folder.path());
    let upstream = Upstream::answering(EMPTY);
    let proxy = proxy("", &upstream, vec![pair], |options| {
        options.tls.reload = WAYS[0];
        options.tls.client_auth = Some(ClientAuth { ca, required: true });
    });
    let (outgoing, incoming) = (old.issue(&["me"]), new.issue(&["me"]));
    // One client of each keeps its tickets from one connection to the next.
    let [outgoing, incoming] = [outgoing, incoming].map(|own| client(&authority, &[], Some(&own)));
    let is_in = |config: &rustls::ClientConfig| {
        let secured = dial(proxy.tls(), config.clone(), "example.org").unwrap();
        let mut client = Client::over(secured.stream);
        client.request("GET", "/", "");
        client.response("GET").is_some()
    };
    assert!(is_in(&outgoing) && is_in(&outgoing) && !is_in(&incoming));
    new.write(folder.path());
    until("the new authority", || is_in(&incoming));
    assert!(!is_in(&outgoing));
}
