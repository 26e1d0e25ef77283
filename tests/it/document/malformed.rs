//! Documents that are refused, why, and where the mistake is shown.

use retort::config::document;

#[test]
fn are_refused_where_the_mistake_is() {
    for (text, message, marked) in REFUSED {
        check(text, message, marked);
        assert!(roxmltree::Document::parse(text).is_err(), "{text:?} passes roxmltree");
    }
}

#[test]
fn are_refused_even_where_roxmltree_is_generous() {
    for (text, message, marked) in REFUSED_HERE {
        check(text, message, marked);
        assert!(roxmltree::Document::parse(text).is_ok(), "{text:?} does not pass roxmltree");
    }
}

fn check(text: &str, message: &str, marked: &str) {
    let error = document::parse(text).expect_err(text);
    assert_eq!((error.to_string().as_str(), &text[error.span.clone()]), (message, marked), "{text:?}");
    assert!(error.kind.code().starts_with("xml-"));
}

/// A document, what is wrong with it, and the part of it that is marked.
const REFUSED: &[(&str, &str, &str)] = &[
    // The whole.
    ("", "there is no root element", ""),
    (" \n<!-- c --><?p?>", "there is no root element", ""),
    ("text", "text outside of the root element", "text"),
    ("  text <a/>", "text outside of the root element", "text"),
    ("<a/>text", "text outside of the root element", "text"),
    ("<a/>&#32;", "text outside of the root element", "&#32;"),
    ("<a/><![CDATA[ ]]>", "text outside of the root element", "<![CDATA[ ]]>"),
    ("<a/>\u{FEFF}", "text outside of the root element", "\u{FEFF}"),
    ("<a/>\n<b c='d'/>", "a document has one root element, this is a second one", "<b c='d'/>"),
    ("<a/></a>", "`</a>` closes nothing", "</a>"),
    ("</a>", "`</a>` closes nothing", "</a>"),
    ("<!DOCTYPE a><a/>", "document type declarations are not read", "<!DOCTYPE"),
    ("<!DOCTYPE", "document type declarations are not read", "<!DOCTYPE"),
    ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type declarations are not read", "<!DOCTYPE"),
    ("<!doctype html><a/>", "document type declarations are not read", "<!doctype"),
    ("<a><!DOCTYPE a></a>", "document type declarations are not read", "<!DOCTYPE"),
    ("<a><!ELEMENT b></a>", "`<!` starts neither a comment nor a CDATA section here", "<!"),
    ("<a><!- b --></a>", "`<!` starts neither a comment nor a CDATA section here", "<!"),
    ("<a><![cdata[]]></a>", "`<!` starts neither a comment nor a CDATA section here", "<!"),
    ("<a><![CDATA []]></a>", "`<!` starts neither a comment nor a CDATA section here", "<!"),
    // The end comes too early.
    ("<a><b>", "`<b>` is never closed", "<b>"),
    ("<a><b></b>", "`<a>` is never closed", "<a>"),
    ("<a><b></b></", "this tag is never closed", "/"),
    ("<a><b></b></a", "this tag is never closed", "</a"),
    ("<a b='c'", "this tag is never closed", "<a"),
    ("<a b=", "this tag is never closed", "<a b="),
    ("<a b", "the attribute `b` has no value", "b"),
    ("<a b='c>", "the value of this attribute is never closed", "'"),
    ("<a><!-- b</a>", "this comment is never closed", "<!--"),
    ("<a><!-->", "this comment is never closed", "<!--"),
    ("<a><![CDATA[ b</a>", "this CDATA section is never closed", "<![CDATA["),
    ("<a><?b c</a>", "this processing instruction is never closed", "<?b"),
    ("<a><?", "this processing instruction is never closed", "<?"),
    ("<a>&amp", "this reference has no end", "&amp"),
    // Tags.
    ("<a></b>", "expected `</a>`, found `</b>`", "</b>"),
    ("<a><b></a></b>", "expected `</b>`, found `</a>`", "</a>"),
    ("<p:a xmlns:p='u' xmlns:q='u'></q:a>", "expected `</p:a>`, found `</q:a>`", "</q:a>"),
    ("<a></ a>", "unexpected ` `", " "),
    ("<a></a b='c'>", "unexpected `b`", "b"),
    ("<a></a/>", "unexpected `/`", "/"),
    ("<a><b</a>", "this tag is never closed", "<b"),
    ("<a></a<b>", "this tag is never closed", "</a"),
    ("< a/>", "`<` starts no tag here", "<"),
    ("<>", "`<` starts no tag here", "<"),
    ("<1/>", "`<` starts no tag here", "<"),
    ("<a>1 < 2</a>", "`<` starts no tag here", "<"),
    ("<a / >", "unexpected `/`", "/"),
    ("<a/ >", "unexpected `/`", "/"),
    ("<a$/>", "unexpected `$`", "$"),
    ("<a 1='b'/>", "unexpected `1`", "1"),
    ("<a ='b'/>", "unexpected `=`", "="),
    ("<a×/>", "unexpected `×`", "×"),
    // Attributes.
    ("<a b=c/>", "the value of an attribute is written in quotes", "c"),
    ("<a b=/>", "the value of an attribute is written in quotes", "/"),
    ("<a b=\u{201C}c\u{201D}/>", "the value of an attribute is written in quotes", "\u{201C}c\u{201D}"),
    ("<a b/>", "the attribute `b` has no value", "b"),
    ("<a b 'c'/>", "the attribute `b` has no value", "b"),
    ("<a b='c'd='e'/>", "there is no space before this attribute", "d"),
    ("<a b='c' b='d'/>", "the attribute `b` is given twice", "b"),
    ("<a b='<'/>", "`<` cannot stand in the value of an attribute", "<"),
    ("<a b='c>\n<d e='f'/></a>", "`<` cannot stand in the value of an attribute", "<"),
    ("<a b='&'/>", "`&` starts no reference here", "&"),
    ("<a b='c&d;e'/>", "unknown entity `&d;`", "&d;"),
    ("<a b='&amp'/>", "this reference has no end", "&amp"),
    // Names and namespaces.
    ("<a:b:c xmlns:a='u'/>", "`a:b:c` is not a name", "a:b:c"),
    ("<a:/>", "`a:` is not a name", "a:"),
    ("<:/>", "`:` is not a name", ":"),
    ("<a:1 xmlns:a='u'/>", "`a:1` is not a name", "a:1"),
    ("<a:b/>", "the prefix `a` is not declared", "a:b"),
    ("<a b:c='d'/>", "the prefix `b` is not declared", "b:c"),
    ("<a><b xmlns:c='u'/><c:d/></a>", "the prefix `c` is not declared", "c:d"),
    ("<a xmlns:b='u' xmlns:b='v'/>", "the attribute `xmlns:b` is given twice", "xmlns:b"),
    ("<a xmlns:b='u' xmlns:c='u' b:d='' c:d=''/>", "the attribute `c:d` is given twice", "c:d"),
    ("<a xmlns:='u'/>", "`xmlns:` is not a name", "xmlns:"),
    ("<xmlns:a/>", "`xml`, `xmlns` and their namespaces are reserved", "xmlns:a"),
    ("<a xmlns:xml='u'/>", "`xml`, `xmlns` and their namespaces are reserved", "xmlns:xml"),
    (
        "<a xmlns:b='http://www.w3.org/XML/1998/namespace'/>",
        "`xml`, `xmlns` and their namespaces are reserved",
        "xmlns:b",
    ),
    (
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "`xml`, `xmlns` and their namespaces are reserved",
        "xmlns",
    ),
    (
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "`xml`, `xmlns` and their namespaces are reserved",
        "xmlns",
    ),
    // Characters and references.
    ("<a>\u{1}</a>", "the character U+0001 cannot stand in XML", "\u{1}"),
    ("<a>é\u{FFFF}</a>", "the character U+FFFF cannot stand in XML", "\u{FFFF}"),
    ("<a b='\u{B}'/>", "the character U+000B cannot stand in XML", "\u{B}"),
    ("<a><!-- \u{0} --></a>", "the character U+0000 cannot stand in XML", "\u{0}"),
    ("<a><![CDATA[\u{8}]]></a>", "the character U+0008 cannot stand in XML", "\u{8}"),
    ("<a><?b \u{1F}?></a>", "the character U+001F cannot stand in XML", "\u{1F}"),
    ("<a \u{C}", "the character U+000C cannot stand in XML", "\u{C}"),
    ("<a>b & c</a>", "`&` starts no reference here", "&"),
    ("<a>b & c; d</a>", "`&` starts no reference here", "&"),
    ("<a>b &</a>", "`&` starts no reference here", "&"),
    ("<a>b&&amp;</a>", "`&` starts no reference here", "&"),
    ("<a>&1;</a>", "`&` starts no reference here", "&"),
    ("<a>&lt </a>", "this reference has no end", "&lt"),
    ("<a>?b=c&d=e;</a>", "this reference has no end", "&d"),
    ("<a>&nbsp;</a>", "unknown entity `&nbsp;`", "&nbsp;"),
    ("<a>&LT;</a>", "unknown entity `&LT;`", "&LT;"),
    ("<a>&#;</a>", "malformed character reference", "&#"),
    ("<a>&#x;</a>", "malformed character reference", "&#x"),
    ("<a>&#X41;</a>", "malformed character reference", "&#"),
    ("<a>&#4A;</a>", "malformed character reference", "&#4"),
    ("<a>&#1;</a>", "`&#1;` is not a character of XML", "&#1;"),
    ("<a>&#xFFFE;</a>", "`&#xFFFE;` is not a character of XML", "&#xFFFE;"),
    ("<a>&#x100000041;</a>", "`&#x100000041;` is not a character of XML", "&#x100000041;"),
    ("<a>b ]]> c</a>", "`]]>` cannot stand in text", "]]>"),
    // Comments, processing instructions, declarations.
    ("<a><!-- b -- c --></a>", "`--` cannot stand in a comment", "--"),
    ("<a><!-- b ---></a>", "`--` cannot stand in a comment", "--"),
    ("<!-----><a/>", "`--` cannot stand in a comment", "--"),
    ("<a><? b?></a>", "unexpected ` `", " "),
    ("<a><??></a>", "unexpected `?`", "?"),
    (" <?xml version='1.0'?><a/>", "the XML declaration is not at the start of the file", "<?xml"),
    (
        "<?xml version='1.0'?><?xml version='1.0'?><a/>",
        "the XML declaration is not at the start of the file",
        "<?xml",
    ),
    ("<?xml ?><a/>", "malformed XML declaration", "<?xml"),
    ("<?xml encoding='UTF-8'?><a/>", "malformed XML declaration", "<?xml"),
    ("<?xml version=1.0?><a/>", "malformed XML declaration", " version="),
    ("<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>", "malformed XML declaration", "e"),
    ("<?xml version='1.0'encoding='UTF-8'?><a/>", "malformed XML declaration", "e"),
    ("<?xml version='1.0' other='b'?><a/>", "malformed XML declaration", "o"),
    ("<?xml version='1.0'", "malformed XML declaration", "<?xml version='1.0'"),
];

