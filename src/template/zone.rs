//! The names of time zones, as `z` and `zzzz` of a time pattern print them.
//!
//! The tz database has abbreviations for some zones and long names for none, hence a table.

use std::{collections::HashMap, fmt, sync::LazyLock};

use chrono::{DateTime, Offset};
use chrono_tz::{OffsetComponents, Tz};

/// The names of a group of zones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    standard: Name,
    daylight: Name,
}

/// The two lengths of a name.
#[derive(Clone, Copy, Debug)]
struct Name {
    short: &'static str,
    long: &'static str,
}

/// No name is longer, in bytes.
pub(super) const MAX_NAME: usize = 72;

/// Every zone that has names.
static NAMES: LazyLock<HashMap<Tz, Names>> = LazyLock::new(|| {
    let lines = include_str!("zone/names.txt").lines().filter_map(line);
    lines.flat_map(|(names, zones)| zones.filter_map(move |zone| Some((zone.ok()?, names)))).collect()
});

/// Zones of Greenwich whose summer time is standard time in the tz database, and daylight time
/// elsewhere.
const STANDARD_IN_SUMMER: [Tz; 4] =
    [Tz::Europe__Dublin, Tz::Eire, Tz::Africa__Casablanca, Tz::Africa__El_Aaiun];

/// Reads the table, so that no request has to.
pub(super) fn load() {
    LazyLock::force(&NAMES);
}

/// Writes the name of the zone at this time; one that has none as Java does, `GMT+05:45`.
pub(super) fn write(time: &DateTime<Tz>, long: bool, out: &mut impl fmt::Write) -> fmt::Result {
    let Some(names) = NAMES.get(&time.timezone()) else {
        let minutes = time.offset().fix().local_minus_utc() / 60;
        let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
        return write!(out, "GMT{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    };
    let name = if is_daylight(time) { names.daylight } else { names.standard };
    out.write_str(if long { name.long } else { name.short })
}

fn is_daylight(time: &DateTime<Tz>) -> bool {
    if STANDARD_IN_SUMMER.contains(&time.timezone()) {
        return time.offset().fix().local_minus_utc() != 0;
    }
    !time.offset().dst_offset().is_zero()
}

/// One line of the table: the names, and the zones that have them.
fn line(
    line: &'static str,
) -> Option<(Names, impl Iterator<Item = Result<Tz, <Tz as std::str::FromStr>::Err>>)> {
    let mut cells = line.split('|');
    let [short, daylight_short, long, daylight_long, zones] = [(); 5].map(|()| cells.next());
    let names = Names {
        standard: Name { short: short?, long: long? },
        daylight: Name { short: daylight_short?, long: daylight_long? },
    };
    Some((names, zones?.split(' ').map(str::parse)))
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    fn name(zone: &str, month: u32) -> String {
        let time: DateTime<Utc> = format!("2026-{month:02}-15T12:00:00Z").parse().unwrap();
        let time = time.with_timezone(&zone.parse::<Tz>().unwrap());
        let mut out = String::new();
        write(&time, false, &mut out).unwrap();
        out.push(' ');
        write(&time, true, &mut out).unwrap();
        out
    }

    #[test]
    fn the_table_is_well_formed() {
        let mut zones = std::collections::HashSet::new();
        for text in include_str!("zone/names.txt").lines().filter(|line| !line.starts_with('#')) {
            let (names, members) = line(text).expect(text);
            for name in [names.standard, names.daylight] {
                assert!(!name.short.is_empty() && name.short.len() <= name.long.len());
                assert!(name.long.len() <= MAX_NAME && name.long.is_ascii(), "{text}");
            }
            for zone in members {
                assert!(zones.insert(zone.expect(text)), "{text}");
            }
        }
        assert_eq!(zones.len(), NAMES.len());
    }

    #[test]
    fn names_in_winter_and_summer() {
        for (zone, january, july) in [
            ("UTC", "UTC Coordinated Universal Time", "UTC Coordinated Universal Time"),
            ("America/Chicago", "CST Central Standard Time", "CDT Central Daylight Time"),
            ("Asia/Kolkata", "IST India Standard Time", "IST India Standard Time"),
            ("Europe/London", "GMT Greenwich Mean Time", "BST British Summer Time"),
            ("Europe/Berlin", "CET Central European Time", "CEST Central European Summer Time"),
            ("Europe/Dublin", "GMT Greenwich Mean Time", "IST Irish Summer Time"),
            ("America/Sao_Paulo", "BRT Brasilia Time", "BRT Brasilia Time"),
            ("Africa/Casablanca", "WEST Western European Summer Time", "WEST Western European Summer Time"),
            ("Africa/Windhoek", "CAT Central African Time", "CAT Central African Time"),
            ("Asia/Kathmandu", "NPT Nepal Time", "NPT Nepal Time"),
            ("Etc/GMT+5", "GMT-05:00 GMT-05:00", "GMT-05:00 GMT-05:00"),
        ] {
            assert_eq!((name(zone, 1), name(zone, 7)), (january.into(), july.into()), "{zone}");
        }
    }
}
