//! The content of a response, as text.

use proptest::{collection::vec, prelude::*, sample::select};
use retort::exchange::{Content, Fields, content::MAX_CONTENT};

use crate::support::coding::{BROTLI, JSON, deflate, gzip, zlib, zstd};

/// 100 MiB of zeros.
const BROTLI_BOMB: &[u8] = include_bytes!("../data/zeros.br");

fn content(content_type: &str, coding: &str, held: &[u8]) -> Content {
    let lines = [("Content-Type", content_type), ("content-encoding", coding)];
    let lines = lines.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    Content::new(Fields::Lines(&lines), held, false)
}

fn coded(coding: &str, held: &[u8]) -> Content {
    content("text/plain", coding, held)
}

fn plain(content_type: &str, held: &[u8]) -> Content {
    content(content_type, "", held)
}

fn seen(content: &Content) -> (&str, bool) {
    (content.text(), content.is_cut())
}

#[test]
fn codings_are_undone() {
    let bytes = JSON.as_bytes();
    let cases = [
        ("", bytes.to_vec()),
        ("identity", bytes.to_vec()),
        ("gzip", gzip(bytes)),
        ("X-Gzip", gzip(bytes)),
        ("gzip", [gzip(b"{\"error\":{"), gzip(b"\"message\":\"no luck\"}}")].concat()),
        ("deflate", zlib(bytes)),
        ("deflate", deflate(bytes)),
        ("br", BROTLI.to_vec()),
        ("zstd", zstd(bytes)),
        ("zstd", [zstd(b"{\"error\":{"), zstd(b"\"message\":\"no luck\"}}")].concat()),
        ("deflate, gzip,zstd", zstd(&gzip(&zlib(bytes)))),
    ];
    for (coding, held) in cases {
        let content = coded(coding, &held);
        assert_eq!(seen(&content), (JSON, false), "{coding}");
        assert_eq!(content.json().unwrap()["error"]["message"], "no luck", "{coding}");
    }
}

#[test]
fn no_content_is_none_in_any_coding() {
    for coding in ["gzip", "br", "x-unknown"] {
        assert_eq!(seen(&coded(coding, b"")), ("", false));
    }
    assert_eq!(seen(&Content::default()), ("", false));
}

#[test]
fn what_is_not_known_has_no_text() {
    for coding in ["compress", "gzip, x", "x, gzip"] {
        assert_eq!(seen(&coded(coding, &gzip(b"{}"))), ("", true), "{coding}");
    }
    assert_eq!(seen(&plain("text/plain; charset=utf-16", b"{}")), ("", true));
    assert!(plain("text/plain; charset=utf-16", b"{}").json().is_none());
}

#[test]
fn what_breaks_off_is_read_as_far_as_it_goes() {
    let text: String = (0..2000).map(|number| format!("{number} ")).collect();
    for (coding, held) in [
        ("gzip", gzip(text.as_bytes())),
        ("deflate", zlib(text.as_bytes())),
        ("deflate", deflate(text.as_bytes())),
        ("zstd", zstd(text.as_bytes())),
        ("", text.clone().into_bytes()),
    ] {
        let half = held.get(..held.len() / 2).unwrap();
        let lines = [("Content-Encoding".to_owned(), coding.as_bytes().to_vec())];
        let content = Content::new(Fields::Lines(&lines), half, true);
        assert!(content.is_cut() && text.starts_with(content.text()), "{coding}");
        // A block of zstd is all or nothing.
        assert!(content.text().len() > 1000 || coding == "zstd", "{coding}: {}", content.text().len());
        assert!(coding.is_empty() || coded(coding, half).is_cut(), "{coding} tells itself");
        assert!(coded(coding, half).json().is_none(), "{coding}");
    }
    let half = coded("br", &BROTLI[..BROTLI.len() / 2]);
    assert!(half.is_cut() && JSON.starts_with(half.text()));
}

#[test]
fn what_goes_on_after_its_end_is_not_whole() {
    let content = coded("gzip", &[gzip(b"{}"), b"more".to_vec()].concat());
    assert_eq!((content.text(), content.is_cut(), content.json()), ("{}", true, None));
}

