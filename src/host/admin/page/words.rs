//! Numbers and times as people read them.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};

/// A number in groups of three digits, which no line break parts.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `1 rule`, `2 rules`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", number(count), if count == 1 { "" } else { "s" })
}

/// `12 s`, `3 min`, `4 h`, `5 d`.
pub(super) fn length(of: TimeDelta) -> String {
    match of.num_seconds().max(0) {
        seconds @ 0..=99 => format!("{seconds} s"),
        seconds @ 100..=5_999 => format!("{} min", seconds / 60),
        seconds @ 6_000..=172_799 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// `3 min ago`, and on which day and second that was for whoever points at it.
pub(super) fn ago(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> Markup {
    let text = match now.signed_duration_since(at) {
        passed if passed < TimeDelta::seconds(2) => "just now".to_owned(),
        passed => format!("{} ago", length(passed)),
    };
    html! { (time(at, zone, &text)) }
}

/// The time of day to the second.
pub(super) fn clock(at: DateTime<Utc>, zone: Tz) -> Markup {
    time(at, zone, &at.with_timezone(&zone).format("%H:%M:%S").to_string())
}

/// The time of day to the minute.
pub(super) fn minute(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M").to_string()
}

fn time(at: DateTime<Utc>, zone: Tz, text: &str) -> Markup {
    let local = at.with_timezone(&zone);
    html! {
        time datetime=(at.format("%Y-%m-%dT%H:%M:%SZ")) title=(local.format("%Y-%m-%d %H:%M:%S %Z")) { (text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let plain = |n| number(n).replace('\u{202f}', " ");
        assert_eq!([0, 999, 1000, 1_234_567].map(plain), ["0", "999", "1 000", "1 234 567"]);
        assert_eq!(counted(1, "rule"), "1 rule");
        assert_eq!(counted(0, "rule"), "0 rules");
    }

    #[test]
    fn lengths_have_one_unit() {
        let told = [-5, 0, 99, 100, 5_999, 6_000, 172_799, 172_800].map(|s| length(TimeDelta::seconds(s)));
        assert_eq!(told, ["0 s", "0 s", "99 s", "1 min", "99 min", "1 h", "47 h", "2 d"]);
    }
}
