//! Chains: what the handlers of the configuration file have done, and how its data sets are.

use std::time::UNIX_EPOCH;

use spoa_handlers::data::DataState;

use crate::{
    served::{self, ChainCounts},
    telemetry::family::Family,
};

pub(super) fn families() -> Vec<Family> {
    let (chains, data) = (served::chains(), served::data());
    let mut families = of_chains(&chains);
    families.extend(of_data(&data));
    families
}

fn of_chains(chains: &[ChainCounts]) -> Vec<Family> {
    let steps = || {
        chains.iter().flat_map(|chain| chain.steps.iter().map(move |step| (chain.message, step)))
    };
    let runs = Family::counter(
        "spoa_handler_runs_total",
        "Messages by handler of the configuration file and outcome: run, skipped (its condition did not \
         hold) or failed (it could not say, and on_error applied; those that ran are among run, too).",
    );
    let runs = steps().fold(runs, |family, (message, step)| {
        let outcomes = [("run", step.run), ("skipped", step.skipped), ("failed", step.failed)];
        family.with_each(outcomes, |(outcome, count)| {
            ([("route", message), ("handler", step.name.as_str()), ("outcome", outcome)], count)
        })
    });
    let decisions = Family::counter(
        "spoa_handler_decisions_total",
        "Decisions by handler of the configuration file, action and reason. With mode=\"observe\" they \
         were only counted.",
    );
    let decisions = steps().fold(decisions, |family, (message, step)| {
        let mode = step.mode.word();
        step.decisions.iter().fold(family, |family, decision| {
            let labels = [
                ("route", message),
                ("handler", step.name.as_str()),
                ("mode", mode),
                ("action", decision.action),
                ("reason", decision.reason.as_str()),
            ];
            family.with(&labels, decision.count)
        })
    });
    let dropped = Family::counter(
        "spoa_chain_variables_dropped_total",
        "Variables that did not fit into the ACK of their message: HAProxy takes 255, and 15 KiB.",
    )
    .with_each(chains, |chain| ([("route", chain.message)], chain.dropped));
    vec![runs, decisions, dropped]
}

fn of_data(data: &[DataState]) -> Vec<Family> {
    let gauge = |name, help, value: &dyn Fn(&DataState) -> u64| {
        Family::gauge(name, help).with_each(data, |one| ([("data", one.name.as_str())], value(one)))
    };
    let outcomes = Family::counter(
        "spoa_data_loads_total",
        "Loads of a data set by outcome: loaded, or refused (what was there before stays in use).",
    );
    let outcomes = data.iter().fold(outcomes, |family, one| {
        family.with_each([("loaded", one.loads), ("refused", one.failures)], |(outcome, count)| {
            ([("data", one.name.as_str()), ("outcome", outcome)], count)
        })
    });
    let modified = Family::gauge(
        "spoa_data_modified_timestamp_seconds",
        "Unix time at which the newest file of the data set in use was written.",
    );
    let modified = data.iter().fold(modified, |family, one| {
        let time = one.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        match time {
            Some(time) => family.with_f64(&[("data", one.name.as_str())], time.as_secs_f64()),
            None => family,
        }
    });
    vec![
        gauge("spoa_data_entries", "Entries of the data set in use.", &|one| one.entries as u64),
        gauge("spoa_data_bytes", "Memory of the data set in use.", &|one| one.bytes as u64),
        gauge("spoa_data_bad_lines", "Lines of the data set in use that were skipped.", &|one| {
            one.bad_lines
        }),
        gauge(
            "spoa_data_stale",
            "Whether the data set in use is older than its files or its max_age: 1 if it is.",
            &|one| one.is_stale.into(),
        ),
        outcomes,
        modified,
    ]
}
