//! What can be wrong with a document. Knows nothing of files.

use std::{fmt, ops::Range};

use super::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_NODES, MAX_SIZE};

/// The mistake that ends the reading of a document: after it, nothing that follows can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where: bytes of the decoded text.
    pub span: Range<usize>,
}

/// The kinds of mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// More than [`MAX_SIZE`] bytes.
    TooLarge,
    /// Bytes that are not of the encoding.
    NotInEncoding(&'static str),
    /// A declared encoding that is not read.
    UnknownEncoding(String),
    /// A declared encoding that the bytes contradict.
    EncodingMismatch {
        /// What the declaration says.
        declared: String,
        /// What the bytes are.
        actual: &'static str,
    },

    /// No element at all.
    NoRoot,
    /// An element after the root element.
    SecondRoot,
    /// Text, CDATA or a reference before or after the root element.
    OutsideRoot,
    /// A document type declaration.
    Doctype,
    /// A malformed XML declaration.
    Declaration,
    /// An XML declaration after the start.
    MisplacedDeclaration,
    /// A version other than 1.x.
    Version(String),

    /// The end came before the end of a construct.
    Unclosed(Construct),
    /// The end came before the end tag.
    UnclosedElement(String),
    /// An end tag where no element is open.
    StrayEndTag(String),
    /// An end tag for another element than the one that is open.
    MismatchedEndTag {
        /// The name in the end tag.
        found: String,
        /// The name in the start tag.
        expected: String,
        /// The line of the start tag, from 1.
        line: usize,
    },

    /// A character that is not of XML 1.0.
    ForbiddenCharacter(char),
    /// A character that has no meaning where it stands.
    Unexpected(char),
    /// `<!` that starts nothing known.
    UnknownMarkup,
    /// A `<` that starts no tag.
    BareLessThan,
    /// A `<` in the value of an attribute.
    LessThanInValue,
    /// `]]>` outside of a CDATA section.
    CdataEndInText,
    /// `--` inside a comment.
    DoubleHyphen,
    /// A processing instruction whose target is `xml` in some case.
    ReservedTarget(String),

    /// A `&` that starts no reference.
    BareAmpersand,
    /// A reference without its semicolon.
    UnclosedReference,
    /// `&#…;` without a number.
    MalformedReference,
    /// `&#…;` that is not a character of XML 1.0.
    NotACharacter(String),
    /// A reference to an entity other than the five that need no declaration.
    UnknownEntity(String),

    /// A name with several colons, or with nothing before or after one.
    Name(String),
    /// An attribute without a value.
    MissingValue(String),
    /// A value without quotes.
    MissingQuote,
    /// No white space before an attribute.
    MissingSpace,
    /// A second attribute of the same name.
    DuplicateAttribute(String),
    /// A prefix that no declaration binds.
    UnboundPrefix(String),
    /// `xmlns:a=""`, which Namespaces 1.0 does not have.
    UndeclaredPrefix(String),
    /// A use of `xml`, `xmlns` or of their namespaces that is reserved.
    ReservedNamespace,

    /// Elements nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// More than [`MAX_ATTRIBUTES`] in an element.
    TooManyAttributes,
    /// More than [`MAX_NODES`] in the document.
    TooManyNodes,
}

/// What needs an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Construct {
    /// `<…>`.
    Tag,
    /// `"…"`.
    Value,
    /// `<!--…-->`.
    Comment,
    /// `<![CDATA[…]]>`.
    Cdata,
    /// `<?…?>`.
    Instruction,
}

impl ErrorKind {
    pub(super) fn at(self, span: Range<usize>) -> Error {
        Error { kind: self, span }
    }

