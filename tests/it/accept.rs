//! Negotiation by Accept: the rules of RFC 9110 §12.5.1 and the order that a choice among equals
//! follows.

use proptest::prelude::*;
use retort::{
    accept::{Accept, Negotiation, Offer},
    exchange::Fields,
    media::MediaType,
};

fn offers(list: &[&str]) -> Vec<Offer> {
    let offer = |text: &&str| match *text {
        "*/*" => Offer::Any,
        text => Offer::Type(MediaType::parse(text).unwrap()),
    };
    list.iter().map(offer).collect()
}

fn choose(accept: &[&str], list: &[&str], negotiation: Negotiation) -> Option<usize> {
    let lines: Vec<_> = accept.iter().map(|line| ("Accept".to_owned(), line.as_bytes().to_vec())).collect();
    Accept::new(Fields::Lines(&lines)).choose(&offers(list), negotiation)
}

const JXW: &[&str] = &["application/json", "application/xml", "*/*"];
const JX: &[&str] = &["application/json", "application/xml"];
const HP: &[&str] = &["text/html", "text/plain"];
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

#[test]
fn rfc_9110() {
    let cases: &[(&[&str], &[&str], Option<usize>)] = &[
        // Absent, empty, wholly malformed: anything.
        (&[], JX, Some(0)),
        (&[], JXW, Some(2)),
        (&[""], JX, Some(0)),
        (&["", " , ,"], JXW, Some(2)),
        (&[";", "json", "application/json;q=high"], JXW, Some(2)),
        (&["application/json;q=1.0000"], JX, Some(0)),
        (&["*"], JX, Some(0)),
        // Quality, then position in the field, whatever the order of the messages.
        (&["application/xml, application/json"], JX, Some(1)),
        (&["application/json;q=0.5, application/xml;q=0.9"], JX, Some(1)),
        (&["application/xml;q=0.5, application/json;q=0.5"], JX, Some(1)),
        (&["application/xml", "application/json"], JX, Some(1)),
        (&["text/html, application/json;q=0.1"], JXW, Some(0)),
        (&[BROWSER], JX, Some(1)),
        (&[BROWSER], &["application/json"], Some(0)),
        (&[BROWSER], &["application/json", "text/html"], Some(1)),
        // Wildcards of the client.
        (&["*/*"], JXW, Some(2)),
        (&["*/*"], JX, Some(0)),
        (&["text/*"], HP, Some(0)),
        (&["image/png, text/*;q=0.1"], HP, Some(0)),
        // The closest range decides over the quality of a type.
        (&["text/*, text/html;q=0.1"], HP, Some(1)),
        (&["*/*, text/html;q=0.1"], HP, Some(1)),
        (&["text/html;q=0.1, text/plain;q=0.2, */*"], HP, Some(1)),
        // Excluded.
        (&["text/html;q=0, */*"], HP, Some(1)),
        (&["text/html;q=0, text/*"], HP, Some(1)),
        (&["*/*;q=0"], HP, None),
        (&["text/html;q=0"], HP, None),
        (&["*/*;q=0, application/xml"], JX, Some(1)),
        (&["application/json;q=0.0"], JXW, Some(2)),
        // None fits: the catch-all answers, if there is one.
        (&["image/png"], JX, None),
        (&["image/png"], JXW, Some(2)),
        (&["*/*;q=0"], JXW, Some(2)),
        // Parameters.
        (&["application/json;charset=utf-8"], JX, Some(0)),
        (&["a/b;v=2"], &["a/b;v=1", "a/b;v=2"], Some(1)),
        (&["a/b;v=3"], &["a/b;v=1", "a/b;v=2"], None),
        (&["a/b"], &["a/b;v=1", "a/b;v=2"], Some(0)),
        (&["text/html;x=\"a,application/xml,b\", application/json"], JX, Some(0)),
        (&["application/json;x=\";q=0.1\", application/xml;q=0.5"], JX, Some(0)),
        // A parameter counts where the offer has one of its name.
        (&["a/b;x=1"], &["a/b;v=1", "a/b;v=2"], Some(0)),
        (&["a/b;x=1;v=2"], &["a/b;v=1", "a/b;v=2"], Some(1)),
        // The first q counts.
        (&["application/json;q=0.1;q=0.9, application/xml;q=0.5"], JX, Some(1)),
        (&["application/json; Q=0.1, application/xml;q=.2"], JX, Some(1)),
        // Case and blanks.
        (&["  APPLICATION/Xml \t;\tq = 0.5"], JX, Some(1)),
        // A member that is malformed does not take others with it.
        (&["application/xml;q=2, application/json;q=0.1"], JX, Some(0)),
        (&["\u{fffd}/x, application/xml"], JX, Some(1)),
    ];
    for (accept, list, want) in cases {
        assert_eq!(choose(accept, list, Negotiation::Rfc9110), *want, "{accept:?} among {list:?}");
    }
}

