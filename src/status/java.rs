//! Java's regular expressions (`java.util.regex`, Java 8) in the syntax of fancy-regex.
//!
//! The subject is always three ASCII digits, so constructs that differ only elsewhere (case,
//! line ends, Unicode) are mapped to the nearest thing. What Java refuses is refused here.

use std::{iter::Peekable, ops::Range, str::CharIndices};

use super::Error;

/// Rewrites an expression, or tells why Java would refuse it.
pub(super) fn translate(expression: &str) -> Result<String, Error> {
    let mut translator = Translator {
        chars: expression.char_indices().peekable(),

        out: String::with_capacity(expression.len() + 16),
        groups: Vec::new(),
        group_count: 0,
        comments: false,
        atom: None,
    };
    translator.run()?;
    Ok(translator.out)
}

/// How atoms begin that match without consuming: look-around, nothing, [`NEVER`].
const ZERO_WIDTH: [&str; 5] = ["(?=", "(?!", "(?<=", "(?<!", "(?:)"];

/// Matches nothing.
const NEVER: &str = "(?!)";

struct Translator<'a> {
    chars: Peekable<CharIndices<'a>>,

    out: String,
    groups: Vec<Group>,
    group_count: usize,
    /// Whether the flag `x` is on: blanks and `#` comments are passed over.
    comments: bool,
    /// Where in `out` the last atom begins, while a quantifier may follow.
    atom: Option<usize>,
}

struct Group {
    /// Where in the expression it was opened.
    at: usize,
    /// Where in `out` it begins.
    start: usize,
    /// The flag `x` outside of it.
    comments: bool,
}

