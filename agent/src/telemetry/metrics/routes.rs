//! Routes: how long each takes, how much of it is in use, and how its handlers are.

use spoa_actors::observe::{RouteStatistics, Statistics};

use crate::telemetry::family::Family;

pub(super) fn families(statistics: &Statistics) -> Vec<Family> {
    let routes = &statistics.routes;
    let each = |family: Family, count: fn(&RouteStatistics) -> u64| {
        family.with_each(routes, |route| ([("route", route.route.as_str())], count(route)))
    };
    // A route that a reload has removed has its counts and nothing else.
    let of_live = |family: Family, count: fn(&RouteStatistics) -> u64| {
        family.with_each(live(routes), |route| ([("route", route.route.as_str())], count(route)))
    };
    vec![
        durations(routes),
        of_live(
            Family::gauge("spoa_route_concurrency", "Calls of the route in progress."),
            |route| route.concurrency,
        ),
        of_live(
            Family::gauge(
                "spoa_route_concurrency_limit",
                "Limit of calls of the route in progress, all worker threads together; each has its \
             part.",
            ),
            |route| route.concurrency_limit,
        ),
        deadlines(routes),
        instances(routes),
        each(
            Family::counter("spoa_handler_restarts_total", "Restarts of handlers after a failure."),
            |route| route.restarts,
        ),
        each(
            Family::counter(
                "spoa_handler_starts_failed_total",
                "Failed starts of handlers, restarts included; the log has the cause.",
            ),
            |route| route.starts_failed,
        ),
        each(
            Family::counter(
                "spoa_handlers_down_total",
                "Times that a handler went down: it failed too often and never answered, or took too \
             long to start.",
            ),
            |route| route.times_down,
        ),
        each(
            Family::counter(
                "spoa_handler_background_panics_total",
                "Background panics of handlers: in a task, at the stop, or in a call after its \
             deadline.",
            ),
            |route| route.background_panics,
        ),
        layers(routes),
    ]
}

fn live(routes: &[RouteStatistics]) -> impl Iterator<Item = &RouteStatistics> {
    routes.iter().filter(|route| !route.is_removed)
}

fn durations(routes: &[RouteStatistics]) -> Family {
    let family = Family::histogram(
        "spoa_handler_duration_seconds",
        "Time from the call of a handler to its answer or fallback, by outcome.",
    );
    routes.iter().fold(family, |family, route| {
        route.latencies.iter().fold(family, |family, (outcome, durations)| {
            let labels = [("route", route.route.as_str()), ("outcome", outcome.label())];
            family.with_durations(&labels, durations)
        })
    })
}

fn layers(routes: &[RouteStatistics]) -> Family {
    let family = Family::counter(
        "spoa_layer_events_total",
        "What the layers of a route did, by layer and event.",
    );
    routes.iter().fold(family, |family, route| {
        family.with_each(&route.layers, |count| {
            let labels =
                [("route", route.route.as_str()), ("layer", count.layer), ("event", count.event)];
            (labels, count.count)
        })
    })
}

fn deadlines(routes: &[RouteStatistics]) -> Family {
    let family =
        Family::gauge("spoa_route_deadline_seconds", "Deadline of the messages of the route.");
    live(routes).fold(family, |family, route| {
        family.with_f64(&[("route", &route.route)], route.deadline.as_secs_f64())
    })
}

fn instances(routes: &[RouteStatistics]) -> Family {
    let family = Family::gauge(
        "spoa_route_instances",
        "Handlers of the route by state, one on each worker thread; down sends the fallback.",
    );
    live(routes).fold(family, |family, route| {
        let instances = &route.instances;
        let states = [
            ("up", instances.up),
            ("restarting", instances.restarting),
            ("down", instances.down),
            ("stopped", instances.stopped),
        ];
        family.with_each(states, |(state, count)| {
            ([("route", route.route.as_str()), ("state", state)], count)
        })
    })
}