#[test]
fn problem_details_are_json() {
    const PROBLEM: &str = "application/problem+json";
    const JSON: &str = "application/json";
    let cases: &[(&[&str], &[&str], Option<usize>)] = &[
        (&[JSON], &["text/html", PROBLEM], Some(1)),
        (&[PROBLEM], &["text/html", JSON], Some(1)),
        (&["Application/JSON;q=0.1"], &[PROBLEM], Some(0)),
        (&["application/json, text/html"], &["text/html", PROBLEM, "*/*"], Some(1)),
        // Each stands for itself where both are there.
        (&[JSON], &[PROBLEM, JSON], Some(1)),
        (&[PROBLEM], &[JSON, PROBLEM], Some(1)),
        (&["application/json;v=1"], &[PROBLEM, "application/json;v=2"], Some(0)),
        // Weaker than its own name, stronger than a wildcard.
        (
            &["application/json, application/problem+json;q=0.1, text/html;q=0.5"],
            &[PROBLEM, "text/html"],
            Some(1),
        ),
        (&["application/json;q=0.1, application/*, text/html;q=0.5"], &[PROBLEM, "text/html"], Some(1)),
        // Refusing the one does not refuse the other.
        (&["application/json;q=0"], &[PROBLEM], None),
        (&["application/json;q=0, */*"], &[PROBLEM], Some(0)),
        (&["application/problem+json;q=0, application/json"], &[PROBLEM], None),
        (&["application/xml"], &["application/problem+xml"], None),
        (&["text/json"], &[PROBLEM], None),
    ];
    for (accept, list, want) in cases {
        assert_eq!(choose(accept, list, Negotiation::Rfc9110), *want, "{accept:?} among {list:?}");
    }
    assert_eq!(choose(&[JSON], &[PROBLEM], Negotiation::Exact), None);
}

#[test]
fn content_is_accepted_or_not() {
    let accepts = |accept: &[&str], content_type: &str| {
        let lines: Vec<_> =
            accept.iter().map(|line| ("accept".to_owned(), line.as_bytes().to_vec())).collect();
        Accept::new(Fields::Lines(&lines)).accepts(content_type.as_bytes())
    };
    let accepted: &[(&[&str], &str)] = &[
        (&[], "text/html"),
        (&["*/*"], "text/html"),
        (&["text/*;q=0.1"], "TEXT/HTML; charset=utf-8"),
        (&["image/png", "text/html"], "text/html ;charset=utf-8"),
        (&["text/html;charset=UTF-8"], "text/html; Charset=\"utf-8\""),
        (&["application/json;odata=verbose"], "application/json; charset=utf-8"),
        (&["application/json"], "application/problem+json"),
        (&["application/json;q=0, */*"], "application/problem+json"),
        (&["*/*;q=0, text/html"], "text/html"),
        // Unreadable.
        (&["image/png"], ""),
        (&["image/png"], "html"),
        (&["image/png"], "*/*"),
        (&["image/png"], "text/ht ml"),
    ];
    for (accept, content_type) in accepted {
        assert!(accepts(accept, content_type), "{content_type} by {accept:?}");
    }
    let refused: &[(&[&str], &str)] = &[
        (&["application/json"], "text/html; charset=utf-8"),
        (&["*/*, text/html;q=0"], "text/html"),
        (&["*/*, text/*;q=0"], "text/html"),
        (&["*/*;q=0"], "text/html"),
        (&["a/b;v=1"], "a/b;v=2"),
        (&["a/b, a/b;v=2;q=0"], "a/b;v=2"),
        (&["text/html;x=\"a,text/plain\""], "text/plain"),
    ];
    for (accept, content_type) in refused {
        assert!(!accepts(accept, content_type), "{content_type} by {accept:?}");
    }
}

