//! From bytes to text.

use retort::config::document::{self, Error, ErrorKind, MAX_SIZE};

use super::shape;

#[test]
fn one_document_in_every_encoding_is_one_tree() {
    let body = "<règle x='é\u{85}ÿ'>à côté\r\n</règle>";
    let declared = |encoding: &str| format!("<?xml version='1.0' encoding='{encoding}'?>{body}");
    let expected = shape(&document::parse(body).unwrap().root);
    for bytes in [
        body.as_bytes().to_vec(),
        declared("UTF-8").into_bytes(),
        declared("utf8").into_bytes(),
        [UTF_8, body.as_bytes()].concat(),
        [UTF_8, declared("utf-8").as_bytes()].concat(),
        utf_16(body, u16::to_le_bytes),
        utf_16(body, u16::to_be_bytes),
        utf_16(&declared("UTF-16"), u16::to_le_bytes),
        utf_16(&declared("utf-16"), u16::to_be_bytes),
        utf_16(&declared("UTF-16LE"), u16::to_le_bytes),
        latin_1(&declared("ISO-8859-1")),
        latin_1(&declared("iso_8859-1")),
        latin_1(&declared("Latin1")),
    ] {
        let text = document::decode(&bytes).unwrap();
        assert!(text.ends_with(body));
        assert_eq!(shape(&document::parse(&text).unwrap().root), expected);
    }
}

#[test]
fn characters_beyond_the_first_plane_survive_utf_16() {
    let text = "<a>\u{1F600}\u{10FFFF}</a>";
    assert_eq!(document::decode(&utf_16(text, u16::to_be_bytes)).as_deref(), Ok(text));
}

#[test]
fn bytes_of_another_encoding_are_shown_where_they_are() {
    let ascii = "<?xml version='1.0' encoding='US-ASCII'?><a>é</a>";
    let mut odd = utf_16("<a>é</a>", u16::to_le_bytes);
    odd.push(0);
    let mut unpaired = utf_16("<é>", u16::to_le_bytes);
    unpaired.extend([0x00, 0xD8, b'<', 0]);
    for (bytes, name, before) in [
        (b"<a>\xE9</a>".as_slice(), "UTF-8", "<a>"),
        (b"<a>\xC3\xA9\xED\xA0\x80</a>", "UTF-8", "<a>é"),
        (b"\xEF\xBB\xBF<a>\xC3", "UTF-8", "<a>"),
        (b"<a>\xC0\x80</a>", "UTF-8", "<a>"),
        (ascii.as_bytes(), "US-ASCII", "<?xml version='1.0' encoding='US-ASCII'?><a>"),
        (&odd, "UTF-16", "<a>é</a>"),
        (&unpaired, "UTF-16", "<é>"),
    ] {
        let Err(Error { kind, span }) = document::decode(bytes) else { panic!("{bytes:?} is decoded") };
        let shown = document::decode_lossy(bytes);
        assert_eq!(kind, ErrorKind::NotInEncoding(name));
        assert_eq!((&shown[..span.start], &shown[span]), (before, "\u{FFFD}"));
    }
}

#[test]
fn a_declaration_that_the_bytes_contradict_is_refused() {
    let declared = |encoding: &str| format!("<?xml version='1.0' encoding='{encoding}'?><a/>");
    let message = |bytes: &[u8]| {
        let Error { kind, span } = document::decode(bytes).unwrap_err();
        format!("{kind} [{}]", &document::decode_lossy(bytes)[span])
    };
    insta::assert_snapshot!(
        message(declared("UTF-16").as_bytes()),
        @"the encoding is declared as `UTF-16`, but the file is UTF-8 [UTF-16]"
    );
    insta::assert_snapshot!(
        message(&utf_16(&declared("utf-8"), u16::to_be_bytes)),
        @"the encoding is declared as `utf-8`, but the file is UTF-16 [utf-8]"
    );
    insta::assert_snapshot!(
        message(&utf_16(&declared("UTF-16BE"), u16::to_le_bytes)),
        @"the encoding is declared as `UTF-16BE`, but the file is UTF-16 [UTF-16BE]"
    );
    insta::assert_snapshot!(
        message(&[UTF_8, declared("ISO-8859-1").as_bytes()].concat()),
        @"the encoding is declared as `ISO-8859-1`, but the file is UTF-8 [ISO-8859-1]"
    );
    insta::assert_snapshot!(
        message(declared("windows-1252").as_bytes()),
        @"the encoding `windows-1252` is not read [windows-1252]"
    );
}

#[test]
fn utf_16_needs_its_mark() {
    let bytes = utf_16("<a/>", u16::to_le_bytes);
    let text = document::decode(&bytes[2..]).unwrap();
    let error = document::parse(&text).unwrap_err();
    assert_eq!((&error.kind, error.span), (&ErrorKind::ForbiddenCharacter('\0'), 1..2));
    assert!(error.kind.help().unwrap().contains("byte order mark"));
}

#[test]
fn only_one_mark_is_taken_off() {
    let text = document::decode(&[UTF_8, UTF_8, b"<a/>"].concat()).unwrap();
    assert_eq!(document::parse(&text).unwrap_err(), Error { kind: ErrorKind::OutsideRoot, span: 0..3 });
}

#[test]
fn the_size_is_bounded() {
    let mut bytes = vec![b' '; MAX_SIZE];
    assert!(document::decode(&bytes).is_ok());
    bytes.push(b' ');
    let error = document::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "the file is larger than 16 MiB");
    assert_eq!(document::decode_lossy(&bytes), "");
}

const UTF_8: &[u8] = b"\xEF\xBB\xBF";

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}
