//! Media types and ranges (RFC 9110 §8.3.1, §12.5.1).

use std::fmt;

/// A concrete media type, as a message offers it: `application/json`, with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    kind: String,
    subtype: String,
    parameters: Vec<(String, String)>,
}

/// Why a text is not a media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// There is no `/` between two names.
    NoSubtype,
    /// A name holds a character that is not of RFC 9110's `token`.
    NotAToken,
    /// A `*` where a name is needed.
    Wildcard,
    /// A parameter is not `name=value`.
    Parameter,
}

impl MediaType {
    /// Reads a media type. Names are case-insensitive and kept in lower case.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let (essence, parameters) = text.split_once(';').map_or((text, None), |(e, p)| (e, Some(p)));
        let (kind, subtype) = essence.trim_end_matches(OWS).split_once('/').ok_or(ParseError::NoSubtype)?;
        if kind == "*" || subtype == "*" {
            return Err(ParseError::Wildcard);
        }
        if !is_token(kind.as_bytes()) || !is_token(subtype.as_bytes()) {
            return Err(ParseError::NotAToken);
        }
        let parameters = parameters.map_or(Ok(Vec::new()), |text| {
            Parameters::new(text.as_bytes())
                .map(|parameter| {
                    let Parameter { name, value } = parameter.map_err(|_| ParseError::Parameter)?;
                    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                    let value: Vec<u8> = value.bytes().collect();
                    Ok((name, String::from_utf8_lossy(&value).into_owned()))
                })
                .collect()
        })?;
        Ok(Self { kind: kind.to_ascii_lowercase(), subtype: subtype.to_ascii_lowercase(), parameters })
    }

    /// The top-level type, `application`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The subtype, `problem+json`.
    pub fn subtype(&self) -> &str {
        &self.subtype
    }

    /// The parameters: names in lower case, values unquoted.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.subtype)?;
        self.parameters.iter().try_for_each(|(name, value)| {
            if is_token(value.as_bytes()) {
                return write!(f, ";{name}={value}");
            }
            write!(f, ";{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
        })
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParseError::NoSubtype => "a media type is written `type/subtype`",
            ParseError::NotAToken => "a character here cannot stand in a media type",
            ParseError::Wildcard => "`*` cannot stand for a part of a media type here",
            ParseError::Parameter => "a parameter is written `;name=value`",
        })
    }
}

impl std::error::Error for ParseError {}

/// White space that may stand around list members and parameters (RFC 9110 §5.6.3).
pub(crate) const OWS: [char; 2] = [' ', '\t'];

/// Whether the bytes are an RFC 9110 §5.6.2 `token`.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

/// Whether a `token` may hold the byte.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// One `name=value` of a list of parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: Value<'a>,
}

/// The value of a parameter: a token, or a quoted string whose escapes are undone on reading.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Token(&'a [u8]),
    Quoted(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The bytes that the value stands for.
    pub(crate) fn bytes(self) -> impl Iterator<Item = u8> + 'a {
        let (raw, quoted) = match self {
            Value::Token(raw) => (raw, false),
            Value::Quoted(raw) => (raw, true),
        };
        let mut escaped = false;
        raw.iter().copied().filter(move |&byte| {
            escaped = quoted && byte == b'\\' && !escaped;
            !escaped
        })
    }
}

/// A parameter that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads `name=value` pairs between semicolons; empty ones are passed over (RFC 9110 §5.6.6).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// `text` is what follows the first semicolon.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<Parameter<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let end = find_unquoted(self.rest, b';');
            let (one, rest) = self.rest.split_at(end);
            self.rest = rest.get(1..).unwrap_or_default();
            let one = one.trim_ascii();
            if !one.is_empty() {
                return Some(read_parameter(one).ok_or(Malformed));
            }
        }
    }
}

fn read_parameter(text: &[u8]) -> Option<Parameter<'_>> {
    let equals = text.iter().position(|&byte| byte == b'=')?;
    let (name, value) = text.split_at(equals);
    let (name, value) = (name.trim_ascii_end(), value.get(1..)?.trim_ascii_start());
    let value = match value.strip_prefix(b"\"") {
        Some(quoted) => Value::Quoted(quoted.strip_suffix(b"\"")?),
        None if is_token(value) => Value::Token(value),
        None => return None,
    };
    is_token(name).then_some(Parameter { name, value })
}

