//! Content in the codings of HTTP.

use std::io::Write;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};

pub(crate) const JSON: &str = r#"{"error":{"message":"no luck"}}"#;

/// The same in `br`, for which there is a decoder only.
pub(crate) const BROTLI: &[u8] =
    b"\x1b\x1e\x00\xf8\x8d\xd3\x15\xf3\x23\x84\x75\xaf\x45\xf6\xde\xdc\x96\x4e\x5f\x4f\xa2\
    \x49\x29\xaa\xc8\x11\x66\x30\x88\x14\x31\xf6\x67\x34";

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 0).unwrap()
}
