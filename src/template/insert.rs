//! The place of a value in a message: what is written there comes out escaped, and not endlessly.

use std::fmt;

use super::escape::Escape;

/// Bytes of a value that are inserted; the rest is cut off.
pub(super) const MAX_VALUE: usize = 8 * 1024;

/// The place where one value is inserted: everything written here comes out escaped.
pub(super) struct Inserted<'o> {
    out: &'o mut Vec<u8>,
    escape: Escape,
    room: usize,
}

impl<'o> Inserted<'o> {
    /// A place for one value of at most `room` bytes.
    pub(super) fn new(out: &'o mut Vec<u8>, escape: Escape, room: usize) -> Self {
        Self { out, escape, room }
    }

    /// Appends bytes of the value. What is not UTF-8 becomes U+FFFD.
    pub(super) fn bytes(&mut self, value: &[u8]) {
        let end = boundary(value, self.room);
        // Once something was cut off, nothing follows.
        self.room = if end < value.len() { 0 } else { self.room - end };
        self.escape.write(value.get(..end).unwrap_or_default(), self.out);
    }

    /// Appends bytes of the value that come one by one.
    pub(super) fn decoded(&mut self, bytes: impl Iterator<Item = u8>) {
        // One more than is inserted, to tell a value that is cut.
        let mut buffer = [0; MAX_VALUE + 1];
        let filled = buffer.iter_mut().zip(bytes).map(|(place, byte)| *place = byte).count();
        self.bytes(buffer.get(..filled).unwrap_or_default());
    }

    /// Appends a number, in decimal.
    pub(super) fn number(&mut self, number: impl itoa::Integer) {
        self.str(itoa::Buffer::new().format(number));
    }

    /// Appends text of the value.
    pub(super) fn str(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }
}

impl fmt::Write for Inserted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.str(text);
        Ok(())
    }
}

/// The last place at or before `at` where the bytes can be cut without splitting a character.
pub(super) fn boundary(bytes: &[u8], at: usize) -> usize {
    if at >= bytes.len() {
        return bytes.len();
    }
    let starts = |&at: &usize| bytes.get(at).is_some_and(|byte| byte & 0xC0 != 0x80);
    (at.saturating_sub(3)..=at).rev().find(starts).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let value = format!("{}é tail", "x".repeat(MAX_VALUE - 1));
        let mut out = Vec::new();
        let mut inserted = Inserted::new(&mut out, Escape::Text, MAX_VALUE);
        inserted.str(&value);
        inserted.str("nothing follows a cut");
        assert_eq!(out, "x".repeat(MAX_VALUE - 1).as_bytes());
    }

    #[test]
    fn boundaries() {
        assert_eq!(boundary("aé".as_bytes(), 2), 1);
        assert_eq!(boundary("aé".as_bytes(), 9), 3);
        assert_eq!(boundary("a😀".as_bytes(), 4), 1);
        assert_eq!(boundary(&[0x80; 9], 6), 6);
        assert_eq!(boundary(b"", 0), 0);
    }
}
