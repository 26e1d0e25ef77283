//! The reverse proxy over real sockets.

mod amended;
mod bounds;
mod connections;
mod content;
mod debug_header;
mod failures;
mod faults;
mod forwarding;
mod grpc;
mod h2c;
mod held;
mod life;
mod lifecycle;
mod log;
mod memory;
mod meta;
mod refusals;
mod replaced;
mod tls;
mod trace;
mod trusted;
mod untouched;
mod upstreams;

/// Errors without content get a message, in JSON or text.
const IF_EMPTY: &str = r#"
  <status-code id="empty" code-regex="[45]\d\d">
    <message media-type="application/json" content-type="application/problem+json">{"status":%s}</message>
    <message media-type="*/*">status %s</message>
  </status-code>"#;

/// Everything gets a message, if the rules had their way.
const ALWAYS: &str = r#"
  <status-code id="always" code-regex="\d\d\d" overwrite="ALWAYS">
    <message>status %s</message>
  </status-code>"#;

/// The length of what was replaced.
const LENGTH: &str = r#"
  <status-code id="length" code-regex="500" overwrite="ALWAYS"><message>%B bytes</message></status-code>"#;
