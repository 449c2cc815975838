//! Settings: what telemetry does, out of options and the standard variables.

use std::{fs, process, time::Duration};

use opentelemetry_sdk::propagation::BaggagePropagator;
use spoa_actors::{Sampling, Scope, Traces};
use uuid::Uuid;

use crate::{
    program::Program,
    telemetry::{
        environment::{Environment, SettingError},
        options::TelemetryOptions,
        otlp::{Otlp, OtlpFlags, Signal},
        sampler::SamplerSettings,
    },
};

const METRIC_INTERVAL: Duration = Duration::from_secs(60);

/// The propagators that are known here.
const PROPAGATORS: [&str; 4] = ["tracecontext", "baggage", "b3", "none"];

/// What is sent to collectors, and where; nothing unless there is a place for it.
#[derive(Debug)]
pub(crate) struct TelemetrySettings {
    /// What tells this agent from others, beside its number as a process.
    pub(crate) resource: Vec<(String, String)>,
    pub(crate) traces: Option<TraceSettings>,
    pub(crate) metrics: Option<MetricSettings>,
    /// Propagators that are asked for and not known here: a platform may set them for all its services.
    pub(crate) ignored: Vec<String>,
}

/// Which spans there are, and how they travel.
#[derive(Debug)]
pub(crate) struct TraceSettings {
    pub(crate) otlp: Otlp,
    pub(crate) queue: QueueSettings,
    pub(crate) sampler: SamplerSettings,
    pub(crate) arguments: ContextArguments,
    /// The scope of the variables with the agent's context.
    pub(crate) hand_back: Option<Scope>,
}

/// How spans wait for their export.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct QueueSettings {
    /// How many may wait; more are dropped.
    pub(crate) size: usize,
    /// How many travel together.
    pub(crate) batch: usize,
    /// How long they wait at most for others to come.
    pub(crate) delay: Duration,
}

/// The arguments of messages that are read as context; those without a name are not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ContextArguments {
    pub(crate) traceparent: Option<String>,
    pub(crate) tracestate: Option<String>,
    pub(crate) b3: Option<String>,
    pub(crate) baggage: Option<String>,
}

/// How metrics are pushed.
#[derive(Debug)]
pub(crate) struct MetricSettings {
    pub(crate) otlp: Otlp,
    pub(crate) interval: Duration,
}

impl TraceSettings {
    /// The same for the library.
    pub(crate) fn traces(&self) -> Traces {
        let ContextArguments { traceparent, tracestate, b3, baggage } = self.arguments.clone();
        let SamplerSettings { parent_based, ratio, by_message, failures, only_with_parent } =
            self.sampler.clone();
        let sampling =
            Sampling::default().parent_based(parent_based).ratio(ratio).failures(failures);
        let sampling = by_message
            .into_iter()
            .fold(sampling, |sampling, (name, ratio)| sampling.message(name, ratio));
        let mut traces =
            Traces::global().without_traceparent().sampling(sampling).hand_back(self.hand_back);
        if let Some(traceparent) = traceparent {
            traces = traces.traceparent_argument(traceparent);
        }
        if let Some(tracestate) = tracestate {
            traces = traces.tracestate_argument(tracestate);
        }
        if let Some(b3) = b3 {
            traces = traces.b3_argument(b3);
        }
        if let Some(baggage) = baggage {
            traces = traces.baggage(baggage, BaggagePropagator::new());
        }
        if only_with_parent { traces.only_with_parent() } else { traces }
    }
}

impl TelemetrySettings {
    /// Reads them; options win.
    ///
    /// # Errors
    ///
    /// If one cannot be used.
    pub(crate) fn read(
        program: &Program,
        options: &TelemetryOptions,
        environment: &Environment,
    ) -> Result<Self, SettingError> {
        let resource = resource(program, options, environment)?;
        if environment.switch("OTEL_SDK_DISABLED")? {
            return Ok(Self { resource, traces: None, metrics: None, ignored: Vec::new() });
        }
        let propagators = environment.text("OTEL_PROPAGATORS").unwrap_or_default();
        let propagators = propagators.split(',').map(|word| word.trim().to_owned());
        let flags = options.otlp_flags();
        Ok(Self {
            resource,
            traces: traces(options, &flags, environment)?,
            metrics: metrics(options, &flags, environment)?,
            ignored: propagators.filter(|word| is_foreign(word)).collect(),
        })
    }
}

