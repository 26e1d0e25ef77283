//! Reads blocks of HTTP/2 fields (RFC 7541), for a peer that was told to keep no dynamic table.

use std::{collections::HashMap, sync::LazyLock};

/// The names of the static table in order, and what stands with those that come with a value.
const STATIC: &str = ":authority :method=GET :method=POST :path=/ :path=/index.html :scheme=http :scheme=https \
    :status=200 :status=204 :status=206 :status=304 :status=400 :status=404 :status=500 accept-charset \
    accept-encoding=gzip,_deflate accept-language accept-ranges accept access-control-allow-origin age allow \
    authorization cache-control content-disposition content-encoding content-language content-length \
    content-location content-range content-type cookie date etag expect expires from host if-match \
    if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards \
    proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie \
    strict-transport-security transfer-encoding user-agent vary via www-authenticate";

/// The lengths of the Huffman codes of printable ASCII; 0 for the one that is too rare to matter.
const LENGTHS: [u8; 95] = [
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 0, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
];

/// Codes by their length and value. Those of one length are in the order of what they stand for.
static CODES: LazyLock<HashMap<(u8, u32), char>> = LazyLock::new(|| {
    let printable = (b' '..).zip(LENGTHS).filter(|(_, length)| *length > 0);
    let mut symbols: Vec<(u8, u8)> = printable.map(|(symbol, length)| (length, symbol)).collect();
    symbols.push((13, 0));
    symbols.sort_unstable();
    let (mut code, mut before) = (0, 0);
    let numbered = symbols.into_iter().map(|(length, symbol)| {
        code <<= length - before;
        before = length;
        code += 1;
        ((length, code - 1), char::from(symbol))
    });
    numbered.collect()
});

/// The fields of a block, in order.
pub(crate) fn decode(block: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader { rest: block };
    let mut fields = Vec::new();
    while let Some(&first) = reader.rest.first() {
        match first {
            0x80.. => fields.push(indexed(reader.number(7))),
            0x40.. => fields.push(reader.literal(6)),
            // The table has another size.
            0x20.. => _ = reader.number(5),
            _ => fields.push(reader.literal(4)),
        }
    }
    fields
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn literal(&mut self, bits: u32) -> (String, String) {
        let name = match self.number(bits) {
            0 => self.text(),
            index => indexed(index).0,
        };
        (name, self.text())
    }

    fn number(&mut self, bits: u32) -> usize {
        let most = (1 << bits) - 1;
        let mut number = usize::from(self.byte()) & most;
        if number == most {
            for shift in (0..).step_by(7) {
                let byte = usize::from(self.byte());
                number += (byte & 0x7f) << shift;
                if byte < 0x80 {
                    break;
                }
            }
        }
        number
    }

    fn text(&mut self) -> String {
        let is_coded = self.rest[0] & 0x80 != 0;
        let length = self.number(7);
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        if is_coded { unpacked(text) } else { String::from_utf8(text.to_vec()).unwrap() }
    }

    fn byte(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().unwrap();
        self.rest = rest;
        *first
    }
}

fn indexed(index: usize) -> (String, String) {
    let entry = STATIC.split_whitespace().nth(index - 1).expect("an index of the static table");
    let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
    (name.to_owned(), value.replace('_', " "))
}

fn unpacked(packed: &[u8]) -> String {
    let bits = packed.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1)));
    let (mut text, mut length, mut code) = (String::new(), 0, 0);
    for bit in bits {
        (length, code) = (length + 1, code << 1 | bit);
        if let Some(&symbol) = CODES.get(&(length, code)) {
            text.push(symbol);
            (length, code) = (0, 0);
        }
    }
    assert!(length < 8 && code + 1 == 1 << length, "padding of ones in {text:?}");
    text
}

#[test]
fn an_example_of_the_rfc() {
    // RFC 7541, appendix C.6.1.
    let block =
        b"\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\
        \x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff\x6e\x91\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\
        \xae\x82\xae\x43\xd3";
    let expected = [
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ];
    assert_eq!(decode(block), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}
