//! The differences between Repose and Retort that a file can show. COMPATIBILITY.md has the reasons.

pub(super) use super::gotcha::Fact;

const fn fact(code: &'static str, what: &'static str, repose: &'static str, retort: &'static str) -> Fact {
    Fact { code, what, repose, retort }
}

pub(super) const OLD_NAMESPACE: Fact = fact(
    "old-namespace",
    "the namespace is that of an old version",
    "refuses it from 8.0 on",
    "reads it, and warns",
);
pub(super) const NO_NAMESPACE: Fact =
    fact("no-namespace", "the file has no namespace", "refused it", "reads it, and warns");
pub(super) const LEGACY_ATTRIBUTE: Fact = fact(
    "legacy-attribute",
    "the attribute is of an old version",
    "knew it before `overwrite` came, in papi 1.2.1",
    "reads it, and warns",
);
pub(super) const IMPLIED_ALWAYS: Fact = fact(
    "implied-always",
    "a rule without `overwrite`, in a file of the times of `prepend-origin`",
    "replaced every body",
    "replaces every body as long as the file has `prepend-origin`, and empty ones in any other",
);
pub(super) const NO_CODE_REGEX: Fact = fact(
    "config-code-regex-required",
    "a rule without `code-regex`",
    "refused it, though its documentation has an example",
    "takes the id for it",
);
pub(super) const NO_MEDIA_TYPE: Fact = fact(
    "config-media-type-required",
    "a message without `media-type`",
    "refused it; its documentation says that `*/*` is the default",
    "takes `*/*` for the default",
);
pub(super) const TEXT_BESIDE_HREF: Fact = fact(
    "config-href-and-text",
    "a message with a text and a file",
    "refused it in later versions; its documentation says that the file wins",
    "uses the file, and warns",
);
pub(super) const DUPLICATE_ID: Fact = fact(
    "duplicate-id",
    "an id that an earlier rule has",
    "used the last rule's expression and texts for both, or refused the file",
    "refuses it",
);
pub(super) const KEY_COLLISION: Fact = fact(
    "key-collision",
    "id and media type, glued together, are those of a message of another rule",
    "sent the later one's text for both",
    "sends each its own",
);
pub(super) const MEDIA_PARAMETERS: Fact = fact(
    "accept-params-dropped",
    "a media type with parameters",
    "never sent the message: a client's parameters were dropped",
    "sends it to a client that asks for these parameters",
);
pub(super) const NEGOTIATION: Fact = fact(
    "negotiation",
    "a message of one media type",
    "looked at the types of the client's best quality only, and at its wildcards literally",
    "negotiates as RFC 9110 says; negotiation=\"exact\" on the root brings Repose's reading back",
);
pub(super) const NO_CATCH_ALL: Fact = fact(
    "accept-absent",
    "a rule without a message for `*/*`",
    "left the response alone where the client sent no Accept, or `*/*`",
    "answers with the first message then",
);
pub(super) const CHARSET: Fact = fact(
    "charset",
    "a charset other than UTF-8",
    "sent the message in it; one that Java does not know failed the request",
    "sends UTF-8, and refuses another charset",
);
pub(super) const LATIN1: Fact = fact(
    "charset-latin1",
    "a text that is not ASCII, sent without a charset",
    "sent ISO-8859-1, with `?` for what is not in it",
    "sends UTF-8",
);
pub(super) const BODILESS: Fact = fact(
    "bodiless-status",
    "the rule covers statuses that have no content, or only a part of it (1xx, 204, 205, 206, 304)",
    "wrote the message all the same",
    "lets these pass untouched",
);
pub(super) const TEMPLATING: Fact = fact(
    "templating",
    "markup of the template engine that Repose 8.8 and later ran over the file",
    "filled it in from the environment",
    "leaves it as it stands",
);
pub(super) const NOT_A_URI: Fact = fact(
    "href-not-a-uri",
    "`href` does not begin with `file://`",
    "sent an empty message, which wiped the body",
    "sends the file",
);
pub(super) const RELATIVE_HREF: Fact = fact(
    "href-relative",
    "`href` is a path, not a URI",
    "sent an empty message, which wiped the body",
    "looks for the file beside the rules file",
);
pub(super) const CREDENTIAL: Fact = fact(
    "credential",
    "the message repeats a secret of the client or of the upstream",
    "printed it",
    "refuses it, unless `expose` on the root names the field",
);
pub(super) const LITERAL_PERCENT: Fact = fact(
    "literal-percent",
    "this `%` starts no directive",
    "printed it as it stands",
    "prints it as it stands, and warns",
);
pub(super) const WIDE_BRACES: Fact = fact(
    "wide-braces",
    "braces with characters that Repose did not expect",
    "printed the directive as it stands",
    "reads the directive",
);
pub(super) const COND_BACKSLASH: Fact = fact(
    "cond-backslash",
    "`%\\!`, the form of `%!` that the documentation has",
    "printed it as it stands",
    "reads it like `%!`",
);
pub(super) const IGNORED_BRACES: Fact = fact(
    "ignored-braces",
    "braces that mean nothing to the directive",
    "ignored them",
    "gives some of them a meaning, and warns of the others",
);
pub(super) const UNDERSCORE: Fact = fact(
    "underscore-header",
    "the name of a header field with `_`",
    "printed the field whose name ends before the `_`",
    "prints the field of that name",
);
pub(super) const COLON: Fact = fact(
    "header-default",
    "the name of a header field with `:`",
    "printed nothing: there is no such field",
    "prints what follows `:-` where there is no field of the name before it",
);
pub(super) const NO_CONVERSION: Fact = fact(
    "no-conversion",
    "words that convert nothing",
    "printed the value as it is",
    "prints the value as it is, and warns",
);
pub(super) const DATE_FORMAT: Fact = fact(
    "unknown-date-format",
    "a date format that there is not, or one too many",
    "took RFC_1123 for it, or ignored it",
    "knows RFC_1123 and ISO_8601, one to print and one to read",
);
pub(super) const DOUBLE_SEPARATOR: Fact = fact(
    "arg-double-space",
    "two separators in a row",
    "printed the value unchanged",
    "counts them as one, and converts the date",
);
pub(super) const DATE_CASE: Fact =
    fact("date-type-case", "`DATE` not in capitals", "printed the value unchanged", "converts the date");
