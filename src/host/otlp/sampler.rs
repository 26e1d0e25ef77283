//! Which requests are traced: `OTEL_TRACES_SAMPLER`.

use std::env;

use crate::exchange::Trace;

/// Says of a trace whether it is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampler {
    /// Whether a request that is part of a trace does as that does.
    heeds_parent: bool,
    /// How many of the others are.
    ratio: f64,
}

impl Sampler {
    pub(super) fn of_environment() -> Self {
        let read = |name| env::var(name).unwrap_or_default();
        let (name, argument) = (read("OTEL_TRACES_SAMPLER"), read("OTEL_TRACES_SAMPLER_ARG"));
        Self::named(&name, &argument).unwrap_or_else(|| {
            if !name.is_empty() {
                tracing::warn!(target: super::TARGET, name, argument, "no such sampler; all is sampled");
            }
            Self { heeds_parent: true, ratio: 1.0 }
        })
    }

    fn named(name: &str, argument: &str) -> Option<Self> {
        let (heeds_parent, name) =
            name.strip_prefix("parentbased_").map_or((false, name), |name| (true, name));
        let ratio = match name {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" if argument.is_empty() => 1.0,
            "traceidratio" => argument.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))?,
            _ => return None,
        };
        Some(Self { heeds_parent, ratio })
    }

    /// Whether a trace is recorded. Of the same trace, all that sample by ratio say the same.
    pub(super) fn samples(self, parent: Option<Trace<'_>>, trace_id: u128) -> bool {
        match parent {
            Some(parent) if self.heeds_parent => parent.is_sampled,
            _ => {
                let [_, _, _, _, _, _, _, _, low @ ..] = trace_id.to_be_bytes();
                let bound = (self.ratio * (1u64 << 63) as f64) as u64;
                (u64::from_be_bytes(low) >> 1) < bound
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samplers() {
        let samples =
            |name, argument, parent| Sampler::named(name, argument).unwrap().samples(parent, 1 << 62);
        let parent = |is_sampled| Some(Trace { trace_id: "", span_id: "", is_sampled });
        assert!(samples("always_on", "", parent(false)) && !samples("always_off", "", parent(true)));
        assert!(samples("parentbased_always_off", "", parent(true)));
        assert!(!samples("parentbased_always_on", "", parent(false)));
        assert!(samples("parentbased_always_on", "", None));
        assert!(samples("traceidratio", "0.3", None) && !samples("traceidratio", "0.2", None));
        assert!(Sampler::named("often", "").is_none() && Sampler::named("traceidratio", "2").is_none());
    }
}