fn traces(
    options: &TelemetryOptions,
    flags: &OtlpFlags,
    environment: &Environment,
) -> Result<Option<TraceSettings>, SettingError> {
    let exporter = exporter("OTEL_TRACES_EXPORTER", environment)?;
    let otlp = Otlp::read(Signal::Traces, flags, environment)?;
    // They are read, and checked, even if nothing is sent.
    let sampler = SamplerSettings::read(options, environment)?;
    let (queue, arguments) = (queue(environment)?, arguments(options, environment)?);
    let hand_back = options.trace_hand_back.scope();
    let otlp = match (exporter, otlp) {
        (Some(false), _) | (None, None) => return Ok(None),
        (Some(true), None) => return Err(nowhere("OTEL_TRACES_EXPORTER", "otlp")),
        (_, Some(otlp)) => otlp,
    };
    Ok(Some(TraceSettings { otlp, queue, sampler, arguments, hand_back }))
}

fn metrics(
    options: &TelemetryOptions,
    flags: &OtlpFlags,
    environment: &Environment,
) -> Result<Option<MetricSettings>, SettingError> {
    let exporter = exporter("OTEL_METRICS_EXPORTER", environment)?;
    let otlp = Otlp::read(Signal::Metrics, flags, environment)?;
    let interval = environment.milliseconds("OTEL_METRIC_EXPORT_INTERVAL")?;
    let has_own_place = environment.text("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT").is_some();
    let is_wanted = options.otlp_metrics || exporter.unwrap_or(has_own_place);
    let otlp = match otlp {
        _ if !is_wanted => return Ok(None),
        None if options.otlp_metrics => return Err(nowhere("--otlp-metrics", "true")),
        None => return Err(nowhere("OTEL_METRICS_EXPORTER", "otlp")),
        Some(otlp) => otlp,
    };
    Ok(Some(MetricSettings { otlp, interval: interval.unwrap_or(METRIC_INTERVAL) }))
}

/// Whether it is a propagator of the standard that is not known here.
fn is_foreign(propagator: &str) -> bool {
    ["b3multi", "jaeger", "xray", "ottrace"].contains(&propagator)
}

fn nowhere(name: &str, value: &str) -> SettingError {
    let fix = "name the collector with --otlp URL or OTEL_EXPORTER_OTLP_ENDPOINT";
    SettingError::new(name, value, fix)
}

/// Whether OTLP is asked for or switched off.
fn exporter(name: &str, environment: &Environment) -> Result<Option<bool>, SettingError> {
    environment.read(name, "write otlp, none or prometheus", |value| match value {
        "otlp" => Some(true),
        // That one asks by itself: see --admin.
        "none" | "prometheus" => Some(false),
        _ => None,
    })
}

/// How many spans may be queued. The SDK takes memory for all of them at the start.
const LONGEST_QUEUE: usize = 65_536;

fn queue(environment: &Environment) -> Result<QueueSettings, SettingError> {
    let size = environment.count("OTEL_BSP_MAX_QUEUE_SIZE", LONGEST_QUEUE)?.unwrap_or(2048);
    let name = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
    let batch = environment.count(name, LONGEST_QUEUE)?;
    if let Some(batch) = batch.filter(|&batch| batch > size) {
        let fix = format!("write no more than OTEL_BSP_MAX_QUEUE_SIZE, which is {size}");
        return Err(SettingError::new(name, batch, fix));
    }
    let delay = environment.milliseconds("OTEL_BSP_SCHEDULE_DELAY")?;
    Ok(QueueSettings {
        size,
        batch: batch.unwrap_or(512.min(size)),
        delay: delay.unwrap_or(Duration::from_secs(5)),
    })
}