/// The index of the first `delimiter` outside of quoted strings, or the length.
pub(crate) fn find_unquoted(text: &[u8], delimiter: u8) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    text.iter()
        .position(|&byte| {
            if escaped {
                escaped = false;
                return false;
            }
            match byte {
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => return byte == delimiter && !quoted,
            }
            false
        })
        .unwrap_or(text.len())
}

/// A quality value in thousandths (RFC 9110 §12.4.2), 0 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QValue(u16);

impl QValue {
    /// Not acceptable.
    pub const ZERO: Self = Self(0);
    /// What a range without `q` has.
    pub const ONE: Self = Self(1000);

    /// Reads a weight: 0 to 1 with up to three decimals. `.5` is tolerated.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let point = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
        let (whole, decimals) = text.split_at(point);
        let decimals = decimals.get(1..).unwrap_or_default();
        let whole = match whole {
            b"0" => 0,
            b"" if !decimals.is_empty() => 0,
            b"1" => 1000,
            _ => return None,
        };
        if decimals.len() > 3 || !decimals.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let thousandths = [100, 10, 1].into_iter().zip(decimals).map(|(unit, &d)| unit * u16::from(d - b'0'));
        let value = whole + thousandths.sum::<u16>();
        (value <= 1000).then_some(Self(value))
    }

    /// The value in thousandths.
    pub fn thousandths(self) -> u16 {
        self.0
    }
}

impl fmt::Display for QValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, rest) => write!(f, "{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
        }
    }
}

/// One member of an Accept field: a range of media types, its parameters and its weight.
#[derive(Clone, Copy, Debug)]
pub struct MediaRange<'a> {
    text: &'a [u8],
    kind: &'a [u8],
    subtype: &'a [u8],
    parameters: &'a [u8],
    quality: QValue,
}

/// A range of media types as a rules file writes it, without parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRange {
    kind: String,
    /// `None`: any.
    subtype: Option<String>,
}

impl TypeRange {
    /// Reads `type/subtype` or `type/*`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, subtype) = text.split_once('/')?;
        let any = subtype == "*";
        if !is_token(kind.as_bytes()) || kind == "*" || !is_token(subtype.as_bytes()) {
            return None;
        }
        let subtype = (!any).then(|| subtype.to_ascii_lowercase());
        Some(Self { kind: kind.to_ascii_lowercase(), subtype })
    }

    /// Whether a Content-Type is in the range, whatever its parameters.
    pub fn contains(&self, content_type: &[u8]) -> bool {
        let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let Some(slash) = essence.iter().position(|&byte| byte == b'/') else { return false };
        let (kind, subtype) = essence.split_at(slash);
        let subtype = subtype.get(1..).unwrap_or_default();
        kind.eq_ignore_ascii_case(self.kind.as_bytes())
            && self.subtype.as_ref().is_none_or(|own| subtype.eq_ignore_ascii_case(own.as_bytes()))
    }
}

/// How closely a range describes a media type: RFC 9110 §12.5.1 lets the closest one decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Specificity {
    /// `*/*`
    Any,
    /// `type/*`
    Type,
    /// `application/json` for `application/problem+json`, and the reverse
    Alias,
    /// `type/subtype`
    Exact,
    /// `type/subtype;parameter=value`
    Parameters,
}

impl<'a> MediaRange<'a> {
    /// The range of an absent Accept field, `*/*`.
    pub const ANY: MediaRange<'static> =
        MediaRange { text: b"*/*", kind: b"*", subtype: b"*", parameters: b"", quality: QValue::ONE };

    /// Reads a member. `None`: it has no type, or a weight that is none.
    pub fn parse(member: &'a [u8]) -> Option<Self> {
        let text = member.trim_ascii();
        let (kind, subtype, parameters) = read_type(text)?;
        if kind == b"*" && subtype != b"*" {
            return None;
        }
        let quality = weight(parameters)?;
        Some(Self { text, kind, subtype, parameters, quality })
    }

    /// The weight.
    pub fn quality(&self) -> QValue {
        self.quality
    }

    /// The member as it was sent.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Whether this is `*/*`.
    pub fn is_any(&self) -> bool {
        self.kind == b"*"
    }

    /// How closely the range describes the media type; `None` where it does not.
    ///
    /// A parameter of the range counts only for a media type that has one of this name.
    pub fn describes(&self, media_type: &MediaType) -> Option<Specificity> {
        let parameters = media_type.parameters.iter();
        self.closeness(
            media_type.kind.as_bytes(),
            media_type.subtype.as_bytes(),
            parameters.map(|(name, value)| Parameter {
                name: name.as_bytes(),
                value: Value::Token(value.as_bytes()),
            }),
        )
    }

