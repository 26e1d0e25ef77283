//! Lines for people.
//!
//! An event is one line, whatever is told in it: what could end a line or steer a terminal comes out
//! escaped, and what could be taken for another field stands between quotes. Only the excerpts of
//! files that diagnostics have stay on lines of their own, each of which begins with blanks, as no
//! event does.

use std::fmt::{self, Write as _};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes an event: when, how bad, from where, what, and the fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pretty {
    pub(super) has_colours: bool,
}

/// Fields that hold excerpts of files, by lines.
const EXCERPTS: [&str; 2] = ["diagnostics", "problems"];

/// What `log` records bring along, Pingora's; only the target of them is of interest.
const LOG: &str = "log.";
const LOG_TARGET: &str = "log.target";

/// What an event tells.
#[derive(Debug, Default)]
struct Told {
    message: String,
    fields: String,
    /// Where a `log` record came from.
    target: Option<String>,
    has_colours: bool,
}

impl<S, N> FormatEvent<S, N> for Pretty
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut told = Told { has_colours: self.has_colours, ..Told::default() };
        event.record(&mut told);
        let metadata = event.metadata();
        let target = told.target.as_deref().unwrap_or(metadata.target());
        let [dim, end] = if self.has_colours { ["\x1b[2m", "\x1b[0m"] } else { [""; 2] };
        writer.write_str(dim)?;
        SystemTime.format_time(&mut writer)?;
        let colour = if self.has_colours { colour(*metadata.level()) } else { "" };
        write!(writer, "{end} {colour}{:>5}{end} {dim}{target}:{end}", metadata.level().as_str())?;
        if !told.message.is_empty() {
            write!(writer, " {}", told.message)?;
        }
        writeln!(writer, "{}", told.fields)
    }
}

impl Told {
    /// Begins a field; no name is one that came from outside.
    fn field(&mut self, name: &str) {
        let [italic, dim, end] = if self.has_colours { ["\x1b[3m", "\x1b[2m", "\x1b[0m"] } else { [""; 3] };
        // Writing to memory cannot fail.
        let _ = write!(self.fields, " {italic}{name}{end}{dim}={end}");
    }
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => push_escaped(value, &mut self.message),
            LOG_TARGET => self.target = Some(value.escape_debug().to_string()),
            name if name.starts_with(LOG) => {}
            name => {
                self.field(name);
                let _ = write!(self.fields, "{value:?}");
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => push_escaped(&text, &mut self.message),
            name if name.starts_with(LOG) => {}
            name if EXCERPTS.contains(&name) => {
                self.field(name);
                for (index, line) in text.split('\n').enumerate() {
                    self.fields.push_str(if index > 0 { "\n    " } else { "" });
                    push_escaped(line.trim_end_matches('\r'), &mut self.fields);
                }
            }
            name => {
                self.field(name);
                let is_ambiguous = |c: char| c.is_whitespace() || matches!(c, '"' | '=');
                if !is_quoted(&text) && text.contains(is_ambiguous) {
                    let _ = write!(self.fields, "{text:?}");
                } else {
                    push_escaped(&text, &mut self.fields);
                }
            }
        }
    }
}

/// Whether this is one text between quotes, as the debug form of texts is.
fn is_quoted(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        if c == '"' || c == '\\' && chars.next().is_none() {
            return false;
        }
    }
    true
}

/// Appends a text in which nothing ends the line or steers a terminal.
fn push_escaped(text: &str, out: &mut String) {
    for c in text.chars() {
        // As in a literal: what cannot be seen, or reorders what is around it, is written out.
        match c {
            '"' | '\'' | '\\' => out.push(c),
            c => out.extend(c.escape_debug()),
        }
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use proptest::prelude::*;
    use tracing_subscriber::{fmt, prelude::*};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged, without its time.
    fn logged(log: impl FnOnce()) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let layer =
            fmt::layer().event_format(Pretty { has_colours: false }).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
        rest.to_owned()
    }

    #[test]
    fn an_event() {
        let text =
            logged(|| tracing::warn!(target: "t", id = "a b", n = 1, ok = true, x = %"c", "it {}", "is"));
        assert_eq!(text, " WARN t: it is id=\"a b\" n=1 ok=true x=c\n");
    }

    #[test]
    fn excerpts_keep_their_lines() {
        let excerpt = "\nf.xml:1:2: error\n  \x1b[2J | <a>\n2026-07-01T00:00:00Z  INFO forged";
        let text = logged(|| tracing::error!(target: "t", diagnostics = %excerpt, "refused"));
        assert_eq!(
            text,
            "ERROR t: refused diagnostics=\n    f.xml:1:2: error\n      \\u{1b}[2J | <a>\n    \
             2026-07-01T00:00:00Z  INFO forged\n"
        );
    }

    proptest! {
        /// Neither lines nor fields can be made up, nor a terminal be steered.
        #[test]
        fn nothing_breaks_out(value in any::<String>()) {
            let shown = &value;
            for text in [
                logged(|| tracing::info!(target: "t", path = value.as_str(), "message")),
                logged(|| tracing::info!(target: "t", path = %shown, "message")),
                logged(|| tracing::info!(target: "t", path = ?value, "message")),
                logged(|| tracing::info!(target: "t", "message {shown}")),
            ] {
                let line = text.strip_suffix('\n').unwrap();
                prop_assert!(!line.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202E}')), "{line:?}");
                prop_assert!(line.starts_with(" INFO t: message"));
            }
        }

        #[test]
        fn values_stay_in_their_fields(value in "\"{0,2}[ -~]{0,9}\"?( id=\"x\"| a=1)?") {
            let text = logged(|| tracing::info!(target: "t", path = %value, "message"));
            let rest = text.trim_end().strip_prefix(" INFO t: message path=").unwrap_or_default();
            let quoted = regex::Regex::new(r#"^"([^"\\]|\\.)*"$"#).unwrap();
            prop_assert!(quoted.is_match(rest) || !rest.contains([' ', '=', '"']), "{text}");
        }
    }
}