/// The same for what XML 1.0 or Namespaces in XML 1.0 forbid, but roxmltree lets pass.
const REFUSED_HERE: &[(&str, &str, &str)] = &[
    ("<?xml version='2.0'?><a/>", "XML version `2.0` is not read", "2.0"),
    ("<?xml version='1.'?><a/>", "XML version `1.` is not read", "1."),
    ("<?xml version='1.0' encoding=''?><a/>", "malformed XML declaration", ""),
    ("<?xml version='1.0' encoding='8bit'?><a/>", "malformed XML declaration", "8bit"),
    ("<?xml version='1.0' standalone='maybe'?><a/>", "malformed XML declaration", "maybe"),
    ("<?xml?><a/>", "malformed XML declaration", "<?xml"),
    ("<a/><?xml?>", "the XML declaration is not at the start of the file", "<?xml"),
    ("<a><?XML b?></a>", "`XML` is reserved, a processing instruction cannot have that name", "XML"),
    ("<a><?b+c?></a>", "unexpected `+`", "+"),
    ("<a><?b:c?></a>", "`b:c` is not a name", "b:c"),
    ("<:a/>", "`:a` is not a name", ":a"),
    ("<a>&#xD800;</a>", "`&#xD800;` is not a character of XML", "&#xD800;"),
    ("<a>&#x110000;</a>", "`&#x110000;` is not a character of XML", "&#x110000;"),
    ("<a xmlns='u' xmlns='v'/>", "the attribute `xmlns` is given twice", "xmlns"),
    ("<a xmlns:b=''/>", "the prefix `b` cannot be bound to no namespace", "xmlns:b"),
    ("<a xmlns:xmlns='u'/>", "`xml`, `xmlns` and their namespaces are reserved", "xmlns:xmlns"),
];
