//! Accept and Accept-Language of any bytes, a line of input for each field line: a choice among the
//! offers, or none, and never a panic.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use retort::{
    accept::{Accept, Negotiation, Offer},
    exchange::Fields,
    language::{AcceptLanguage, Language},
    media::MediaType,
};

static OFFERS: LazyLock<Vec<Offer>> = LazyLock::new(|| {
    let types = ["application/json", "application/problem+json", "text/html;level=1", "text/plain"];
    let types = types.iter().map(|text| Offer::Type(MediaType::parse(text).expect("a media type")));
    types.chain([Offer::Never, Offer::Any]).collect()
});

static LANGUAGES: LazyLock<Vec<Option<Language>>> =
    LazyLock::new(|| ["en", "de-CH", "zh-Hant-TW"].iter().map(|tag| Language::parse(tag)).chain([None]).collect());

fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<(String, Vec<u8>)> = bytes
        .split(|byte| *byte == b'\n')
        .flat_map(|line| ["accept", "accept-language"].map(|name| (name.to_owned(), line.to_vec())))
        .collect();
    let accept = Accept::new(Fields::Lines(&lines));
    assert!(accept.ranges().count() <= 256, "ranges without end");
    for negotiation in [Negotiation::Rfc9110, Negotiation::Exact] {
        for offers in [&OFFERS[..], &OFFERS[..4], &[]] {
            let chosen = accept.choose(offers, negotiation);
            assert!(chosen.is_none_or(|chosen| chosen < offers.len()));
            assert!(chosen.is_some() || !offers.contains(&Offer::Any), "`*/*` answers every request");
            assert!(chosen.is_none_or(|chosen| offers[chosen] != Offer::Never));
        }
    }
    accept.accepts(bytes);
    let chosen = AcceptLanguage::new(Fields::Lines(&lines)).choose(LANGUAGES.iter().map(Option::as_ref));
    assert!(chosen.is_none_or(|chosen| chosen < LANGUAGES.len()));
});
