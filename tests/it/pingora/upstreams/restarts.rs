//! Upstreams that die and come back while requests are served.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{IF_EMPTY, before, url};
use crate::support::{Mortal, Proxy, until};

/// Clients that ask without a pause, and count the answers that they get.
#[derive(Default)]
struct Load {
    answers: Mutex<BTreeMap<String, usize>>,
    total: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    /// Sends requests, every third with content, until it is over.
    fn run(&self, proxy: &Proxy) {
        let mut client = proxy.connect();
        for number in 0.. {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let method = if number % 3 == 0 { "POST" } else { "GET" };
            match method {
                "POST" => {
                    client.request(method, "/", "Content-Length: 4\r\n");
                    client.send(b"body");
                }
                _ => client.request(method, "/", ""),
            }
            let response = client.response(method).expect("a response to each request");
            assert!(response.complete, "{response:?}");
            let answer = format!("{} {}", response.status(), response.text());
            *self.answers.lock().unwrap().entry(answer).or_default() += 1;
            self.total.fetch_add(1, Ordering::SeqCst);
            if response.field("Connection") == Some("close") {
                client = proxy.connect();
            }
        }
    }

    /// Waits until so many more were answered.
    fn goes_on(&self, more: usize) {
        let enough = self.total.load(Ordering::SeqCst) + more;
        until("more answers", || self.total.load(Ordering::SeqCst) >= enough);
    }
}

#[test]
fn every_answer_is_an_upstreams_or_a_rules() {
    let mut origins = [Mortal::start("a", [127, 0, 9, 1]), Mortal::start("b", [127, 0, 9, 2])];
    let urls = [url(origins[0].address), url(origins[1].address)];
    let proxy = before(IF_EMPTY, &urls, |options| {
        options.balancing.ejection.time = Duration::from_millis(5);
        options.balancing.ejection.max = Duration::from_millis(20);
        options.limits.requests_per_connection = 100;
    });
    let load = Load::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load.run(&proxy));
        }
        for round in 0..20 {
            let origin = &mut origins[round % 2];
            load.goes_on(50);
            origin.kill();
            load.goes_on(50);
            let served = origin.served();
            origin.restart();
            until("it serves again", || origin.served() > served);
        }
        origins.iter_mut().for_each(Mortal::kill);
        load.goes_on(50);
        origins.iter_mut().for_each(Mortal::restart);
        let served = origins.each_ref().map(Mortal::served);
        until("both serve again", || (0..2).all(|index| origins[index].served() > served[index]));
        load.is_over.store(true, Ordering::SeqCst);
    });
    let answers = load.answers.into_inner().unwrap();
    let known = ["200 a", "200 b", "502 status 502"];
    assert!(answers.keys().all(|answer| known.contains(&answer.as_str())), "{answers:?}");
    assert!(answers["200 a"] > 500 && answers["200 b"] > 500, "{answers:?}");
    assert!(answers["502 status 502"] > 40, "of both killed, but for those in flight: {answers:?}");
    until("no request in flight", || proxy.upstreams().iter().all(|upstream| upstream.in_flight == 0));
}
