//! The outcome as JUnit XML, which build servers read: a suite for each case, a test for each
//! exchange.

use std::{io, time::Duration};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::{
    report::lines,
    suite::{Outcome, Suite},
};
use crate::case::Mismatch;

/// Where the document is written to.
type Xml = Writer<Vec<u8>>;

/// The document.
pub(super) fn document(suites: &[Suite]) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let attributes = Totals::of(suites).attributes("retort test");
    xml.create_element("testsuites")
        .with_attributes(attributes.iter().map(|(name, value)| (*name, value.as_str())))
        .write_inner_content(|xml| suites.iter().try_for_each(|suite| write_suite(xml, suite)))?;
    let mut document = xml.into_inner();
    document.push(b'\n');
    Ok(document)
}

/// What the attributes of a suite, or of all, count.
#[derive(Default)]
struct Totals {
    tests: usize,
    failures: usize,
    errors: usize,
    took: Duration,
}

impl Totals {
    fn of(suites: &[Suite]) -> Self {
        suites.iter().fold(Self::default(), |sum, suite| {
            // A case that cannot be used is one test that went wrong.
            let errors = usize::from(suite.outcomes.is_err());
            Self {
                tests: sum.tests + suite.count() + errors,
                failures: sum.failures + suite.failed().count(),
                errors: sum.errors + errors,
                took: sum.took + suite.took,
            }
        })
    }

    fn attributes(&self, name: &str) -> [(&'static str, String); 5] {
        [
            ("name", permitted(name)),
            ("tests", self.tests.to_string()),
            ("failures", self.failures.to_string()),
            ("errors", self.errors.to_string()),
            ("time", seconds(self.took)),
        ]
    }
}

fn write_suite(xml: &mut Xml, suite: &Suite) -> io::Result<()> {
    let file = suite.path.to_string_lossy();
    let attributes = Totals::of(std::slice::from_ref(suite)).attributes(&file);
    let element = xml.create_element("testsuite");
    let element = element.with_attributes(attributes.iter().map(|(name, value)| (*name, value.as_str())));
    element.write_inner_content(|xml| match &suite.outcomes {
        Ok(outcomes) => outcomes.iter().try_for_each(|outcome| write_test(xml, &file, outcome)),
        Err(mistakes) => {
            let test = xml.create_element("testcase");
            let test =
                test.with_attributes([("name", "the case"), ("classname", &permitted(&file)), ("time", "0")]);
            let what = ("error", "the case cannot be used");
            test.write_inner_content(|xml| write_finding(xml, what, &mistakes.to_string())).map(drop)
        }
    })?;
    Ok(())
}

fn write_test(xml: &mut Xml, file: &str, outcome: &Outcome) -> io::Result<()> {
    let attributes = [
        ("name", permitted(&outcome.name)),
        ("classname", permitted(file)),
        ("file", permitted(file)),
        ("line", outcome.line.to_string()),
        ("time", seconds(outcome.took)),
    ];
    let element = xml.create_element("testcase");
    let element = element.with_attributes(attributes.iter().map(|(name, value)| (*name, value.as_str())));
    if outcome.mismatches.is_empty() {
        return element.write_empty().map(drop);
    }
    let places: Vec<_> = outcome.mismatches.iter().map(|mismatch| mismatch.place.as_str()).collect();
    let message = format!("not as expected: {}", places.join(", "));
    let text: String = outcome.mismatches.iter().map(difference).collect();
    element.write_inner_content(|xml| write_finding(xml, ("failure", &message), &text)).map(drop)
}

fn write_finding(xml: &mut Xml, (element, message): (&str, &str), text: &str) -> io::Result<()> {
    let element = xml.create_element(element).with_attribute(("message", &*permitted(message)));
    element.write_text_content(BytesText::new(&permitted(text))).map(drop)
}

fn difference(mismatch: &Mismatch) -> String {
    let lines = lines(mismatch).into_iter().map(|line| format!("{} {}\n", line.mark, line.text));
    format!("{}\n{}", mismatch.place, lines.collect::<String>())
}

fn seconds(took: Duration) -> String {
    format!("{:.6}", took.as_secs_f64())
}

/// The text without what XML 1.0 cannot hold (§2.2).
fn permitted(text: &str) -> String {
    let is_char = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{FFFD}' | '\u{10000}'..);
    text.replace(|c| !is_char(c), "\u{FFFD}")
}
