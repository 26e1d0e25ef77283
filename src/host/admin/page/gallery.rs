//! Every message as its client would see it.

use maud::{Markup, html};

use super::{
    MESSAGE, MESSAGES, encoded, highlight,
    shell::{self, Place},
    words,
};
use crate::{
    explain::{self, Told, sample::Sample},
    host::admin::view::View,
    rules::StatusRule,
};

/// So many messages are shown at once; the others, rule by rule.
const SHOWN: usize = 120;

/// Messages that look alike.
struct Group {
    /// Their positions in the rule.
    indices: Vec<usize>,
    sample: Sample,
}

/// The document: all rules, or the one with this id.
pub(super) fn page(view: &View, only: Option<&str>) -> Markup {
    let rules = &view.snapshot.rules;
    let wanted = |rule: &&StatusRule| only.is_none_or(|only| &**rule.id() == only);
    let mut room = SHOWN;
    let shown: Vec<_> = rules
        .iter()
        .filter(wanted)
        .take_while(|rule| {
            let fits = room > 0;
            room = room.saturating_sub(rule.messages().len().max(1));
            fits
        })
        .collect();
    let left = rules.iter().filter(wanted).count() - shown.len();
    let content = html! {
        h1 { "Messages" }
        p.note {
            "Each message as its client would see it, for a made-up request. "
            @if let Some(only) = only { "Those of " b { (only) } ". " a href=(MESSAGES) { "Show all" } }
            @else if rules.message_count() == 0 { "There are none." }
        }
        @if only.is_none() && rules.iter().len() > 1 {
            nav aria-label="Rules" {
                ul.index {
                    @for rule in rules.iter().take(SHOWN) {
                        li { a href={ (MESSAGES) "?rule=" (encoded(rule.id())) } { (rule.id()) } }
                    }
                }
            }
        }
        @if only.is_some() && shown.is_empty() { p { "There is no such rule, or no longer." } }
        @for rule in shown { (section(rule, view)) }
        @if left > 0 { p { (words::counted(left as u64, "rule")) " more, each by itself: the list above." } }
    };
    shell::document(view, Place::Messages, &content)
}

/// The HTML of a message, for a frame.
pub(super) fn framed(view: &View, id: &str, index: usize) -> Option<String> {
    let rule = view.snapshot.rules.iter().find(|rule| &**rule.id() == id)?;
    Some(Sample::of(rule, index, view.now, &view.server)?.body)
}

fn section(rule: &StatusRule, view: &View) -> Markup {
    let groups = groups(rule, view);
    html! {
        section.messages aria-label={ "Rule " (rule.id()) } {
            header {
                h2 { (rule.id()) }
                p { b { (rule.statuses()) } " " (explain::overwrite(rule.overwrite())) }
            }
            @if groups.is_empty() { p.quiet { "It has no message: it acts on the header alone." } }
            div.cards { @for group in &groups { (card(rule, group)) } }
        }
    }
}

/// The messages of a rule; those that come out the same are shown once.
fn groups(rule: &StatusRule, view: &View) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for index in 0..rule.messages().len() {
        let Some(sample) = Sample::of(rule, index, view.now, &view.server) else { continue };
        match groups.iter_mut().find(|group| group.sample.is_like(&sample)) {
            Some(group) => group.indices.push(index),
            None => groups.push(Group { indices: vec![index], sample }),
        }
    }
    groups
}

fn card(rule: &StatusRule, Group { indices, sample }: &Group) -> Markup {
    let first = indices.first().copied().unwrap_or_default();
    let language = rule.messages().get(first).and_then(|message| message.language.as_ref());
    let is_html = sample.content_type.to_ascii_lowercase().starts_with("text/html");
    let name = format!("Message {first} of {}", rule.id());
    html! {
        article.card.page[is_html] aria-label=(name) {
            header {
                h3 { (sample.content_type) }
                p {
                    "for "
                    @for (place, index) in indices.iter().enumerate() {
                        @if place > 0 { ", " }
                        span.media { (offered(rule, *index)) }
                    }
                    @if let Some(language) = language { " in " span.media { (language) } }
                }
            }
            @if is_html {
                iframe src={ (MESSAGE) "?rule=" (encoded(rule.id())) "&message=" (first) } title=(name)
                    sandbox="" loading="lazy" referrerpolicy="no-referrer" {}
            } @else {
                pre tabindex="0" role="region" aria-label=(name) { (highlight::text(&sample.content_type, &sample.body)) }
            }
            details {
                summary { (sample.response.status_line) }
                (fields(&sample.response))
            }
        }
    }
}

/// The header of a response.
pub(super) fn fields(told: &Told) -> Markup {
    html! {
        dl.fields {
            @for (name, value) in &told.headers { div { dt { (name) ":" } " " dd { (value) } } }
        }
    }
}

fn offered(rule: &StatusRule, index: usize) -> String {
    rule.offers().get(index).map_or_else(String::new, explain::media_type)
}

impl Sample {
    /// Whether a client sees the same, whatever it asked for.
    fn is_like(&self, other: &Self) -> bool {
        self.content_type == other.content_type && self.body == other.body && self.response == other.response
    }
}
