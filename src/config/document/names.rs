//! Which characters may stand where (XML 1.0, 5th edition, §2.2 and §2.3).

/// `Char`: what may stand in a document at all.
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{1_0000}'..)
}

/// Whether there may be something that is no `Char`, by a look at the bytes: control characters are one
/// byte each, and U+FFFE and U+FFFF begin with the byte 0xEF.
pub(super) fn may_have_no_char(text: &str) -> bool {
    let suspects = |byte: &u8| (*byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) | (*byte == 0xEF);
    // Without an end before the end, many bytes are looked at together.
    text.as_bytes().iter().fold(false, |suspect, byte| suspect | suspects(byte))
}

/// `S`: white space.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// `NameStartChar` without the colon, which Namespaces in XML reserves.
pub(super) fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{1_0000}'..='\u{E_FFFF}')
}

/// `NameChar` without the colon.
pub(super) fn is_name_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_ascii_name_char)
        || is_name_start(c)
        || matches!(c,
            '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// `NameChar` without the colon, of those that are one byte in UTF-8.
pub(super) fn is_ascii_name_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// `NCName`: a name without a colon.
pub(super) fn is_ncname(text: &str) -> bool {
    text.starts_with(is_name_start) && text.chars().all(is_name_char)
}
