//! What it costs to render a message.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that meets what it does not expect should stop"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use retort::{
    exchange::record::Record,
    template::{Escape, Subject, Syntax, Template},
};

const TEN_DIRECTIVES: &str = r#"{
  "title": "%M", "status": %s, "method": "%m", "instance": "%U", "query": "%q", "requestId": "%g", "client": "%a",
  "agent": "%{User-Agent}i", "retryAfter": "%{Retry-After}o", "time": "%{yyyy-MM-dd HH:mm:ss.SSS Z}t"
}"#;

const LOOKED_UP: &str = r#"{
  "detail": "%{body:/error/message?reason:-unknown}x", "code": "%{body:/error/code}x", "page": "%{page:-1}Q",
  "retryAt": "%{Retry-After?X-Reset DATE ISO_8601}o", "rule": "%{rule}x", "trace": "%{trace-id:-none}x"
}"#;

const RECORD: &str = r#"{
  "clock": "2019-03-05T07:08:09.045Z",
  "request": {"uri": "/v1/users/42", "query": "a=1&b=2", "headers": [
    ["Host", "api.example.com"], ["User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) \"Gecko\"/20100101"],
    ["Accept", "application/json"]
  ]},
  "response": {"status": 429, "headers": [["Date", "Tue, 05 Mar 2019 07:08:09 GMT"], ["Retry-After", "30"]],
    "body": "{\"error\": {\"code\": 1015, \"message\": \"Too many \\\"reads\\\"\", \"tags\": [\"quota\", \"reads\"]}}"}
}"#;

fn render(criterion: &mut Criterion) {
    let record = Record::from_json(RECORD.as_bytes()).expect("a record");
    let exchange = record.exchange("7f2c1d4e-0a53-4c39-9a1b-2f60f3f0c2aa", None);
    let ten = Template::parse(TEN_DIRECTIVES, Syntax::new(Escape::Json)).expect("a template").template;
    let literal = Template::parse(&"The service is busy. ".repeat(20), Syntax::new(Escape::Text))
        .expect("a template")
        .template;

    let looked_up = Template::parse(LOOKED_UP, Syntax::new(Escape::Json)).expect("a template").template;

    for (name, template) in [("ten directives", &ten), ("looked up", &looked_up), ("literal", &literal)] {
        let mut out = Vec::with_capacity(template.bound(&Subject::of(&exchange)));
        let capacity = out.capacity();
        template.render(&Subject::of(&exchange), &mut out);
        assert_eq!(out.capacity(), capacity, "one allocation suffices");

        criterion.bench_function(&format!("render/{name}"), |bencher| {
            bencher.iter(|| {
                let mut out = Vec::new();
                black_box(template).render(black_box(&Subject::of(&exchange)), &mut out);
                out
            });
        });
    }
    criterion.bench_function("render/parse ten directives", |bencher| {
        bencher.iter(|| Template::parse(black_box(TEN_DIRECTIVES), Syntax::new(Escape::Json)));
    });
}

criterion_group!(benches, render);
criterion_main!(benches);
