//! Replies over time, as bars.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::words;
use crate::host::admin::view::{History, Slot, View};

/// The height of the drawing.
const HEIGHT: f64 = 100.0;
/// The width of a bar and the gap after it.
const PITCH: usize = 10;

/// The bars, what they mean, and the same as a table.
pub(super) fn chart(view: &View) -> Markup {
    let History { span, slots } = &view.history;
    let zone = view.server.timezone;
    let most = slots.iter().map(Slot::height).max().unwrap_or_default();
    let total = slots.iter().fold(Slot::default(), |sum, slot| sum.and(slot));
    // The last span ends now, or soon.
    let start = |index: usize| -> DateTime<Utc> {
        view.now - *span * i32::try_from(slots.len() - index).unwrap_or(i32::MAX).saturating_sub(1)
    };
    let whole = words::length(*span * i32::try_from(slots.len()).unwrap_or(i32::MAX));
    let summary = format!(
        "In the last {whole}: {} replaced, {} of 5xx and {} of 4xx kept as they came, {} others. At most {} replaced or failed in {}.",
        total.replaced,
        total.server_errors,
        total.client_errors,
        total.others,
        most,
        words::length(*span),
    );
    html! {
        section.chart aria-labelledby="replies" {
            h2 #replies { "Replies over the last " (whole) }
            ul.legend {
                li.replaced { b { (words::number(total.replaced)) } " replaced" }
                li.server { b { (words::number(total.server_errors)) } " 5xx kept" }
                li.client { b { (words::number(total.client_errors)) } " 4xx kept" }
                li.others { b { (words::number(total.others)) } @if total.others == 1 { " other" } @else { " others" } }
            }
            div.plot {
                span.most aria-hidden="true" { (words::number(most)) }
                svg viewBox={ "0 0 " (slots.len().max(1) * PITCH) " " (HEIGHT) } preserveAspectRatio="none"
                    role="img" aria-labelledby="chart-title chart-description" {
                    title #chart-title { "Replies over time" }
                    desc #chart-description { (summary) }
                    @for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.height() > 0) {
                        g { title { (slot.words(&words::minute(start(index), zone))) } (bars(index, slot, most)) }
                    }
                }
                div.times aria-hidden="true" {
                    @if !slots.is_empty() {
                        span { (words::minute(start(0), zone)) }
                        span { (words::minute(start(slots.len() / 2), zone)) }
                    }
                    span { "now" }
                }
            }
            @if most > 0 {
                details {
                    summary { "As a table" }
                    table {
                        thead { tr { th scope="col" { "From" } th.number scope="col" { "Replaced" } th.number scope="col" { "5xx kept" }
                            th.number scope="col" { "4xx kept" } th.number scope="col" { "Others" } } }
                        tbody {
                            @for (index, slot) in slots.iter().enumerate().rev().filter(|(_, slot)| slot.height() > 0) {
                                tr {
                                    th scope="row" { (words::minute(start(index), zone)) }
                                    td.number { (words::number(slot.replaced)) }
                                    td.number { (words::number(slot.server_errors)) }
                                    td.number { (words::number(slot.client_errors)) }
                                    td.number { (words::number(slot.others)) }
                                }
                            }
                        }
                    }
                }
            } @else {
                p.quiet { "No errors and nothing replaced." }
            }
        }
    }
}

/// The parts of one bar, from the ground up.
fn bars(index: usize, slot: &Slot, most: u64) -> Markup {
    let parts = [("replaced", slot.replaced), ("server", slot.server_errors), ("client", slot.client_errors)];
    let scale = |count: u64| count as f64 * HEIGHT / most.max(1) as f64;
    let mut below = 0;
    html! {
        @for (class, count) in parts.into_iter().filter(|(_, count)| *count > 0) {
            @let y = HEIGHT - scale({ below += count; below });
            rect class=(class) x=(index * PITCH + 1) width=(PITCH - 2) y={ (format!("{y:.2}")) }
                height={ (format!("{:.2}", scale(count))) } {}
        }
    }
}

impl Slot {
    /// What is drawn of it: most responses are neither errors nor replaced, and would dwarf those.
    fn height(&self) -> u64 {
        self.replaced + self.client_errors + self.server_errors
    }

    fn and(self, other: &Self) -> Self {
        Self {
            replaced: self.replaced + other.replaced,
            client_errors: self.client_errors + other.client_errors,
            server_errors: self.server_errors + other.server_errors,
            others: self.others + other.others,
        }
    }

    fn words(&self, from: &str) -> String {
        let Self { replaced, client_errors, server_errors, others } = self;
        format!(
            "{from}: {replaced} replaced, {server_errors} of 5xx kept, {client_errors} of 4xx kept, {others} others"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_each_other() {
        let slot = Slot { replaced: 2, client_errors: 1, server_errors: 1, others: 70 };
        let drawn = bars(3, &slot, 4).into_string();
        assert_eq!(drawn.matches("<rect").count(), 3);
        for place in
            [r#"y="50.00" height="50.00""#, r#"y="25.00" height="25.00""#, r#"y="0.00" height="25.00""#]
        {
            assert!(drawn.contains(place), "{place} in {drawn}");
        }
        assert_eq!(bars(0, &Slot { others: 3, ..Slot::default() }, 0).into_string(), "");
    }
}