fn arguments(
    options: &TelemetryOptions,
    environment: &Environment,
) -> Result<ContextArguments, SettingError> {
    let name = "OTEL_PROPAGATORS";
    let list =
        environment.read(name, "write some of tracecontext,baggage,b3, or none", |value| {
            let list: Vec<_> = value.split(',').map(|word| word.trim().to_owned()).collect();
            let is_known = |word: &String| PROPAGATORS.contains(&&**word) || is_foreign(word);
            list.iter().all(is_known).then_some(list)
        })?;
    // Not the standard's default: baggage is a stranger's word, and ignored unless it is asked for.
    let list = list.unwrap_or_else(|| vec!["tracecontext".to_owned()]);
    let has = |word: &str| list.iter().any(|listed| listed == word);
    let given = |kind: &str| {
        let mut given = options.trace_argument.iter().rev();
        given.find(|(given, _)| given == kind).map(|(_, name)| name.clone())
    };
    let argument =
        |propagator, kind: &str| given(kind).or_else(|| has(propagator).then(|| kind.to_owned()));
    Ok(ContextArguments {
        traceparent: argument("tracecontext", "traceparent"),
        tracestate: argument("tracecontext", "tracestate"),
        b3: argument("b3", "b3"),
        baggage: argument("baggage", "baggage"),
    })
}