#[test]
fn exact() {
    let cases: &[(&[&str], &[&str], Option<usize>)] = &[
        (&[], JX, None),
        (&[], JXW, Some(2)),
        (&["*/*"], JX, None),
        (&["application/*"], JX, None),
        (&["text/html, application/json;q=0.9"], JXW, Some(2)),
        (&["application/xml, application/json"], JX, Some(1)),
        (&["application/json;charset=utf-8"], JX, Some(0)),
        (&["application/json;q=0"], JX, Some(0)),
        (&["a/b;v=1"], &["a/b;v=1", "*/*"], Some(1)),
    ];
    for (accept, list, want) in cases {
        assert_eq!(choose(accept, list, Negotiation::Exact), *want, "{accept:?} among {list:?}");
    }
}

#[test]
fn a_list_without_end_is_cut() {
    let many = vec!["a/b"; 8000].join(",");
    assert_eq!(choose(&[&many, "application/xml"], JX, Negotiation::Rfc9110), None);
    assert_eq!(choose(&["application/xml", &many], JX, Negotiation::Rfc9110), Some(1));
    // More than is kept at hand, less than is read.
    let some = vec!["a/b"; 100].join(",");
    assert_eq!(choose(&[&some, "application/xml"], JX, Negotiation::Rfc9110), Some(1));
    let quoted = format!("a/b;x=\"{}", "\\\"".repeat(40_000));
    assert_eq!(choose(&[&quoted], JX, Negotiation::Rfc9110), None);
}

/// The definition, without regard to cost: every message has the quality of the closest range.
fn by_definition(accept: &[(usize, u16)], list: &[usize]) -> Option<u16> {
    const KINDS: [(&str, u8); 4] = [("*/*", 0), ("a/*", 1), ("a/b", 2), ("a/c", 2)];
    let quality = |message: usize| {
        let ranges = accept.iter().filter(|(range, _)| match KINDS[*range].0 {
            "*/*" | "a/*" => true,
            exact => exact == KINDS[message].0,
        });
        ranges.map(|(range, q)| (KINDS[*range].1, *q)).max().map(|(_, q)| q)
    };
    list.iter().filter_map(|&message| quality(message)).max().filter(|&q| q > 0)
}

proptest! {
    #[test]
    fn the_best_quality_is_chosen(
        accept in prop::collection::vec((0usize..4, 0u16..=4), 1..6),
        list in prop::sample::subsequence(vec![2usize, 3], 1..=2),
    ) {
        let names = ["*/*", "a/*", "a/b", "a/c"];
        let field: Vec<String> =
            accept.iter().map(|(range, q)| format!("{};q={}", names[*range], f64::from(*q) / 4.0)).collect();
        let offered: Vec<&str> = list.iter().map(|&message| names[message]).collect();
        let chosen = choose(&[&field.join(", ")], &offered, Negotiation::Rfc9110);
        let best = by_definition(&accept, &list);
        prop_assert_eq!(chosen.is_some(), best.is_some());
        if let (Some(chosen), Some(best)) = (chosen, best) {
            prop_assert_eq!(by_definition(&accept, &[list[chosen]]), Some(best));
        }
    }

    #[test]
    fn one_offer_is_accepted_as_content_is(
        accept in prop::collection::vec((0usize..6, 0u16..=4), 1..6),
        offered in 2usize..6,
    ) {
        let names = ["*/*", "application/*", "application/json", "application/problem+json", "a/b;v=1", "a/b"];
        let field: Vec<String> =
            accept.iter().map(|(range, q)| format!("{};q={}", names[*range], f64::from(*q) / 4.0)).collect();
        let field = field.join(", ");
        let lines = [("Accept".to_owned(), field.as_bytes().to_vec())];
        let accepts = Accept::new(Fields::Lines(&lines)).accepts(names[offered].as_bytes());
        prop_assert_eq!(choose(&[&field], &[names[offered]], Negotiation::Rfc9110).is_some(), accepts, "{}", field);
    }

    #[test]
    fn any_bytes_choose_something_or_nothing(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
        let lines: Vec<_> = lines.into_iter().map(|line| ("accept".to_owned(), line)).collect();
        let accept = Accept::new(Fields::Lines(&lines));
        prop_assert!(accept.choose(&offers(JXW), Negotiation::Rfc9110).is_some());
        prop_assert!(accept.choose(&offers(JXW), Negotiation::Exact).is_some());
    }
}
