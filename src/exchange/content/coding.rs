//! Content codings (RFC 9110 §8.4.1, RFC 7932, RFC 8878), undone within bounds: whatever comes in,
//! no more than [`MAX_CONTENT`] comes out, and no decoder takes more memory than its window.

use std::io::Read;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status, bufread::MultiGzDecoder};
use http::header::CONTENT_ENCODING;

use super::{Fields, MAX_CONTENT};

/// Codings of one content; more of them are taken for nonsense.
const MAX_CODINGS: usize = 4;

/// The window of `zstd`: 8 MiB, which RFC 9659 sets as the limit.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
    Unknown,
}

/// What a coding was undone to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// Whether the bytes are all there is.
    pub(super) is_whole: bool,
}

impl Coding {
    /// The codings of a response, in the order in which they were applied.
    pub(super) fn list(fields: Fields<'_>) -> Vec<Self> {
        let names = fields.lines(&CONTENT_ENCODING).flat_map(|line| line.split(|&byte| byte == b','));
        let names = names.map(<[u8]>::trim_ascii);
        let applied = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
        let mut codings: Vec<_> = applied.take(MAX_CODINGS + 1).map(Self::named).collect();
        if codings.len() > MAX_CODINGS {
            codings = vec![Self::Unknown];
        }
        codings
    }

    fn named(name: &[u8]) -> Self {
        match &*name.to_ascii_lowercase() {
            b"gzip" | b"x-gzip" => Self::Gzip,
            b"deflate" => Self::Deflate,
            b"br" => Self::Brotli,
            b"zstd" => Self::Zstd,
            _ => Self::Unknown,
        }
    }

    /// Undoes the coding as far as it goes.
    pub(super) fn decode(self, coded: &[u8]) -> Decoded {
        match self {
            Self::Gzip => read(MultiGzDecoder::new(coded)),
            Self::Deflate => inflate(coded),
            Self::Brotli => brotli(coded),
            Self::Zstd => zstd(coded).unwrap_or(Decoded::NOTHING),
            Self::Unknown => Decoded::NOTHING,
        }
    }
}

impl Decoded {
    const NOTHING: Self = Self { bytes: Vec::new(), is_whole: false };

    fn new(mut bytes: Vec<u8>, is_whole: bool) -> Self {
        let is_whole = is_whole && bytes.len() <= MAX_CONTENT;
        bytes.truncate(MAX_CONTENT);
        Self { bytes, is_whole }
    }
}

/// Reads what comes before the end, a mistake, or the limit.
fn read(decoder: impl Read) -> Decoded {
    let mut bytes = Vec::new();
    let read = decoder.take(MAX_CONTENT as u64 + 1).read_to_end(&mut bytes);
    Decoded::new(bytes, read.is_ok())
}

/// `deflate` is in the `zlib` format, but some leave that away (RFC 9110 §8.4.1.2).
fn inflate(coded: &[u8]) -> Decoded {
    let has_header = matches!(coded, [cmf, flags, ..]
        if cmf & 0x0f == 8 && u16::from_be_bytes([*cmf, *flags]) % 31 == 0);
    let mut decoder = Decompress::new(has_header);
    let mut bytes = Vec::with_capacity(MAX_CONTENT + 1);
    let mut rest = coded;
    loop {
        let (read, written) = (decoder.total_in(), bytes.len());
        let status = decoder.decompress_vec(rest, &mut bytes, FlushDecompress::None);
        let read = usize::try_from(decoder.total_in() - read).unwrap_or(usize::MAX);
        rest = rest.get(read..).unwrap_or_default();
        match status {
            Ok(Status::StreamEnd) => return Decoded::new(bytes, true),
            Ok(Status::Ok | Status::BufError) if read > 0 || bytes.len() > written => {}
            _ => return Decoded::new(bytes, false),
        }
    }
}

/// The reader that the crate offers takes "large windows" of up to 1 GiB, which are not part of
/// `br`; a strict state is content with 16 MiB.
fn brotli(coded: &[u8]) -> Decoded {
    let allocator = StandardAlloc::default;
    let mut state = BrotliState::new_strict(allocator(), allocator(), allocator());
    let mut bytes = vec![0; MAX_CONTENT + 1];
    let (mut left, mut at) = (coded.len(), 0);
    let (mut room, mut written, mut total) = (bytes.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut left,
        &mut at,
        coded,
        &mut room,
        &mut written,
        &mut bytes,
        &mut total,
        &mut state,
    );
    bytes.truncate(written);
    Decoded::new(bytes, matches!(result, BrotliResult::ResultSuccess))
}

fn zstd(coded: &[u8]) -> std::io::Result<Decoded> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(coded)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(read(decoder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(value: &str) -> Vec<Coding> {
        Coding::list(Fields::Lines(&[("content-encoding".to_owned(), value.as_bytes().to_vec())]))
    }

    #[test]
    fn names_of_codings() {
        use Coding::*;
        assert_eq!(list("gzip"), [Gzip]);
        assert_eq!(list(" X-GZip,, identity ,br"), [Gzip, Brotli]);
        assert_eq!(list("deflate, zstd, compress"), [Deflate, Zstd, Unknown]);
        assert_eq!(list(""), []);
        assert_eq!(list("gzip,gzip,gzip,gzip"), [Gzip; 4]);
        assert_eq!(list("gzip,gzip,gzip,gzip,gzip"), [Unknown]);
    }

    #[test]
    fn windows_are_bounded() {
        // A frame of one letter, by the exponent of its window less ten: 1 KiB, 8 MiB, 16 MiB, 2 GiB.
        let zstd = |exponent: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 0x09, 0, 0, b'a'];
        let letter = Decoded { bytes: b"a".to_vec(), is_whole: true };
        assert_eq!([0, 13].map(|exponent| Coding::Zstd.decode(&zstd(exponent))), [letter.clone(), letter]);
        assert_eq!([14, 21].map(|exponent| Coding::Zstd.decode(&zstd(exponent))), [Decoded::NOTHING; 2]);
        // The same text with a window of 16 MiB, and with a "large window" of 1 GiB.
        assert_eq!(Coding::Brotli.decode(b"\x11\x1e\x20\0\x02hello hello hello\x03"), Decoded::NOTHING);
        assert_eq!(
            Coding::Brotli
                .decode(b"\x1f\x10\x00\xf8\x8d\x94\x6e\xde\x44\x55\x86\x96\x6c\x20\x6f\x01\x4f\x1c\x60\x1c")
                .bytes,
            b"hello hello hello"
        );
    }
}
