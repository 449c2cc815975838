//! Sampler: which NOTIFYs are traced, in the words of the standard.

use crate::telemetry::{
    environment::{Environment, SettingError},
    options::{TelemetryOptions, TraceFailures, ratio},
};

const SAMPLERS: &str = "write one of always_on, always_off, traceidratio, parentbased_always_on, \
                        parentbased_always_off, parentbased_traceidratio";

/// Which NOTIFYs are traced.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SamplerSettings {
    /// With a parent, as its sampled flag says.
    pub(crate) parent_based: bool,
    /// This part of the others, from 0 to 1.
    pub(crate) ratio: f64,
    /// The part of NOTIFYs with these messages.
    pub(crate) by_message: Vec<(String, f64)>,
    /// Those that fail or are late in any case.
    pub(crate) failures: bool,
    /// None without a parent.
    pub(crate) only_with_parent: bool,
}

impl SamplerSettings {
    /// Reads it; options win.
    ///
    /// # Errors
    ///
    /// If a variable cannot be used.
    pub(crate) fn read(
        options: &TelemetryOptions,
        environment: &Environment,
    ) -> Result<Self, SettingError> {
        let name = "OTEL_TRACES_SAMPLER";
        let standard = environment.text(name).unwrap_or("parentbased_always_on");
        let (parent_based, rest) = match standard.strip_prefix("parentbased_") {
            Some(rest) => (true, rest),
            None => (false, standard),
        };
        let ratio = match rest {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => argument(environment)?.unwrap_or(1.0),
            _ => return Err(SettingError::new(name, standard, SAMPLERS)),
        };
        let failures = match options.trace_failures {
            Some(failures) => failures == TraceFailures::Always,
            // Who switches sampling off wants none of it.
            None => standard != "always_off",
        };
        Ok(Self {
            parent_based,
            ratio: options.trace_ratio.unwrap_or(ratio),
            by_message: options.trace_message.clone(),
            failures,
            only_with_parent: options.trace_only_with_parent,
        })
    }
}

fn argument(environment: &Environment) -> Result<Option<f64>, SettingError> {
    let fix = "write a number from 0 to 1, such as 0.01";
    environment.read("OTEL_TRACES_SAMPLER_ARG", fix, |value| ratio(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &TelemetryOptions, sampler: &str, argument: &str) -> SamplerSettings {
        let environment = Environment::from([
            ("OTEL_TRACES_SAMPLER", sampler),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ]);
        SamplerSettings::read(options, &environment).unwrap()
    }

    #[test]
    fn the_standard_samplers_are_known() {
        for (name, parent_based, ratio, failures) in [
            ("", true, 1.0, true),
            ("always_on", false, 1.0, true),
            ("always_off", false, 0.0, false),
            ("traceidratio", false, 0.25, true),
            ("parentbased_always_on", true, 1.0, true),
            ("parentbased_always_off", true, 0.0, true),
            ("parentbased_traceidratio", true, 0.25, true),
        ] {
            let read = read(&TelemetryOptions::default(), name, "0.25");
            assert_eq!(
                (read.parent_based, read.ratio, read.failures),
                (parent_based, ratio, failures)
            );
        }
    }

    #[test]
    fn options_win() {
        let options = TelemetryOptions {
            trace_ratio: Some(0.5),
            trace_failures: Some(TraceFailures::Sampled),
            ..TelemetryOptions::default()
        };
        let read = read(&options, "traceidratio", "0.25");
        assert_eq!((read.parent_based, read.ratio, read.failures), (false, 0.5, false));
    }
}
