//! Negotiation by Accept-Language: the lookup of RFC 4647 §3.4.

use proptest::prelude::*;
use retort::{
    exchange::Fields,
    language::{AcceptLanguage, Language},
};

/// Chooses among tags; an empty one is a message of no language.
fn choose(accept: &[&str], tags: &[&str]) -> Option<usize> {
    let lines: Vec<_> =
        accept.iter().map(|line| ("accept-language".to_owned(), line.as_bytes().to_vec())).collect();
    let tags: Vec<_> = tags.iter().map(|tag| Language::parse(tag)).collect();
    AcceptLanguage::new(Fields::Lines(&lines)).choose(tags.iter().map(Option::as_ref))
}

const TAGS: &[&str] = &["", "en", "de", "de-AT", "zh-Hant", "fr-CA"];

#[test]
fn lookup() {
    let cases: &[(&[&str], Option<usize>)] = &[
        (&[], None),
        (&[""], None),
        (&["*"], None),
        (&["de"], Some(2)),
        (&["DE-at"], Some(3)),
        // Cut subtag by subtag; never made longer.
        (&["de-CH"], Some(2)),
        (&["zh-Hant-CN-x-private1-private2"], Some(4)),
        (&["en-a-bbb-x-a-ccc"], Some(1)),
        (&["fr"], None),
        (&["fr-FR"], None),
        (&["zh-TW"], None),
        (&["dex, den-x-de"], None),
        // Quality, then position.
        (&["en, de"], Some(1)),
        (&["de, en"], Some(2)),
        (&["en;q=0.5, de;q=0.9"], Some(2)),
        (&["en;q=0.5", "de;q=0.5"], Some(1)),
        (&["da, en-GB;q=0.8, en;q=0.7"], Some(1)),
        // A range that only a fallback serves is asked before a lesser one that is served exactly.
        (&["de-CH, en;q=0.9"], Some(2)),
        (&["fr-FR, *;q=0.9, de;q=0.1"], Some(2)),
        // Refused.
        (&["de;q=0"], None),
        (&["de;q=0, en"], Some(1)),
        (&["de;q=0, de-CH"], None),
        (&["de;q=0, de-AT"], Some(3)),
        (&["de-AT;q=0, de"], Some(2)),
        (&["de-AT;q=0, de-AT-1996"], Some(2)),
        (&["*;q=0, de-CH"], Some(2)),
        (&["*;q=0"], None),
        (&["de;q=0, de;q=0.1"], Some(2)),
        // Malformed members take no others with them.
        (&["de;q=2, en"], Some(1)),
        (&["deutschland, d_e, 1de, de-*, -, de-, ,en;q=0.1"], Some(1)),
        (&[" \tde \t; q = 0.5 "], Some(2)),
        (&["de;x=\",en\";q=0.1, en;q=0.2"], Some(1)),
    ];
    for (accept, want) in cases {
        assert_eq!(choose(accept, TAGS), *want, "{accept:?}");
    }
}

#[test]
fn the_first_of_equal_tags() {
    assert_eq!(choose(&["de-AT"], &["de", "DE", "de"]), Some(0));
    assert_eq!(choose(&["de"], &["", ""]), None);
    assert_eq!(choose(&["i-klingon, x-private"], &["i", "x"]), None);
}

#[test]
fn a_list_without_end_is_cut() {
    let many = vec!["fr"; 8000].join(",");
    assert_eq!(choose(&[&many, "de"], TAGS), None);
    assert_eq!(choose(&["de", &many], TAGS), Some(2));
}

#[test]
fn nothing_is_allocated() {
    let lines = [("accept-language".to_owned(), b"fr-FR-x-a-b, de-CH;q=0.9, *;q=0.1".to_vec())];
    let tags = ["en", "de"].map(Language::parse);
    let choose = || AcceptLanguage::new(Fields::Lines(&lines)).choose(tags.iter().map(Option::as_ref));
    assert_eq!(allocation_counter::measure(|| assert_eq!(choose(), Some(1))).count_total, 0);
}

proptest! {
    #[test]
    fn a_tag_that_is_found_is_wanted(
        accept in prop::collection::vec((0usize..5, 0u16..=3), 1..6),
        tags in prop::sample::subsequence(vec!["", "aa", "aa-bb", "aa-bb-cc", "dd"], 0..=5),
    ) {
        const RANGES: [&str; 5] = ["aa", "aa-bb", "aa-bb-cc", "dd", "*"];
        let field: Vec<_> = accept.iter().map(|(range, q)| format!("{};q=0.{q}", RANGES[*range])).collect();
        let chosen = choose(&[&field.join(",")], &tags);
        // A range wants its prefixes; what is closest to a tag, and not longer, may refuse it.
        let wanted = |tag: &str| {
            let named = |range: &str, tag: &str| range == tag || range.starts_with(&format!("{tag}-"));
            let leads = accept.iter().filter(|(range, q)| *q > 0 && named(RANGES[*range], tag));
            let refusal = accept.iter().filter(|(range, _)| named(tag, RANGES[*range]));
            let refused = refusal.map(|(range, q)| (RANGES[*range].len(), *q)).max().is_some_and(|(_, q)| q == 0);
            leads.map(|(_, q)| *q).max().filter(|_| !tag.is_empty() && !refused)
        };
        let best = tags.iter().filter_map(|tag| wanted(tag)).max();
        prop_assert_eq!(chosen.and_then(|index| wanted(tags[index])).is_some(), best.is_some());
        // No lesser range is served where a better one could be.
        prop_assert_eq!(chosen.and_then(|index| wanted(tags[index])), best);
    }

    #[test]
    fn any_bytes_choose_a_tag_or_none(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
        let lines: Vec<_> = lines.into_iter().map(|line| ("Accept-Language".to_owned(), line)).collect();
        let tags = ["a", "b"].map(Language::parse);
        let chosen = AcceptLanguage::new(Fields::Lines(&lines)).choose(tags.iter().map(Option::as_ref));
        prop_assert!(chosen.is_none_or(|index| index < 2));
    }
}
