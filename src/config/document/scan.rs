//! The grammar of markup, held to the letter.
//!
//! Each function reads one construct from where it starts, and names the first mistake in it.

use std::ops::Range;

use super::{
    MAX_ATTRIBUTES,
    cursor::{Cursor, QName},
    error::{Construct, Error, ErrorKind},
    names::{is_char, is_name_char, is_name_start, is_ncname, is_space},
};

/// A start tag, or the tag of an empty element.
#[derive(Debug)]
pub(super) struct StartTag<'t> {
    pub(super) name: QName<'t>,
    pub(super) attributes: Vec<RawAttribute<'t>>,
    pub(super) span: Range<usize>,
}

/// An attribute whose value is not read yet.
#[derive(Debug)]
pub(super) struct RawAttribute<'t> {
    pub(super) name: QName<'t>,
    /// What stands between the quotes.
    pub(super) value: Range<usize>,
}

/// `STag` and `EmptyElemTag` (§3.1).
pub(super) fn start_tag(text: &str, start: usize) -> Result<StartTag<'_>, Error> {
    let mut cursor = Cursor::new(text, start);
    cursor.eat("<");
    if !cursor.peek().is_some_and(|c| is_name_start(c) || c == ':') {
        return Err(ErrorKind::BareLessThan.at(start..cursor.at));
    }
    let name = cursor.qname()?;
    let mut attributes = Vec::new();
    loop {
        let spaced = cursor.space();
        if cursor.eat(">") || cursor.eat("/>") {
            return Ok(StartTag { name, attributes, span: start..cursor.at });
        }
        match cursor.peek() {
            None | Some('<') => return Err(ErrorKind::Unclosed(Construct::Tag).at(start..name.span.end)),
            Some(c) if !is_name_start(c) && c != ':' => return Err(cursor.unexpected(c)),
            Some(c) if !spaced => return Err(ErrorKind::MissingSpace.at(cursor.here(c))),
            Some(_) => {}
        }
        let attribute = attribute(&mut cursor, start)?;
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(ErrorKind::TooManyAttributes.at(attribute.name.span));
        }
        attributes.push(attribute);
    }
}

/// `ETag` (§3.1).
pub(super) fn end_tag(text: &str, start: usize) -> Result<QName<'_>, Error> {
    let mut cursor = Cursor::new(text, start);
    cursor.eat("</");
    let name = cursor.qname()?;
    cursor.space();
    match cursor.peek() {
        Some('>') => Ok(name),
        None | Some('<') => Err(ErrorKind::Unclosed(Construct::Tag).at(start..name.span.end)),
        Some(c) => Err(cursor.unexpected(c)),
    }
}

/// `Comment` (§2.5), known to end in `-->`.
pub(super) fn comment(text: &str, span: Range<usize>) -> Result<(), Error> {
    let start = span.start + "<!--".len();
    // All but the last `->`, so that a hyphen before the end shows as a double one.
    let inside = text.get(start..span.end.saturating_sub("->".len())).unwrap_or_default();
    match inside.find("--") {
        Some(at) => Err(ErrorKind::DoubleHyphen.at(start + at..start + at + "--".len())),
        None => Ok(()),
    }
}

/// `PI` (§2.6), or the XML declaration where one may stand.
pub(super) fn instruction(text: &str, start: usize) -> Result<(), Error> {
    let mut cursor = Cursor::new(text, start);
    cursor.eat("<?");
    if cursor.rest().is_empty() {
        return Err(ErrorKind::Unclosed(Construct::Instruction).at(start..cursor.at));
    }
    let target = cursor.qname()?;
    match target.text {
        "xml" if start == 0 => return declaration(text).map(drop),
        "xml" => return Err(ErrorKind::MisplacedDeclaration.at(start..target.span.end)),
        name if name.eq_ignore_ascii_case("xml") => {
            return Err(ErrorKind::ReservedTarget(name.to_owned()).at(target.span));
        }
        name if target.prefix.is_some() => return Err(ErrorKind::Name(name.to_owned()).at(target.span)),
        _ => {}
    }
    match cursor.peek() {
        Some(c) if !is_space(c) && !cursor.rest().starts_with("?>") => Err(cursor.unexpected(c)),
        _ if cursor.rest().contains("?>") => Ok(()),
        _ => Err(ErrorKind::Unclosed(Construct::Instruction).at(start..cursor.at)),
    }
}

/// `XMLDecl` (§2.8) at the start of the text. Returns where the name of the encoding stands.
pub(super) fn declaration(text: &str) -> Result<Option<Range<usize>>, Error> {
    let mut cursor = Cursor::new(text, 0);
    cursor.eat("<?xml");
    let version = pseudo_attribute(&mut cursor, "version")?;
    let version = version.ok_or_else(|| ErrorKind::Declaration.at(0.."<?xml".len()))?;
    let number = text.get(version.clone()).unwrap_or_default();
    if !number.strip_prefix("1.").is_some_and(|minor| is_made_of(minor, |c| c.is_ascii_digit())) {
        return Err(ErrorKind::Version(number.to_owned()).at(version));
    }
    let encoding = pseudo_attribute(&mut cursor, "encoding")?;
    if let Some(span) = encoding.clone() {
        let name = text.get(span.clone()).unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !is_made_of(name, fits) {
            return Err(ErrorKind::Declaration.at(span));
        }
    }
    if let Some(span) = pseudo_attribute(&mut cursor, "standalone")?
        && !matches!(text.get(span.clone()), Some("yes" | "no"))
    {
        return Err(ErrorKind::Declaration.at(span));
    }
    cursor.space();
    if cursor.eat("?>") {
        return Ok(encoding);
    }
    Err(ErrorKind::Declaration.at(cursor.peek().map_or(0..cursor.at, |c| cursor.here(c))))
}

