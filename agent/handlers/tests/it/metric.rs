//! Metrics with labels from messages: what is counted, and how many series there are whoever comes.

use std::{sync::Arc, thread};

use spoa_handlers::metric::{Buckets, Metric, Registry, Sample, Shape};

fn counter(name: &str, most: usize) -> Metric {
    let shape = Shape { name: name.to_owned(), labels: vec!["host".to_owned()], bounds: None };
    Metric::new(shape, "Requests.".to_owned(), most)
}

#[test]
fn a_flood_of_label_values_is_counted_under_other() {
    let metric = counter("requests_total", 3);
    for at in 0..10_000 {
        metric.add(&[&format!("host-{at}")], 1.0);
    }
    metric.add(&["host-1"], 2.0);
    let samples = metric.family().samples;
    let samples: Vec<_> =
        samples.iter().map(|(labels, sample)| (&labels[0][..], sample.clone())).collect();
    assert_eq!(
        samples,
        [
            ("host-0", Sample::Counter(1.0)),
            ("host-1", Sample::Counter(3.0)),
            ("host-2", Sample::Counter(1.0)),
            ("other", Sample::Counter(9_997.0)),
        ]
    );
}

#[test]
fn a_long_label_is_cut_at_a_letter_and_what_is_no_amount_is_not_counted() {
    let metric = counter("requests_total", 3);
    metric.add(&[&"é".repeat(10_000)], 1.0);
    for nothing in [-1.0, f64::NAN, f64::INFINITY] {
        metric.add(&["a"], nothing);
    }
    let family = metric.family();
    assert_eq!(family.samples, [(vec!["é".repeat(64)], Sample::Counter(1.0))]);
}

#[test]
fn a_histogram_counts_what_is_not_above_a_bound() {
    let shape = Shape { name: "bytes".to_owned(), labels: vec![], bounds: Some(vec![1.0, 10.0]) };
    let metric = Metric::new(shape, String::new(), 1);
    for value in [-1.0, 1.0, 1.5, 10.0, 11.0] {
        metric.add(&[], value);
    }
    let buckets = Buckets { buckets: vec![(1.0, 2), (10.0, 4)], count: 5, sum: 22.5 };
    assert_eq!(metric.family().samples, [(vec![], Sample::Histogram(buckets))]);
}

#[test]
fn threads_lose_nothing() {
    let metric = Arc::new(counter("requests_total", 50));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for at in 0..20_000 {
                    metric.add(&[&(at % 60).to_string()], 1.0);
                }
            });
        }
    });
    let samples = metric.family().samples;
    let sum: f64 = samples
        .iter()
        .map(|(_, sample)| match sample {
            Sample::Counter(count) => *count,
            Sample::Histogram(_) => 0.0,
        })
        .sum();
    assert_eq!((samples.len(), sum), (51, 80_000.0));
}

#[test]
fn a_metric_goes_on_after_a_reload_unless_it_is_another_one() {
    let registry = Registry::of_process();
    let shape = |label: &str| Shape {
        name: "test_reloads_total".to_owned(),
        labels: vec![label.to_owned()],
        bounds: None,
    };
    registry.metric(shape("a"), String::new(), 5).add(&["x"], 1.0);
    registry.metric(shape("a"), String::new(), 5).add(&["x"], 1.0);
    let family = || {
        let families = registry.families();
        families.into_iter().find(|family| family.name == "test_reloads_total").unwrap()
    };
    assert_eq!(family().samples, [(vec!["x".to_owned()], Sample::Counter(2.0))]);
    registry.metric(shape("b"), String::new(), 5);
    assert_eq!(family().samples, []);
}
