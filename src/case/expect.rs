//! What must come of an exchange, and where it does not.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use super::answer::{Answer, Decided};

/// What must come of an exchange. What is left out is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", expecting = "a table")]
pub struct Expect {
    /// `keep`, `replace` or `steer`.
    pub decision: Option<String>,
    /// Why, as `retort explain` names it.
    pub reason: Option<String>,
    /// The id of the rule that matches.
    pub rule: Option<String>,
    /// The position of the message that is chosen, from 0.
    pub message: Option<usize>,
    /// The status that the client gets.
    pub status: Option<u16>,
    /// Fields, with the values of all lines of this name in order.
    pub headers: BTreeMap<String, Lines>,
    /// Fields of which there must be no line.
    pub absent: Vec<String>,
    /// The whole content.
    pub body: Option<String>,
    /// What the content must hold.
    pub body_contains: Lines,
    /// The content as a JSON value: as TOML, or as a string that holds JSON.
    #[serde(deserialize_with = "json")]
    pub body_json: Option<Value>,
}

/// One value, written as a string, or several, written as an array.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrMore")]
pub struct Lines(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a string or an array of strings is expected")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// One difference between what is expected and what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where: `status`, `header Vary`, `body`.
    pub place: String,
    /// What should be there; `None`: nothing.
    pub expected: Option<String>,
    /// What is there.
    pub got: Option<String>,
}

impl Expect {
    /// The differences, in the order of the fields above.
    pub fn mismatches(&self, answer: &Answer) -> Vec<Mismatch> {
        let mut found = Vec::new();
        if let Some(decided) = &answer.decided {
            found.extend(self.of_decision(decided));
        }
        found.extend(differs("status", self.status, Some(answer.status)));
        found.extend(self.headers.iter().filter_map(|(name, lines)| lines.of_header(name, answer)));
        let no_line = Lines::default();
        found.extend(self.absent.iter().filter_map(|name| no_line.of_header(name, answer)));
        if let Some(body) = &answer.body {
            found.extend(self.of_body(body));
        }
        found
    }

    fn of_decision(&self, decided: &Decided) -> impl Iterator<Item = Mismatch> {
        [
            differs("decision", self.decision.as_ref(), Some(&decided.decision)),
            differs("reason", self.reason.as_ref(), Some(&decided.reason)),
            differs("rule", self.rule.as_ref(), decided.rule.as_ref()),
            differs("message", self.message, decided.message),
        ]
        .into_iter()
        .flatten()
    }

    fn of_body(&self, body: &str) -> impl Iterator<Item = Mismatch> {
        let whole = differs("body", self.body.as_deref(), Some(body));
        let missing = self.body_contains.0.iter().filter(|part| !body.contains(*part)).map(|part| Mismatch {
            place: "body-contains".to_owned(),
            expected: Some(part.clone()),
            got: Some(body.to_owned()),
        });
        let json = self.body_json.as_ref().and_then(|want| {
            let got = serde_json::from_str::<Value>(body).ok();
            (got.as_ref() != Some(want)).then(|| Mismatch {
                place: "body-json".to_owned(),
                expected: Some(pretty(want)),
                got: Some(got.as_ref().map_or_else(|| body.to_owned(), pretty)),
            })
        });
        whole.into_iter().chain(missing).chain(json)
    }
}

impl Lines {
    fn of_header(&self, name: &str, answer: &Answer) -> Option<Mismatch> {
        let lines = answer.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let got: Vec<String> = lines.map(|(_, value)| value.clone()).collect();
        let text = |lines: &[String]| (!lines.is_empty()).then(|| lines.join("\n"));
        (got != self.0).then(|| Mismatch {
            place: format!("header {name}"),
            expected: text(&self.0),
            got: text(&got),
        })
    }
}

impl From<OneOrMore> for Lines {
    fn from(lines: OneOrMore) -> Self {
        match lines {
            OneOrMore::One(line) => Self(vec![line]),
            OneOrMore::More(lines) => Self(lines),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text =
            |value: &Option<String>| value.as_ref().map_or("nothing".to_owned(), |text| format!("{text:?}"));
        write!(f, "{}: expected {}, got {}", self.place, text(&self.expected), text(&self.got))
    }
}

/// `None` where they agree, or where nothing is expected.
fn differs<T: PartialEq + fmt::Display>(place: &str, want: Option<T>, got: Option<T>) -> Option<Mismatch> {
    (want.is_some() && want != got).then(|| Mismatch {
        place: place.to_owned(),
        expected: want.map(|want| want.to_string()),
        got: got.map(|got| got.to_string()),
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A value as TOML has it. TOML has no null, so that a string is JSON itself.
fn json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Error::custom(format!("the string is not JSON: {error}"))),
        value => Ok(Some(value)),
    }
}