    /// How closely the range describes a Content-Type; `None` where it does not.
    pub(crate) fn describes_content(&self, content: &ContentType<'_>) -> Option<Specificity> {
        let parameters = Parameters::new(content.parameters).filter_map(Result::ok);
        let closeness = self.closeness(content.kind, content.subtype, parameters);
        closeness.or_else(|| self.stands_for(content.kind, content.subtype).then_some(Specificity::Alias))
    }

    /// Whether the one is `application/json` and the other `application/problem+json`: problem
    /// details are JSON (RFC 9457 §3), and clients that ask for either understand both.
    pub(crate) fn is_alias_of(&self, media_type: &MediaType) -> bool {
        self.stands_for(media_type.kind.as_bytes(), media_type.subtype.as_bytes())
    }

    fn stands_for(&self, kind: &[u8], subtype: &[u8]) -> bool {
        let is = |text: &[u8], name: &str| text.eq_ignore_ascii_case(name.as_bytes());
        let pair = |one: &str, other: &str| is(subtype, one) && is(self.subtype, other);
        (pair("json", "problem+json") || pair("problem+json", "json"))
            && is(kind, "application")
            && is(self.kind, "application")
    }

    fn closeness<'t>(
        &self,
        kind: &[u8],
        subtype: &[u8],
        parameters: impl Iterator<Item = Parameter<'t>> + Clone,
    ) -> Option<Specificity> {
        if self.is_any() {
            return Some(Specificity::Any);
        }
        if !self.kind.eq_ignore_ascii_case(kind) {
            return None;
        }
        if self.subtype == b"*" {
            return Some(Specificity::Type);
        }
        if !self.subtype.eq_ignore_ascii_case(subtype) {
            return None;
        }
        let mut specificity = Specificity::Exact;
        for own in self.own_parameters() {
            let mut same = parameters.clone().filter(|other| own.name.eq_ignore_ascii_case(other.name));
            let lower = |value: Value<'t>| value.bytes().map(|byte| byte.to_ascii_lowercase());
            let Some(other) = same.next() else { continue };
            if !own.value.bytes().map(|byte| byte.to_ascii_lowercase()).eq(lower(other.value)) {
                return None;
            }
            specificity = Specificity::Parameters;
        }
        Some(specificity)
    }

    /// The parameters before the weight.
    fn own_parameters(&self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        Parameters::new(self.parameters)
            .map_while(Result::ok)
            .take_while(|parameter| !is_weight(parameter.name))
    }
}

/// A Content-Type field as it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentType<'a> {
    kind: &'a [u8],
    subtype: &'a [u8],
    parameters: &'a [u8],
}

impl<'a> ContentType<'a> {
    /// Reads the value. `None`: it has no type.
    pub(crate) fn parse(value: &'a [u8]) -> Option<Self> {
        let (kind, subtype, parameters) = read_type(value.trim_ascii())?;
        (kind != b"*" && subtype != b"*").then_some(Self { kind, subtype, parameters })
    }
}

/// The members of a list field's line, split at commas outside of quoted strings.
pub(crate) struct Members<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (member, rest) = self.0.split_at(find_unquoted(self.0, b','));
        self.0 = rest.get(1..).unwrap_or_default();
        Some(member)
    }
}

/// Splits `type/subtype;parameters`.
fn read_type(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (essence, parameters) = split_parameters(text);
    let (kind, subtype) = essence.split_at(essence.iter().position(|&byte| byte == b'/')?);
    let subtype = subtype.get(1..)?;
    (is_token(kind) && is_token(subtype)).then_some((kind, subtype, parameters))
}

/// What is before the first semicolon, and what follows it.
pub(crate) fn split_parameters(member: &[u8]) -> (&[u8], &[u8]) {
    let (value, rest) = member.split_at(find_unquoted(member, b';'));
    (value.trim_ascii(), rest.get(1..).unwrap_or_default())
}

fn is_weight(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"q")
}

/// The first `q` among the parameters; 1 without any.
pub(crate) fn weight(parameters: &[u8]) -> Option<QValue> {
    let mut rest = parameters;
    while !rest.is_empty() {
        let (one, after) = rest.split_at(find_unquoted(rest, b';'));
        rest = after.get(1..).unwrap_or_default();
        let equals = one.iter().position(|&byte| byte == b'=').unwrap_or(one.len());
        let (name, value) = one.split_at(equals);
        if is_weight(name.trim_ascii()) {
            return QValue::parse(value.get(1..)?.trim_ascii());
        }
    }
    Some(QValue::ONE)
}