impl Translator<'_> {
    fn run(&mut self) -> Result<(), Error> {
        while let Some((at, c)) = self.chars.next() {
            match c {
                _ if self.comments && c.is_ascii_whitespace() => {}
                '#' if self.comments => while self.chars.next_if(|&(_, c)| c != '\n').is_some() {},
                '\\' => self.escape(at)?,
                '[' => self.class(at)?,
                '(' => self.open(at)?,
                ')' => {
                    let group = self.groups.pop().ok_or_else(|| error(at, 1, "unmatched `)`"))?;
                    self.out.push(')');
                    self.comments = group.comments;
                    self.atom = Some(group.start);
                }
                '|' => {
                    self.out.push('|');
                    self.atom = None;
                }
                '*' | '+' | '?' => self.quantify(at, c.to_string())?,
                '{' => {
                    // With nothing before it, Java repeats the empty match.
                    if self.atom.is_none() {
                        self.push("(?:)");
                    }
                    let bounds = self.bounds(at)?;
                    self.quantify(at, bounds)?;
                }
                '^' | '$' | '.' => self.push(&c.to_string()),
                _ => self.literal(c),
            }
        }
        match self.groups.last() {
            Some(group) => Err(error(group.at, 1, "unclosed group")),
            None => Ok(()),
        }
    }

    fn push(&mut self, atom: &str) {
        self.atom = Some(self.out.len());
        self.out.push_str(atom);
    }

    fn literal(&mut self, c: char) {
        self.push(&escaped(c));
    }

    /// A group of any kind; the `(` is read.
    fn open(&mut self, at: usize) -> Result<(), Error> {
        let comments = self.comments;
        let opening = match self.chars.next_if(|&(_, c)| c == '?') {
            None => {
                self.group_count += 1;
                "(".to_owned()
            }
            Some(_) => match self.special(at)? {
                Some(opening) => opening,
                None => return Ok(()),
            },
        };
        self.groups.push(Group { at, start: self.out.len(), comments });
        self.out.push_str(&opening);
        self.atom = None;
        Ok(())
    }

    /// What follows `(?`. `None`: flags for what comes, no group.
    fn special(&mut self, at: usize) -> Result<Option<String>, Error> {
        let unknown = || error(at, 2, "unknown group type after `(?`");
        let (_, c) = self.chars.next().ok_or_else(unknown)?;
        match c {
            ':' | '=' | '!' | '>' => Ok(Some(format!("(?{c}"))),
            '<' => {
                if let Some((_, c)) = self.chars.next_if(|&(_, c)| c == '=' || c == '!') {
                    return Ok(Some(format!("(?<{c}")));
                }
                let name = self.until('>').filter(|name| is_group_name(name)).ok_or_else(unknown)?;
                self.group_count += 1;
                Ok(Some(format!("(?<{name}>")))
            }
            _ => self.flags(c, at),
        }
    }

    /// Flags: only `x` can make a difference for three digits.
    fn flags(&mut self, first: char, at: usize) -> Result<Option<String>, Error> {
        let (mut on, mut flag) = (true, first);
        let mut comments = self.comments;
        loop {
            match flag {
                '-' if on => on = false,
                'x' => comments = on,
                'i' | 'd' | 'm' | 's' | 'u' | 'U' => {}
                ')' => {
                    self.comments = comments;
                    return Ok(None);
                }
                ':' => {
                    // The group remembers what was on before it.
                    self.groups.push(Group { at, start: self.out.len(), comments: self.comments });
                    self.out.push_str("(?:");
                    self.atom = None;
                    self.comments = comments;
                    return Ok(None);
                }
                _ => return Err(error(at, 2, "unknown inline flag")),
            }
            flag = self.chars.next().ok_or_else(|| error(at, 2, "unclosed inline flags"))?.1;
        }
    }

    /// A quantifier with its mode; a possessive one becomes an atomic group.
    fn quantify(&mut self, at: usize, quantifier: String) -> Result<(), Error> {
        let start = self
            .atom
            .take()
            .ok_or_else(|| error(at, 1, format!("nothing to repeat before `{quantifier}`")))?;
        let atom = self.out.get(start..).unwrap_or_default();
        if ZERO_WIDTH.iter().any(|prefix| atom.starts_with(prefix)) {
            // fancy-regex does not repeat these; once or not at all says the same.
            if matches!(quantifier.as_bytes(), [b'*' | b'?', ..] | [b'{', b'0', b'}' | b',', ..]) {
                self.out.truncate(start);
            }
            self.chars.next_if(|&(_, c)| c == '?' || c == '+');
            return Ok(());
        }
        self.out.push_str(&quantifier);
        if self.chars.next_if(|&(_, c)| c == '?').is_some() {
            self.out.push('?');
        } else if self.chars.next_if(|&(_, c)| c == '+').is_some() {
            self.out.insert_str(start, "(?>");
            self.out.push(')');
        }
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`; the `{` is read.
    fn bounds(&mut self, at: usize) -> Result<String, Error> {
        let text = self.until('}').ok_or_else(|| error(at, 1, "unclosed `{`"))?;
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok());
        let (low, high) = text.split_once(',').map_or((text.as_str(), None), |(low, high)| (low, Some(high)));
        let low = number(low).flatten();
        let high = high.filter(|high| !high.is_empty()).map(|high| number(high).flatten());
        match (low, high) {
            (Some(_), None) => Ok(format!("{{{text}}}")),
            (Some(low), Some(Some(high))) if low <= high => Ok(format!("{{{text}}}")),
            _ => Err(error(at, text.len() + 2, "not a repetition: `{n}`, `{n,}` or `{n,m}`")),
        }
    }

    /// An escape outside of classes; the backslash is read.
    fn escape(&mut self, at: usize) -> Result<(), Error> {
        let (_, c) = self.chars.next().ok_or_else(|| error(at, 1, "a backslash at the end"))?;
        match c {
            'Q' => {
                let quoted = self.quoted();
                quoted.chars().for_each(|c| self.literal(c));
                Ok(())
            }
            'A' | 'b' | 'B' | 'z' | 'Z' => {
                self.push(&format!("\\{c}"));
                Ok(())
            }
            'G' => {
                self.push(r"\A");
                Ok(())
            }
            'k' => {
                let name = self
                    .chars
                    .next_if(|&(_, c)| c == '<')
                    .and_then(|_| self.until('>'))
                    .filter(|name| is_group_name(name))
                    .ok_or_else(|| error(at, 2, r"a reference to a named group is written `\k<name>`"))?;
                self.push(&format!(r"\k<{name}>"));
                Ok(())
            }
            'R' | 'X' => {
                // A line break; a grapheme: one character, as far as digits go.
                self.push(if c == 'R' { r"[\n\r]" } else { r"(?s:.)" });
                Ok(())
            }
            '1'..='9' => {
                self.reference(c);
                Ok(())
            }
            _ => {
                let single = self.single(at, c)?;
                self.push(&single);
                Ok(())
            }
        }
    }

    /// A back-reference: more digits count while such a group exists. One to a group that does not
    /// exist matches nothing.
    fn reference(&mut self, first: char) {
        let mut number = first.to_digit(10).unwrap_or_default() as usize;
        while let Some(&(_, next)) = self.chars.peek() {
            let Some(longer) = next.to_digit(10).map(|digit| number * 10 + digit as usize) else { break };
            if longer > self.group_count {
                break;
            }
            self.chars.next();
            number = longer;
        }
        match number > self.group_count {
            true => self.push(NEVER),
            false => self.push(&format!(r"(?:\{number})")),
        }
    }

    /// An escape for one character or a set of them, in or out of a class.
    fn single(&mut self, at: usize, c: char) -> Result<String, Error> {
        let hex = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        let code = |c: Option<char>| c.map(escaped).ok_or_else(|| error(at, 2, "not a character code"));
        match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => Ok(format!("\\{c}")),
            't' | 'n' | 'r' | 'f' | 'a' => Ok(format!("\\{c}")),
            'e' => Ok(r"\x1B".to_owned()),
            // Horizontal and vertical white space: no digit is either.
            'h' => Ok(r"[\t ]".to_owned()),
            'H' => Ok(r"[^\t ]".to_owned()),
            'v' => Ok(r"[\n\r]".to_owned()),
            'V' => Ok(r"[^\n\r]".to_owned()),
            'p' | 'P' => self.property(at, c == 'P'),
            'x' if self.chars.next_if(|&(_, c)| c == '{').is_some() => {
                let digits = self.until('}').unwrap_or_default();
                code(hex(&digits))
            }
            'x' => {
                let digits = self.take(2);
                code(hex(&digits).filter(|_| digits.len() == 2))
            }
            'u' => {
                let digits = self.take(4);
                code(hex(&digits).filter(|_| digits.len() == 4))
            }
            'c' => {
                let control = self.chars.next().and_then(|(_, c)| char::from_u32(u32::from(c) ^ 64));
                code(control)
            }
            '0' => {
                let mut value = None;
                for _ in 0..3 {
                    let digit = self.chars.peek().and_then(|&(_, c)| c.to_digit(8));
                    let longer = digit.map(|digit| value.unwrap_or(0) * 8 + digit).filter(|&v| v <= 0o377);
                    let Some(longer) = longer else { break };
                    self.chars.next();
                    value = Some(longer);
                }
                code(value.and_then(char::from_u32))
            }
            _ if c.is_ascii_alphabetic() => Err(error(at, 2, format!(r"unknown escape `\{c}`"))),
            _ => Ok(escaped(c)),
        }
    }

    /// `\p{Name}`, `\pN` and their negations.
    fn property(&mut self, at: usize, negated: bool) -> Result<String, Error> {
        let name = match self.chars.next_if(|&(_, c)| c == '{') {
            Some(_) => self.until('}').unwrap_or_default(),
            None => self.take(1),
        };
        let posix = match name.as_str() {
            "Lower" | "Upper" | "Alpha" | "Digit" | "Alnum" | "Punct" | "Graph" | "Print" | "Blank"
            | "Cntrl" | "Space" => Some(name.to_ascii_lowercase()),
            "ASCII" => Some("ascii".to_owned()),
            "XDigit" => Some("xdigit".to_owned()),
            "javaDigit" | "IsDigit" => Some("digit".to_owned()),
            "javaLetterOrDigit" | "javaUnicodeIdentifierPart" | "javaJavaIdentifierPart" => {
                Some("alnum".to_owned())
            }
            "javaLetter" | "javaAlphabetic" | "javaUnicodeIdentifierStart" | "javaJavaIdentifierStart" => {
                Some("alpha".to_owned())
            }
            "javaLowerCase" => Some("lower".to_owned()),
            "javaUpperCase" | "javaTitleCase" => Some("upper".to_owned()),
            "javaWhitespace" | "javaSpaceChar" => Some("space".to_owned()),
            "javaISOControl" => Some("cntrl".to_owned()),
            "InBasicLatin" | "InBASIC_LATIN" => Some("ascii".to_owned()),
            _ => None,
        };
        let caret = if negated { "^" } else { "" };
        if let Some(class) = posix {
            return Ok(format!("[[:{caret}{class}:]]"));
        }
        let letter = if negated { 'P' } else { 'p' };
        let known = |name: &str| fancy_regex::Regex::new(&format!(r"\p{{{name}}}")).is_ok();
        let bare = name.strip_prefix("Is").unwrap_or(&name);
        match !bare.is_empty() && known(bare) {
            true => Ok(format!(r"\{letter}{{{bare}}}")),
            false => Err(error(at, 2, format!("unknown character property `{name}`"))),
        }
    }

    /// A character class; the `[` is read. Classes nest, `&&` intersects.
    fn class(&mut self, at: usize) -> Result<(), Error> {
        let start = self.out.len();
        self.out.push('[');
        if self.chars.next_if(|&(_, c)| c == '^').is_some() {
            self.out.push('^');
        }
        let (mut empty, mut range) = (true, Dash::Literal);
        loop {
            let (here, c) = self.chars.next().ok_or_else(|| error(at, 1, "unclosed character class"))?;
            match c {
                ']' if !empty => break,
                _ if self.comments && c.is_ascii_whitespace() => continue,
                '[' => {
                    self.class(here)?;
                    range = Dash::Literal;
                }
                '&' if self.chars.next_if(|&(_, c)| c == '&').is_some() => {
                    // An operand that is left out does not restrict.
                    if !empty && self.chars.peek().is_some_and(|&(_, c)| c != ']') {
                        self.out.push_str("&&");
                    }
                    range = Dash::Literal;
                    continue;
                }
                '-' if range == Dash::Range && self.continues() => {
                    self.out.push('-');
                    range = Dash::Literal;
                }
                '\\' => {
                    let (_, c) = self.chars.next().ok_or_else(|| error(here, 1, "a backslash at the end"))?;
                    match c {
                        'Q' => self.quoted().chars().for_each(|c| self.out.push_str(&escaped(c))),
                        _ => {
                            let single = self.single(here, c)?;
                            self.out.push_str(&single);
                        }
                    }
                    range = if c.is_ascii_alphabetic() && !"tnrfaexuc".contains(c) {
                        Dash::Literal
                    } else {
                        Dash::Range
                    };
                }
                _ => {
                    // `[:` would begin a POSIX class: something that no status holds parts the two.
                    if empty && c == ':' {
                        self.out.push_str(r"\n");
                    }
                    self.out.push_str(&escaped(c));
                    range = Dash::Range;
                }
            }
            empty = false;
        }
        self.out.push(']');
        self.atom = Some(start);
        Ok(())
    }

    /// Whether a range may end at what comes next in a class.
    fn continues(&mut self) -> bool {
        self.chars.peek().is_some_and(|&(_, c)| c != ']' && c != '[')
    }

    /// What stands between `\Q` and `\E`, or the end.
    fn quoted(&mut self) -> String {
        let mut text = String::new();
        while let Some((_, c)) = self.chars.next() {
            if c == '\\' && self.chars.next_if(|&(_, c)| c == 'E').is_some() {
                break;
            }
            text.push(c);
        }
        text
    }

    fn until(&mut self, end: char) -> Option<String> {
        let mut text = String::new();
        for (_, c) in self.chars.by_ref() {
            if c == end {
                return Some(text);
            }
            text.push(c);
        }
        None
    }

    fn take(&mut self, count: usize) -> String {
        self.chars.by_ref().take(count).map(|(_, c)| c).collect()
    }
}

/// What a `-` would mean after the last member of a class.
#[derive(PartialEq)]
enum Dash {
    Literal,
    Range,
}

fn is_group_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The character as a literal, in or out of a class.
fn escaped(c: char) -> String {
    match c {
        _ if c.is_ascii_alphanumeric() => c.to_string(),
        _ if c.is_ascii_punctuation() => format!("\\{c}"),
        _ => format!(r"\x{{{:x}}}", u32::from(c)),
    }
}

fn error(at: usize, length: usize, message: impl Into<String>) -> Error {
    Error { message: message.into(), span: Range { start: at, end: at + length } }
}
