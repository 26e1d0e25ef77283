//! The zone in which local times are written.

use std::env;

use chrono_tz::Tz;

/// The zone of the process: that of `TZ`, else that of the system, else UTC.
pub fn local() -> Tz {
    let system = || named(&iana_time_zone::get_timezone().ok()?);
    env::var("TZ").ok().and_then(|name| named(&name)).or_else(system).unwrap_or(Tz::UTC)
}

/// A zone by its IANA name; `TZ` may put a colon, or the path of the database, before it.
fn named(name: &str) -> Option<Tz> {
    let name = name.strip_prefix(':').unwrap_or(name);
    let name = name.split_once("zoneinfo/").map_or(name, |(_, name)| name);
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_path() {
        assert_eq!(named("Europe/Berlin"), Some(Tz::Europe__Berlin));
        assert_eq!(named(":America/Chicago"), Some(Tz::America__Chicago));
        assert_eq!(named("/usr/share/zoneinfo/UTC"), Some(Tz::UTC));
        assert_eq!(named("CET-1CEST"), None);
    }
}