/// `Reference` (§4.1): what it stands for, and where it ends.
pub(super) fn reference(text: &str, start: usize) -> Result<(char, usize), Error> {
    let mut cursor = Cursor::new(text, start);
    cursor.eat("&");
    if cursor.eat("#") {
        let radix = if cursor.eat("x") { 16 } else { 10 };
        let digits = cursor.take_while(|c| c.is_digit(radix));
        if digits.is_empty() || !cursor.eat(";") {
            return Err(ErrorKind::MalformedReference.at(start..cursor.at));
        }
        let number = u32::from_str_radix(digits, radix).ok();
        let c = number.and_then(char::from_u32).filter(|&c| is_char(c)).ok_or_else(|| {
            let reference = text.get(start..cursor.at).unwrap_or_default();
            ErrorKind::NotACharacter(reference.to_owned()).at(start..cursor.at)
        })?;
        return Ok((c, cursor.at));
    }
    let name = cursor.take_while(is_name_char);
    if !is_ncname(name) {
        return Err(ErrorKind::BareAmpersand.at(start..start + 1));
    }
    if !cursor.eat(";") {
        return Err(ErrorKind::UnclosedReference.at(start..cursor.at));
    }
    let c = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return Err(ErrorKind::UnknownEntity(name.to_owned()).at(start..cursor.at)),
    };
    Ok((c, cursor.at))
}

/// The mistake in markup that the reader could not find the end of.
pub(super) fn unfinished(text: &str, start: usize) -> Error {
    let rest = text.get(start..).unwrap_or_default();
    let unclosed = |construct, opening: &str| {
        ErrorKind::Unclosed(construct).at(start..start + opening.len().min(rest.len()))
    };
    let (found, fallback) = match rest {
        _ if rest.starts_with("<!--") => (None, unclosed(Construct::Comment, "<!--")),
        _ if rest.starts_with("<![CDATA[") => (None, unclosed(Construct::Cdata, "<![CDATA[")),
        _ if rest.starts_with("<!") => (None, unknown_markup(text, start)),
        _ if rest.starts_with("<?") => {
            (instruction(text, start).err(), unclosed(Construct::Instruction, "<?"))
        }
        _ if rest.starts_with("</") => (end_tag(text, start).err(), unclosed(Construct::Tag, "</")),
        _ if rest.starts_with('<') => (start_tag(text, start).err(), unclosed(Construct::Tag, "<")),
        _ => (reference(text, start).err(), ErrorKind::BareAmpersand.at(start..start + 1)),
    };
    found.unwrap_or(fallback)
}

/// The mistake in `<!` that starts neither a comment nor a CDATA section.
pub(super) fn unknown_markup(text: &str, start: usize) -> Error {
    const DOCTYPE: &str = "<!DOCTYPE";
    let end = start + DOCTYPE.len();
    match text.get(start..end) {
        Some(opening) if opening.eq_ignore_ascii_case(DOCTYPE) => ErrorKind::Doctype.at(start..end),
        _ => ErrorKind::UnknownMarkup.at(start..start + "<!".len()),
    }
}

/// `Attribute` (§3.1) in the tag that starts at `tag`.
fn attribute<'t>(cursor: &mut Cursor<'t>, tag: usize) -> Result<RawAttribute<'t>, Error> {
    let name = cursor.qname()?;
    cursor.space();
    if !cursor.eat("=") {
        return Err(ErrorKind::MissingValue(name.text.to_owned()).at(name.span));
    }
    cursor.space();
    let Some(quote) = cursor.peek() else {
        return Err(ErrorKind::Unclosed(Construct::Tag).at(tag..cursor.at));
    };
    let opening = cursor.here(quote);
    if quote != '"' && quote != '\'' {
        cursor.take_while(|c| !is_space(c) && !matches!(c, '<' | '>' | '/'));
        return Err(ErrorKind::MissingQuote.at(opening.start..cursor.at.max(opening.end)));
    }
    cursor.at = opening.end;
    cursor.at += cursor.rest().bytes().take_while(|byte| char::from(*byte) != quote && *byte != b'<').count();
    let value = opening.end..cursor.at;
    match cursor.peek() {
        Some('<') => Err(ErrorKind::LessThanInValue.at(cursor.here('<'))),
        None => Err(ErrorKind::Unclosed(Construct::Value).at(opening)),
        Some(_) => {
            cursor.at += quote.len_utf8();
            Ok(RawAttribute { name, value })
        }
    }
}

/// One `name="value"` of the XML declaration with the space before it; where its value stands.
fn pseudo_attribute(cursor: &mut Cursor<'_>, name: &str) -> Result<Option<Range<usize>>, Error> {
    let before = cursor.at;
    if !(cursor.space() && cursor.eat(name)) {
        cursor.at = before;
        return Ok(None);
    }
    cursor.space();
    let equals = cursor.eat("=");
    cursor.space();
    let quote = cursor.peek().filter(|&c| equals && matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        return Err(ErrorKind::Declaration.at(before..cursor.at));
    };
    let start = cursor.at + quote.len_utf8();
    cursor.at = start;
    cursor.take_while(|c| c != quote && !matches!(c, '<' | '>'));
    let value = start..cursor.at;
    if cursor.peek() == Some(quote) {
        cursor.at += quote.len_utf8();
        return Ok(Some(value));
    }
    Err(ErrorKind::Declaration.at(before..cursor.at))
}

fn is_made_of(text: &str, fits: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(fits)
}
