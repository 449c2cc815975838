//! Reloads that switch traces on, off, or to others: open connections follow.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use spoa_actors::{
    Limits, Registry, Reload, Sampling, Traces,
    observe::ReloadOutcome,
    testing::{FakeHaproxy, InMemoryAgent},
};

use crate::support::{
    Result,
    lives::{Lives, answered, ask},
};

/// What one tracer has exported.
struct Exported(InMemorySpanExporter, SdkTracerProvider);

impl Exported {
    fn new() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_simple_exporter(exporter.clone())
            .build();
        Self(exporter, provider)
    }

    fn traces(&self) -> Traces {
        Traces::new(self.1.tracer("spoa-actors"))
    }

    fn spans(&self, name: &str) -> Vec<SpanData> {
        let mut spans = self.0.get_finished_spans().unwrap();
        spans.retain(|span| span.name == name);
        spans
    }

    /// How many spans of NOTIFYs and of connections have ended.
    fn count(&self) -> (usize, usize) {
        (self.spans("notify").len(), self.spans("connection").len())
    }
}

/// Whether the answer hands a context back.
async fn is_traced(haproxy: &mut FakeHaproxy) -> Result<bool> {
    let actions = haproxy.notify(ask("a", 0)).await?.to_string();
    Ok(actions.contains("traceparent"))
}

#[actix_rt::test]
async fn open_connections_follow_traces_that_are_switched_on_exchanged_and_off() -> Result {
    let (one, other) = (Exported::new(), Exported::new());
    let registry = Registry::new().on("a", Lives::default().route(1));
    let agent = InMemoryAgent::start(registry.clone(), Limits::default()).await?;
    let (mut haproxy, mut idle) = (agent.connect().await?, agent.connect().await?);
    let reload = async |traces: Option<Traces>| {
        agent.reload(Reload::new(registry.clone()).traces(traces)).await.unwrap();
    };
    assert!(!is_traced(&mut haproxy).await?);

    reload(Some(one.traces())).await;
    assert!(is_traced(&mut haproxy).await? && is_traced(&mut haproxy).await?);
    assert_eq!(one.count(), (2, 0));
    // A reload that says nothing of traces leaves them, and the span of the connection.
    agent.reload(registry.clone()).await.unwrap();
    assert!(is_traced(&mut haproxy).await?);
    assert_eq!(one.count(), (3, 0));

    reload(Some(other.traces())).await;
    assert!(is_traced(&mut haproxy).await?);
    // What the first tracer has begun ends there.
    assert_eq!((one.count(), other.count()), ((3, 1), (1, 0)));
    let connection = &one.spans("connection")[0];
    assert!(one.spans("notify").iter().all(|notify| {
        notify.links.iter().all(|link| link.span_context == connection.span_context)
    }));

    reload(None).await;
    assert!(!is_traced(&mut haproxy).await?);
    assert_eq!((one.count(), other.count()), ((3, 1), (1, 1)));

    // A connection that has slept through all of it is traced as the last one says.
    reload(Some(one.traces())).await;
    assert!(is_traced(&mut idle).await?);
    assert_eq!((one.count(), other.count()), ((4, 1), (1, 1)));
    assert_eq!(agent.statistics().await.connections_accepted, 2);
    Ok(())
}

#[actix_rt::test]
async fn a_call_in_flight_ends_in_the_trace_that_it_has_begun_in() -> Result {
    tokio::time::pause();
    let (one, other) = (Exported::new(), Exported::new());
    let registry = Registry::new().on("a", Lives::default().route(1));
    let limits = Limits::default();
    let agent = InMemoryAgent::start_traced(registry.clone(), limits, one.traces()).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify([ask("a", 200)]).await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let reload = |traces| Reload::new(registry.clone()).traces(traces);
    agent.reload(reload(Some(other.traces()))).await.unwrap();
    agent.reload(reload(None)).await.unwrap();
    let actions = haproxy.ack().await?.actions.to_string();
    assert!(actions.starts_with(&answered(1, 1)) && actions.contains("traceparent"), "{actions}");
    haproxy.disconnect().await?;
    let [notify] = &one.spans("notify")[..] else { panic!("{:?}", one.spans("notify")) };
    let [connection] = &one.spans("connection")[..] else { panic!() };
    assert_eq!(notify.links[0].span_context, connection.span_context);
    assert_eq!(other.count(), (0, 0));
    Ok(())
}

#[actix_rt::test]
async fn traces_that_cannot_work_are_refused_and_change_nothing() -> Result {
    let one = Exported::new();
    let registry = Registry::new().on("a", Lives::default().route(1));
    let limits = Limits::default();
    let agent = InMemoryAgent::start_traced(registry.clone(), limits, one.traces()).await?;
    let mut haproxy = agent.connect().await?;
    let traces = one.traces().sampling(Sampling::default().ratio(7.0));
    let error = agent.reload(Reload::new(registry).traces(traces)).await.unwrap_err();
    assert!(error.to_string().contains("ratio of sampling"), "{error}");
    assert!(is_traced(&mut haproxy).await?);
    let reloads = agent.statistics().await.reloads;
    assert_eq!((reloads.generation, reloads.count(ReloadOutcome::Refused)), (1, 1));
    Ok(())
}
