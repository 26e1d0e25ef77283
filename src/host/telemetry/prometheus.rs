//! The text form of metrics that Prometheus reads, version 0.0.4.

use std::fmt::{self, Write as _};

use super::Histogram;

/// Writes metrics.
#[derive(Debug, Default)]
pub(super) struct Text(String);

/// A metric whose samples follow.
pub(super) struct Family<'a> {
    out: &'a mut String,
    name: &'a str,
}

/// What a metric is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The labels of a sample.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

struct Braced<'a>(Labels<'a>, Option<f64>);

struct Escaped<'a>(&'a str);

impl Text {
    /// Begins a metric. Its samples have to follow before the next one begins.
    pub(super) fn family<'a>(&'a mut self, kind: Kind, name: &'a str, help: &str) -> Family<'a> {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
        Family { out: &mut self.0, name }
    }

    /// A metric of one sample.
    pub(super) fn single(&mut self, kind: Kind, name: &str, help: &str, value: impl fmt::Display) {
        self.family(kind, name, help).sample(&[], value);
    }

    /// A metric of one sample, if it is known.
    pub(super) fn known(&mut self, kind: Kind, name: &str, help: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.single(kind, name, help, value);
        }
    }

    /// A metric of durations.
    pub(super) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        let Family { out, name } = self.family(Kind::Histogram, name, help);
        for (bound, count) in histogram.buckets() {
            let _ = writeln!(out, "{name}_bucket{} {count}", Braced(&[], Some(bound)));
        }
        let count = histogram.count();
        let _ = writeln!(out, "{name}_bucket{} {count}", Braced(&[], Some(f64::INFINITY)));
        let _ = writeln!(out, "{name}_sum {}\n{name}_count {count}", histogram.seconds());
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl Family<'_> {
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl fmt::Display) {
        let _ = writeln!(self.out, "{}{} {value}", self.name, Braced(labels, None));
    }
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

impl fmt::Display for Braced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(labels, bound) = self;
        let mut before = '{';
        for (name, value) in *labels {
            write!(f, "{before}{name}=\"{}\"", Escaped(value))?;
            before = ',';
        }
        match bound {
            Some(bound) if bound.is_infinite() => write!(f, "{before}le=\"+Inf\"}}"),
            Some(bound) => write!(f, "{before}le=\"{bound}\"}}"),
            None if before == '{' => Ok(()),
            None => f.write_char('}'),
        }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_labels_are_escaped() {
        let mut text = Text::default();
        let mut family = text.family(Kind::Counter, "a_total", "All of it.");
        family.sample(&[("rule", "a\"b\\c\nd<script>"), ("x", "")], 7);
        text.single(Kind::Gauge, "b_seconds", "How long.", 0.25);
        let expected = "# HELP a_total All of it.\n# TYPE a_total counter\n\
            a_total{rule=\"a\\\"b\\\\c\\nd<script>\",x=\"\"} 7\n\
            # HELP b_seconds How long.\n# TYPE b_seconds gauge\nb_seconds 0.25\n";
        assert_eq!(text.into_string(), expected);
    }

    #[test]
    fn a_histogram_ends_in_infinity() {
        let mut text = Text::default();
        text.histogram("d_seconds", "How long.", &Histogram::default());
        let text = text.into_string();
        assert!(text.contains("d_seconds_bucket{le=\"0.001\"} 0\n"), "{text}");
        assert!(
            text.ends_with("d_seconds_bucket{le=\"+Inf\"} 0\nd_seconds_sum 0\nd_seconds_count 0\n"),
            "{text}"
        );
    }
}
