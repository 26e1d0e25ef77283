//! The state as JSON.

use serde_json::Value;

use super::{EMPTY, Watched};
use crate::support::{Upstream, until};

#[test]
fn the_state_tells_where_everything_is() {
    let upstream = Upstream::answering(EMPTY);
    let watched = Watched::start(&upstream);
    until("it is ready", || watched.get("/readyz").status() == 200);
    let answer = watched.get("/status");
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
    let status: Value = serde_json::from_str(answer.text()).unwrap();
    assert_eq!((&status["version"], &status["role"]), (&env!("CARGO_PKG_VERSION").into(), &"proxy".into()));
    assert_eq!((&status["ready"], &status["readiness"]), (&true.into(), &"ready".into()));
    let listener = &status["listeners"][0];
    let address = watched.proxy.address().to_string();
    assert_eq!((&listener["address"], &listener["tls"]), (&address.into(), &false.into()));
    let told = &status["upstreams"][0];
    let address = upstream.address().to_string();
    assert_eq!((&told["name"], &told["address"]), (&format!("http://{address}").into(), &address.into()));
    assert_eq!(
        (&told["healthy"], &told["failures"], &told["ejections"]),
        (&true.into(), &0.into(), &0.into())
    );
    assert_eq!((&status["rules"]["generation"], &status["rules"]["rules"]), (&1.into(), &2.into()));
    assert_eq!(status["limits"]["h2_streams"], 100);
    assert_eq!(status["limits_reached"]["connections"], 0);
    for time in [&status["started"], &told["since"]] {
        assert!(chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).is_ok());
    }
}
