//! The shipped rules, built in: the demo works wherever the command is run.

/// `conf/response-messaging.cfg.xml`.
pub(super) const RULES: &str = include_str!("../../../conf/response-messaging.cfg.xml");

/// Path and text of each message file.
macro_rules! messages {
    ($($name:literal)*) => {
        &[$((concat!("messages/", $name), include_str!(concat!("../../../conf/messages/", $name)))),*]
    };
}

/// The message files that it names: path and text.
pub(super) const MESSAGES: &[(&str, &str)] = messages![
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

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

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
