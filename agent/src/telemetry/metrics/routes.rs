//! Routes: how long each takes, how much of it is in use, and how its handlers are.

use spoa_actors::{RouteStatistics, Statistics};

use crate::telemetry::family::Family;

pub(super) fn families(statistics: &Statistics) -> Vec<Family> {
    let routes = &statistics.routes;
    let each = |family: Family, count: fn(&RouteStatistics) -> u64| {
        family.with_each(routes, |route| ([("route", route.route.as_str())], count(route)))
    };
    vec![
        durations(routes),
        each(
            Family::gauge(
                "spoa_route_in_flight",
                "Calls of the route that wait for their answers.",
            ),
            |route| route.in_flight,
        ),
        each(
            Family::gauge(
                "spoa_route_in_flight_limit",
                "How many calls of the route may wait; beyond, fallbacks are sent at once.",
            ),
            |route| route.in_flight_limit,
        ),
        deadlines(routes),
        instances(routes),
        each(
            Family::counter("spoa_handlers_renewed_total", "Handlers renewed after a failure."),
            |route| route.renewed,
        ),
        each(
            Family::counter(
                "spoa_handler_starts_failed_total",
                "Starts of handlers that failed, renewals included; the log has the cause.",
            ),
            |route| route.starts_failed,
        ),
        each(
            Family::counter(
                "spoa_handlers_given_up_total",
                "How often a handler failed too often and never answered, or took too long to start.",
            ),
            |route| route.given_up,
        ),
        each(
            Family::counter(
                "spoa_handler_panics_aside_total",
                "Background panics of handlers: in a task, in their stop, or in a call that was late.",
            ),
            |route| route.panics_aside,
        ),
    ]
}

fn durations(routes: &[RouteStatistics]) -> Family {
    let family = Family::histogram(
        "spoa_handler_duration_seconds",
        "From the hand-over of a message to its answer or fallback, by what happened to it.",
    );
    routes.iter().fold(family, |family, route| {
        route.latencies.iter().fold(family, |family, (outcome, durations)| {
            let labels = [("route", route.route.as_str()), ("outcome", outcome.label())];
            family.with_durations(&labels, durations)
        })
    })
}

fn deadlines(routes: &[RouteStatistics]) -> Family {
    let family = Family::gauge("spoa_route_deadline_seconds", "How long a message may take.");
    routes.iter().fold(family, |family, route| {
        family.with_f64(&[("route", &route.route)], route.deadline.as_secs_f64())
    })
}

fn instances(routes: &[RouteStatistics]) -> Family {
    let family = Family::gauge(
        "spoa_route_instances",
        "Handlers of the route by state, one on each arbiter: down means that its fallback is sent.",
    );
    routes.iter().fold(family, |family, route| {
        let instances = &route.instances;
        let states = [
            ("up", instances.up),
            ("renewing", instances.renewing),
            ("down", instances.down),
            ("stopped", instances.stopped),
        ];
        family.with_each(states, |(state, count)| {
            ([("route", route.route.as_str()), ("state", state)], count)
        })
    })
}
