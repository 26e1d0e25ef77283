//! The files of `tests/cases` through Envoy, which must give the answers of the proxy.

use retort::case::{Answer, Case, Trial, Upstream as Conduct};

use crate::{
    cases::{cases, not_live, request, upstream},
    support::{Envoy, Processor, Response, rules},
};

/// What Envoy cannot do, by the name of the exchange, and why.
const BEYOND_ENVOY: &[(&str, &str)] = &[(
    "from-envoy: exchange 1",
    "it reads X-Envoy-Original-Path, and Envoy drops what clients send under such names",
)];

#[test]
fn envoy_agrees() {
    let Some(binary) = Envoy::binary() else { return };
    let processor = Processor::start(rules(""));
    let envoy = Envoy::start(&binary, &processor.endpoint());
    let (mut wrong, mut count) = (Vec::new(), 0);
    for case in cases() {
        processor.live.replace(case.rules().unwrap().0);
        for trial in case.trials.iter().filter(|trial| trial.stage.live) {
            assert!(not_live(&trial.record).is_none());
            let mismatches = trial.expect.mismatches(&ask(&envoy, trial));
            let listed = BEYOND_ENVOY.iter().find(|(name, _)| *name == name_of(&case, trial));
            match (mismatches.is_empty(), listed) {
                (true, None) | (false, Some(_)) => {}
                (true, Some((name, why))) => {
                    wrong.push(format!("{name}: it works now, but was listed: {why}"))
                }
                (false, None) => {
                    let lines: String = mismatches.iter().map(|it| format!("\n  {it}")).collect();
                    wrong.push(format!("{}:{lines}", name_of(&case, trial)));
                }
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}\n{}", wrong.len(), wrong.join("\n"), envoy.log());
    println!("{count} exchanges, {} of them beyond Envoy", BEYOND_ENVOY.len());
}

fn name_of(case: &Case, trial: &Trial) -> String {
    let file = case.source.path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{file}: {}", trial.name)
}

fn ask(envoy: &Envoy, trial: &Trial) -> Answer {
    let (_upstream, address) = upstream(trial.stage, &trial.record);
    let hasty = if trial.stage.upstream == Conduct::Silent { "X-Hasty: 1\r\n" } else { "" };
    let text = request(&trial.record.request);
    let (line, rest) = text.split_once("\r\n").unwrap();
    let mut client = envoy.connect();
    client.send(format!("{line}\r\nX-Upstream: {address}\r\n{hasty}{rest}").as_bytes());
    let method = &trial.record.request.method;
    let response: Response = client.response(method).unwrap();
    assert!(response.complete, "{}: {response:?}", trial.name);
    Answer {
        decided: None,
        status: response.status(),
        body: (method != "HEAD").then(|| response.text().to_owned()),
        headers: response.fields,
    }
}