    /// How to mend it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NotInEncoding("UTF-8") => "save the file as UTF-8, or declare its encoding: \
                 <?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"
                .into(),
            Self::UnknownEncoding(_) => {
                "UTF-8, ISO-8859-1 and US-ASCII are read, and UTF-16 with a byte order mark".into()
            }
            Self::EncodingMismatch { actual, .. } => {
                format!("remove `encoding` from the declaration, or let it say {actual}")
            }
            Self::Declaration => "it is written <?xml version=\"1.0\" encoding=\"UTF-8\"?>".into(),
            Self::MisplacedDeclaration => "nothing, not even white space, may stand before it".into(),
            Self::MismatchedEndTag { expected, line, .. } => {
                format!("`<{expected}>` is open since line {line}")
            }
            Self::ForbiddenCharacter('\0') => {
                "UTF-16 is read when the file starts with a byte order mark".into()
            }
            Self::UnclosedElement(name) => format!("the file ends before `</{name}>`; is it cut off?"),
            Self::BareLessThan => "write `&lt;`, or put the text into <![CDATA[ and ]]>".into(),
            Self::LessThanInValue => "write `&lt;`; or the quote that ends the value is missing".into(),
            Self::CdataEndInText => "write `]]&gt;`".into(),
            Self::BareAmpersand => "write `&amp;`, or put the text into <![CDATA[ and ]]>".into(),
            Self::UnclosedReference => "a reference ends in `;`; a plain `&` is written `&amp;`".into(),
            Self::MalformedReference => "it is written `&#10;` or `&#xA;`".into(),
            Self::UnknownEntity(_) => "`&lt;` `&gt;` `&amp;` `&quot;` `&apos;` and `&#…;` are known; \
                 a plain `&` is written `&amp;`"
                .into(),
            Self::MissingValue(name) => format!("write {name}=\"…\""),
            Self::UnboundPrefix(prefix) => format!("declare it: xmlns:{prefix}=\"…\""),
            _ => return None,
        })
    }

    /// A stable name for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "xml-too-large",
            Self::NotInEncoding(_) | Self::UnknownEncoding(_) | Self::EncodingMismatch { .. } => {
                "xml-encoding"
            }
            Self::NoRoot | Self::SecondRoot | Self::OutsideRoot => "xml-root",
            Self::Doctype => "xml-doctype",
            Self::Declaration | Self::MisplacedDeclaration | Self::Version(_) => "xml-declaration",
            Self::Unclosed(_) | Self::UnclosedElement(_) => "xml-unclosed",
            Self::StrayEndTag(_) | Self::MismatchedEndTag { .. } => "xml-end-tag",
            Self::ForbiddenCharacter(_) | Self::NotACharacter(_) => "xml-character",
            Self::Unexpected(_)
            | Self::UnknownMarkup
            | Self::BareLessThan
            | Self::LessThanInValue
            | Self::CdataEndInText
            | Self::DoubleHyphen
            | Self::ReservedTarget(_)
            | Self::MissingValue(_)
            | Self::MissingQuote
            | Self::MissingSpace => "xml-syntax",
            Self::BareAmpersand
            | Self::UnclosedReference
            | Self::MalformedReference
            | Self::UnknownEntity(_) => "xml-reference",
            Self::Name(_) => "xml-name",
            Self::DuplicateAttribute(_) => "xml-duplicate-attribute",
            Self::UnboundPrefix(_) | Self::UndeclaredPrefix(_) | Self::ReservedNamespace => "xml-namespace",
            Self::TooDeep | Self::TooManyAttributes | Self::TooManyNodes => "xml-limit",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the file is larger than {} MiB", MAX_SIZE >> 20),
            Self::NotInEncoding(name) => write!(f, "these bytes are not {name}"),
            Self::UnknownEncoding(name) => write!(f, "the encoding `{name}` is not read"),
            Self::EncodingMismatch { declared, actual } => {
                write!(f, "the encoding is declared as `{declared}`, but the file is {actual}")
            }
            Self::NoRoot => f.write_str("there is no root element"),
            Self::SecondRoot => f.write_str("a document has one root element, this is a second one"),
            Self::OutsideRoot => f.write_str("text outside of the root element"),
            Self::Doctype => f.write_str("document type declarations are not read"),
            Self::Declaration => f.write_str("malformed XML declaration"),
            Self::MisplacedDeclaration => f.write_str("the XML declaration is not at the start of the file"),
            Self::Version(version) => write!(f, "XML version `{version}` is not read"),
            Self::Unclosed(construct) => write!(f, "{construct} is never closed"),
            Self::UnclosedElement(name) => write!(f, "`<{name}>` is never closed"),
            Self::StrayEndTag(name) => write!(f, "`</{name}>` closes nothing"),
            Self::MismatchedEndTag { found, expected, .. } => {
                write!(f, "expected `</{expected}>`, found `</{found}>`")
            }
            Self::ForbiddenCharacter(c) => {
                write!(f, "the character U+{:04X} cannot stand in XML", u32::from(*c))
            }
            Self::Unexpected(c) => write!(f, "unexpected `{c}`"),
            Self::UnknownMarkup => f.write_str("`<!` starts neither a comment nor a CDATA section here"),
            Self::BareLessThan => f.write_str("`<` starts no tag here"),
            Self::LessThanInValue => f.write_str("`<` cannot stand in the value of an attribute"),
            Self::CdataEndInText => f.write_str("`]]>` cannot stand in text"),
            Self::DoubleHyphen => f.write_str("`--` cannot stand in a comment"),
            Self::ReservedTarget(name) => {
                write!(f, "`{name}` is reserved, a processing instruction cannot have that name")
            }
            Self::BareAmpersand => f.write_str("`&` starts no reference here"),
            Self::UnclosedReference => f.write_str("this reference has no end"),
            Self::MalformedReference => f.write_str("malformed character reference"),
            Self::NotACharacter(reference) => write!(f, "`{reference}` is not a character of XML"),
            Self::UnknownEntity(name) => write!(f, "unknown entity `&{name};`"),
            Self::Name(name) => write!(f, "`{name}` is not a name"),
            Self::MissingValue(name) => write!(f, "the attribute `{name}` has no value"),
            Self::MissingQuote => f.write_str("the value of an attribute is written in quotes"),
            Self::MissingSpace => f.write_str("there is no space before this attribute"),
            Self::DuplicateAttribute(name) => write!(f, "the attribute `{name}` is given twice"),
            Self::UnboundPrefix(prefix) => write!(f, "the prefix `{prefix}` is not declared"),
            Self::UndeclaredPrefix(prefix) => {
                write!(f, "the prefix `{prefix}` cannot be bound to no namespace")
            }
            Self::ReservedNamespace => f.write_str("`xml`, `xmlns` and their namespaces are reserved"),
            Self::TooDeep => write!(f, "nested deeper than {MAX_DEPTH} elements"),
            Self::TooManyAttributes => write!(f, "more than {MAX_ATTRIBUTES} attributes"),
            Self::TooManyNodes => write!(f, "more than {MAX_NODES} elements, attributes and texts"),
        }
    }
}

impl fmt::Display for Construct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tag => "this tag",
            Self::Value => "the value of this attribute",
            Self::Comment => "this comment",
            Self::Cdata => "this CDATA section",
            Self::Instruction => "this processing instruction",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {}
