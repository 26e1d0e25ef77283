//! Ways to damage a document.

use proptest::{prelude::*, sample::Index};

use super::SEEDS;

/// A way to damage a document.
#[derive(Clone, Debug)]
pub(super) enum Mutation {
    Flip(Index, u8),
    Delete(Index, usize),
    Insert(Index, &'static str),
    Duplicate(Index, usize, Index),
    Splice(Index, Index, usize, Index),
}

impl Mutation {
    /// Damages a document.
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |index: &Index, bytes: &[u8]| index.index(bytes.len() + 1);
        match self {
            Self::Flip(at, bit) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Self::Flip(..) => {}
            Self::Delete(at, length) => {
                let at = place(at, bytes);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Self::Insert(at, text) => {
                let at = place(at, bytes);
                bytes.splice(at..at, text.bytes());
            }
            Self::Duplicate(from, length, to) => {
                let from = place(from, bytes);
                let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
                let to = place(to, bytes);
                bytes.splice(to..to, piece);
            }
            Self::Splice(seed, from, length, to) => {
                let other = seed.get(&SEEDS).as_bytes();
                let from = place(from, other);
                let piece = other[from..(from + length).min(other.len())].to_vec();
                let to = place(to, bytes);
                bytes.splice(to..to, piece);
            }
        }
    }
}

/// Any damage.
pub(super) fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 0..8u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (index(), 1..12usize).prop_map(|(at, length)| Mutation::Delete(at, length)),
        (index(), prop::sample::select(INSERTIONS)).prop_map(|(at, text)| Mutation::Insert(at, text)),
        (index(), 1..40usize, index()).prop_map(|(from, length, to)| Mutation::Duplicate(from, length, to)),
        (index(), index(), 1..60usize, index())
            .prop_map(|(seed, from, length, to)| Mutation::Splice(seed, from, length, to)),
    ]
}

/// What means something in XML, or nearly does.
const INSERTIONS: &[&str] = &[
    "<",
    ">",
    "/",
    "/>",
    "</",
    "<a>",
    "</a>",
    "<a/>",
    "< a>",
    "</ a>",
    "<a b='c'/>",
    "&",
    ";",
    "&amp;",
    "&lt",
    "&#",
    "&#10;",
    "&#x1;",
    "&#xD800;",
    "&#xFFFE;",
    "&#x110000;",
    "&nbsp;",
    "&a:b;",
    "\"",
    "'",
    "=",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\u{0}",
    "\u{1}",
    "\u{7F}",
    "\u{85}",
    "\u{FFFE}",
    "\u{FEFF}",
    "\u{200B}",
    "é",
    "·",
    "\u{301}",
    "0",
    "-",
    ".",
    ":",
    "a:",
    ":a",
    "a:b:c",
    "x:y='z' ",
    "!",
    "?",
    "--",
    "-->",
    "<!--",
    "<!---->",
    "<!-- a -- b -->",
    "<!-- a --->",
    "<!-->",
    "<![CDATA[",
    "]]>",
    "]]",
    "<![cdata[]]>",
    "<!DOCTYPE a>",
    "<!ENTITY",
    "<?",
    "?>",
    "<?a?>",
    "<?a b?>",
    "<?a+b?>",
    "<?a:b?>",
    "<?xml?>",
    "<?XML?>",
    "<?xml version='1.0'?>",
    " version='1.1'",
    " encoding='utf-8'",
    " standalone='maybe'",
    " xmlns=''",
    " xmlns='u'",
    " xmlns:a=''",
    " xmlns:a='u'",
    " xmlns:b='u'",
    " a:c='' b:c=''",
    " xmlns:xml='u'",
    " xmlns:xmlns='u'",
    " xmlns:x='http://www.w3.org/2000/xmlns/'",
    " xmlns='http://www.w3.org/XML/1998/namespace'",
    " xml:lang='en'",
    "xmlns:",
    "<xml:a/>",
    "<xmlns:a/>",
];
