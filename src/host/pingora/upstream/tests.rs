use std::collections::HashMap;

use super::*;

fn upstreams_by(strategy: Strategy, urls: &[&str]) -> Upstreams {
    let mut options = Options::new(Vec::new(), urls.iter().map(|url| url.parse().unwrap()).collect());
    options.balancing.strategy = strategy;
    Upstreams::new(&options)
}

fn upstreams(urls: &[&str]) -> Upstreams {
    upstreams_by(Strategy::RoundRobin, urls)
}

fn tcp(text: &str) -> Address {
    Address::Tcp(text.parse().unwrap())
}

fn pick(upstreams: &Upstreams, turn: usize, key: Option<&[u8]>, tried: &[Address]) -> String {
    upstreams.pick(turn, key, tried).unwrap().endpoint().address().to_string()
}

/// Who gets the next requests, each served before the next.
fn picks(upstreams: &Upstreams, count: usize) -> Vec<String> {
    (0..count).map(|_| pick(upstreams, upstreams.turn(), None, &[])).collect()
}

fn shares(picks: impl IntoIterator<Item = String>) -> HashMap<String, usize> {
    picks.into_iter().fold(HashMap::new(), |mut shares, pick| {
        *shares.entry(pick).or_default() += 1;
        shares
    })
}

/// Makes the upstream with this address fail a request at its connection.
fn fail(upstreams: &Upstreams, address: &str) {
    let others: Vec<Address> = upstreams.plan().endpoints().iter().map(|it| it.address().clone()).collect();
    let tried: Vec<Address> = others.into_iter().filter(|it| it.to_string() != address).collect();
    upstreams.took_no_connection(&upstreams.pick(0, None, &tried).unwrap());
}

#[test]
fn in_turn() {
    let upstreams = upstreams(&["http://10.0.0.1:1", "http://[::1]:2", "unix:/run/app"]);
    assert_eq!(picks(&upstreams, 4), ["10.0.0.1:1", "[::1]:2", "unix:/run/app", "10.0.0.1:1"]);
}

#[test]
fn weights_are_spread() {
    let upstreams = upstreams(&["http://10.0.0.1#weight=6", "http://10.0.0.2#weight=2"]);
    let (a, b) = ("10.0.0.1:80", "10.0.0.2:80");
    assert_eq!(picks(&upstreams, 8), [a, a, b, a, a, a, b, a].map(str::to_owned));
}

#[test]
fn an_ejected_upstream_leaves_its_turns_to_all_others() {
    let urls = ["http://10.0.0.1", "http://10.0.0.2", "http://10.0.0.3", "http://10.0.0.4#weight=3"];
    let upstreams = upstreams(&urls);
    fail(&upstreams, "10.0.0.2:80");
    let shares = shares(picks(&upstreams, 300));
    assert_eq!([&shares["10.0.0.1:80"], &shares["10.0.0.3:80"], &shares["10.0.0.4:80"]], [&60, &60, &180]);
}

#[test]
fn another_after_a_failure() {
    let upstreams = upstreams(&["http://10.0.0.1:1", "http://10.0.0.2:1"]);
    let (a, b) = (tcp("10.0.0.1:1"), tcp("10.0.0.2:1"));
    fail(&upstreams, "10.0.0.1:1");
    assert_eq!(pick(&upstreams, 0, None, std::slice::from_ref(&a)), "10.0.0.2:1");
    assert!(upstreams.is_another_left(std::slice::from_ref(&a)));
    assert_eq!(upstreams.pick(0, None, &[a.clone(), b.clone()]).unwrap_err(), Nobody::Unhealthy);
    assert!(!upstreams.is_another_left(&[a, b.clone()]));
    assert_eq!(picks(&upstreams, 2), ["10.0.0.2:1", "10.0.0.2:1"], "the failed one comes last");
    assert_eq!(pick(&upstreams, 0, None, &[b]), "10.0.0.1:1", "but it comes");
    fail(&upstreams, "10.0.0.2:1");
    let either = shares(picks(&upstreams, 10));
    assert_eq!(either.len(), 2, "better a doubtful one than none: {either:?}");
    upstreams.answered(&upstreams.pick(0, None, &[tcp("10.0.0.1:1")]).unwrap());
    assert_eq!(picks(&upstreams, 2), ["10.0.0.2:1", "10.0.0.2:1"], "it answered");
}

