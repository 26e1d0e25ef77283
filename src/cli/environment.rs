//! Settings in the environment: every flag as `RETORT_…`, and a word on those that mean nothing.

use clap::Command;

/// What the names of all settings begin with.
const PREFIX: &str = "RETORT_";

/// Warnings of variables that look like settings of Retort and are none.
pub(super) fn unknown(command: &Command, variables: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let known = settings(command);
    let mut unknown: Vec<_> = variables
        .filter(|(name, value)| name.starts_with(PREFIX) && !known.contains(name) && !injected(name, value))
        .map(|(name, _)| warning(&name, &known))
        .collect();
    unknown.sort();
    unknown
}

/// The names of all variables that a flag of any verb reads.
fn settings(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned));
    own.chain(command.get_subcommands().flat_map(settings)).collect()
}

/// Whether Kubernetes put the variable there: it does so in each pod for a Service named `retort`.
fn injected(name: &str, value: &str) -> bool {
    let address =
        || value.starts_with("tcp://") || value.starts_with("udp://") || value.starts_with("sctp://");
    name.starts_with("RETORT_SERVICE_")
        || name.starts_with("RETORT_PORT_")
        || name == "RETORT_PORT" && address()
}

fn warning(name: &str, known: &[String]) -> String {
    let nearest =
        known.iter().map(|other| (strsim::jaro(name, other), other)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, other)) if likeness > 0.85 => {
            format!("the variable {name} is not a setting; did you mean {other}?")
        }
        _ => format!("the variable {name} is not a setting; `retort serve --help` lists them"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn warnings(variables: &[(&str, &str)]) -> Vec<String> {
        let command = Command::new("retort").subcommand(
            Command::new("serve")
                .arg(Arg::new("listen").env("RETORT_LISTEN"))
                .arg(Arg::new("drain-limit").env("RETORT_DRAIN_LIMIT")),
        );
        unknown(&command, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn settings_and_the_variables_of_others_pass() {
        assert_eq!(warnings(&[("RETORT_LISTEN", "x"), ("PATH", "/bin"), ("RETORTER", "1")]), [""; 0]);
    }

    #[test]
    fn a_slip_is_told_with_the_nearest_setting() {
        assert_eq!(
            warnings(&[("RETORT_LISTENS", "x"), ("RETORT_XYZZY", "x")]),
            [
                "the variable RETORT_LISTENS is not a setting; did you mean RETORT_LISTEN?",
                "the variable RETORT_XYZZY is not a setting; `retort serve --help` lists them",
            ]
        );
    }

    #[test]
    fn what_kubernetes_injects_for_a_service_of_that_name_is_no_slip() {
        let injected = [
            ("RETORT_SERVICE_HOST", "10.0.0.1"),
            ("RETORT_PORT", "tcp://10.0.0.1:8080"),
            ("RETORT_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ];
        assert_eq!(warnings(&injected), [""; 0]);
        assert_eq!(warnings(&[("RETORT_PORT", "8080")]).len(), 1);
    }
}
