//! A fixed corpus, decided and rendered so many times: what `.ci/instructions` counts the
//! instructions of. `instructions CASE TIMES`, or nothing for the names of the cases.
#![allow(clippy::expect_used, reason = "a measurement that meets what it does not expect should stop")]

use std::{fmt::Write as _, hint::black_box, path::Path};

use retort::{
    Body, Reply, Rules,
    config::{self, href::Disk},
    exchange::record::Record,
};

const BROWSER: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8";

/// A response, and what is known of its content.
struct Case {
    name: &'static str,
    status: u16,
    accept: &'static str,
    body: Body,
    /// How many rules there are.
    rules: usize,
    /// Whether something has to come of it.
    replies: bool,
}

const CASES: [Case; 6] = [
    Case { name: "no-rule", status: 200, accept: "*/*", body: Body::Unknown, rules: 10, replies: false },
    Case {
        name: "json",
        status: 503,
        accept: "application/json",
        body: Body::Absent,
        rules: 10,
        replies: true,
    },
    Case { name: "browser", status: 503, accept: BROWSER, body: Body::Absent, rules: 10, replies: true },
    Case { name: "kept", status: 503, accept: "*/*", body: Body::Present, rules: 10, replies: false },
    Case {
        name: "thousand-rules",
        status: 503,
        accept: "*/*",
        body: Body::Absent,
        rules: 1000,
        replies: true,
    },
    Case {
        name: "thousand-no-rule",
        status: 200,
        accept: "*/*",
        body: Body::Unknown,
        rules: 1000,
        replies: false,
    },
];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(name) = arguments.next() else {
        CASES.iter().for_each(|case| println!("{}", case.name));
        return;
    };
    let case = CASES.iter().find(|case| case.name == name).expect("the name of a case");
    let times: u32 = arguments.next().and_then(|times| times.parse().ok()).expect("how many times");

    let document = document(case.rules);
    let parsed = config::parse(document.as_bytes(), Path::new("rules.xml"), &mut Disk::default());
    let (rules, _) = parsed.expect("rules");
    let record = record(case);
    for _ in 0..times {
        assert_eq!(replies(&rules, black_box(&record), case.body), case.replies);
    }
}

/// What a host does for each response, but for reading and sending it.
fn replies(rules: &Rules, record: &Record, body: Body) -> bool {
    let exchange = record.exchange("0af7651916cd43dd8448eb211c80319c", None);
    if !rules.covers(exchange.response.status) {
        return false;
    }
    let decision = rules.decide(&exchange, body);
    black_box(Reply::of(&decision, &exchange)).is_some()
}

/// So many rules, of which the last is the one that applies; the others are for paths that nobody asks for.
fn document(rules: usize) -> String {
    let mut out = String::from("<response-messaging>\n");
    for index in 1..rules {
        let status = [404, 500, 502, 503][index % 4];
        writeln!(
            out,
            "<status-code id=\"r{index}\" code-regex=\"{status}\" path=\"/p{index}/.*\"><message>{index}</message></status-code>"
        )
        .expect("a string takes all");
    }
    out.push_str(
        "<status-code id=\"errors\" code-regex=\"[45]\\d\\d\">\n\
         <message media-type=\"application/json\" content-type=\"application/problem+json\"><![CDATA[\
         {\"title\":\"%M\",\"status\":%s,\"instance\":\"%U\",\"requestId\":\"%g\",\"retryAfter\":\"%{Retry-After}o\"}]]></message>\n\
         <message media-type=\"text/html\" content-type=\"text/html\"><![CDATA[<h1>%s %M</h1><p>%U %g</p>]]></message>\n\
         <message>%s %M</message>\n</status-code></response-messaging>",
    );
    out
}

fn record(case: &Case) -> Record {
    let json = serde_json::json!({
        "clock": "2026-03-05T07:08:09.045Z",
        "request": {"uri": "/v1/users/42", "query": "a=1", "headers": [
            ["Host", "api.example.com"], ["User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101"], ["Accept", case.accept]
        ]},
        "response": {"status": case.status, "headers": [
            ["Date", "Thu, 05 Mar 2026 07:08:09 GMT"], ["Server", "origin"], ["Retry-After", "30"], ["ETag", "\"a\""]
        ]},
    });
    serde_json::from_value(json).expect("a record")
}
