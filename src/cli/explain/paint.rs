//! Colours for the answer: what matters most in each part of it.

/// The headings of the parts.
const HEADINGS: [&str; 4] = ["Rules", "Negotiation", "Decision", "Response"];

const BOLD: &str = "1";
const GREEN: &str = "32";
const YELLOW: &str = "33";

/// The text for a terminal (ECMA-48 §8.3.117).
pub(in crate::cli) fn painted(text: &str) -> String {
    let mut out = String::new();
    let mut part = "";
    // Lines under a heading, from 1.
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        if HEADINGS.contains(&line) {
            (part, number) = (line, 0);
        }
        match colour(part, number, line) {
            Some(colour) => out.extend(["\x1b[", colour, "m", line, "\x1b[0m\n"]),
            None => out.extend([line, "\n"]),
        }
    }
    out
}

fn colour(part: &str, number: usize, line: &str) -> Option<&'static str> {
    match part {
        _ if number == 0 => Some(BOLD),
        "Rules" if line.ends_with("  matches") => Some(GREEN),
        "Rules" if line.contains("  fails: ") => Some(YELLOW),
        "Negotiation" if line.contains("  <- chosen") => Some(GREEN),
        "Decision" if number == 1 && line.starts_with("  keep:") => Some(YELLOW),
        "Decision" if number == 1 => Some(GREEN),
        "Response" if number == 1 => Some(BOLD),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_stands_out() {
        let text = "GET / was answered with 500.\n\nRules\n  a  500  ALWAYS  matches\n  b  500  ALWAYS  not asked\n\n\
                    Decision\n  replace: message 0\n\nResponse\n  HTTP/1.1 500 Oops\n  X: 1\n\n  Rules\n";
        assert_eq!(
            painted(text),
            "GET / was answered with 500.\n\n\x1b[1mRules\x1b[0m\n\x1b[32m  a  500  ALWAYS  matches\x1b[0m\n  \
             b  500  ALWAYS  not asked\n\n\x1b[1mDecision\x1b[0m\n\x1b[32m  replace: message 0\x1b[0m\n\n\
             \x1b[1mResponse\x1b[0m\n\x1b[1m  HTTP/1.1 500 Oops\x1b[0m\n  X: 1\n\n  Rules\n"
        );
    }
}
