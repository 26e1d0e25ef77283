//! The stages of the core: load, negotiate, decide, reply.

use std::{fmt::Write as _, hint::black_box, path::Path};

use criterion::{Criterion, criterion_group, criterion_main};
use retort::{
    Body, Reply, Rules,
    accept::{Accept, Negotiation, Offer},
    config::{self, href::Disk},
    exchange::{Fields, record::Record},
    media::MediaType,
    rules::{Condition, Conditions, Message, Overwrite, Pattern, StatusRule, condition::Subject},
    status::{CODES, StatusSet},
    template::{Escape, Syntax, Template},
};

const BROWSER: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8";

/// A file of this many rules, each for one status of its own as far as these go, with three
/// messages each.
fn document(rules: usize) -> String {
    let mut out = String::from(
        "<response-messaging xmlns=\"http://docs.openrepose.org/repose/response-messaging/v1.0\">\n",
    );
    for index in 0..rules {
        let status = 100 + index % 900;
        write!(
            out,
            "<status-code id=\"rule-{index}\" code-regex=\"{status}\" overwrite=\"ALWAYS\">\n\
             <message media-type=\"application/json\" content-type=\"application/problem+json\"><![CDATA[\
             {{\"title\":\"%M\",\"status\":%s,\"instance\":\"%U\",\"requestId\":\"%g\"}}]]></message>\n\
             <message media-type=\"text/html\" content-type=\"text/html\"><![CDATA[<h1>%s %M</h1><p>%U</p>]]></message>\n\
             <message>%s %M</message>\n</status-code>\n"
        )
        .unwrap_or_default();
    }
    out.push_str("</response-messaging>");
    out
}

fn rules(count: usize) -> Rules {
    let parsed = config::parse(document(count).as_bytes(), Path::new("bench.xml"), &mut Disk::default());
    match parsed {
        Ok((rules, _)) => rules,
        Err(diagnostics) => unreachable!("{diagnostics}"),
    }
}

fn record(accept: &str) -> Record {
    let json = serde_json::json!({
        "request": {"uri": "/v1/users/42", "headers": [["Host", "api.example.com"], ["User-Agent", "curl/8"], ["Accept", accept]]},
        "response": {"status": 503, "headers": [["Date", "Fri, 09 Mar 2012 14:56:32 GMT"], ["Content-Length", "0"]]},
    });
    match serde_json::from_value(json) {
        Ok(record) => record,
        Err(error) => unreachable!("{error}"),
    }
}

fn load(c: &mut Criterion) {
    for count in [10, 1000] {
        let document = document(count);
        c.bench_function(&format!("load/{count} rules"), |b| {
            b.iter(|| {
                let parsed = config::parse(
                    black_box(document.as_bytes()),
                    Path::new("bench.xml"),
                    &mut Disk::default(),
                );
                black_box(parsed.is_ok())
            });
        });
    }
}

fn negotiate(c: &mut Criterion) {
    let offers: Vec<Offer> = ["application/json", "text/html"]
        .iter()
        .filter_map(|text| MediaType::parse(text).ok().map(Offer::Type))
        .chain([Offer::Any])
        .collect();
    for (name, accept) in [("browser", BROWSER), ("curl", "*/*"), ("api", "application/json")] {
        let lines = [("accept".to_owned(), accept.as_bytes().to_vec())];
        c.bench_function(&format!("negotiate/{name}"), |b| {
            b.iter(|| Accept::new(Fields::Lines(black_box(&lines))).choose(&offers, Negotiation::Rfc9110));
        });
    }
}

fn decide(c: &mut Criterion) {
    let record = record(BROWSER);
    let exchange = record.exchange("0af7651916cd43dd8448eb211c80319c", None);
    for count in [404, 1000] {
        let rules = rules(count);
        c.bench_function(&format!("decide/{count} rules"), |b| {
            b.iter(|| black_box(rules.decide(black_box(&exchange), Body::Absent).reason()));
        });
        c.bench_function(&format!("covers/{count} rules"), |b| {
            b.iter(|| black_box(rules.covers(black_box(200))));
        });
    }
}

/// A rule with one message for everybody, which is for clients that send this header field.
fn conditional(index: usize, statuses: StatusSet, value: &str) -> Option<StatusRule> {
    let subject = Subject::RequestHeader("x-tenant".parse().ok()?);
    let pattern = Pattern::new(value, false).ok()?;
    let conditions = vec![
        Condition::Method(Pattern::new("GET|POST", false).ok()?),
        Condition::When { subject, pattern, is_negated: false },
    ];
    let template = Template::parse("%s %M", Syntax::new(Escape::Text)).ok()?.template;
    let message = Message::new(template, "text/plain".parse().ok()?);
    let messages = vec![(Offer::Any, message)];
    let rule = StatusRule::new(format!("rule-{index}"), statuses, Overwrite::Always, messages);
    Some(rule.under(Conditions::new(conditions)))
}

fn decide_under_conditions(c: &mut Criterion) {
    let json = serde_json::json!({
        "request": {"uri": "/v1/users/42", "headers": [["Host", "api.example.com"], ["X-Tenant", "t-999"], ["Accept", BROWSER]]},
        "response": {"status": 503, "headers": [["Content-Length", "0"]]},
    });
    let Ok(record) = serde_json::from_value::<Record>(json) else { unreachable!("a record") };
    let exchange = record.exchange("0af7651916cd43dd8448eb211c80319c", None);
    let others = || CODES.filter(|status| *status != 503).collect::<StatusSet>();
    let only = || [503].into_iter().collect::<StatusSet>();
    let failing = (0..999).filter_map(|index| conditional(index, others(), &format!("t-{index}")));
    let last = conditional(999, only(), "t-999");
    let same = (0..1000).filter_map(|index| conditional(index, only(), &format!("t-{index}")));
    let sets = [
        ("decide/1000 rules with conditions, 999 fail on status", failing.chain(last).collect::<Vec<_>>()),
        ("decide/1000 conditional rules for one status", same.collect()),
    ];
    for (name, rules) in sets {
        let rules = Rules::new(rules, Negotiation::default());
        assert!(rules.decide(&exchange, Body::Absent).rule().is_some(), "{name}: the last rule matches");
        c.bench_function(name, |b| {
            b.iter(|| black_box(rules.decide(black_box(&exchange), Body::Absent).reason()));
        });
    }
}

fn reply(c: &mut Criterion) {
    let rules = rules(404);
    let record = record("application/json");
    let exchange = record.exchange("0af7651916cd43dd8448eb211c80319c", None);
    let decision = rules.decide(&exchange, Body::Absent);
    c.bench_function("reply/json", |b| b.iter(|| black_box(Reply::of(&decision, black_box(&exchange)))));
}

criterion_group!(benches, load, negotiate, decide, decide_under_conditions, reply);
criterion_main!(benches);
