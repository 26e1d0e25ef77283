//! The shipped rules, built in: the demo works wherever the command is run.

use std::{io, path::Path};

use crate::{
    Rules,
    config::{
        self, Diagnostics,
        href::{Files, HrefError, Target},
    },
};

/// `conf/response-messaging.cfg.xml`.
const RULES: &str = include_str!("../../../conf/response-messaging.cfg.xml");

/// Path and text of each message file.
macro_rules! messages {
    ($($name:literal)*) => {
        &[$((concat!("messages/", $name), include_str!(concat!("../../../conf/messages/", $name)))),*]
    };
}

/// The message files that it names: path and text.
const MESSAGES: &[(&str, &str)] = messages![
    "401.json" "401.txt" "401.xml"
    "403.json" "403.txt" "403.xml"
    "404.json" "404.txt" "404.xml"
    "405.json" "405.txt" "405.xml"
    "413.json" "413.txt" "413.xml"
    "429.json" "429.txt" "429.xml"
    "4xx.json" "4xx.txt" "4xx.xml"
    "500.json" "500.txt" "500.xml"
    "502.json" "502.txt" "502.xml"
    "503.json" "503.txt" "503.xml"
    "504.json" "504.txt" "504.xml"
    "5xx.json" "5xx.txt" "5xx.xml"
    "client-error.html" "not-found.html" "server-error.html" "try-later.html"
];

/// Message files from the command itself.
struct BuiltIn;

/// The shipped rules.
pub(super) fn rules() -> Result<Rules, Diagnostics> {
    let (rules, _warnings) =
        config::parse(RULES.as_bytes(), Path::new("response-messaging.cfg.xml"), &mut BuiltIn)?;
    Ok(rules)
}

impl Files for BuiltIn {
    fn read(&mut self, target: &Target) -> Result<String, HrefError> {
        let found = MESSAGES.iter().find(|(path, _)| Path::new(path) == target.path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| {
            HrefError::Unreadable(target.path.clone(), io::Error::from(io::ErrorKind::NotFound))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn the_rules_that_are_built_in_can_be_used() {
        assert!(rules().unwrap().message_count() > 0);
    }

    #[test]
    fn every_shipped_message_is_built_in() {
        let there: BTreeSet<_> = fs::read_dir("conf/messages")
            .unwrap()
            .map(|entry| format!("messages/{}", entry.unwrap().file_name().into_string().unwrap()))
            .collect();
        let built_in: BTreeSet<_> = MESSAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(built_in, there);
    }
}
