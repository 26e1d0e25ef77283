//! What is counted, and in which form it is told.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use retort::{exchange::error_request::Forwarded, host::admin::Rulebook};

use super::{EMPTY, IF_EMPTY, Watched};
use crate::support::{Proxy, Upstream, until};

/// The samples by name and labels. Panics where the form is not the one of version 0.0.4.
fn samples(text: &str) -> HashMap<String, f64> {
    let (mut samples, mut done, mut family) = (HashMap::new(), HashSet::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty() && done.insert(name.to_owned()), "{line}: told twice");
            family = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let of_family = name == family
                || ["_bucket", "_sum", "_count"].iter().any(|end| name.strip_suffix(end) == Some(&family));
            assert!(of_family, "{line} is not of {family}");
            assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "{line}: twice");
        }
    }
    samples
}

fn scrape(watched: &Watched) -> HashMap<String, f64> {
    let metrics = watched.get("/metrics");
    assert_eq!(metrics.field("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    samples(metrics.text())
}

/// What the log tells after the response, is counted after it, too.
fn until_counted(watched: &Watched, requests: f64) -> HashMap<String, f64> {
    let total = |samples: &HashMap<String, f64>| -> f64 {
        let requests = samples.iter().filter(|(name, _)| name.starts_with("retort_requests_total{"));
        requests.map(|(_, count)| count).sum()
    };
    until("so many requests", || total(&scrape(watched)) >= requests);
    let samples = scrape(watched);
    assert!((total(&samples) - requests).abs() < 0.5, "more than {requests} requests");
    samples
}

#[test]
fn each_request_counts_once_and_each_rule_is_told_apart() {
    let upstream = Upstream::start(|connection| {
        while let Some(request) = connection.request() {
            let path = request.line().split(' ').nth(1).unwrap().to_owned();
            connection.send(match path.as_str() {
                "/ok" => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "/gone" => "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
                "/said" => "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nsaid",
                "/cut" => return,
                _ => "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
            });
        }
    });
    let watched = Watched::start(&upstream);
    let mut client = watched.proxy.connect();
    let statuses: Vec<_> =
        ["/ok", "/gone", "/said", "/oops", "/oops?secret"].map(|path| client.get(path, "").status()).into();
    assert_eq!(statuses, [200, 410, 404, 500, 500]);
    client.request("POST", "/ok", "Content-Length: 5\r\n");
    client.send(b"hello");
    assert_eq!(client.response("POST").unwrap().status(), 200);
    let mut other = watched.proxy.connect();
    assert_eq!(other.get("/cut", "").status(), 502);
    let mut bad = watched.proxy.connect();
    bad.send(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(bad.response("GET").unwrap().status(), 400);

    let samples = until_counted(&watched, 8.0);
    let expected = [
        ("retort_requests_total{status_class=\"2xx\"}", 2.0),
        ("retort_requests_total{status_class=\"4xx\"}", 3.0),
        ("retort_requests_total{status_class=\"5xx\"}", 3.0),
        ("retort_requests_total{status_class=\"none\"}", 0.0),
        ("retort_requests_replaced_total{status_class=\"4xx\"}", 1.0),
        ("retort_requests_replaced_total{status_class=\"5xx\"}", 3.0),
        ("retort_rule_matches_total{rule=\"gone\"}", 2.0),
        ("retort_rule_matches_total{rule=\"failed\"}", 3.0),
        ("retort_messages_total{rule=\"gone\",outcome=\"replaced\"}", 1.0),
        ("retort_messages_total{rule=\"gone\",outcome=\"kept\"}", 1.0),
        ("retort_messages_kept_total{rule=\"gone\",reason=\"body-present\"}", 1.0),
        ("retort_messages_total{rule=\"failed\",outcome=\"replaced\"}", 3.0),
        ("retort_upstream_errors_total{kind=\"reset\"}", 1.0),
        ("retort_refused_requests_total{kind=\"bad-request\"}", 1.0),
        ("retort_received_bytes_total", 5.0),
        ("retort_request_duration_seconds_count", 8.0),
        ("retort_request_duration_seconds_bucket{le=\"+Inf\"}", 8.0),
        ("retort_upstream_response_seconds_count", 6.0),
        ("retort_connections_accepted_total", 3.0),
        ("retort_active_requests", 0.0),
        ("retort_config_rules", 2.0),
        ("retort_config_generation", 1.0),
    ];
    for (sample, value) in expected {
        assert_eq!(samples.get(sample), Some(&value), "{sample}");
    }
    assert!(samples["retort_sent_bytes_total"] >= 20.0);
    assert!(samples["process_resident_memory_bytes"] > 1e6 && samples["process_open_fds"] > 3.0);
}

#[test]
fn what_clients_make_up_adds_no_series() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::start(&upstream);
    let mut client = watched.proxy.connect();
    client.get("/", "");
    let before = until_counted(&watched, 1.0).into_keys().collect::<HashSet<_>>();
    for number in 0..300 {
        client.request(["GET", "PUT", "X-MADE-UP"][number % 3], &format!("/{number}?{number}"), "");
        client.response("GET").unwrap();
    }
    let after = until_counted(&watched, 301.0).into_keys().collect::<HashSet<_>>();
    assert_eq!(before, after);
}

#[test]
fn a_request_that_is_cut_off_got_no_response() {
    let upstream = Upstream::start(|connection| {
        connection.request();
        connection.wait_for_end();
    });
    let watched = Watched::start(&upstream);
    let mut client = watched.proxy.connect();
    client.request("GET", "/slow", "");
    until("a request", || upstream.accepted() == 1);
    assert_eq!(watched.metric("retort_active_requests"), Some(1.0));
    watched.proxy.handle().stop_now();
    let samples = until_counted(&watched, 1.0);
    assert_eq!(samples["retort_requests_total{status_class=\"none\"}"], 1.0);
}

#[test]
fn limits_that_are_reached_are_counted() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::with(&[upstream.address()], |options| options.limits.connections = 1, None);
    let mut first = watched.proxy.connect();
    first.get("/", "");
    assert_eq!(watched.proxy.connect().get("/", "").status(), 503);
    let samples = until_counted(&watched, 2.0);
    assert_eq!(samples["retort_limits_reached_total{limit=\"connections\"}"], 1.0);
    assert_eq!(samples["retort_refused_requests_total{kind=\"overload\"}"], 1.0);
}

#[test]
fn an_error_backend_counts_what_it_answers() {
    let proxy = Proxy::error_backend(IF_EMPTY, Forwarded::Believed, |_| {});
    let rules = Rulebook::Fixed(Arc::clone(&proxy.live));
    let watched = Watched::of(proxy, rules, None);
    until("it is ready", || watched.get("/readyz").status() == 200);
    assert_eq!(watched.proxy.connect().get("/", "X-Code: 404\r\n").status(), 404);
    let samples = until_counted(&watched, 1.0);
    assert_eq!(samples["retort_rule_matches_total{rule=\"gone\"}"], 1.0);
    let info =
        format!("retort_build_info{{version=\"{}\",role=\"error-backend\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(samples[&info], 1.0);
    assert!(!samples.keys().any(|sample| sample.starts_with("retort_upstream_healthy")));
}