pub(super) const DATES: Fact = fact(
    "dates",
    "a date is converted",
    "rolled impossible dates over, and ignored fractions, text after a date and the minutes of offsets",
    "reads dates strictly, in all forms of HTTP and of RFC 3339; another value stays as it is",
);
pub(super) const TIME_COMMA: Fact = fact(
    "time-comma",
    "a time pattern with a comma",
    "printed blanks for the commas after the first separator",
    "takes the pattern as it is written",
);
pub(super) const TIME_DEFAULT: Fact = fact(
    "time-default",
    "`%t` without a pattern",
    "printed dd-MM-yyyy-HH:mm:ss.SSS up to 7.3.8.2, yyyy-MM-dd HH:mm:ss later",
    "prints yyyy-MM-dd HH:mm:ss",
);
pub(super) const ESCAPE_COLLAPSE: Fact = fact(
    "escape-collapse",
    "`\\t` or `\\n` with the same letter after it",
    "took all the letters for one escape",
    "takes one letter: one escape, one character",
);
pub(super) const ESCAPE_IN_JSON: Fact = fact(
    "escape-in-json",
    "`\\t` or `\\n` in a string of JSON",
    "printed the character itself, which JSON does not allow there",
    "leaves the two characters, which mean the same to a reader of JSON",
);
pub(super) const VALUES_RAW: Fact = fact(
    "values-raw",
    "a value from outside in JSON, XML or HTML",
    "printed it raw (but for `%M` in JSON and XML)",
    "escapes it, so that it can be nothing but text",
);

/// What some directives print, by their letters.
pub(super) const DIRECTIVES: &[(&str, Fact)] = &[
    ("U", fact("url-full", "`%U`", "printed the whole URL", "prints the path, as documented")),
    (
        "r",
        fact(
            "request-line-no-query",
            "`%r`",
            "left the query out",
            "prints the first line of the request as it came",
        ),
    ),
    (
        "p",
        fact(
            "port-is-local",
            "`%p`",
            "printed the port that it listened on",
            "prints the port of the upstream, as documented",
        ),
    ),
    (
        "bB",
        fact(
            "length-missing",
            "the size of the body",
            "printed Content-Length, or -1 without one",
            "prints the size of the upstream's body, counted where it was not declared",
        ),
    ),
    ("u", fact("user-null", "`%u`", "printed `null` without a user", "prints `-`")),
    (
        "t",
        fact(
            "time-is-render-time",
            "`%t`",
            "printed the time of rendering",
            "prints the time at which the request came",
        ),
    ),
    (
        "DT",
        fact(
            "elapsed",
            "the time taken",
            "counted from the last filter on, in whole milliseconds",
            "counts from the arrival of the request, in microseconds",
        ),
    ),
    (
        "M",
        fact(
            "reason",
            "`%M`",
            "printed nothing, unless a filter had set a phrase",
            "prints the upstream's phrase, or the registered one",
        ),
    ),
    (
        "g",
        fact(
            "request-id",
            "`%g`",
            "read X-Trans-Id",
            "reads X-Request-Id, then X-Trans-Id; settings can name others",
        ),
    ),
];