fn resource(
    program: &Program,
    options: &TelemetryOptions,
    environment: &Environment,
) -> Result<Vec<(String, String)>, SettingError> {
    let given = environment.pairs("OTEL_RESOURCE_ATTRIBUTES")?;
    let mut resource = vec![
        ("service.name".to_owned(), program.name.clone()),
        ("service.version".to_owned(), program.version()),
        ("service.instance.id".to_owned(), Uuid::new_v4().to_string()),
        ("process.pid".to_owned(), process::id().to_string()),
    ];
    if let Ok(name) = fs::read_to_string("/proc/sys/kernel/hostname") {
        resource.push(("host.name".to_owned(), name.trim().to_owned()));
    }
    let name = options.service_name.as_deref();
    let name = name.or_else(|| environment.text("OTEL_SERVICE_NAME"));
    let name = name.map(|name| ("service.name".to_owned(), name.to_owned()));
    for (key, value) in given.into_iter().chain(name) {
        resource.retain(|(known, _)| *known != key);
        resource.push((key, value));
    }
    Ok(resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::options::HandBack;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    fn read<const N: usize>(variables: [(&str, &str); N]) -> TelemetrySettings {
        let environment = Environment::from(variables);
        TelemetrySettings::read(&Program::default(), &TelemetryOptions::default(), &environment)
            .unwrap()
    }

    fn traces<const N: usize>(variables: [(&str, &str); N]) -> TraceSettings {
        read(variables).traces.unwrap()
    }

    fn is_sent<const N: usize>(variables: [(&str, &str); N]) -> (bool, bool) {
        let settings = read(variables);
        (settings.traces.is_some(), settings.metrics.is_some())
    }

    #[test]
    fn nothing_is_sent_unless_there_is_a_place_for_it() {
        assert_eq!(is_sent([]), (false, false));
        assert_eq!(is_sent([ENDPOINT]), (true, false));
        assert_eq!(is_sent([ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]), (false, false));
        assert_eq!(is_sent([ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), (false, false));
        assert_eq!(is_sent([ENDPOINT, ("OTEL_METRICS_EXPORTER", "otlp")]), (true, true));
        assert_eq!(is_sent([ENDPOINT, ("OTEL_METRICS_EXPORTER", "prometheus")]), (true, false));
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector/metrics");
        assert_eq!(is_sent([own]), (false, true));
        let error = TelemetrySettings::read(
            &Program::default(),
            &TelemetryOptions::default(),
            &Environment::from([("OTEL_TRACES_EXPORTER", "otlp")]),
        );
        assert!(error.unwrap_err().fix.contains("--otlp URL"));
    }

    #[test]
    fn the_queue_is_as_the_variables_want_it() {
        let usual = QueueSettings { size: 2048, batch: 512, delay: Duration::from_secs(5) };
        assert_eq!(traces([ENDPOINT]).queue, usual);
        let queue = traces([ENDPOINT, ("OTEL_BSP_MAX_QUEUE_SIZE", "100")]).queue;
        assert_eq!((queue.size, queue.batch), (100, 100));
        let size = ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096");
        let environment = Environment::from([ENDPOINT, size]);
        let error = TelemetrySettings::read(
            &Program::default(),
            &TelemetryOptions::default(),
            &environment,
        );
        assert!(error.unwrap_err().to_string().contains("OTEL_BSP_MAX_QUEUE_SIZE, which is 2048"));
    }

    #[test]
    fn what_becomes_memory_or_a_wait_has_a_bound() {
        let queue = "OTEL_BSP_MAX_QUEUE_SIZE";
        assert_eq!(traces([ENDPOINT, (queue, "65536")]).queue.size, 65_536);
        for (name, value, most) in [
            (queue, "65537", "from 1 to 65536"),
            (queue, "18446744073709551615", "from 1 to 65536"),
            (queue, "99999999999999999999", "from 1 to 65536"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "18446744073709551615", "from 1 to 65536"),
            ("OTEL_BSP_SCHEDULE_DELAY", "18446744073709551615", "from 1 to 86400000"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "86400001", "from 1 to 86400000"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "18446744073709551615", "from 1 to 86400000"),
        ] {
            let metrics = ("OTEL_METRICS_EXPORTER", "otlp");
            let environment = Environment::from([ENDPOINT, metrics, (name, value)]);
            let error = TelemetrySettings::read(
                &Program::default(),
                &TelemetryOptions::default(),
                &environment,
            );
            let error = error.unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains(most), "{error}");
        }
    }

    #[test]
    fn propagators_and_options_name_the_arguments() {
        let names = |traceparent: Option<&str>, b3: Option<&str>, baggage: Option<&str>| {
            let tracestate = traceparent.map(|_| "tracestate".to_owned());
            let [traceparent, b3, baggage] =
                [traceparent, b3, baggage].map(|name| name.map(str::to_owned));
            ContextArguments { traceparent, tracestate, b3, baggage }
        };
        let arguments = |list| traces([ENDPOINT, ("OTEL_PROPAGATORS", list)]).arguments;
        assert_eq!(arguments(""), names(Some("traceparent"), None, None));
        assert_eq!(arguments("none"), names(None, None, None));
        assert_eq!(arguments("tracecontext,jaeger"), names(Some("traceparent"), None, None));
        assert_eq!(read([("OTEL_PROPAGATORS", "b3, jaeger")]).ignored, ["jaeger"]);
        let all = names(Some("traceparent"), Some("b3"), Some("baggage"));
        assert_eq!(arguments("tracecontext, baggage, b3"), all);

        let given = [("traceparent", "a"), ("traceparent", "tp"), ("baggage", "bg")];
        let trace_argument = given.map(|(kind, name)| (kind.to_owned(), name.to_owned())).into();
        let options = TelemetryOptions {
            trace_argument,
            trace_hand_back: HandBack::Sess,
            ..TelemetryOptions::default()
        };
        let settings =
            TelemetrySettings::read(&Program::default(), &options, &Environment::from([ENDPOINT]))
                .unwrap();
        let traces = settings.traces.unwrap();
        assert_eq!(traces.arguments, names(Some("tp"), None, Some("bg")));
        assert_eq!(traces.hand_back, Some(Scope::Session));
    }

    #[test]
    fn the_resource_tells_this_agent_from_others() {
        let value = |settings: &TelemetrySettings, key: &str| {
            let mut found = settings.resource.iter().filter(|(known, _)| known == key);
            let value = found.next().map(|(_, value)| value.clone()).unwrap_or_default();
            assert!(found.next().is_none(), "{key} is there twice");
            value
        };
        let one =
            read([("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,host.name=h,team=edge%20ops")]);
        let other =
            read([("OTEL_RESOURCE_ATTRIBUTES", "service.name=a"), ("OTEL_SERVICE_NAME", "b")]);
        assert_eq!(
            ["service.name", "host.name", "team"].map(|key| value(&one, key)),
            ["a", "h", "edge ops"]
        );
        assert_eq!(value(&other, "service.name"), "b");
        assert_eq!(value(&read([]), "service.name"), "spoa-agent");
        assert_eq!(value(&one, "process.pid"), process::id().to_string());
        assert_ne!(value(&one, "service.instance.id"), value(&other, "service.instance.id"));
    }
}