#[test]
fn tries_have_an_end() {
    let mut options = Options::new(Vec::new(), Vec::new());
    options.upstreams = (1..9).map(|host| format!("http://10.0.0.{host}").parse().unwrap()).collect();
    options.balancing.tries = 2;
    let upstreams = Upstreams::new(&options);
    assert!(upstreams.is_another_left(&[tcp("10.0.0.1:80")]));
    assert!(!upstreams.is_another_left(&[tcp("10.0.0.1:80"), tcp("10.0.0.2:80")]));
}

#[test]
fn the_less_loaded_of_two() {
    let upstreams = upstreams_by(Strategy::LeastLoad, &["http://10.0.0.1", "http://10.0.0.2"]);
    let busy = upstreams.pick(0, None, &[tcp("10.0.0.2:80")]).unwrap();
    assert_eq!(shares(picks(&upstreams, 50)), HashMap::from([("10.0.0.2:80".to_owned(), 50)]));
    drop(busy);
    let shares = shares(picks(&upstreams, 1000));
    assert!(shares.values().all(|share| (400..600).contains(share)), "chance decides a draw: {shares:?}");
    let held: Vec<Lease> = (0..99).map(|turn| upstreams.pick(turn, None, &[]).unwrap()).collect();
    let mut in_flight: Vec<usize> = upstreams.status().iter().map(|status| status.in_flight).collect();
    in_flight.sort_unstable();
    assert_eq!(in_flight, [49, 50]);
    drop(held);
    assert!(upstreams.status().iter().all(|status| status.in_flight == 0));
}

#[test]
fn load_is_weighed() {
    let urls = ["http://10.0.0.1#weight=3", "http://10.0.0.2"];
    let upstreams = upstreams_by(Strategy::LeastLoad, &urls);
    let held: Vec<Lease> = (0..400).map(|turn| upstreams.pick(turn, None, &[]).unwrap()).collect();
    let in_flight = upstreams.status().first().unwrap().in_flight;
    assert!((290..=310).contains(&in_flight), "{in_flight} of {}", held.len());
}

