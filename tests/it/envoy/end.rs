//! A processor that goes away, and comes back.

use crate::support::{Client, Envoy, Processor, Response, Upstream, free_address, rules, until};

const ALWAYS: &str = r#"<status-code id="always" code-regex="503" overwrite="ALWAYS">
    <message>message</message></status-code>"#;

fn get(client: &mut Client, upstream: &Upstream) -> Response {
    client.get("/", &format!("X-Upstream: {}\r\n", upstream.address()))
}

#[test]
fn without_it_responses_pass_and_with_it_they_are_answered_again() {
    let Some(binary) = Envoy::binary() else { return };
    let endpoint = free_address();
    let start = || {
        let listen = vec![endpoint.to_string().parse().unwrap()];
        Processor::with(rules(ALWAYS), |options| options.listen = listen)
    };
    let processor = start();
    let envoy = Envoy::start(&binary, &processor.endpoint());
    let upstream = Upstream::answering("HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nhello");
    let mut client = envoy.connect();
    assert_eq!(get(&mut client, &upstream).text(), "message");

    processor.handle().stop();
    assert_eq!(processor.join().cut, 0);
    for _ in 0..20 {
        assert_eq!(get(&mut client, &upstream).text(), "hello");
    }

    let processor = start();
    until("an answer", || get(&mut client, &upstream).text() == "message");
    processor.handle().stop_now();
    processor.join();
    assert_eq!(get(&mut client, &upstream).text(), "hello");
}
