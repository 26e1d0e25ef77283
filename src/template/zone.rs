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

/// Zones whose summer time is standard time in the tz database, and daylight time elsewhere.
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
    let saved = time.offset().dst_offset();
    if STANDARD_IN_SUMMER.contains(&time.timezone()) {
        return saved.is_zero();
    }
    !saved.is_zero()
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