#[test]
fn a_bomb_is_a_text_that_was_cut() {
    let zeros = vec![0; 4 << 20];
    let bombs = [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("deflate", deflate(&zeros)),
        ("zstd", zstd(&zeros)),
        ("br", BROTLI_BOMB.to_vec()),
        ("gzip, gzip, zstd", zstd(&gzip(&gzip(&zeros)))),
    ];
    for (coding, held) in bombs {
        let content = coded(coding, &held);
        assert!(content.is_cut(), "{coding}");
        assert!(
            content.text().len() <= MAX_CONTENT && content.text().bytes().all(|byte| byte == 0),
            "{coding}"
        );
        assert!(content.text().len() > MAX_CONTENT / 2 || coding.contains(','), "{coding}");
    }
}

#[test]
fn a_cut_is_between_characters() {
    let text = format!("x{}", "ä€𝄞".repeat(MAX_CONTENT / 9 + 1));
    for (coding, held) in [("", text.clone().into_bytes()), ("gzip", gzip(text.as_bytes()))] {
        let content = coded(coding, &held);
        assert!(content.is_cut() && text.starts_with(content.text()));
        assert!(MAX_CONTENT - content.text().len() < 4);
    }
    let whole = "x".repeat(MAX_CONTENT);
    assert_eq!(seen(&coded("", whole.as_bytes())), (&*whole, false), "the limit is not beyond the limit");
}

#[test]
fn charsets() {
    assert_eq!(plain("text/plain", "ä".as_bytes()).text(), "ä");
    assert_eq!(plain("text/plain", b"\xef\xbb\xbf{}").text(), "{}", "a mark is no text");
    assert_eq!(seen(&plain("text/plain", b"a\xe4b\xe2\x82")), ("a\u{fffd}b\u{fffd}", false));
    assert_eq!(plain("text/plain; charset=iso-8859-1", b"\xe4\x80\x81").text(), "ä€\u{81}");
    assert_eq!(plain("text/plain; charset=us-ascii", b"a\xff").text(), "aÿ");
    let many = plain("text/plain; charset=latin1", &[0xe4; MAX_CONTENT]);
    assert_eq!(seen(&many), (&*"ä".repeat(MAX_CONTENT / 2), true));
}

#[test]
fn json_is_whole_or_none() {
    assert!(plain("text/plain", b" [1] ").json().is_some(), "whatever its type");
    assert!(plain("text/plain", b"[1").json().is_none());
    assert!(plain("text/plain", "[".repeat(10_000).as_bytes()).json().is_none());
    assert!(Content::new(Fields::Lines(&[]), b"[1]", true).json().is_none());
}

proptest! {
    #[test]
    fn nothing_harms(
        codings in vec(select(vec!["gzip", "x-gzip", "deflate", "br", "zstd", "identity", "x"]), 0..5),
        charset in select(vec!["", "utf-8", "latin1", "utf-7"]),
        magic in select(vec![&b""[..], b"\x1f\x8b\x08\0\0\0\0\0\0\x03", b"\x78\x9c", b"\x28\xb5\x2f\xfd", b"\x1b"]),
        bytes in vec(any::<u8>(), 0..2000),
        is_cut: bool,
    ) {
        let lines = [
            ("Content-Type".to_owned(), format!("text/plain; charset={charset}").into_bytes()),
            ("Content-Encoding".to_owned(), codings.join(",").into_bytes()),
        ];
        let content = Content::new(Fields::Lines(&lines), &[magic, &bytes].concat(), is_cut);
        prop_assert!(content.text().len() <= MAX_CONTENT);
        prop_assert!(!is_cut || content.is_cut());
        prop_assert!(!content.is_cut() || content.json().is_none());
    }

    /// A coding that is right but for some bytes gets further into a decoder than one that is not.
    #[test]
    fn nothing_broken_harms(
        text in "[a-z ]{0,3000}",
        coding in select(vec!["gzip", "deflate", "raw", "zstd", "br"]),
        errors in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let (name, mut held) = match coding {
            "gzip" => ("gzip", gzip(text.as_bytes())),
            "deflate" => ("deflate", zlib(text.as_bytes())),
            "raw" => ("deflate", deflate(text.as_bytes())),
            "zstd" => ("zstd", zstd(text.as_bytes())),
            _ => ("br", BROTLI_BOMB.to_vec()),
        };
        for (at, byte) in errors {
            let at = at.index(held.len());
            held[at] = byte;
        }
        held.truncate(cut.index(held.len()) + 1);
        let content = coded(name, &held);
        prop_assert!(content.text().len() <= MAX_CONTENT);
        prop_assert!(!content.is_cut() || content.json().is_none());
    }
}