#[test]
fn load_spreads_over_many() {
    let urls: Vec<String> = (1..=10).map(|host| format!("http://10.0.0.{host}")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let upstreams = upstreams_by(Strategy::LeastLoad, &urls);
    fail(&upstreams, "10.0.0.4:80");
    let held: Vec<Lease> = (0..900).map(|turn| upstreams.pick(turn, None, &[]).unwrap()).collect();
    let in_flight: Vec<usize> = upstreams.status().iter().map(|status| status.in_flight).collect();
    for (index, count) in in_flight.iter().enumerate() {
        let expected = if index == 3 { 0..=0 } else { 90..=110 };
        assert!(expected.contains(count), "{in_flight:?} of {}", held.len());
    }
}

#[test]
fn the_same_for_the_same_and_few_move() {
    let by_path = || Strategy::ConsistentHash(HashOn::Path);
    let urls = ["http://10.0.0.1", "http://10.0.0.2", "unix:/run/app", "http://10.0.0.4"];
    let key = |number: usize| format!("/item/{number}").into_bytes();
    let homes = |upstreams: &Upstreams| -> Vec<String> {
        (0..2000).map(|number| pick(upstreams, upstreams.turn(), Some(&key(number)), &[])).collect()
    };
    let all = upstreams_by(by_path(), &urls);
    let before = homes(&all);
    assert_eq!(before, homes(&all), "turns are nothing to it");
    assert_eq!(
        before,
        homes(&upstreams_by(by_path(), &[urls[3], urls[1], urls[0], urls[2]])),
        "nor the order"
    );
    let shares = shares(before.clone());
    assert!(shares.len() == 4 && shares.values().all(|share| (300..800).contains(share)), "{shares:?}");

    for (without, address) in [(&urls[1..], "10.0.0.1:80"), (&urls[..3], "10.0.0.4:80")] {
        let fewer = homes(&upstreams_by(by_path(), without));
        fail(&all, address);
        let ejected = homes(&all);
        for (number, home) in before.iter().enumerate().filter(|(_, home)| *home != address) {
            assert_eq!(&fewer[number], home, "what was elsewhere stays");
        }
        if address == "10.0.0.1:80" {
            assert_eq!(fewer, ejected, "who is ejected is passed over as if it were not there");
        }
    }
    assert_eq!(picks(&all, 1).len(), 1, "without a key, in turn");
}

#[test]
fn the_weight_of_a_hash() {
    let urls = ["http://10.0.0.1#weight=3", "http://10.0.0.2"];
    let upstreams = upstreams_by(Strategy::ConsistentHash(HashOn::Path), &urls);
    let home = |number: usize| pick(&upstreams, 0, Some(format!("/{number}").as_bytes()), &[]);
    let shares = shares((0..4000).map(home));
    assert!((2600..3400).contains(&shares["10.0.0.1:80"]), "{shares:?}");
}

#[test]
fn the_last_good_addresses_are_kept() {
    let upstreams = upstreams(&["http://app:80"]);
    let nobody = |upstreams: &Upstreams| upstreams.pick(0, None, &[]).unwrap_err();
    assert_eq!(nobody(&upstreams), Nobody::NoAddress);
    let unknown = || Err(io::Error::other("no such name"));
    upstreams.found(0, unknown());
    assert_eq!(nobody(&upstreams), Nobody::NoAddress);
    assert_eq!((upstreams.status()[0].address.clone(), upstreams.status()[0].healthy), (None, false));
    upstreams.found(0, Ok(vec![tcp("10.0.0.1:80")]));
    assert_eq!(picks(&upstreams, 1), ["10.0.0.1:80"]);
    upstreams.found(0, unknown());
    upstreams.found(0, Ok(Vec::new()));
    assert_eq!(picks(&upstreams, 1), ["10.0.0.1:80"]);
    upstreams.found(0, Ok(vec![tcp("10.0.0.2:80")]));
    assert_eq!(picks(&upstreams, 1), ["10.0.0.2:80"]);
}

#[test]
fn what_is_known_of_an_address_outlives_a_resolution() {
    let upstreams = upstreams(&["http://app:80"]);
    let (a, b, c) = (tcp("10.0.0.1:80"), tcp("10.0.0.2:80"), tcp("10.0.0.3:80"));
    upstreams.found(0, Ok(vec![a.clone(), b.clone()]));
    fail(&upstreams, "10.0.0.1:80");
    upstreams.found(0, Ok(vec![b.clone(), a.clone()]));
    assert_eq!(picks(&upstreams, 2), ["10.0.0.2:80", "10.0.0.2:80"]);
    upstreams.found(0, Ok(vec![b, c]));
    assert_eq!(shares(picks(&upstreams, 4)).len(), 2);
    let known: Vec<_> = upstreams.status().into_iter().map(|it| (it.address.unwrap(), it.failures)).collect();
    assert_eq!(known, [(tcp("10.0.0.2:80"), 0), (tcp("10.0.0.3:80"), 0)]);
}

#[test]
fn none_is_better_than_one_that_a_check_finds_unwell() {
    let upstreams = upstreams(&["http://10.0.0.1", "http://10.0.0.2"]);
    let settings = HealthCheck::new(Probe::Tcp);
    let endpoints = upstreams.plan().endpoints().to_vec();
    let error = || Some(pingora::Error::new(pingora::ErrorType::ConnectRefused));
    upstreams.checked(&endpoints[0], error(), &settings);
    assert_eq!(picks(&upstreams, 2), ["10.0.0.2:80", "10.0.0.2:80"]);
    fail(&upstreams, "10.0.0.2:80");
    assert_eq!(picks(&upstreams, 1), ["10.0.0.2:80"], "ejected, but the only one");
    upstreams.checked(&endpoints[1], error(), &settings);
    assert_eq!(upstreams.pick(0, None, &[]).unwrap_err(), Nobody::Unhealthy);
    assert!(upstreams.status().iter().all(|status| !status.healthy));
    upstreams.checked(&endpoints[0], None, &settings);
    upstreams.checked(&endpoints[0], None, &settings);
    assert_eq!(picks(&upstreams, 1), ["10.0.0.1:80"]);
}

#[test]
fn no_upstream() {
    assert_eq!(upstreams(&[]).pick(0, None, &[]).unwrap_err(), Nobody::NoUpstream);
    assert_eq!(upstreams(&[]).status(), []);
}
